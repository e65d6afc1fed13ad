import { defineFunction } from '../../../src/index.js';

const decoder = new TextDecoder();

/** Keeps the shard busy for so many ms. */
function burn(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Does what a message asks for, most of it wrong; `tell` says something on a stream of its own. */
export default defineFunction({
  async data({ bytes }, session) {
    const [what, number = '0'] = decoder.decode(bytes).split(' ');
    if (what === 'throw') throw new Error('thrown on purpose');
    if (what === 'reject') return await Promise.reject(new Error('rejected on purpose'));
    if (what === 'hang') return await new Promise(() => {});
    if (what === 'sleep') await new Promise((resolve) => setTimeout(resolve, Number(number)));
    if (what === 'burn') burn(Number(number));
    if (what === 'rubbish') return { not: 'bytes' } as unknown as string;
    if (what === 'tell') {
      const stream = session.openStream();
      for (const part of ['told ', 'twice']) await stream?.write(new TextEncoder().encode(part));
      stream?.end();
    }
    if (what === 'close') session.close(7, 'asked to');
    return `did ${what}`;
  },
});
