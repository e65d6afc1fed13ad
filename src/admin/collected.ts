import { Counter, Gauge, type Metric, type Registry } from 'prom-client';

type Labels = Record<string, string>;

/** Metrics whose values are asked for as they are scraped; names get `tidegate_` in front. */
export class CollectedMetrics {
  constructor(readonly registry: Registry) {}

  /** A gauge; what is not known (null) is left out, or NaN where there are no labels: then there is always a line. */
  gauge(
    name: string,
    help: string,
    labelNames: string[],
    collect: (set: (value: number | null, labels?: Labels) => void) => void,
  ): void {
    new Gauge({
      name: `tidegate_${name}`,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        collect((value, labels = {}) => {
          if (value !== null) this.set(labels, value);
          else if (labelNames.length === 0) this.set(Number.NaN);
        });
      },
    });
  }

  /** A counter, whose counts go on elsewhere; `_total` is put behind its name. */
  counter(
    name: string,
    help: string,
    labelNames: string[],
    counts: () => readonly (readonly [number, Labels])[],
  ): void {
    new Counter({
      name: `tidegate_${name}_total`,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [count, labels] of counts()) this.inc(labels, count);
      },
    });
  }

  /**
   * A histogram, whose classes are counted elsewhere.
   * @param bounds of the classes, beside the last, which has none
   * @param counts by class
   */
  histogram(
    name: string,
    help: string,
    bounds: readonly number[],
    collect: () => readonly { counts: readonly number[]; sum: number; labels: Labels }[],
  ): void {
    const metric = { name: `tidegate_${name}`, help, type: 'histogram', aggregator: 'sum' } as const;
    const value = (suffix: string, labels: Labels, count: number) => ({
      metricName: `${metric.name}_${suffix}`,
      labels,
      value: count,
    });
    const values = () =>
      collect().flatMap(({ counts, sum, labels }) => {
        let below = 0;
        const buckets = counts.map((count, i) => {
          below += count;
          return value('bucket', { ...labels, le: String(bounds[i] ?? '+Inf') }, below);
        });
        return [...buckets, value('sum', labels, sum), value('count', labels, below)];
      });
    // Its own histograms count what they are shown, and take no counts.
    this.registry.registerMetric({
      ...metric,
      get: async () => ({ ...metric, values: values() }),
      reset() {},
    } as unknown as Metric);
  }
}
