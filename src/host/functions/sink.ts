import type { GatedStream } from '../shard/gated-stream.js';
import type { HostFunction } from './endpoint.js';

const chunk = new Uint8Array(65536);

/** Reads everything and keeps nothing; the other half of a bidirectional stream is ended at once. */
export const sink: HostFunction = {
  id: 'sink',
  open: () => ({
    onStream(stream: GatedStream) {
      if (stream.bidirectional) stream.write(new Uint8Array(0), true);
      stream.handler = {
        ...stream.handler,
        onReadable() {
          while (!stream.isReadDone && stream.read(chunk) >= 0);
        },
      };
    },
  }),
};
