/** Forecasts of a load, and how many replicas it asks for. */
export { LoadForecaster } from './forecast/load-forecaster.js';
export type { LoadHistory } from './forecast/load-history.js';
export type { LoadForecast } from './forecast/load-horizon.js';
export {
  PRESSURE_STEPS,
  PressureLadder,
  type PressureLook,
  type PressurePolicy,
  type PressureReading,
  type PressureStep,
} from './pressure/pressure-ladder.js';
export { desiredReplicas, type ReplicaPolicy } from './replicas/desired-replicas.js';
