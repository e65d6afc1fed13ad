import { readHost } from '../../admin/access.js';
import type { SessionDetail } from '../../host/session-details.js';
import { sessionName } from '../../host/session-name.js';
import { TidegateError } from '../../quic/errors.js';
import { type FolderOptions, folderConfig, holderOf } from './host-or-folder.js';

/** Features that are shown: the largest, as they say what the session does. */
const SHOWN = 12;

function size(bytes: number): string {
  return bytes < 1024
    ? `${Math.round(bytes)} B`
    : bytes < 1024 ** 2
      ? `${(bytes / 1024).toFixed(1)} KB`
      : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

const LEVELS = ['normal', 'tighter limits', 'asked for a proof', 'quarantined'];

function listed(sessions: readonly SessionDetail[]): string {
  if (sessions.length === 0) return 'no session is open';
  const rows = sessions.map(({ shard, handle, client, function: name, openSeconds, settings, risk }) =>
    [
      sessionName(shard, handle).padEnd(16),
      client.padEnd(24),
      name.padEnd(16),
      `${openSeconds.toFixed(0)} s`.padStart(8),
      `${size(settings.rateLimit)}/s`.padStart(12),
      risk.toFixed(2).padStart(6),
    ].join(' '),
  );
  const head = [
    'session'.padEnd(16),
    'client'.padEnd(24),
    'function'.padEnd(16),
    'open'.padStart(8),
    'limit'.padStart(12),
  ];
  return [`${head.join(' ')}   risk`, ...rows].join('\n');
}

function described(detail: SessionDetail): string {
  const { shard, handle, client, transport, openSeconds, settings, reason, counts, profile, forecast, features } =
    detail;
  const lines = [
    `${sessionName(shard, handle)}, ${detail.function} over ${transport}, open for ${openSeconds.toFixed(1)} s`,
    `client      ${client}, ${profile.sessionsSeen} sessions before; ${size(profile.predictedDataRate)}/s, ${profile.predictedRequestType} predicted`,
    `settings    ${size(settings.rateLimit)}/s, ${size(settings.burst)} at once, ${settings.packetRate} packets/s, buffer ${size(settings.bufferSize)}`,
    `level       ${settings.securityLevel}, ${LEVELS[settings.securityLevel]}${reason === '' ? '' : `: ${reason}`}`,
    `risk        ${detail.risk.toFixed(2)}${detail.riskReasons.length === 0 ? '' : `: ${detail.riskReasons.join('; ')}`}`,
    `so far      ${size(counts.bytesIn)} in, ${size(counts.bytesOut)} out, ${counts.packetsIn} packets; ${counts.dropped} dropped, ${counts.waited} waited, ${counts.resets} resets`,
  ];
  if (forecast !== null) lines.push(`forecast    ${JSON.stringify(forecast)}`);
  const largest = Object.entries(features)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
    .slice(0, SHOWN);
  lines.push(
    'features    (logarithms, the largest)',
    ...largest.map(([name, value]) => `  ${name.padEnd(32)} ${value}`),
  );
  return lines.join('\n');
}

/** Runs `tidegate inspect`: a live session of the host that holds the data folder, or a list of all. Throws TIDEGATE_E_ADMIN. */
export async function inspect(session: string | undefined, options: FolderOptions & { json?: boolean }): Promise<void> {
  const config = folderConfig(options);
  if ((await holderOf(config)) === null) {
    throw new TidegateError('TIDEGATE_E_ADMIN', `no host holds ${config.dataDir}`, {
      hint: 'start it, or give --data-dir',
    });
  }
  const found = await readHost(
    config.dataDir,
    session === undefined ? '/sessions' : `/sessions/${encodeURIComponent(session)}`,
  );
  if (found === null) {
    throw new TidegateError('TIDEGATE_E_ADMIN', `there is no session ${session}`, {
      hint: '`tidegate inspect` lists them',
    });
  }
  if (options.json) console.log(JSON.stringify(found));
  else console.log(session === undefined ? listed(found as SessionDetail[]) : described(found as SessionDetail));
}
