/** Seconds ahead that the model looks. */
export const HORIZONS = [1, 10, 60] as const;
export const QUANTILES = [0.1, 0.5, 0.9] as const;

/** Columns of the model's output row, and how many belong together. */
export const OUTPUTS = {
  /** Logit of the chance that any byte comes in the next second. */
  any: { at: 0, size: 1 },
  /** Expectation of log1p(bytes both ways), by horizon. */
  mean: { at: 1, size: HORIZONS.length },
  /** Quantiles of log1p(bytes), those of a horizon together. */
  quantiles: { at: 4, size: HORIZONS.length * QUANTILES.length },
  /** Logits of the behaviour of the next 30 s, and of the request type. */
  behaviour: { at: 13, size: 3 },
  type: { at: 16, size: 3 },
  /** Logarithm of the limit that a byte over and a byte unused pay for, in LIMIT_UNITs a second. */
  limit: { at: 19, size: 1 },
  /** Logarithm of the expected bytes/s of the next 10 s, in LIMIT_UNITs. */
  rate: { at: 20, size: 1 },
  /** Logits of the chance of each error scenario, and of evidence of abuse, in the next 60 s. */
  errors: { at: 21, size: 5 },
  risk: { at: 26, size: 1 },
} as const;

/** Columns in all, in order. */
export const OUTPUT_SIZES = Object.values(OUTPUTS).map(({ size }) => size);
export const OUTPUT_COLUMNS = 27;

/** Bytes. */
export const LIMIT_UNIT = 5000;
