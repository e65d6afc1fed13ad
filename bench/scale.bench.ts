/**
 * Load forecasts: the update of all seven horizons once a minute and the tree that is grown between two, after two days and after
 * eight; then what is made of them, and the sum of a fleet, of which no more than a sample is read.
 */
import { LoadForecaster } from '../src/scale/forecast/load-forecaster.js';
import { desiredReplicas } from '../src/scale/replicas/desired-replicas.js';
import { FLEET_SAMPLE, type FleetMember, fleetSum } from '../src/scale/replicas/fleet-sum.js';
import { median } from './support/children.js';
import { type Pair, printRatios } from './support/ratios.js';

const DAY = 1440;
const PARTS = 6;
/** Of a minute's parts: with the third a tree is grown, with the last all horizons learn and forecast. */
const [TREE, UPDATE] = [2, 5];
const MEASURED = 200;

/** A day and a night with noise and spikes. */
function loadOf(minute: number): number {
  const random = Math.sin(minute * 12.9898) * 43_758.5453;
  const noise = random - Math.floor(random);
  return 100 + 60 * Math.sin((2 * Math.PI * minute) / DAY) + 20 * noise + (minute % 977 === 0 ? 150 : 0);
}

function forecasting(days: number): LoadForecaster {
  const forecaster = new LoadForecaster();
  const spent = Array.from({ length: PARTS }, (): number[] => []);
  for (let minute = 0; minute < days * DAY; minute++) {
    for (let part = 0; part < PARTS; part++) {
      const start = performance.now();
      forecaster.add(loadOf(minute) / PARTS);
      if (minute >= days * DAY - MEASURED) spent[part].push(performance.now() - start);
    }
  }
  const [tree, update] = [TREE, UPDATE].map((part) => median(spent[part]).toFixed(2));
  console.log(`after ${days} days: all seven horizons ${update} ms a minute, a tree between two ${tree} ms`);
  return forecaster;
}

function members(count: number): FleetMember[] {
  return Array.from({ length: count }, (_, i) => ({
    at: 1000,
    sessions: 100 + (i % 50),
    bytes: 1e6 + i,
    capacity: null,
  }));
}

function wanted(forecaster: LoadForecaster): Pair {
  const policy = { capacity: 50, startMinutes: 2, margin: 1, least: 1, most: 100 };
  return {
    name: 'hosts that are wanted, from forecasts',
    ours: () => void desiredReplicas(forecaster.forecasts(), policy),
    against: 'the forecasts alone',
    baseline: () => void forecaster.forecasts(),
  };
}

function fleet(): Pair {
  const [sample, all] = [members(FLEET_SAMPLE), members(10_000)];
  return {
    name: `the sum of 10,000 hosts, from ${FLEET_SAMPLE} lines`,
    ours: () => void fleetSum(sample, 2000, 10_000),
    against: 'from all lines',
    baseline: () => void fleetSum(all, 2000),
  };
}

forecasting(2);
await printRatios([wanted(forecasting(8)), fleet()]);
