import { TidegateError } from '../../quic/errors.js';
import { byHostOrHere, type FolderOptions } from './host-or-folder.js';

/** Runs `tidegate profile forget`: removes everything of a client. */
export async function forgetClient(client: string, options: FolderOptions & { json?: boolean }): Promise<void> {
  const { forgotten } = await byHostOrHere(options, 'forget', { client }, async (data) => ({
    forgotten: await data.forget(client),
  }));
  if (forgotten.length === 0) {
    throw new TidegateError('TIDEGATE_E_CLIENT', `${client} names no client`, {
      hint: 'give a pseudonym, sub:[ISSUER|]SUBJECT, hook:NAME, token:TOKEN or address:IP[|NAME]',
    });
  }
  if (options.json) console.log(JSON.stringify({ forgotten }));
  else console.log(`nothing is kept of ${forgotten.join(', ')}`);
}

/** Runs `tidegate profile export`: all that is kept of a client, as JSON. */
export async function exportClient(client: string, options: FolderOptions): Promise<void> {
  const found = await byHostOrHere(options, 'export', { client }, async (data) => await data.export(client));
  console.log(JSON.stringify(found, null, 2));
}
