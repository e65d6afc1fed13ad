import type { BehavioralProfile } from '../../src/profile/behavioral-profile.js';
import type { Profiler } from '../../src/profile/behavioral-profiler.js';

/** Knows nobody and learns nothing: what profiles cost is measured against it. */
export class NoProfiler implements Profiler {
  readonly storeState = { kind: 'memory', problem: null, damaged: 0, unwritten: 0 } as const;
  follow(): void {}

  getProfile(clientIdentifier: string): BehavioralProfile {
    return {
      ...{ clientIdentifier, predictedDataRate: 65_536, predictedDataRateBand: null },
      ...{ predictedRequestType: 'transactional', predictedSecurityRisk: 0 },
      predictedErrors: { reset: 0, limit: 0, malformed: 0, slow: 0, timeout: 0 },
      ...{ predictedRateLimit: null, predictedBy: null, historicalData: [] },
      ...{ sessionsSeen: 0, firstSeen: 0, lastSeen: 0, cohort: null },
    };
  }

  prepare = (): null => null;
  updateProfile(): void {}
  memoryOf = (): null => null;
  remember(): void {}
  async rename(): Promise<void> {}
  async forget(): Promise<void> {}
  expire = async (): Promise<string[]> => [];
  cohorts = (): [] => [];
  async flush(): Promise<void> {}
  async close(): Promise<void> {}
}
