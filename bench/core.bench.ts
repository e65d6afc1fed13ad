/**
 * What the gate costs a packet: looped inside the module against the same kernel in C, called from JavaScript, against
 * the same in TypeScript; the token decision alone against rate limiters; feature rows. Every ratio is of medians of
 * rounds that alternate between both sides.
 */
import { RateLimiter } from 'limiter';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { Bench } from 'tinybench';
import { SessionTable } from '../src/core/session-table.js';
import { median } from './support/children.js';
import { NativeGate } from './support/native-gate.js';
import { TypescriptGate } from './support/typescript-gate.js';

const PACKETS = 1 << 19;
const ROUNDS = 7;
const MS_A_PACKET = 0.003;
const limits = { rate: 1e9, burst: 1e9, packetRate: 1e6, packetBurst: 1e6 };

/** The same packets as bench/native/gate.c makes: sessions in random order, directions by turns. */
function makePackets(sessions: number): { slots: Int32Array; sizes: Int32Array } {
  const slots = new Int32Array(PACKETS);
  const sizes = new Int32Array(PACKETS);
  for (let i = 0, random = 12345; i < PACKETS; i++) {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    slots[i] = (random >>> 8) % sessions;
    sizes[i] = 40 + ((random >>> 20) % 1200);
  }
  return { slots, sizes };
}

class CoreSide {
  readonly table: SessionTable;
  readonly handles: Int32Array;
  #now = 1000;

  constructor(
    sessions: number,
    readonly packets: ReturnType<typeof makePackets>,
  ) {
    this.table = new SessionTable(1_000_000, sessions);
    const opened = Int32Array.from({ length: sessions }, () => this.table.open(0, { in: limits }));
    this.handles = packets.slots.map((slot) => opened[slot]);
  }

  /** ns a packet of the loop inside the module; the lists are made outside of what is timed. */
  inside(): number {
    const { core, memory, layout } = this.table;
    const { SCRATCH, SCRATCH_SIZE, BATCH_STRIDE } = layout.at;
    const u32 = new Uint32Array(memory.buffer, SCRATCH);
    const f64 = new Float64Array(memory.buffer, SCRATCH);
    const batch = SCRATCH_SIZE / BATCH_STRIDE;
    let spent = 0;
    for (let from = 0; from < PACKETS; from += batch) {
      for (let i = 0; i < batch; i++) {
        u32[i * 4] = this.handles[from + i];
        u32[i * 4 + 1] = this.packets.sizes[from + i] + ((i & 1) !== 0 ? 2 ** 31 : 0);
        this.#now += MS_A_PACKET;
        f64[i * 2 + 1] = this.#now;
      }
      const start = performance.now();
      core.packets(batch);
      spent += performance.now() - start;
    }
    return (spent * 1e6) / PACKETS;
  }

  /** The same with making the list in what is timed: a batch as a caller pays for it. */
  batched(): number {
    const start = performance.now();
    this.inside();
    return ((performance.now() - start) * 1e6) / PACKETS;
  }

  /** ns a packet, a call each. */
  called(): number {
    const { core } = this.table;
    const { handles } = this;
    const { sizes } = this.packets;
    // A field would be a new number object each time.
    let now = this.#now;
    const start = performance.now();
    for (let i = 0; i < PACKETS; i++) {
      now += MS_A_PACKET;
      if ((i & 1) !== 0) core.datagramOut(handles[i], sizes[i], now);
      else core.datagramIn(handles[i], sizes[i], now);
    }
    this.#now = now;
    return ((performance.now() - start) * 1e6) / PACKETS;
  }

  /** ns a row of all features, over as many sessions as a tick's slice has. */
  extracted(): number {
    const { core, memory, layout } = this.table;
    const { SCRATCH, CHUNK_SLOTS, CHUNK_ROWS, TABLE } = layout.at;
    const list = new Uint32Array(memory.buffer, SCRATCH, CHUNK_SLOTS);
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < CHUNK_SLOTS; i++) list[i] = this.packets.slots[i];
      const start = performance.now();
      core.extract(SCRATCH, CHUNK_SLOTS, TABLE + CHUNK_ROWS, this.#now);
      best = Math.min(best, performance.now() - start);
    }
    return (best * 1e6) / CHUNK_SLOTS;
  }
}

function typescript(gate: TypescriptGate, packets: ReturnType<typeof makePackets>, start: number): number {
  const { slots, sizes } = packets;
  let now = start;
  const begun = performance.now();
  for (let i = 0; i < PACKETS; i++) {
    now += MS_A_PACKET;
    if ((i & 1) !== 0) gate.datagramOut(slots[i], sizes[i], now);
    else gate.datagramIn(slots[i], sizes[i], now);
  }
  return ((performance.now() - begun) * 1e6) / PACKETS;
}

async function kernel(): Promise<void> {
  const native = NativeGate.compile();
  if (native === null) console.log('no C compiler: the ratio to C is left out');
  const rows = [];
  for (const sessions of [64, 1000, 10_000, 100_000]) {
    const packets = makePackets(sessions);
    const core = new CoreSide(sessions, packets);
    const gate = new TypescriptGate(sessions, limits);
    const seen: Record<'inside' | 'c' | 'called' | 'batched' | 'ts', number[]> = {
      inside: [],
      c: [],
      called: [],
      batched: [],
      ts: [],
    };
    for (let round = 0; round < ROUNDS; round++) {
      seen.inside.push(core.inside());
      if (native !== null) seen.c.push(native.run(sessions, PACKETS, 3));
      seen.called.push(core.called());
      seen.batched.push(core.batched());
      seen.ts.push(typescript(gate, packets, (round + 1) * PACKETS * MS_A_PACKET));
    }
    const of = (name: keyof typeof seen): number => median(seen[name]);
    rows.push({
      sessions,
      'inside, ns': Number(of('inside').toFixed(1)),
      'C, ns': native === null ? 'none' : Number(of('c').toFixed(1)),
      'inside / C': native === null ? 'none' : Number((of('inside') / of('c')).toFixed(2)),
      'a call each, ns': Number(of('called').toFixed(1)),
      'batch, list included, ns': Number(of('batched').toFixed(1)),
      'TypeScript, ns': Number(of('ts').toFixed(1)),
      'TypeScript / a call': Number((of('ts') / of('called')).toFixed(2)),
      'TypeScript / inside': Number((of('ts') / of('inside')).toFixed(2)),
      'a row of features, ns': Number(core.extracted().toFixed(0)),
    });
  }
  native?.dispose();
  console.table(rows);
}

/** Token decisions for 1,000 sessions in random order, a bucket (or what the library calls so) for each. */
async function decisions(): Promise<void> {
  const many = { rate: 1e10, burst: 4e9, packetRate: 4e9, packetBurst: 4e9 };
  const { slots } = makePackets(1000);
  const order = slots.subarray(0, 1000);
  const keys = Array.from({ length: 1000 }, (_, i) => `session-${i}`);
  const flexible = new RateLimiterMemory({ points: 1e15, duration: 3600 });
  const limiters = keys.map(() => new RateLimiter({ tokensPerInterval: 1e15, interval: 'second' }));
  const bench = new Bench({ time: 1500 });
  const tableOf = (shared: boolean): { core: SessionTable['core']; handles: Int32Array } => {
    const table = new SessionTable();
    if (shared) {
      table.setShardLimits('in', many, 0);
      table.setFunctionLimits(1, 'in', many, 0);
    }
    const opened = keys.map(() => table.open(0, { in: many, functionIndex: 1 }));
    return { core: table.core, handles: order.map((slot) => opened[slot]) };
  };
  const [all, own] = [tableOf(true), tableOf(false)];
  let [now, later] = [1, 1];
  // Two closures of their own: a shard has one core, so its calls are monomorphic.
  bench
    .add('gate: session, function and shard', () => {
      const { core, handles } = all;
      let time = now;
      for (let i = 0; i < handles.length; i++) {
        time += 0.001;
        core.take(handles[i], 0, 100, time);
      }
      now = time;
    })
    .add('gate: session, no limit above it', () => {
      const { core, handles } = own;
      let time = later;
      for (let i = 0; i < handles.length; i++) {
        time += 0.001;
        core.take(handles[i], 0, 100, time);
      }
      later = time;
    });
  bench
    .add('rate-limiter-flexible (memory), awaited', async () => {
      for (let i = 0; i < order.length; i++) await flexible.consume(keys[order[i]], 100);
    })
    .add('limiter, awaited', async () => {
      for (let i = 0; i < order.length; i++) await limiters[order[i]].removeTokens(100);
    })
    .add('limiter, synchronous', () => {
      for (let i = 0; i < order.length; i++) limiters[order[i]].tryRemoveTokens(100);
    });
  await bench.run();
  const [three, one] = bench.tasks.map((task) => nanoseconds(task.result));
  console.table(
    bench.tasks.map(({ name, result }) => ({
      'token decision': name,
      'ns a call': Number((nanoseconds(result) / order.length).toFixed(1)),
      'of ours with three buckets': Number((nanoseconds(result) / three).toFixed(1)),
      'with one': Number((nanoseconds(result) / one).toFixed(1)),
    })),
  );
}

function nanoseconds(result: Bench['tasks'][0]['result']): number {
  return result.state === 'completed' ? result.latency.p50 * 1e6 : Number.NaN;
}

await kernel();
await decisions();
const { at } = new SessionTable().layout;
console.log(
  `memory a session: ${at.STRIDE} bytes, of which the opening packets ${at.OPENING_PACKETS * 8}; beside it two`,
);
console.log(`rows of ${at.FEATURES} features for the predictor, ${2 * (at.ROW + at.ROW_HEAD)} bytes`);
