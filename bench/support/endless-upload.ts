import type { NodeClient } from '../../src/client/node-client.js';
import { SILENT_SESSION } from '../../src/http3/session.js';

/** What is offered at once. */
export const chunk = new Uint8Array(65536);

/** Opens a session at an address and uploads on one stream of it, as long as the process lives. */
export async function uploadWithoutEnd(client: NodeClient, url: string): Promise<void> {
  const { session } = await client.connect(url, SILENT_SESSION);
  const stream = session.openStream(false);
  if (stream === null) throw new Error('no stream');
  const pump = (): void => {
    while (stream.write(chunk, false) === chunk.length);
  };
  stream.handler = { ...stream.handler, onWritable: pump };
  pump();
  client.driver.scheduleFlush();
}
