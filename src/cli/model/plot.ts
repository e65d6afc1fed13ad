import { scaleLinear, scaleSymlog } from 'd3-scale';
import { area, curveStepAfter, line } from 'd3-shape';
import type { FlowPrediction } from '../../predict/evaluation/predict-flows.js';
import type { FlowRows } from '../../predict/training/flow-rows.js';
import { escaped } from '../svg.js';

const WIDTH = 860;
const PANEL = 170;
const LEFT = 62;
const RIGHT = 12;
const TOP = 44;
const GAP = 46;
/** Panels, seconds of each, and the least share of them in which something has to come. */
const PANELS = 3;
const MOST_SECONDS = 120;
const LEAST_ACTIVE = 0.15;
/** Bytes on the axis. */
const TICKS = [100, 1000, 10_000, 100_000, 1_000_000];
const COLOURS = { band: '#9ecae1', told: '#08519c', came: '#d94801', text: '#333', grid: '#ddd' };

interface Panel {
  title: string;
  came: number[];
  low: number[];
  high: number[];
  told: number[];
}

function panelOf({ flow, up, down }: FlowRows, { steps }: FlowPrediction): Panel {
  const shown = steps.slice(0, MOST_SECONDS);
  return {
    title: `flow ${flow.name}${flow.label === null ? '' : `, ${flow.label}`}, ${flow.capture}`,
    came: shown.map(({ second }) => up[second] + down[second]),
    low: shown.map(({ low }) => low),
    high: shown.map(({ high }) => high),
    told: shown.map(({ predicted }) => predicted),
  };
}

/** Flows that show something: long, not silent, and of different captures; the busiest first. */
function chosen(rows: readonly FlowRows[], predictions: readonly FlowPrediction[]): Panel[] {
  const captures = new Set<string>();
  const panels: { panel: Panel; active: number }[] = rows.flatMap((row, i) => {
    const panel = panelOf(row, predictions[i]);
    const active = panel.came.filter((bytes) => bytes > 0).length / Math.max(1, panel.came.length);
    return panel.came.length >= 30 && active >= LEAST_ACTIVE ? [{ panel, active, capture: row.capture }] : [];
  });
  return panels
    .sort((a, b) => b.active * b.panel.came.length - a.active * a.panel.came.length)
    .filter(({ panel }) => {
      const capture = panel.title.split(', ').at(-1) as string;
      if (captures.has(capture)) return false;
      captures.add(capture);
      return true;
    })
    .slice(0, PANELS)
    .map(({ panel }) => panel);
}

function drawn(panel: Panel, top: number): string {
  const { title, came, low, high, told } = panel;
  const most = Math.max(1000, ...came, ...high);
  const x = scaleLinear([0, came.length], [LEFT, WIDTH - RIGHT]);
  const y = scaleSymlog([0, most], [top + PANEL, top]).constant(100);
  const step = line<number>((_, i) => x(i), y).curve(curveStepAfter);
  const band = area<number>(
    (_, i) => x(i),
    (_, i) => y(low[i]),
    (_, i) => y(high[i]),
  ).curve(curveStepAfter);
  const label = (bytes: number): string =>
    bytes >= 1e6 ? `${bytes / 1e6} MB` : bytes >= 1000 ? `${bytes / 1000} KB` : `${bytes} B`;
  const grid = [0, ...TICKS.filter((bytes) => bytes <= most)].map(
    (bytes) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(bytes)}" y2="${y(bytes)}" stroke="${COLOURS.grid}"/>` +
      `<text x="${LEFT - 6}" y="${y(bytes) + 4}" text-anchor="end">${label(bytes)}</text>`,
  );
  const seconds = x
    .ticks(8)
    .map((second) => `<text x="${x(second)}" y="${top + PANEL + 16}" text-anchor="middle">${second} s</text>`);
  return [
    `<text x="${LEFT}" y="${top - 8}" font-weight="bold">${escaped(title)}</text>`,
    ...grid,
    ...seconds,
    `<path d="${band(came)}" fill="${COLOURS.band}" fill-opacity="0.7"/>`,
    `<path d="${step(told)}" fill="none" stroke="${COLOURS.told}" stroke-width="1.5"/>`,
    `<path d="${step(came)}" fill="none" stroke="${COLOURS.came}" stroke-width="1.2"/>`,
  ].join('\n');
}

/** A picture (SVG) of a few flows: bands and expectation, told before each second, and what came in it. */
export function plotFlows(rows: readonly FlowRows[], predictions: readonly FlowPrediction[]): string {
  const panels = chosen(rows, predictions);
  const height = TOP + panels.length * (PANEL + GAP);
  const key = [
    [COLOURS.came, 'bytes that came in the second'],
    [COLOURS.told, 'expected, told before it'],
    [COLOURS.band, '10 to 90 % band'],
  ].map(
    ([colour, text], i) =>
      `<rect x="${LEFT + i * 240}" y="8" width="14" height="10" fill="${colour}"/><text x="${LEFT + 20 + i * 240}" y="17">${text}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="${COLOURS.text}">`,
    '<title>What was told of flows before each second, and what came in it</title>',
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    ...key,
    ...panels.map((panel, i) => drawn(panel, TOP + i * (PANEL + GAP))),
    '</svg>\n',
  ].join('\n');
}
