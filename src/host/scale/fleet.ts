import { randomUUID } from 'node:crypto';
import type { Redis } from 'iovalkey';
import { askingValkey } from '../../profile/store/valkey-asking.js';
import { KEPT_MINUTES } from '../../scale/forecast/load-history.js';
import {
  FLEET_SAMPLE,
  type FleetLoad,
  type FleetMember,
  type FleetMinute,
  fleetSum,
  isAlive,
  readMember,
  readMinute,
} from '../../scale/replicas/fleet-sum.js';
import type { Log } from '../prediction/messages.js';

const KEY = 'tidegate:load';
/** The fleet's minutes, by their number since the epoch: `SESSIONS BYTES`. */
const MINUTES = 'tidegate:load:minutes';
/** Stands for a line that is none. */
const SILENT: FleetMember = { at: Number.NEGATIVE_INFINITY, sessions: 0, bytes: 0, capacity: null };

/**
 * The hosts of a fleet tell each other their loads over Valkey: a field a host in one hash, of which each reads
 * all or, in a large fleet, a random sample, so that any of them can forecast the sum. A host that goes silent is noticed and its field removed. Without Valkey a host is a fleet of one.
 */
export class Fleet {
  readonly #redis: Redis;
  readonly #id = randomUUID();
  #isLost = false;
  /** As of the last exchange. */
  load: FleetLoad | null = null;

  constructor(
    url: string,
    readonly log: Log,
  ) {
    this.#redis = askingValkey(url).redis;
  }

  /** Tells this host's load and reads the others'. Null where Valkey is not there. */
  async exchange(own: Omit<FleetMember, 'at'>, now: number): Promise<FleetLoad | null> {
    try {
      await this.#redis.hset(KEY, this.#id, JSON.stringify({ at: now, ...own }));
      const known = await this.#redis.hlen(KEY);
      const fields = (await this.#redis.hrandfield(KEY, FLEET_SAMPLE, 'WITHVALUES')) as string[];
      const members: FleetMember[] = [];
      const gone: string[] = [];
      for (let i = 0; i < fields.length; i += 2) {
        const member = readMember(fields[i + 1]) ?? SILENT;
        members.push(member);
        if (!isAlive(member, now)) gone.push(fields[i]);
      }
      if (gone.length > 0) await this.#redis.hdel(KEY, ...gone);
      const before = this.load?.hosts ?? 0;
      this.load = fleetSum(members, now, known);
      const { hosts } = this.load;
      if (gone.length > 0) this.log('warn', 'hosts of the fleet are silent', { hosts, silent: gone.length });
      // What a sample says of their number varies.
      else if (known <= FLEET_SAMPLE && hosts < before) this.log('info', 'hosts left the fleet', { hosts, before });
      this.#isLost = false;
      return this.load;
    } catch (error) {
      if (!this.#isLost) this.log('warn', 'the fleet is not heard', { error: (error as Error).message });
      this.#isLost = true;
      return null;
    }
  }

  /** Keeps what all hosts carried in a minute: the first that says it counts. */
  async keep(minute: number, { sessions, bytes }: FleetMinute): Promise<void> {
    try {
      await this.#redis.hsetnx(MINUTES, String(minute), `${sessions} ${bytes}`);
      await this.#redis.hdel(MINUTES, String(minute - KEPT_MINUTES));
    } catch {
      // That Valkey is away is said where loads are exchanged.
    }
  }

  /**
   * Minutes of the fleet from the first that is kept, at most eight days, up to `now`, where that is told already; null for those that nobody
   * told. Null: Valkey is not there.
   */
  async minutes(now: number): Promise<(FleetMinute | null)[] | null> {
    let kept: Record<string, string>;
    try {
      kept = await this.#redis.hgetall(MINUTES);
    } catch {
      return null;
    }
    const told = new Map<number, FleetMinute>();
    const old: string[] = [];
    for (const [field, text] of Object.entries(kept)) {
      const minute = Number(field);
      const load = readMinute(text);
      if (minute < now - KEPT_MINUTES || load === null) old.push(field);
      else if (minute <= now) told.set(minute, load);
    }
    if (old.length > 0) await this.#redis.hdel(MINUTES, ...old).catch(() => {});
    if (told.size === 0) return [];
    const first = [...told.keys()].reduce((least, minute) => Math.min(least, minute));
    const end = told.has(now) ? now + 1 : now;
    return Array.from({ length: end - first }, (_, i) => told.get(first + i) ?? null);
  }

  async close(): Promise<void> {
    await this.#redis.hdel(KEY, this.#id).catch(() => {});
    this.#redis.disconnect();
  }
}
