/**
 * Sessions of the fairness bench: `node flood-client.js URL HASH SESSIONS RATE SECONDS`. Each sends RATE datagrams of 100
 * bytes a second; prints what `tidegate load --json` does.
 */
import { load } from '../../src/cli/load/load.js';

const [url, certificateHash, sessions, rate, duration] = process.argv.slice(2);
const result = await load(
  url,
  {
    sessions: Number(sessions),
    rate: Number(rate),
    window: 1,
    size: 100,
    kind: 'datagrams',
    duration: Number(duration),
    speed: 1,
    certificateHash,
    json: true,
  },
  () => {},
);
process.send?.(result);
