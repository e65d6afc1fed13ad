import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { NamedModel, PredictorStatus } from '../../../src/host/prediction/messages.js';
import { ModelKeeper } from '../../../src/host/prediction/model-keeper.js';
import type { PredictionService } from '../../../src/host/prediction/prediction-service.js';
import type { TrainingPolicy } from '../../../src/host/prediction/training-schedule.js';
import { cardOf } from '../../../src/predict/store/model-card.js';
import { ModelStore } from '../../../src/predict/store/model-store.js';
import { until } from '../../support/client.js';

test('a model that was chosen is served also where the predictor ended while it was on its way', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-keeper-'));
  const models = new ModelStore(join(folder, 'models'));
  const { card, bytes } = await models.load('base');
  const { id: _, sha256: __, createdAt: ___, ...about } = card;
  const other = cardOf(Uint8Array.of(...bytes.subarray(0, 100)), about);
  const used: string[] = [];
  const service = {
    modelId: card.id,
    chosen: null,
    status: null,
    use: ({ id }: NamedModel, _ticks: number, chosen: boolean) => used.push(`${id} ${chosen}`),
  };
  const policy = { enabled: false } as TrainingPolicy;
  const problems: string[] = [];
  const log = (level: string, message: string): void => void (level === 'error' && problems.push(message));
  const keeper = new ModelKeeper(service as unknown as PredictionService, models, join(folder, 'replay'), policy, log);
  t.after(() => {
    keeper.close();
    rmSync(folder, { recursive: true });
  });
  const tick = (ticks: number): void => {
    const scores = { error: 1, averageError: 1, horizons: {} };
    keeper.tick(
      { ticks, scores, model: card.id, shadow: null, sequences: 0, skipped: 0 } as unknown as PredictorStatus,
      0,
    );
  };
  tick(1);
  await models.add(bytes.subarray(0, 100), other);
  await models.use(other.id);
  tick(2);
  assert.deepEqual(used, [], 'what is on its way is not asked for again');
  tick(1);
  await until(() => used.length > 0, 5000, 'it to be asked for');
  assert.deepEqual([used, problems], [[`${other.id} true`], []]);
});
