import { askHost } from '../../admin/access.js';
import { keyFileOf, rotateKeys, sealIdentities } from '../../host/keys.js';
import { type FolderOptions, folderConfig, holderOf } from './host-or-folder.js';

/** Runs `tidegate keys public`: what clients pin, a line a key. */
export async function printPublic(options: FolderOptions): Promise<void> {
  for (const key of await sealIdentities(keyFileOf(folderConfig(options)))) console.log(key);
}

const DAY_MS = 86_400_000;

/** Runs `tidegate keys rotate`: a new key in front; a host that runs takes it over. */
export async function rotate(options: FolderOptions): Promise<void> {
  const config = folderConfig(options);
  const path = keyFileOf(config);
  const count = await rotateKeys(path, config.retention * DAY_MS);
  const holder = await holderOf(config);
  if (holder !== null) await askHost(config.dataDir, 'reload', {});
  console.log(
    `${path}: ${count} keys, a new one in front${holder === null ? '' : `; process ${holder} has taken it over`}`,
  );
}
