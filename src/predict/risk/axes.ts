/** How a reason writes a value: the axis is a logarithm of it. */
export type Unit = 'bytes' | 'count' | 'ratio';

/** A way in which a session can be suspicious. Its value is a logarithm: what grows is worse. */
export interface Axis {
  name: string;
  /** What is seen, for a reason: `upload 4.1 MB in 10 s, expected up to 80 kB`. */
  words: string;
  unit: Unit;
  /** Smallest step of the logarithm that means anything, where ordinary sessions show nothing to learn it from. */
  leastScale: number;
}

const axis = (name: string, words: string, unit: Unit, leastScale = 0.2): Axis => ({ name, words, unit, leastScale });

/** In the order of the values. */
export const AXES = [
  axis('upload', 'upload in 10 s', 'bytes'),
  axis('uploadOverForecast', 'upload in 10 s over what was foretold', 'ratio', 0.8),
  axis('uploadOverHabit', 'upload in 10 s over what the client is used to', 'ratio', 0.8),
  axis('packets', 'packets in a second', 'count'),
  axis('resets', 'streams reset in 10 s', 'count'),
  axis('refused', 'opens refused in a minute', 'count'),
  axis('authFailures', 'proofs of identity that failed in a minute', 'count'),
  axis('malformed', 'malformed or oversized messages in a minute', 'count'),
  axis('held', 'datagrams over the limit in 10 s', 'count'),
  axis('drip', 'packets of a byte or two in 10 s', 'count'),
  axis('clockwork', 'how regular the last small messages were: their pause over how far it varies', 'ratio'),
  axis('amplification', 'bytes answered over bytes that asked for them, often', 'ratio'),
  axis('replay', 'earlier sessions that began exactly alike', 'count'),
] as const satisfies readonly Axis[];

export const AXIS_COUNT = AXES.length;

/** The place of an axis. */
export const axisOf = (name: (typeof AXES)[number]['name']): number => AXES.findIndex((one) => one.name === name);

const STEPS = ['B', 'kB', 'MB', 'GB', 'TB'];

function inBytes(value: number): string {
  const step = Math.min(STEPS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(value, 1)) / 3)));
  return `${Number((value / 1000 ** step).toPrecision(2))} ${STEPS[step]}`;
}

/** A value of an axis for people. */
export function inUnit(value: number, unit: Unit): string {
  const plain = unit === 'ratio' ? Math.exp(value) : Math.expm1(Math.max(0, value));
  if (unit === 'bytes') return inBytes(plain);
  return `${Number(plain.toPrecision(2))}${unit === 'ratio' ? ' times' : ''}`;
}
