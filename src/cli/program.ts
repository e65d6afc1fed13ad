import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { HostConfigInput } from '../host/config.js';
import { TidegateError } from '../quic/errors.js';
import { mergeConfig } from './options.js';

const EXIT_FAILED = 1;

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It has to be a whole number.');
  return Number(text);
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It has to be a number.');
  return value;
}

function notNegative(text: string): number {
  const value = number(text);
  if (value < 0) throw new InvalidArgumentError('It has to be 0 or more.');
  return value;
}

function positive(text: string): number {
  const value = number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It has to be more than 0.');
  return value;
}

function positiveInteger(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError('It has to be more than 0.');
  return value;
}

function shards(text: string): number | 'auto' {
  return text === 'auto' ? 'auto' : wholeNumber(text);
}

/** The commands of `tidegate`. */
export const program = new Command('tidegate')
  .description('A socket host: WebTransport over HTTP/3, each socket set up before its data arrives')
  .version(version)
  .showSuggestionAfterError()
  .exitOverride();

program
  .command('serve')
  .description('serve WebTransport sessions')
  .option('--config <file>', 'JSON file with any of the keys of the configuration')
  .option('--host <address>', 'address to bind; :: for all (default 127.0.0.1)')
  .option('--port <port>', 'UDP and TCP port; 0 for a free one (default 4433)', wholeNumber)
  .option('--cert <file>', 'certificate chain, PEM; without one a self-signed certificate is made')
  .option('--key <file>', 'its private key, PEM')
  .option('--shards <n>', 'threads that serve, or auto', shards)
  .addOption(new Option('--engine <name>', 'what speaks HTTP/3').choices(['quiche', 'fails-components']))
  .option('--data-dir <folder>', 'keys and certificate (default ./data)')
  .option('--keys <file>', 'key file; one for all hosts of a fleet')
  .option('--admin-host <address>', 'address of probes, metrics and sessions (default 127.0.0.1)')
  .option('--admin-port <port>', 'their TCP port; 0 for a free one (default 9433)', wholeNumber)
  .option('--drain-timeout <seconds>', 'what sessions get to end on SIGTERM (default 10)', number)
  .addOption(new Option('--mode <mode>', 'observe reckons limits and applies none').choices(['enforce', 'observe']))
  .option('--model <file>', 'prediction model (.onnx) that stays (default: the one chosen in the data folder)')
  .option('--store <store>', 'where profiles are kept: lmdb (default), memory, or valkey://host:port')
  .option('--memory-budget <bytes>', 'that the buffers of all sessions may take', wholeNumber)
  .option('--unread-budget <bytes>', 'that may wait in front of all sessions; over it who holds most goes', wholeNumber)
  .option('--migration', 'let clients change their address')
  .option('--qlog-dir <folder>', 'a qlog file a connection')
  .option('--json', 'first line on standard output: url, certificateHash, adminUrl, shards, pid')
  .option('--supervise', 'start the host again where it is killed')
  .addHelpText(
    'after',
    `
Each key of the configuration is a variable too: dataDir is TIDEGATE_DATA_DIR, functions is TIDEGATE_FUNCTIONS, as JSON.
Flags go before variables, variables before the file. TIDEGATE_LOG is the level of the log: info, or debug, warn, error.

Example:
  tidegate serve --port 0 --json --data-dir /var/lib/tidegate
`,
  )
  .action(async ({ config, json = false, supervise = false, model, ...flags }) => {
    const read = (): HostConfigInput => {
      const merged = mergeConfig(flags, process.env, config);
      if (model !== undefined) merged.prediction = { ...merged.prediction, model };
      return merged;
    };
    if (supervise) await (await import('./supervise.js')).supervise();
    else await (await import('./serve.js')).serve(read, json);
  });

/** A command that takes the configuration of a host, from a file and the flags that matter to it. */
const ofHost = (command: Command): Command =>
  command
    .option('--config <file>', 'JSON file with any of the keys of the configuration')
    .option('--host <address>', 'address to bind')
    .option('--port <port>', 'UDP and TCP port', wholeNumber)
    .option('--admin-port <port>', 'TCP port of the dashboard, probes and metrics', wholeNumber)
    .option('--data-dir <folder>', 'keys, profiles, models');

ofHost(
  program
    .command('demo')
    .description('serve with made-up clients of several kinds, one of them abusive, and a dashboard'),
)
  .option('--seconds <n>', 'end by itself', positive)
  .option('--json', 'first line on standard output: url, certificateHash, adminUrl')
  .action(async ({ config, seconds, json, ...flags }) => {
    const merged = mergeConfig(flags, process.env, config);
    await (await import('./demo/demo.js')).demo(merged, { seconds, json });
  });

ofHost(program.command('doctor').description('look at what a host needs here, and say how to mend what is not there'))
  .option('--json', 'one line of JSON')
  .action(async ({ config, json = false, ...flags }) => {
    const merged = mergeConfig(flags, process.env, config);
    if (!(await (await import('./doctor.js')).doctor(merged, json))) process.exitCode = EXIT_FAILED;
  });

const configuration = program.command('config').description('the configuration of a host');
for (const [name, what, run] of [
  ['print', 'all of it as it would be used: file, TIDEGATE_* variables, defaults', 'printConfig'],
  ['check', 'say what is wrong with it', 'checkConfig'],
] as const) {
  ofHost(configuration.command(name).description(what)).action(async ({ config, ...flags }) =>
    (await import('./config-command.js'))[run](mergeConfig(flags, process.env, config)),
  );
}
configuration
  .command('schema')
  .description('JSON Schema of it, for editors')
  .action(async () => (await import('./config-command.js')).printSchema());

program
  .command('load [url]')
  .description('open sessions, send, and measure what comes back; or compare settings on recorded clients')
  .option('--sessions <n>', 'sessions, each on a connection of its own', positiveInteger, 10)
  .option('--rate <n>', 'messages a second and session; 0 for as many as come back', notNegative, 10)
  .option('--window <n>', 'messages on the way a session where the rate is 0', positiveInteger, 32)
  .option('--size <bytes>', 'bytes a message', wholeNumber, 100)
  .addOption(new Option('--kind <kind>', 'what is sent').choices(['datagrams', 'streams']).default('datagrams'))
  .option('--duration <seconds>', 'how long; with --compare the time in which the visits begin', positive, 10)
  .option('--replay <file>', 'play a packets CSV (flow,t_ms,dir,bytes) or a messages CSV (client,t,bytes), .gz too')
  .option('--speed <factor>', 'time factor of a replay', positive, 1)
  .option('--limit <n>', 'flows or visits of a replay at most', positiveInteger)
  .option('--compare <policies>', 'static,ewma,predicted: play recorded clients that come back against a host for each')
  .addOption(
    new Option(
      '--equal <what>',
      'what --compare keeps the same: the limits at the openings, or on average over the run too',
    )
      .choices(['openings', 'mean'])
      .default('openings'),
  )
  .option('--model <file>', 'of the predicted settings, with --compare (default: the one of the package)')
  .option('--abuse <kinds>', 'abusive clients beside the ordinary: flood,drip,exfiltration,beacon,…, or all')
  .option('--abusers <n>', 'of each kind', positiveInteger, 1)
  .option('--seed <n>', 'of the random numbers of abuse', wholeNumber, 1)
  .option('--certificate-hash <hex>', 'SHA-256 of the certificate to trust')
  .option('--insecure', 'trust any certificate')
  .option('--json', 'one line of JSON at the end, and one a second before')
  .addHelpText('after', '\nExample:\n  tidegate load https://127.0.0.1:4433/echo --insecure --sessions 100 --rate 50\n')
  .action(async (url: string | undefined, options) => {
    if (options.compare !== undefined) await (await import('./load/compare/compare.js')).compare(options);
    else if (url === undefined) throw new TidegateError('TIDEGATE_E_CONFIG', 'load needs a URL, or --compare');
    else if (options.abuse !== undefined) await (await import('./load/abuse.js')).abuse(url, options);
    else await (await import('./load/load.js')).load(url, options);
  });

program
  .command('features <file>')
  .description('play a packets CSV (flow,t_ms,dir,bytes; .gz too) through the core and write feature rows')
  .addOption(new Option('--format <name>', 'what is written').choices(['csv', 'jsonl']).default('csv'))
  .option('--tick <ms>', "milliseconds between a flow's rows", positive, 1000)
  .option('--horizon <seconds>', "of a flow's life that rows are written for; 0 for all of it", notNegative, 300)
  .option('--out <file>', 'where to, gzipped where it ends in .gz (default standard output)')
  .addHelpText('after', '\nExample:\n  tidegate features packets.csv.gz --out rows.csv.gz\n')
  .action(async (file: string, options) => await (await import('./features/features.js')).features(file, options));

program
  .command('train <files...>')
  .description('fit a prediction model to packet files (flow,t_ms,dir,bytes; .gz too)')
  .requiredOption('--out <folder>', 'where the model and its card go')
  .option('--name <name>', 'of their files', 'model')
  .option('--labels <file>', 'CSV with flow, capture and category: what the flows are')
  .option('--iterations <n>', 'steps of the optimiser, for each network of the model', positiveInteger, 600)
  .option('--seed <n>', 'of the random numbers', wholeNumber, 1)
  .option('--validate <n>', 'keep one capture in n out, and validate on it; 0: none', wholeNumber, 10)
  .option('--folds <k>', 'cross-validate for the card, then train on all', positiveInteger)
  .option('--fresh', 'begin anew, even where a run was broken off')
  .action(async (files: string[], options) => await (await import('./model/train.js')).trainCommand(files, options));

program
  .command('eval <path>')
  .description('score predictions of recorded flows, of a model or by cross-validation')
  .option('--labels <file>', 'CSV with flow, capture and category of flows; JSON with the windows of series')
  .option('--model <file>', 'the model to score (default: the one of the package)')
  .option('--folds <k>', 'train k models, each on the other captures', positiveInteger)
  .option('--iterations <n>', 'steps of the optimiser for each network, with --folds', positiveInteger, 600)
  .option('--seed <n>', 'of the random numbers, with --folds', wholeNumber, 1)
  .option('--visits', 'the file holds messages of clients that come back (client,t,bytes): write visits.csv')
  .option('--silence <seconds>', 'with --visits: what parts two visits of a client', positive, 900)
  .option('--anomaly', 'a folder of series (<folder>/<file>.csv: timestamp,value): find what is unusual, write scores')
  .option('--load', 'a load series (a count each 10 s, one a line): forecast it, score that, write forecasts.csv')
  .option('--risk', 'play the flows, and abusive clients beside them: find who is abusive')
  .option('--requests <file>', 'with --risk: a log of requests (host, time, url, response, bytes; tabs), ordinary too')
  .option('--fit <file>', 'with --risk: write what is ordinary and how risks are calibrated')
  .option('--verbose', 'with --risk: who was judged wrongly, and by what')
  .option('--ablate', 'with --anomaly and --labels, or --risk: what is found without each part')
  .option('--cross', 'with --anomaly and --labels: each folder, with all settings chosen on the others (minutes)')
  .option(
    '--plot <file>',
    'SVG: what was told of a few flows, over what came; with --risk: how far risks mean what they say',
  )
  .option('--out <folder>', 'write steps.csv and flows.csv, or what the other kinds of input give')
  .option('--json', 'one line of JSON')
  .action(async (file: string, options) => {
    if (options.load) await (await import('./scale/eval-load.js')).evaluateLoad(file, options);
    else if (options.risk) await (await import('./model/risk.js')).evaluateRisk(file, options);
    else if (options.anomaly) await (await import('./model/anomalies.js')).evaluateAnomalies(file, options);
    else if (!options.visits) await (await import('./model/eval.js')).evaluate(file, options);
    else if (options.out === undefined) throw new TidegateError('TIDEGATE_E_CONFIG', '--visits needs --out FOLDER');
    else await (await import('./model/visits.js')).evaluateVisits(file, options);
  });

program
  .command('simulate <files...>')
  .description('play load series (a count each 10 s, one a line; .gz too) through scaling policies')
  .option(
    '--hosts <n>',
    'play a day of fleets of up to so many hosts instead: what one does for the forecast',
    positiveInteger,
  )
  .option('--policy <names>', 'hpa, margin, schedule, tidegate', 'hpa,margin,schedule,tidegate')
  .option('--plot <file>', 'SVG: cost against minutes over capacity')
  .option('--json', 'one line of JSON a file and policy')
  .addHelpText('after', '\nExample:\n  tidegate simulate requests-per-10s.csv.gz --policy hpa,tidegate\n')
  .action(async (files: string[], options) => await (await import('./scale/simulate.js')).simulate(files, options));

const model = program.command('model').description('versions of the prediction model in a data folder');
const models = async () => await import('./model/models.js');
const inFolder = (command: Command): Command =>
  command.option('--data-dir <folder>', 'of the host', process.env.TIDEGATE_DATA_DIR || 'data');
inFolder(model.command('list').description('all models, the one that serves marked'))
  .option('--json', 'one line of JSON')
  .action(async ({ dataDir, json = false }) => await (await models()).listModels(dataDir, json));
inFolder(model.command('show <id>').description('the card of a model, as JSON')).action(
  async (id: string, { dataDir }) => await (await models()).showModel(dataDir, id),
);
inFolder(model.command('card [id]').description('the card of a model, or of the one that serves')).action(
  async (id: string | undefined, { dataDir }) => await (await models()).printCard(dataDir, id),
);
inFolder(model.command('use <id>').description('let a model serve (base: the one of the package)')).action(
  async (id: string, { dataDir }) => await (await models()).useModel(dataDir, id),
);
inFolder(model.command('rollback').description('back to the model that served before')).action(
  async ({ dataDir }) => await (await models()).rollBackModel(dataDir),
);

/** A command about the data of a host, whether it runs or not. */
const ofFolder = (command: Command): Command =>
  command
    .option('--config <file>', 'the configuration file of the host')
    .option('--data-dir <folder>', 'its data folder (default ./data)');

const profile = program.command('profile').description('what is kept of clients');
const profiles = async () => await import('./clients/profile.js');
const WHO = `
A client is named by its pseudonym (as in the log), or by who it is:
  sub:[ISSUER|]SUBJECT   of a JWT          hook:NAME             by identity.hook
  token:TOKEN            anonymous token   address:IP[|NAME]     address, with ?client=NAME
`;
for (const [name, what, run] of [
  ['export', 'all that is kept of a client, as JSON', 'exportClient'],
  ['forget', 'remove everything of a client', 'forgetClient'],
] as const) {
  ofFolder(profile.command(`${name} <client>`).description(what))
    .option('--store <store>', 'lmdb, or valkey://host:port')
    .option('--keys <file>', 'its key file, where it is elsewhere')
    .option('--json', 'one line of JSON')
    .addHelpText('after', WHO)
    .action(async (client: string, options) => await (await profiles())[run](client, options));
}

const keys = program.command('keys').description('keys of a host or a fleet');
for (const [name, what, run] of [
  ['rotate', 'a new key in front; old ones are understood until the retention ends', 'rotate'],
  ['public', 'the keys that clients pin to seal messages, newest first', 'printPublic'],
] as const) {
  ofFolder(keys.command(name).description(what))
    .option('--keys <file>', 'the key file, where it is elsewhere')
    .action(async (options) => await (await import('./clients/keys.js'))[run](options));
}

ofFolder(
  program
    .command('inspect [session]')
    .description('a live session of a host that runs: profile, forecast, settings, why; without one a list of them'),
)
  .option('--json', 'as JSON')
  .action(async (session: string | undefined, options) =>
    (await import('./clients/inspect.js')).inspect(session, options),
  );

ofFolder(
  program.command('mode <mode>').description('whether the limits of a host that runs hold: enforce, or observe'),
).action(async (mode: string, options) => await (await import('./clients/mode.js')).setMode(mode, options));

ofFolder(program.command('report').description('what settings did to sessions, or what enforcing them would have done'))
  .option('--days <n>', 'to look back on', positive, 7)
  .option('--json', 'one line of JSON')
  .action(async (options) => await (await import('./clients/report.js')).report(options));

program
  .command('completion <shell>')
  .description('what a shell has to know to complete commands and options: bash, zsh, fish')
  .addHelpText('after', '\nExample:\n  source <(tidegate completion bash)\n')
  .action(async (shell: string) => (await import('./completion.js')).printCompletion(program, shell));
