import { join } from 'node:path';
import type { ModelCard } from '../../predict/store/model-card.js';
import { ModelStore } from '../../predict/store/model-store.js';

function storeIn(dataDir: string): ModelStore {
  return new ModelStore(join(dataDir, 'models'));
}

const day = (time: string): string => time.slice(0, 16).replace('T', ' ');
const figure = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(3));

/** `tidegate model list`: a line a model, the one that serves marked. */
export async function listModels(dataDir: string, json: boolean): Promise<void> {
  const store = storeIn(dataDir);
  const cards = await store.list();
  const { model } = await store.current();
  const serving = model ?? cards[0].id;
  if (json) {
    console.log(JSON.stringify(cards.map((card) => ({ ...card, serves: card.id === serving }))));
    return;
  }
  console.log('  model         made              from          sequences  error  champion');
  cards.forEach((card, i) => {
    const { id, createdAt, parent, data, metrics } = card;
    const from = parent ?? (i === 0 ? 'base' : '');
    const columns = [
      id,
      '',
      day(createdAt),
      '',
      from.padEnd(12),
      String(data.sequences).padStart(10),
      figure(metrics.error).padStart(6),
      figure(metrics.championError).padStart(9),
    ];
    console.log(`${id === serving ? '*' : ' '} ${columns.join(' ')}`);
  });
}

/** `tidegate model show`: the card as it is. */
export async function showModel(dataDir: string, id: string): Promise<void> {
  const { card } = await storeIn(dataDir).load(id);
  console.log(JSON.stringify(card, null, 2));
}

function lines(card: ModelCard): string[] {
  const { id, createdAt, parent, command, data, metrics } = card;
  const range =
    data.from === null || data.to === null
      ? 'recorded packets'
      : `${day(new Date(data.from).toISOString())} to ${day(new Date(data.to).toISOString())}`;
  return [
    `model      ${id}, made ${day(createdAt)} UTC`,
    `from       ${parent ?? 'the beginning'}`,
    `by         ${command}`,
    `data       ${data.sources.join(', ')}: ${data.sequences} sequences, ${data.steps} steps, ${range}`,
    `split      ${data.split}`,
    ...Object.entries(metrics).map(([name, value]) => `  ${name.padEnd(24)}${Number(value.toPrecision(5))}`),
  ];
}

/** `tidegate model card`: the card for people; without an id that of the model that serves. */
export async function printCard(dataDir: string, id: string | undefined): Promise<void> {
  const store = storeIn(dataDir);
  const { card } = id === undefined ? await store.champion() : await store.load(id);
  console.log(lines(card).join('\n'));
}

/** `tidegate model use`: a host that runs on the folder follows within a second or so. */
export async function useModel(dataDir: string, id: string): Promise<void> {
  const card = await storeIn(dataDir).use(id);
  console.log(`${card.id} serves`);
}

/** `tidegate model rollback`: back to the model that served before. */
export async function rollBackModel(dataDir: string): Promise<void> {
  const card = await storeIn(dataDir).rollback();
  console.log(`${card.id} serves again`);
}
