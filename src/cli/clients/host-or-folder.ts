import { askHost } from '../../admin/access.js';
import { type ClientData, withClientData } from '../../host/client-data.js';
import { type HostConfig, parseConfig } from '../../host/config.js';
import { FolderLock } from '../../profile/store/folder-lock.js';
import { mergeConfig } from '../options.js';

/** What names a data folder and how to read it: flags, variables and a file, as of `serve`. */
export interface FolderOptions {
  config?: string;
  dataDir?: string;
  store?: string;
  keys?: string;
}

export function folderConfig({ config, dataDir, store, keys }: FolderOptions): HostConfig {
  return parseConfig(mergeConfig({ dataDir, store, keys }, process.env, config));
}

/** The process that holds a configuration's data folder; null where none does. */
export async function holderOf({ dataDir }: HostConfig): Promise<number | null> {
  return await FolderLock.holderOf(dataDir);
}

/** Has the host that holds the data folder do something; where none does, it is done here. */
export async function byHostOrHere<T>(
  options: FolderOptions,
  action: string,
  body: object,
  here: (data: ClientData) => Promise<T>,
): Promise<T> {
  const config = folderConfig(options);
  if ((await holderOf(config)) !== null) return (await askHost(config.dataDir, action, body)) as T;
  return await withClientData(config, here);
}
