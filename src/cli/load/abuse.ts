import { NodeClient } from '../../client/node-client.js';
import type { SessionClose, SessionHandler, WebTransportSession } from '../../http3/session.js';
import type { WebTransportStream } from '../../http3/stream.js';
import { Random } from '../../numeric/random.js';
import { ABUSE_KINDS, type AbuseAction, type AbuseKind, abuseActions } from '../../predict/evaluation/abuse-shapes.js';
import { TidegateError } from '../../quic/errors.js';
import { load } from './load.js';
import { clientOptions, type LoadOptions } from './load-options.js';

export interface AbuseOptions extends LoadOptions {
  /** Kinds, parted by commas; all: each of them. */
  abuse: string;
  /** Clients a kind. */
  abusers: number;
  seed: number;
}

/** What became of one abusive client. */
interface AbuseResult {
  kind: AbuseKind;
  actions: number;
  /** Opens that were refused, as stuffing and scans are. */
  refused: number;
  /** Why the host ended its session; null where it did not. */
  closed: string | null;
}

const RESET_CODE = 0;
const scratch = new Uint8Array(65_536);
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Kinds that `--abuse` names. Throws TIDEGATE_E_CONFIG. */
export function kindsOf(text: string): AbuseKind[] {
  if (text === 'all') return [...ABUSE_KINDS];
  return text.split(',').map((name) => {
    const kind = ABUSE_KINDS.find((one) => one === name.trim());
    if (kind !== undefined) return kind;
    throw new TidegateError('TIDEGATE_E_CONFIG', `--abuse ${name}: there is no such kind`, {
      hint: `there are ${ABUSE_KINDS.join(', ')}, or all`,
    });
  });
}

/** One abusive client: it does what its shape says, whatever comes back. */
export class AbusiveClient implements SessionHandler {
  #session: WebTransportSession | null = null;
  readonly #held: WebTransportStream[] = [];
  #next = 0;
  refused = 0;
  closed: string | null = null;
  #isOver = false;

  constructor(
    readonly client: NodeClient,
    readonly url: URL,
    readonly name: string,
  ) {}

  async play(actions: readonly AbuseAction[]): Promise<void> {
    const opensNothing = actions.every(({ does }) => does === 'refused' || does === 'stuffing');
    if (!opensNothing) this.#session = (await this.client.connect(this.#named(), this)).session;
    const startedAt = performance.now();
    const attempts: Promise<void>[] = [];
    for (const action of actions) {
      if (this.closed !== null) break;
      const wait = action.at - (performance.now() - startedAt);
      if (wait > 1) {
        this.client.driver.scheduleFlush();
        await sleep(wait);
      }
      if (action.does === 'refused') attempts.push(this.#attempt(new URL(`/${this.name}-${this.#next++}`, this.url)));
      else if (action.does === 'stuffing') attempts.push(this.#attempt(this.#stuffed()));
      else this.#act(action);
    }
    await Promise.all(attempts);
    this.#isOver = true;
    this.#session?.close();
    this.client.driver.scheduleFlush();
  }

  #named(): string {
    const url = new URL(this.url);
    url.searchParams.set('client', this.name);
    return url.href;
  }

  #stuffed(): URL {
    const url = new URL(this.url);
    url.searchParams.set('jwt', `guess.${this.#next++}.guess`);
    return url;
  }

  /** It does nothing more. */
  stop(): void {
    this.closed ??= 'stopped';
  }

  /** Opens a session that should be refused. */
  async #attempt(url: URL): Promise<void> {
    try {
      const { session } = await this.client.connect(url.href, new AbusiveClient(this.client, url, this.name));
      session.close();
    } catch {
      this.refused++;
    }
  }

  #act({ does, bytes }: AbuseAction): void {
    const session = this.#session;
    if (session === null || session.state !== 'open') return;
    if (does === 'drip') {
      this.#held[this.#next++ % Math.max(1, this.#held.length)]?.write(scratch.subarray(0, 1), false);
      return;
    }
    if (does === 'message' && bytes <= session.maxDatagramSize) {
      session.sendDatagram(scratch.subarray(0, bytes));
      return;
    }
    const stream = session.openStream(false);
    if (stream === null) return;
    stream.write(scratch.subarray(0, Math.min(bytes, scratch.length)), does === 'message');
    if (does === 'hold') this.#held.push(stream);
    else if (does === 'reset') stream.reset(RESET_CODE);
  }

  onDatagram(): void {}

  onStream(stream: WebTransportStream): void {
    const drain = (): void => {
      while (stream.read(scratch) > 0);
    };
    stream.handler = { ...stream.handler, onReadable: drain };
  }

  onStreamsAvailable(): void {}

  onDraining(): void {}

  onClosed({ code, reason }: SessionClose): void {
    if (!this.#isOver) this.closed ??= reason === '' ? `code ${code}` : reason;
  }
}

/**
 * Runs `tidegate load --abuse`: clients that show a shape of abuse, beside ordinary ones that play a recording where one
 * is given, and else send as `load` does. Returns what became of the abusive ones.
 */
export async function abuse(
  url: string,
  options: AbuseOptions,
  print = (line: string) => console.log(line),
): Promise<AbuseResult[]> {
  const random = new Random(options.seed).next;
  const kinds = kindsOf(options.abuse);
  const client = await NodeClient.create(await clientOptions(url, options));
  try {
    const ordinary = load(url, options, options.json ? () => {} : print);
    const abusive = kinds.flatMap((kind) =>
      Array.from({ length: options.abusers }, async (_, i): Promise<AbuseResult> => {
        const one = new AbusiveClient(client, new URL(url), `${kind}-${i}`);
        const actions = abuseActions(kind, options.duration, random);
        await one.play(actions);
        return { kind, actions: actions.length, refused: one.refused, closed: one.closed };
      }),
    );
    const [, ...results] = await Promise.all([ordinary, ...abusive]);
    if (options.json) print(JSON.stringify({ abuse: results }));
    for (const { kind, actions, refused, closed } of options.json ? [] : results) {
      const end = closed === null ? 'to its end' : `until the host closed it: ${closed}`;
      print(`${kind.padEnd(14)} ${actions} actions${refused === 0 ? '' : `, ${refused} refused`}, ${end}`);
    }
    return results;
  } finally {
    await client.close();
  }
}
