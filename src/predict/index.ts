/** Prediction by itself: a model that says what sessions will do, and a detector of what is unusual in a series. */
export type { DetectorConstants } from './anomaly/constants.js';
export { ALARM_SCORE, SeriesDetector } from './anomaly/series-detector.js';
export { Forecaster, type StepInputs } from './forecaster.js';
export { HORIZONS, OUTPUT_COLUMNS, OUTPUTS, QUANTILES } from './model/outputs.js';
export { type Forecast, readForecast } from './serving/forecast.js';
export type { ModelCard } from './store/model-card.js';
export { BASE_MODEL, ModelStore, readModelFile, type StoredModel } from './store/model-store.js';
