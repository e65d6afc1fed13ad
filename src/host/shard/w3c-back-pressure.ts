interface ReadBuffer {
  /** Nothing is left of what came; false where there is. */
  drained?: boolean;
}

/** The library's stream, as far as it is changed here. */
interface LibraryStream {
  finaldrain_: boolean;
  commitReadBuffer(read: ReadBuffer): { stopReading?: boolean };
}

let installed: Promise<void> | undefined;

/**
 * Has the library's HTTP/2 and WebSocket streams read no further than they are asked to. As of 1.6.8 one that was read once goes on
 * reading for ever: what nobody takes piles up in its ReadableStream, and is told to the peer as consumed, whatever flow control says.
 * Stopping after each piece is enough: the next `read()` starts it again.
 */
export function installBackPressure(): Promise<void> {
  installed ??= (async () => {
    const library = import.meta.resolve('@fails-components/webtransport');
    const { HttpWTStream } = (await import(new URL('./stream.js', library).href)) as {
      HttpWTStream: { prototype: LibraryStream };
    };
    const { prototype } = HttpWTStream;
    const commit = prototype.commitReadBuffer;
    prototype.commitReadBuffer = function (this: LibraryStream, read) {
      const result = commit.call(this, read);
      // What has come already is delivered whole, and while a session ends all of it.
      return this.finaldrain_ || read.drained === false ? result : { ...result, stopReading: true };
    };
  })();
  return installed;
}
