import type { FromTrainer, ToTrainer, TrainerInit } from '../src/host/prediction/trainer-messages.js';
import { cardOf } from '../src/predict/store/model-card.js';
import { ModelStore } from '../src/predict/store/model-store.js';
import { ReplayStore } from '../src/predict/store/replay-store.js';
import { challenge } from '../src/predict/training/challenge.js';
import { Duty, yieldToOthers } from '../src/predict/training/duty.js';

/** The trainer's process: one challenger, then it ends. What it makes is in place whole or not at all. */
async function run(init: TrainerInit, duty: Duty): Promise<FromTrainer> {
  const models = new ModelStore(init.models, init.base);
  const store = await ReplayStore.open(init.replay, Number.POSITIVE_INFINITY);
  const reference = await store.reference();
  const { sequences, damaged } = await store.read();
  const champion = await models.load(init.champion);
  const { model, seen, ...verdict } = await challenge(champion.bytes, sequences, reference, {
    iterations: init.iterations,
    seed: init.seed,
    pause: () => duty.rest(),
  });
  if (model === null) return { type: 'verdict', model: null, damaged, ...verdict };
  const card = cardOf(model, {
    parent: champion.card.id,
    command: `trained on by the host, ${init.iterations} iterations, seed ${init.seed}`,
    data: {
      sources: ['replay store'],
      sequences: seen.length,
      steps: seen.reduce((sum, { up }) => sum + up.length, 0),
      from: seen[0].startedAt,
      to: seen[seen.length - 1].startedAt,
      split: 'by time: the newest quarter to validate on',
    },
    metrics: verdict.metrics,
  });
  await models.add(model, card);
  return { type: 'verdict', model: card.id, damaged, ...verdict };
}

const send = (message: FromTrainer): void => {
  process.send?.(message);
};
let duty: Duty | null = null;
process.on('message', (message: ToTrainer) => {
  if (message.type === 'pause' || message.type === 'resume') {
    if (duty !== null) duty.isPaused = message.type === 'pause';
    return;
  }
  yieldToOthers();
  duty = new Duty(message.init.cpuShare);
  run(message.init, duty)
    .catch((error: Error): FromTrainer => ({ type: 'failed', reason: error.message }))
    .then((result) => {
      send(result);
      process.disconnect();
    });
});
// Without its host nobody waits for what it makes.
process.on('disconnect', () => process.exit());
