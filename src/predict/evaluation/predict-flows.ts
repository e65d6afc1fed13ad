import { REQUEST_TYPES, type RequestType } from '../../profile/behavioral-profile.js';
import { Feedback, largest } from '../feedback/feedback.js';
import type { Forecaster } from '../forecaster.js';
import { HORIZONS, OUTPUT_COLUMNS, OUTPUTS } from '../model/outputs.js';
import { TickHistory } from '../model/tick-history.js';
import { bytesOf, rateOf } from '../serving/forecast.js';
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

function typeAt(outputs: Float32Array, at: number): RequestType {
  return REQUEST_TYPES[largest(outputs, at, REQUEST_TYPES.length)];
}

function stepPrediction(outputs: Float32Array, row: number, second: number): StepPrediction {
  const at = row * OUTPUT_COLUMNS;
  return {
    second,
    predicted: bytesOf(outputs[at + OUTPUTS.mean.at]),
    low: bytesOf(outputs[at + OUTPUTS.quantiles.at]),
    high: bytesOf(outputs[at + OUTPUTS.quantiles.at + 2]),
    limit: rateOf(outputs[at + OUTPUTS.limit.at]),
    behaviour: typeAt(outputs, at + OUTPUTS.behaviour.at),
  };
}

/** Runs a model over flows, second by second, all of them as one batch. */
export async function predictFlows(forecaster: Forecaster, flows: readonly FlowRows[]): Promise<FlowPrediction[]> {
  const step = async (state: Float32Array, rowOf: (flow: FlowRows) => Float32Array | undefined) =>
    await forecaster.stepRows((i) => rowOf(flows[i]), flows.length, state);
  const steps = flows.map((): StepPrediction[] => []);
  let states: Float32Array = new Float32Array(flows.length * forecaster.stateColumns);
  const history = new TickHistory(flows.length);
  const feedback = new Feedback(history, flows.length);
  const totals = new Float64Array(flows.length);
  const longest = flows.reduce((most, { steps: { length } }) => Math.max(most, length), 0);
  for (let second = 1; second <= longest; second++) {
    const { outputs, next } = await step(states, (flow) => flow.steps[second - 1]?.features);
    states = next;
    flows.forEach((flow, i) => {
      if (second > flow.steps.length) return;
      // As the live host does, tick by tick: what came corrects what is told next.
      const [up, down] = [flow.up[second - 1], flow.down[second - 1]];
      totals[i] += up + down;
      history.add(up, down, i);
      feedback.observe(i, up + down, totals[i], 0);
      feedback.correct(i, outputs, i, totals[i]);
      steps[i].push(stepPrediction(outputs, i, second));
    });
  }
  const fresh = new Float32Array(flows.length * forecaster.stateColumns);
  const at = async (packet: (flow: FlowRows) => number): Promise<Float32Array> =>
    (await step(fresh, (flow) => flow.events.get(packet(flow))?.features)).outputs;
  const tenth = await at(({ flow }) => Math.min(10, flow.times.length));
  const [one, five] = [await at(() => 1), await at(() => 5)];
  const later = OUTPUTS.mean.at + HORIZONS.indexOf(10);
  return flows.map(({ flow }, i) => ({
    flow: flow.name,
    steps: steps[i],
    typeAt10: typeAt(tenth, i * OUTPUT_COLUMNS + OUTPUTS.type.at),
    bytesAt1: flow.times.length > 1 ? bytesOf(one[i * OUTPUT_COLUMNS + later]) : null,
    bytesAt5: flow.times.length > 5 ? bytesOf(five[i * OUTPUT_COLUMNS + later]) : null,
  }));
}
