import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SettingsPolicy } from '../../../src/adapt/settings.js';
import { type PredictionHooks, PredictionService } from '../../../src/host/prediction/prediction-service.js';
import { until } from '../../support/client.js';

test('where the predictor is not heard of any more the average serves, and it holds up no end', {
  timeout: 60_000,
}, async () => {
  const nothing = (): void => {};
  const hooks: PredictionHooks = {
    ...{
      log: nothing,
      remember: nothing,
      onRequestTypes: nothing,
      onRisks: nothing,
      onNoRisks: nothing,
      onStatus: nothing,
    },
    ...{ onSwapped: nothing, onRefused: nothing, onUnusable: nothing, openings: () => [] },
  };
  const model = { id: 'a', bytes: new Uint8Array() };
  const worker = new URL('../../support/silent-predictor.js', import.meta.url).href;
  const service = new PredictionService(model, 100, {} as SettingsPolicy, 0, null, hooks, worker);
  service.start();
  await until(() => service.serves, 10_000, 'the model to serve');
  await until(() => !service.serves, 10_000, 'its silence to be noticed');
  assert.equal(service.state.source, 'average');
  assert.equal(service.state.reason, 'the predictor is silent');
  await service.close();
});
