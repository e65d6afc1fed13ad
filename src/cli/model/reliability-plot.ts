import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import type { RiskScores } from '../../predict/evaluation/risk-scores.js';
import { escaped } from '../svg.js';

const SIDE = 320;
const [LEFT, TOP, RIGHT, BOTTOM] = [56, 40, 150, 46];
const COLOURS = ['#08519c', '#d94801', '#238b45', '#6a51a3'];
const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1];

/** A reliability diagram: the share of abuse over the mean risk told, by tenths of the risk; on the diagonal risks mean what they say. */
export function reliabilityPlot(parts: readonly { title: string; scores: RiskScores }[]): string {
  const x = scaleLinear([0, 1], [LEFT, LEFT + SIDE]);
  const y = scaleLinear([0, 1], [TOP + SIDE, TOP]);
  const grid = TICKS.map(
    (tick) =>
      `<line x1="${x(0)}" x2="${x(1)}" y1="${y(tick)}" y2="${y(tick)}" stroke="#ddd"/>` +
      `<text x="${LEFT - 6}" y="${y(tick) + 4}" text-anchor="end">${tick * 100} %</text>` +
      `<text x="${x(tick)}" y="${TOP + SIDE + 16}" text-anchor="middle">${tick}</text>`,
  );
  const curves = parts.map(({ title, scores: { reliability, prevalence } }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const path = line<RiskScores['reliability'][0]>(
      ({ told }) => x(told),
      ({ abuse }) => y(abuse),
    )(reliability);
    // The area of a dot is the share of moments with such a risk, on a scale that shows the rare ones too.
    const dots = reliability.map(
      ({ told, abuse, share }) =>
        `<circle cx="${x(told).toFixed(1)}" cy="${y(abuse).toFixed(1)}" r="${(2 + 6 * share ** 0.25).toFixed(1)}" fill="${colour}" ` +
        `fill-opacity="0.6"><title>${(share * 100).toPrecision(2)} % of moments</title></circle>`,
    );
    const top = TOP + 14 + 34 * i;
    const legend =
      `<rect x="${LEFT + SIDE + 14}" y="${top - 9}" width="10" height="10" fill="${colour}"/>` +
      `<text x="${LEFT + SIDE + 30}" y="${top}">${escaped(title)}</text>` +
      `<text x="${LEFT + SIDE + 30}" y="${top + 14}" fill="#777">prevalence ${prevalence * 100} %</text>`;
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>${dots.join('')}${legend}`;
  });
  const [width, height] = [LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#333">`,
    '<title>Share of abuse, by the risk that was told</title>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${LEFT}" y="20" font-size="14">Share of abuse, by the risk that was told</text>`,
    ...grid,
    `<line x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}" stroke="#999" stroke-dasharray="4 4"/>`,
    ...curves,
    `<text x="${x(0.5)}" y="${height - 8}" text-anchor="middle">mean risk of a tenth of the scale</text>`,
    '</svg>',
    '',
  ].join('\n');
}
