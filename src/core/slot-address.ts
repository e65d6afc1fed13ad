import type { CoreLayout } from './layout.js';

/** Address of a slot's record, as `record` in `assembly/table.ts` has it. */
export function slotAddress(at: CoreLayout['at'], slot: number): number {
  return at.TABLE + Math.floor(slot / at.CHUNK_SLOTS) * at.CHUNK + (slot % at.CHUNK_SLOTS) * at.STRIDE;
}

/** Address of row `row` of a feature buffer (0 or 1). Rows of one chunk stand one behind the other. */
export function rowAddress(at: CoreLayout['at'], buffer: number, row: number): number {
  return bufferAddress(at, buffer, row) + (row % at.CHUNK_SLOTS) * at.ROW;
}

/** Address of that row's handle. */
export function headAddress(at: CoreLayout['at'], buffer: number, row: number): number {
  return bufferAddress(at, buffer, row) + at.CHUNK_HEADS + (row % at.CHUNK_SLOTS) * at.ROW_HEAD;
}

function bufferAddress(at: CoreLayout['at'], buffer: number, row: number): number {
  return at.TABLE + Math.floor(row / at.CHUNK_SLOTS) * at.CHUNK + at.CHUNK_ROWS + buffer * at.CHUNK_BUFFER;
}
