import type { PredictorStatus } from '../host/prediction/messages.js';
import type { SocketHost } from '../host/socket-host.js';
import type { CollectedMetrics } from './collected.js';

/** How predictions do: which model serves, its live errors, bands and chances against what happened, training. */
export function addPredictionMetrics(host: SocketHost, metrics: CollectedMetrics): void {
  const status = (): PredictorStatus | null => host.prediction.service?.status ?? null;
  metrics.gauge(
    'prediction_source',
    '1 for what settings follow: the model, or the average of the past',
    ['source'],
    (set) => {
      const { source } = host.prediction.state;
      for (const one of ['model', 'average']) set(one === source ? 1 : 0, { source: one });
    },
  );
  metrics.gauge('prediction_model', '1 for the model that predicts', ['model'], (set) => {
    const { model } = host.prediction.state;
    if (model !== null) set(1, { model });
  });
  metrics.counter('prediction_ticks', 'Ticks of the predictor', [], () => [[status()?.ticks ?? 0, {}]]);
  metrics.counter(
    'prediction_ticks_skipped',
    'Ticks of a shard that passed while the predictor was at work',
    [],
    () => [[status()?.skipped ?? 0, {}]],
  );
  metrics.counter('prediction_restarts', 'Predictors that ended unasked and were started again', [], () => [
    [host.prediction.service?.restarts ?? 0, {}],
  ]);
  metrics.gauge('prediction_tick_seconds', 'Time of the last tick, from feature rows to settings', [], (set) => {
    const last = status();
    set(last === null ? null : last.tickMs / 1000);
  });
  metrics.gauge('prediction_error', 'Root mean square error of log1p(bytes) of the next tick', ['of'], (set) => {
    const { error, averageError } = host.prediction.state;
    set(error, { of: 'model' });
    set(averageError, { of: 'average' });
  });
  const byHorizon = (
    name: 'absoluteError' | 'pinball' | 'aboveHigh' | 'belowLow',
    metric: string,
    help: string,
  ): void =>
    metrics.gauge(metric, help, ['horizon'], (set) => {
      for (const [horizon, scores] of Object.entries(status()?.scores.horizons ?? {})) {
        if (scores.count > 0) set(scores[name], { horizon });
      }
    });
  byHorizon('absoluteError', 'prediction_absolute_error', 'Mean absolute error of log1p(bytes)');
  byHorizon('pinball', 'prediction_pinball_loss', 'Pinball loss of the 10 and 90 % quantiles of log1p(bytes)');
  byHorizon('aboveHigh', 'prediction_above_high', 'Share above the 90 % quantile where that is not 0: 0.1 is right');
  byHorizon('belowLow', 'prediction_below_low', 'Share below the 10 % quantile where that is not 0: 0.1 is right');
  metrics.gauge('prediction_type_hits', 'Share of stretches whose kind was foretold', [], (set) => {
    set(status()?.scores.typeHits ?? null);
  });
  for (const what of ['told', 'happened'] as const) {
    const help = what === 'told' ? 'Mean chance that was told, by scenario' : 'Share in which it happened, by scenario';
    metrics.gauge(`prediction_chance_${what}`, help, ['scenario'], (set) => {
      const scores = status()?.scores;
      if (scores === undefined) return;
      for (const [scenario, chance] of Object.entries({ ...scores.errors, risk: scores.risk })) {
        if (chance.count > 0) set(chance[what], { scenario });
      }
    });
  }
  metrics.gauge('training_sequences', 'Recorded sequences that models are trained on', [], (set) => {
    set(status()?.sequences ?? null);
  });
  metrics.gauge('training_running', '1 while the trainer is at work', [], (set) =>
    set(host.prediction.keeper?.isTraining ? 1 : 0),
  );
  metrics.counter('training_runs', 'Runs of the trainer, by how they ended', ['result'], () =>
    Object.entries(host.prediction.keeper?.runs ?? {}).map(([result, count]) => [count, { result }] as const),
  );
  metrics.gauge(
    'anomaly_score',
    'How unusual a metric of the host is: from 0.5 on people are told',
    ['metric'],
    (set) => {
      for (const [metric, score] of Object.entries(host.watch.scores)) set(score, { metric });
    },
  );
  metrics.counter('anomalies', 'Metrics of the host that were unusual', ['metric'], () =>
    Object.entries(host.watch.counts).map(([metric, count]) => [count, { metric }] as const),
  );
  metrics.counter('model_rollbacks', 'Models that were sent back', [], () => [
    [host.prediction.keeper?.rollbacks ?? 0, {}],
  ]);
}
