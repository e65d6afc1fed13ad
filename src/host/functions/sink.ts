import type { GatedStream } from '../shard/gated-stream.js';
import type { HostFunction } from './host-function.js';

const chunk = new Uint8Array(65536);
const nothing = new Uint8Array(0);

/** Reads everything and keeps nothing; the other half of a bidirectional stream is ended at once. */
export const sink: HostFunction = {
  id: 'sink',
  open: () => ({
    onStream(stream: GatedStream) {
      const end = (): void => {
        if (!stream.isWriteDone) stream.write(nothing, true);
      };
      stream.handler = {
        ...stream.handler,
        onWritable: end,
        onReadable() {
          while (!stream.isReadDone && stream.read(chunk) >= 0);
        },
      };
      if (stream.bidirectional) end();
    },
  }),
};
