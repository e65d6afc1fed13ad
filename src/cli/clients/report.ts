import { join } from 'node:path';
import { readDecisions } from '../../host/decision-record.js';
import { type FunctionReport, reportOf } from '../../host/decision-report.js';
import { type FolderOptions, folderConfig } from './host-or-folder.js';

const DAY_MS = 86_400_000;

function kilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KB`;
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(whole, 1)).toFixed(1)} %`;
}

function describe(report: FunctionReport): string {
  const { sessions, clients, heldSessions, heldPackets, rate, rateLimit, bufferSize, levels, isEnforced } = report;
  const [, tighter, asked, quarantined] = levels;
  const would = isEnforced ? 'were' : 'would have been';
  return [
    `${report.function || '(no function)'}, ${isEnforced ? 'limits held' : 'observed only'}: ${sessions} sessions of ${clients} clients`,
    `  came ${kilobytes(rate)}/s, limit ${kilobytes(rateLimit)}/s, buffer ${kilobytes(bufferSize)} (means over connected time)`,
    `  ${heldPackets} packets of ${heldSessions} sessions (${percent(heldSessions, sessions)}) ${would} held back`,
    `  ${tighter} sessions reached level 1, ${asked} level 2, ${quarantined} level 3`,
  ].join('\n');
}

/** Runs `tidegate report`: what settings did in the last days, or what enforcing them would have done. */
export async function report(options: FolderOptions & { days: number; json?: boolean }): Promise<void> {
  const { dataDir } = folderConfig(options);
  const decisions = readDecisions(join(dataDir, 'decisions'), Date.now() - options.days * DAY_MS);
  const reports = await reportOf(decisions);
  if (options.json) console.log(JSON.stringify(reports));
  else if (reports.length === 0) console.log(`no session ended in the last ${options.days} days`);
  else console.log(reports.map(describe).join('\n\n'));
}
