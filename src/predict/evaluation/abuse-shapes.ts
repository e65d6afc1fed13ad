/** Kinds of abuse that are played: each a shape that is known from the open internet. */
export const ABUSE_KINDS = [
  'flood',
  'drip',
  'exfiltration',
  'amplification',
  'beacon',
  'resets',
  'replay',
  'stuffing',
  'scan',
] as const;
export type AbuseKind = (typeof ABUSE_KINDS)[number];

/** Something that an abusive client does. */
export interface AbuseAction {
  /** ms since it began. */
  at: number;
  /**
   * A message of `bytes`; a stream that is opened with `bytes` and left open; a byte more on the streams left open; a
   * stream opened and reset; a session opened where none may be, or with a proof of identity that is wrong.
   */
  does: 'message' | 'hold' | 'drip' | 'reset' | 'refused' | 'stuffing';
  bytes: number;
  /** Bytes that come back. */
  reply: number;
}

const between = (random: () => number, low: number, high: number): number => low * (high / low) ** random();

function every(
  seconds: number,
  period: number,
  jitter: number,
  random: () => number,
  make: (i: number) => Partial<AbuseAction>,
) {
  const actions: AbuseAction[] = [];
  for (let at = period * random(), i = 0; at < seconds * 1000; i++) {
    actions.push({ at, does: 'message', bytes: 0, reply: 0, ...make(i) });
    at += Math.max(0.01, period * (1 + jitter * (2 * random() - 1)));
  }
  return actions;
}

/** What one abusive client does for so many seconds; its strength is drawn from a wide range. */
export function abuseActions(kind: AbuseKind, seconds: number, random: () => number): AbuseAction[] {
  switch (kind) {
    case 'flood': {
      const bytes = Math.round(between(random, 60, 1100));
      return every(seconds, 1000 / between(random, 800, 4000), 0.5, random, () => ({ bytes }));
    }
    case 'drip': {
      const streams = Math.round(between(random, 10, 60));
      const opening = every(streams * 0.05, 50, 0.2, random, () => ({ does: 'hold', bytes: 1 }));
      const drips = every(seconds, between(random, 40, 400), 0.3, random, () => ({ does: 'drip', bytes: 1 }));
      return [...opening, ...drips].sort((a, b) => a.at - b.at);
    }
    case 'exfiltration': {
      const rate = between(random, 3e5, 4e6);
      const bytes = 16_384;
      return every(seconds, (bytes / rate) * 1000, 0.3, random, () => ({ bytes, reply: 20 }));
    }
    case 'amplification': {
      const bytes = Math.round(between(random, 8, 40));
      const reply = between(random, 8e3, 8e4);
      return every(seconds, between(random, 60, 500), 0.5, random, () => ({ bytes, reply: Math.round(reply) }));
    }
    case 'beacon': {
      const bytes = Math.round(between(random, 20, 200));
      const reply = Math.round(between(random, 10, 60));
      // 4 periods fit into what is played.
      return every(seconds, between(random, 1000, (seconds * 1000) / 8), 0.01, random, () => ({ bytes, reply }));
    }
    case 'resets':
      return every(seconds, 1000 / between(random, 30, 400), 0.5, random, () => ({ does: 'reset', bytes: 20 }));
    case 'replay': {
      // One recording: the pauses are the same to the millisecond each time.
      const recorded: AbuseAction[] = [];
      let at = 0;
      for (let i = 0; i < 20; i++) {
        at += Math.round(between(random, 5, 200));
        const bytes = Math.round(between(random, 30, 1000));
        recorded.push({ at, does: 'message', bytes, reply: Math.round(between(random, 30, 1000)) });
      }
      return recorded;
    }
    case 'stuffing':
      return every(seconds, 1000 / between(random, 0.7, 8), 0.5, random, () => ({ does: 'stuffing', bytes: 300 }));
    case 'scan':
      return every(seconds, 1000 / between(random, 1, 15), 0.5, random, () => ({ does: 'refused', bytes: 60 }));
  }
}
