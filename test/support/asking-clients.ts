import { keepFunctionOpen } from './function-client.js';

/** What clients that ask all the time answer to any message. */
export interface AskingState {
  answered: number;
  failed: string[];
}

const PAUSE_MS = 50;

/** `node asking-clients.js URL HASHES COUNT`: clients of the library that keep a function open and ask, one request after another. */
const [url, hashes, count] = process.argv.slice(2);
const state: AskingState = { answered: 0, failed: [] };

async function ask(number: number): Promise<void> {
  const client = keepFunctionOpen({ url, hash: hashes.split(',') }, 'echo', { firstWaitMs: 50 });
  for (let i = 0; ; i++) {
    const asked = `${number}-${i}`;
    try {
      const answer = new TextDecoder().decode(await client.request(new TextEncoder().encode(asked)));
      if (answer === asked) state.answered++;
      else state.failed.push(`${asked}: ${answer}`);
    } catch (error) {
      state.failed.push(`${asked}: ${(error as Error).message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

process.on('message', () => process.send?.(state));
process.on('disconnect', () => process.exit());
for (let i = 0; i < Number(count); i++) void ask(i);
process.send?.('begun');
