import { askHost } from '../../admin/access.js';
import { type FolderOptions, folderConfig } from './host-or-folder.js';

/** Runs `tidegate mode`: whether the limits of a host that runs hold, from now on. */
export async function setMode(mode: string, options: FolderOptions): Promise<void> {
  await askHost(folderConfig(options).dataDir, 'mode', { mode });
  console.log(mode === 'observe' ? 'limits are reckoned and not applied' : 'limits hold');
}
