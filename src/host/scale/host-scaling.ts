import type { ReceiveQueues } from '../../net/receive-queues.js';
import type { PressureReading, PressureStep } from '../../scale/pressure/pressure-ladder.js';
import { TIGHT } from '../../scale/replicas/capacity-outlook.js';
import type { Admissions } from '../admissions.js';
import type { HostConfig } from '../config.js';
import { memoryPlan } from '../memory-plan.js';
import type { HostPrediction } from '../prediction/host-prediction.js';
import type { Log } from '../prediction/messages.js';
import type { PlannedShards } from '../runtime-support.js';
import type { ShardPool } from '../shard-pool.js';
import { LoadKeeper } from './load-keeper.js';
import { MemoryKeeper } from './memory-keeper.js';
import { PressureKeeper } from './pressure-keeper.js';
import { ReceiveKeeper } from './receive-keeper.js';
import { ShardKeeper } from './shard-keeper.js';

/** What scaling acts on, once the host serves. */
export interface ScaledHost {
  pool: ShardPool;
  admissions: Admissions;
  prediction: HostPrediction;
  planned: PlannedShards;
  /** What has been unusual of late, in words; null: nothing. */
  unusual(): string | null;
  onPressure(step: PressureStep, from: PressureStep): void;
}

/** What the host does about its load: forecasts it, tells clients and autoscalers, eases pressure, adds and drains shards. */
export class HostScaling {
  readonly load: LoadKeeper;
  #pressure: PressureKeeper | null = null;
  /** Bytes that may wait unread. */
  readonly unreadBudget: number;
  #memory: MemoryKeeper | null = null;
  #receive: ReceiveKeeper | null = null;
  #shards: ShardKeeper | null = null;

  constructor(
    readonly config: HostConfig,
    readonly log: Log,
  ) {
    this.load = new LoadKeeper(config, log);
    this.unreadBudget = memoryPlan(config).unreadBudget;
  }

  /** What is done about pressure now. */
  get step(): PressureStep {
    return this.#pressure?.ladder.step ?? 'calm';
  }

  /** How often each step was reached. */
  get reached(): Readonly<Record<PressureStep, number>> {
    return this.#pressure?.ladder.reached ?? { calm: 0, signal: 0, shrink: 0, refuse: 0, drop: 0 };
  }

  /** What waits, and was lost, in front of the UDP sockets; null where the system does not tell it. */
  get receiveQueues(): ReceiveQueues | null {
    return this.#receive?.queues ?? null;
  }

  /** Shards that there should be. */
  get wantedShards(): number {
    return this.#shards?.wanted ?? 0;
  }

  async start({ pool, admissions, prediction, planned, unusual, onPressure }: ScaledHost): Promise<void> {
    const { log, load } = this;
    const sample = () => {
      const { sessions, bytesIn, bytesOut, busyMicroseconds } = pool.totals();
      const dataRate = prediction.serves ? (prediction.service?.status?.dataRate ?? null) : null;
      return { sessions, bytes: bytesIn + bytesOut, busyMicroseconds, dataRate };
    };
    load.threads = planned.most;
    await load.start(sample, (outlook) => pool.broadcast({ type: 'capacity', outlook }));
    const memory = new MemoryKeeper(pool, this.unreadBudget, log);
    this.#memory = memory;
    memory.start();
    const receive = new ReceiveKeeper(pool);
    this.#receive = receive;
    receive.start();
    const read = (): PressureReading => {
      const { outlook } = load;
      return {
        fullness: load.fullness(pool.total('sessions')),
        soon: outlook === null ? null : Math.max(outlook.in1m, outlook.in5m),
        memory: memory.fullness,
        lagMs: pool.lagMs,
        lost: receive.lost,
      };
    };
    this.#pressure = new PressureKeeper(
      { signalAt: TIGHT, ...this.config.pressure },
      {
        read,
        unusual,
        tellShards: (message) => {
          // One that starts later has to know too.
          if (message.type === 'pressure') pool.settings.pressure = message.orders;
          pool.broadcast(message);
        },
        setHeadroom: (headroom) => {
          admissions.policy.headroom = headroom;
          prediction.service?.setHeadroom(headroom);
        },
        onStep: (step, from, reading) => {
          log(from === 'calm' || step === 'calm' ? 'info' : 'warn', 'pressure', { step, from, ...reading });
          onPressure(step, from);
        },
      },
    );
    this.#pressure.start();
    this.#shards = new ShardKeeper(pool, planned.shards, planned.wanted, planned.most > 1, log);
    this.#shards.start();
  }

  async close(): Promise<void> {
    this.#shards?.close();
    this.#pressure?.close();
    this.#memory?.close();
    this.#receive?.close();
    await this.load.close();
  }
}
