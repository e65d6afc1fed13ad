/** An echo server of the drop-in, in a process of its own: `node --import register dropin-server.js`. */
import { type Session, serve } from './library-server.js';

const ended = (): void => {};

async function echo(session: Session): Promise<void> {
  session.closed.catch(ended);
  const bidirectional = async (): Promise<void> => {
    for await (const { readable, writable } of session.incomingBidirectionalStreams) {
      readable.pipeTo(writable).catch(ended);
    }
  };
  const unidirectional = async (): Promise<void> => {
    for await (const readable of session.incomingUnidirectionalStreams) {
      session
        .createUnidirectionalStream({ waitUntilAvailable: true })
        .then((writable) => readable.pipeTo(writable))
        .catch(ended);
    }
  };
  await Promise.all([bidirectional(), unidirectional()]);
}

process.send?.(await serve((session) => void echo(session).catch(ended)));
