import { setTimeout as sleep } from 'node:timers/promises';
import { budgetFor } from '../adapt/memory-budget.js';
import {
  checkSettings,
  type SettingsPolicy,
  type SettingsPromise,
  type SocketSettings,
  settingsFor,
} from '../adapt/settings.js';
import type { AppErrorName } from '../control/codes.js';
import { ClientWatch } from '../predict/risk/client-watch.js';
import { readScale } from '../predict/risk/risk-scale.js';
import type { BehavioralProfile, RequestType } from '../profile/behavioral-profile.js';
import type { Profiler } from '../profile/behavioral-profiler.js';
import type { SessionHints } from '../profile/crowd.js';
import { addressPrefix } from '../quic/address-prefix.js';
import type { HostConfig } from './config.js';
import { speaksControl } from './control/control-stream.js';
import { byRequestType, type EndpointChooser } from './endpoint-choice.js';
import type { HookFaults } from './hook-faults.js';
import type { Identifier, Identity } from './identity/identifier.js';
import { memoryPlan } from './memory-plan.js';
import type { Admission, Introduction } from './shard/messages.js';

/** ms that a profile is waited for that lies elsewhere. */
const PREPARE_MS = 300;

/** A socket set up for a client, before its data. */
export interface OpenedSocket extends SocketSettings {
  profile: BehavioralProfile;
}

/**
 * Chooses the settings of a socket that opens, from its client's profile. `usual` are those that the host would set; what is
 * returned holds until the first forecast of the session, which sets them anew unless prediction is off.
 */
export type SettingsChooser = (
  profile: BehavioralProfile,
  usual: SocketSettings,
  opening: SessionHints | undefined,
) => SocketSettings;

/** How a client is known, for the log and `/metrics`. */
export type AdmissionCounts = Record<Identity['by'] | 'refused', number>;

/** Lets clients in: who they are, what is known of them, what their socket is set to. */
export class Admissions {
  readonly counts: AdmissionCounts = { jwt: 0, hook: 0, token: 0, address: 0, refused: 0 };
  /** Bytes that the buffers of all open sessions take. */
  buffered = 0;
  /** bytes/s that all open sessions may send together. */
  granted = 0;

  /** Who was turned away of late, by address prefix. */
  readonly watch = new ClientWatch(readScale());
  /** Bytes that the buffers of all sessions may take. */
  readonly memoryBudget: number;
  /** What settings are made by; its headroom is what pressure leaves. */
  readonly policy: SettingsPolicy;

  constructor(
    public config: HostConfig,
    public identifier: Identifier,
    readonly profiler: Profiler,
    readonly faults: HookFaults,
    readonly chooseSettings: SettingsChooser = (_profile, usual) => usual,
    readonly chooseEndpoint: EndpointChooser = byRequestType,
  ) {
    this.policy = { ...config.policy, headroom: 1 };
    this.memoryBudget = memoryPlan(config).memoryBudget;
  }

  /** The socket of a client that opens a session. */
  openSocket(client: string, opening?: SessionHints): OpenedSocket {
    const known = this.profiler.getProfile(client, opening);
    const watched = this.watch.risk(opening?.prefix ?? client, Date.now() / 1000);
    const profile = watched > known.predictedSecurityRisk ? { ...known, predictedSecurityRisk: watched } : known;
    const { policy } = this;
    const usual = settingsFor(profile, policy, this.promiseOf(opening?.functionId));
    const settings = this.#chosen(profile, usual, opening);
    const bufferSize = budgetFor(settings.bufferSize, policy.minBufferSize, this.buffered, this.memoryBudget);
    return { ...settings, bufferSize, profile };
  }

  /** A hook that fails turns nobody away. */
  #chosen(profile: BehavioralProfile, usual: SocketSettings, opening: SessionHints | undefined): SocketSettings {
    try {
      const settings = this.chooseSettings(profile, usual, opening);
      if (settings !== usual) checkSettings(settings);
      return settings;
    } catch (error) {
      this.faults.note('chooseSettings', error);
      return usual;
    }
  }

  /** Which of its function's variants answers a session; null: the function's endpoint. Throws where the operator's chooser does. */
  variantOf(client: string, functionId: string, requestType: RequestType, profile: BehavioralProfile): string | null {
    const variants = Object.keys(this.config.functions[functionId]?.variants ?? {});
    return variants.length === 0 ? null : this.chooseEndpoint({ client, functionId, requestType, profile, variants });
  }

  #variantAtOpen(client: string, functionId: string, profile: BehavioralProfile): string | null {
    try {
      return this.variantOf(client, functionId, profile.predictedRequestType, profile);
    } catch (error) {
      this.faults.note('chooseEndpoint', error);
      return null;
    }
  }

  /** Clients asked for what is not there. */
  turnedAway(prefixes: readonly [prefix: string, times: number][]): void {
    const now = Date.now() / 1000;
    for (const [prefix, times] of prefixes) this.watch.note(this.identifier.groupOf(prefix), 'refused', now, times);
  }

  promiseOf(functionId: string | undefined): SettingsPromise | undefined {
    return functionId === undefined ? undefined : this.config.functions[functionId]?.promise;
  }

  /** @param isHello it has a control stream, so that it can keep a token. */
  async admit(
    introduction: Introduction,
    isHello: boolean,
  ): Promise<{ admission: Admission } | { problem: AppErrorName; reason: string }> {
    const follows = !isHello && speaksControl(introduction.path);
    const identity = await this.identifier.identify({ ...introduction, follows });
    if (identity.client === null) {
      this.counts.refused++;
      const prefix = this.identifier.groupOf(addressPrefix(introduction.peer));
      this.watch.note(prefix, 'authFailures', Date.now() / 1000);
      return { problem: identity.problem, reason: identity.detail };
    }
    let { client, older, token } = identity;
    if (isHello && identity.by === 'address') {
      const issued = this.identifier.issue();
      if (issued !== null) ({ client, older, token } = issued);
    }
    this.counts[identity.by]++;
    await this.#bring(client, older);
    const { functionId, hints } = introduction;
    const opening = { functionId, timestamp: Date.now(), prefix: identity.prefix, hints };
    const { profile, ...settings } = this.openSocket(client, opening);
    const tenantWeight = identity.tenant === null ? 1 : (this.config.tenants[identity.tenant]?.weight ?? 1);
    // Built-in functions look at no history, which is the larger part of a profile on its way to the shard.
    const isSeen = this.config.functions[functionId]?.endpoint !== undefined || functionId === '';
    const shown = isSeen ? profile : { ...profile, historicalData: [] };
    const variant = this.#variantAtOpen(client, functionId, profile);
    const { by, problem } = identity;
    return { admission: { client, by, settings, profile: shown, variant, tenantWeight, problem, token } };
  }

  /** Brings a profile to hand, from under an older name where it has one. */
  async #bring(client: string, older: readonly string[]): Promise<void> {
    const work = (async () => {
      for (const name of older) await this.profiler.rename(name, client);
      await this.profiler.prepare(client);
    })().catch(() => {});
    if (older.length === 0 && this.profiler.storeState.kind !== 'valkey') return;
    await Promise.race([work, sleep(PREPARE_MS, undefined, { ref: false })]);
  }
}
