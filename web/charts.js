import uPlot from './uplot.js';

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A number for people. */
export function short(value, unit = '') {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  const steps = ['', 'k', 'M', 'G', 'T'];
  let step = 0;
  let rest = Math.abs(value);
  while (rest >= 1000 && step < steps.length - 1) {
    rest /= 1000;
    step++;
  }
  const digits = rest >= 100 || Number.isInteger(rest) ? 0 : rest >= 10 ? 1 : 2;
  return `${value < 0 ? '-' : ''}${rest.toFixed(digits)} ${steps[step]}${unit}`.trim();
}

/** A chart of a value over time with a forecast's mean and band. Times in s. */
export class BandChart {
  constructor(element, label, unit) {
    this.element = element;
    this.label = label;
    this.unit = unit;
    this.plot = null;
    new ResizeObserver(() => this.plot?.setSize({ width: element.clientWidth, height: 200 })).observe(element);
  }

  #make(data) {
    const axis = { stroke: colour('--dim'), grid: { stroke: colour('--line') }, ticks: { stroke: colour('--line') } };
    const calm = colour('--calm');
    this.plot = new uPlot(
      {
        width: this.element.clientWidth || 600,
        height: 200,
        series: [
          {},
          { label: this.label, stroke: colour('--text'), width: 1.5, value: (_, v) => short(v, this.unit) },
          { label: 'forecast', stroke: calm, dash: [5, 4], value: (_, v) => short(v, this.unit) },
          { label: '10 %', stroke: 'transparent', value: (_, v) => short(v, this.unit), points: { show: false } },
          { label: '90 %', stroke: 'transparent', value: (_, v) => short(v, this.unit), points: { show: false } },
        ],
        bands: [{ series: [4, 3], fill: `${calm}33` }],
        scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(1, (high ?? 1) * 1.1)] } },
        axes: [axis, { ...axis, size: 76, values: (_, values) => values.map((value) => short(value, this.unit)) }],
      },
      data,
      this.element,
    );
  }

  /**
   * `points` are [at, value], `forecasts` [at, mean, low, high] of what is to come; `told` is what had been foretold of each
   * point, [mean, low, high], where that is known.
   */
  show(points, forecasts, told = []) {
    const last = points.length === 0 ? Number.NEGATIVE_INFINITY : points[points.length - 1][0];
    const ahead = forecasts.filter(([at]) => at > last);
    const times = [...points.map(([at]) => at), ...ahead.map(([at]) => at)];
    const nothing = new Array(ahead.length).fill(null);
    const begin = points.map((point, i) => (told.length === 0 && i === points.length - 1 ? point[1] : null));
    const series = (column) => [
      ...begin.map((value, i) => told[i]?.[column - 1] ?? value),
      ...ahead.map((row) => row[column]),
    ];
    const data = [times, [...points.map(([, value]) => value), ...nothing], series(1), series(2), series(3)];
    if (this.plot === null) this.#make(data);
    else this.plot.setData(data);
  }

  /** Colours are others. */
  restyle() {
    this.plot?.destroy();
    this.plot = null;
  }
}
