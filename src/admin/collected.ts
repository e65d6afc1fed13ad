import { Counter, Gauge, type Registry } from 'prom-client';

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
}
