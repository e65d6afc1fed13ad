/** Forecasts of a load, and how many replicas it asks for. */
export { type LoadForecast, LoadForecaster } from './forecast/load-forecaster.js';
export {
  PRESSURE_STEPS,
  PressureLadder,
  type PressurePolicy,
  type PressureReading,
} from './pressure/pressure-ladder.js';
export { desiredReplicas, type ReplicaPolicy } from './replicas/desired-replicas.js';
