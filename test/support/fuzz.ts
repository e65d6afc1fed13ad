/** Runs of a property over hostile bytes: `FUZZ_FACTOR=20 npm test quic http3` makes it millions. */
export const fuzzRuns = (runs: number): number => runs * Number(process.env.FUZZ_FACTOR ?? 1);
