import type { RequestType } from '../../profile/behavioral-profile.js';
import { TidegateError } from '../../quic/errors.js';
import { REQUEST_TYPES } from '../behaviour.js';
import { HORIZONS, LIMIT_UNIT, OUTPUT_COLUMNS, OUTPUTS, QUANTILES } from '../model/outputs.js';
import type { OnnxSession } from '../runtime.js';
import type { FlowRows } from '../training/flow-rows.js';

/** What the model said before a second began. */
export interface StepPrediction {
  second: number;
  /** Bytes: expm1 of the expected log1p, and of the 10 and 90 % quantiles. */
  predicted: number;
  low: number;
  high: number;
  /** bytes/s */
  limit: number;
  behaviour: RequestType;
}

/** What it said of one flow. */
export interface FlowPrediction {
  flow: string;
  steps: StepPrediction[];
  typeAt10: RequestType;
  bytesAt1: number | null;
  bytesAt5: number | null;
}

const LIMIT_BOUND = 12;

function largest(outputs: Float32Array, at: number): RequestType {
  const scores = REQUEST_TYPES.map((_, i) => outputs[at + i]);
  return REQUEST_TYPES[scores.indexOf(Math.max(...scores))];
}

function bytes(logarithm: number): number {
  return Math.max(0, Math.expm1(Math.min(logarithm, 30)));
}

function stepPrediction(outputs: Float32Array, row: number, second: number): StepPrediction {
  const at = row * OUTPUT_COLUMNS;
  const quantiles = QUANTILES.map((_, i) => outputs[at + OUTPUTS.quantiles.at + i]).sort((a, b) => a - b);
  return {
    second,
    predicted: bytes(outputs[at + OUTPUTS.mean.at]),
    low: bytes(quantiles[0]),
    high: bytes(quantiles[2]),
    limit: Math.exp(Math.min(outputs[at + OUTPUTS.limit.at], LIMIT_BOUND)) * LIMIT_UNIT,
    behaviour: largest(outputs, at + OUTPUTS.behaviour.at),
  };
}

/** Runs a model over flows, second by second, all of them as one batch. */
export async function predictFlows(session: OnnxSession, flows: readonly FlowRows[]): Promise<FlowPrediction[]> {
  const [features, hidden] = [session.columns('features'), session.columns('state')];
  const given = flows[0].events.get(1)?.features.length;
  if (given !== features) {
    throw new TidegateError('TIDEGATE_E_MODEL', `the model takes ${features} features, and there are ${given}`);
  }
  const run = (rows: Float32Array, state: Float32Array) =>
    session.run({
      features: { shape: [flows.length, features], data: rows },
      state: { shape: [flows.length, hidden], data: state },
    });
  const steps = flows.map((): StepPrediction[] => []);
  let states: Float32Array = new Float32Array(flows.length * hidden);
  const longest = Math.max(...flows.map((flow) => flow.steps.length));
  for (let step = 0; step < longest; step++) {
    const input = new Float32Array(flows.length * features);
    flows.forEach((flow, i) => {
      if (step < flow.steps.length) input.set(flow.steps[step].features, i * features);
    });
    const { outputs, next } = await run(input, states);
    states = next;
    flows.forEach((flow, i) => {
      if (step < flow.steps.length) steps[i].push(stepPrediction(outputs, i, step + 1));
    });
  }
  const at = async (packet: (flow: FlowRows) => number): Promise<Float32Array> => {
    const input = new Float32Array(flows.length * features);
    flows.forEach((flow, i) => {
      const event = flow.events.get(packet(flow));
      if (event !== undefined) input.set(event.features, i * features);
    });
    return (await run(input, new Float32Array(flows.length * hidden))).outputs;
  };
  const tenth = await at(({ flow }) => Math.min(10, flow.times.length));
  const [one, five] = [await at(() => 1), await at(() => 5)];
  const later = OUTPUTS.mean.at + HORIZONS.indexOf(10);
  return flows.map(({ flow }, i) => ({
    flow: flow.name,
    steps: steps[i],
    typeAt10: largest(tenth, i * OUTPUT_COLUMNS + OUTPUTS.type.at),
    bytesAt1: flow.times.length > 1 ? bytes(one[i * OUTPUT_COLUMNS + later]) : null,
    bytesAt5: flow.times.length > 5 ? bytes(five[i * OUTPUT_COLUMNS + later]) : null,
  }));
}
