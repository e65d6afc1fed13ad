/** What the series detector is set to; the same for every series. `tidegate eval --anomaly --cross` tries others. */
export interface DetectorConstants {
  /** A value within this factor of one seen before is like it. */
  alike: number;
  /** The share of values that counts as the tail. */
  tail: number;
  /** Past values that count: evidence older than so many makes a repeat no more surprising. */
  memory: number;
  /** Surprise, in nats, that opens an event: 6 is one value in 400. */
  opens: number;
  /** Values for which an event is held. */
  held: number;
  /** A held event speaks again only where it is so much more surprising, in nats: 1 is a factor e less likely. */
  grows: number;
}

export const CONSTANTS: DetectorConstants = { alike: 1.15, tail: 0.02, memory: 4000, opens: 6, held: 100, grows: 1 };
