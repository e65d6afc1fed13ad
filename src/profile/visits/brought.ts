/** What a visit brought, or is expected to: logarithms. */
export interface Brought {
  /** log1p(bytes) of its first 300 s, and log1p(bytes/s) of the time in them that it lasted. */
  bytes: number;
  rate: number;
}

/** How a visit began. */
export interface Begun {
  /** s since the epoch. */
  seconds: number;
  /** Keys of the function and the families that it is of: see `functionKeys`. */
  functionKeys: readonly number[];
  /** What was expected of one who is not known. */
  prior: Brought;
}
