import { pino } from 'pino';
import { AdminServer } from '../admin/admin-server.js';
import type { HostConfigInput } from '../host/config.js';
import { SocketHost } from '../host/socket-host.js';
import { LogOutput } from './log-output.js';
import { logLevel } from './options.js';

/** Serves until SIGTERM or SIGINT; resolves when everything is closed. `read` gives the configuration, again on SIGHUP. */
export async function serve(read: () => HostConfigInput, json: boolean): Promise<void> {
  const log = pino({ level: logLevel(process.env) }, new LogOutput());
  for (const each of STOPS) process.on(each, endAtOnce);
  const host = new SocketHost(read());
  host.on('log', (level, message, detail) => log[level](detail, message));
  await host.start();
  const reload = async (): Promise<void> => {
    const restart = await host.reload(read());
    log.info('reloaded');
    if (restart.length > 0) log.warn({ keys: restart }, 'what changed of these takes a restart');
  };
  const beside: Beside[] = [];
  let admin: AdminServer;
  try {
    admin = await AdminServer.start(host, reload);
    beside.push(admin);
    await startOthers(host, beside);
  } catch (error) {
    await host.close(0);
    for (const each of beside) await each.close();
    throw error;
  }

  process.on('SIGHUP', () => {
    reload().catch((error: Error) => log.error({ error: error.message }, 'reload failed; everything stays as it is'));
  });
  const asked = stopAsked();
  // Who hears of it may stop it at once.
  announce(host, admin, json);
  const signal = await asked;
  log.info({ signal, drainTimeout: host.config.drainTimeout }, 'draining');
  await host.close().catch((error: Error) => log.error({ error: error.message }, 'draining failed'));
  for (const each of beside) await each.close();
  log.info('closed');
}

/** Functions that a host that starts names. */
const MOST_SHOWN = 6;
const STOPS = ['SIGTERM', 'SIGINT'] as const;

/** Process 1 of a container gets no signal that it does not listen for: it would start, and serve on. */
const endAtOnce = (): never => process.exit(0);

/** The first signal to stop from now on; a second one ends at once. */
function stopAsked(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let isAsked = false;
    for (const each of STOPS) {
      process.off(each, endAtOnce);
      process.on(each, (signal) => {
        if (isAsked) process.exit(1);
        isAsked = true;
        resolve(signal);
      });
    }
  });
}

/** What stands beside a host, and is closed after it. */
interface Beside {
  close(): Promise<void>;
}

/** gRPC and undici take a while to load: only who asks for them waits. */
async function startOthers(host: SocketHost, beside: Beside[]): Promise<void> {
  const { keda } = host.config.scaling;
  if (keda !== null) {
    const { KedaScaler } = await import('../admin/keda/keda-scaler.js');
    beside.push(await KedaScaler.start(host, keda));
  }
  const { webhook, ...limits } = host.config.alerts;
  if (webhook !== null) {
    const { WebhookAlerts } = await import('../admin/alerts.js');
    beside.push(new WebhookAlerts(host, webhook, limits));
  }
}

function announce(host: SocketHost, admin: AdminServer, json: boolean): void {
  const { url, certificateHash } = host;
  const shards = host.shards.live.length;
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ url, certificateHash, adminUrl: admin.url, shards, pid: process.pid })}\n`,
    );
    return;
  }
  process.stdout.write(
    [
      `Tidegate serves ${url} with ${shards} shard${shards === 1 ? '' : 's'}${host.shardNote === null ? '' : ` (${host.shardNote})`}`,
      `  functions          ${functionsOf(host)}`,
      `  certificate hash   ${certificateHash}`,
      `  dashboard          ${admin.url}/`,
      `  sessions, metrics  ${admin.url}/sessions  ${admin.url}/metrics  ${admin.url}/readyz`,
      ...(host.config.builtIn.includes('echo')
        ? [`  try it             npx --no-install tidegate load ${url}/echo --insecure`]
        : []),
      '',
    ].join('\n'),
  );
}

/** Where functions are: the operator's, and those of the package. */
function functionsOf({ url, config: { functions, builtIn } }: SocketHost): string {
  const places = [...new Set([...Object.keys(functions), ...builtIn])].map((id) =>
    id === 'source' ? `${url}/source?bytes=N` : `${url}/${id}`,
  );
  const more = places.splice(MOST_SHOWN).length;
  return `${places.join('  ') || 'none'}${more === 0 ? '' : `  and ${more} more`}`;
}
