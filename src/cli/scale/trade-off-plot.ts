import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';
import type { CurvePoint, PolicyResult } from '../../scale/simulation/compare.js';
import { escaped } from '../svg.js';

const WIDTH = 860;
const PANEL = 220;
const LEFT = 70;
const RIGHT = 120;
const TOP = 44;
const GAP = 60;
/** Colour-blind safe (Okabe & Ito), by policy. */
const COLOURS: Record<string, string> = {
  hpa: '#000000',
  margin: '#0072b2',
  schedule: '#009e73',
  tidegate: '#d55e00',
};

/** One file's policies: replica-minutes across, minutes over capacity up, on a logarithmic scale. */
function panel(file: string, results: readonly PolicyResult[], top: number): string {
  const points = results.flatMap(({ curve }) => curve);
  const costs = points.map(({ replicaMinutes }) => replicaMinutes);
  const x = scaleLinear([Math.min(...costs), Math.max(...costs)], [LEFT, WIDTH - RIGHT]).nice();
  const most = Math.max(10, ...points.map(({ minutesOver }) => minutesOver));
  const y = scaleLog([1, most], [top + PANEL, top]);
  const height = ({ minutesOver }: CurvePoint): number => y(Math.max(1, minutesOver));
  const draw = line<CurvePoint>(({ replicaMinutes }) => x(replicaMinutes), height);
  const axis = [1, 10, 100, 1000, 10_000].filter((count) => count <= most);
  return [
    `<text x="${LEFT}" y="${top - 14}" font-weight="bold">${escaped(file.split('/').at(-1) ?? file)}</text>`,
    ...axis.map(
      (count) =>
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(count)}" y2="${y(count)}" stroke="#ddd"/>` +
        `<text x="${LEFT - 8}" y="${y(count) + 4}" text-anchor="end">${count}</text>`,
    ),
    ...x.ticks(6).map((cost) => `<text x="${x(cost)}" y="${top + PANEL + 18}" text-anchor="middle">${cost}</text>`),
    ...results.map(({ name, curve }) => {
      const sorted = [...curve].sort((a, b) => a.replicaMinutes - b.replicaMinutes);
      const colour = COLOURS[name];
      const last = sorted[sorted.length - 1];
      // A policy that was played at one setting has no line.
      const dot = sorted.length === 1 ? `<circle cx="${x(last.replicaMinutes)}" cy="${height(last)}" r="3"/>` : '';
      return (
        `<g fill="${colour}" stroke="${colour}"><path fill="none" stroke-width="1.5" d="${draw(sorted)}"/>${dot}</g>` +
        `<text x="${x(last.replicaMinutes) + 8}" y="${height(last) + 4}" fill="${colour}">${name}</text>`
      );
    }),
  ].join('\n');
}

/** SVG: what each policy costs, and how long its pods are too few, over the range of its parameter. */
export function plotTradeOff(all: readonly { file: string; results: readonly PolicyResult[] }[]): string {
  const height = TOP + all.length * (PANEL + GAP);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<title>What scaling policies cost, and how long capacity is exceeded</title>',
    `<rect width="100%" height="100%" fill="white"/>`,
    ...all.map(({ file, results }, i) => panel(file, results, TOP + i * (PANEL + GAP))),
    `<text x="${LEFT}" y="${height - 8}">replica-minutes across; minutes over capacity up</text>`,
    '</svg>',
    '',
  ].join('\n');
}
