/** What settings follow: the model, or the average of a client's past. */
export type Source = 'model' | 'average';

/** Forecasts that have to be compared before anything is decided. */
const LEAST = 300;
/** The model steps back where its error is so much above the average's, and serves again where it is below it. */
const WORSE = 1.05;

/** Decides by live errors whether the model serves. With hysteresis, so that it does not change with every tick. */
export class SourceChoice {
  #source: Source = 'model';

  get source(): Source {
    return this.#source;
  }

  /** Another model: it gets its chance. */
  reset(): void {
    this.#source = 'model';
  }

  /** Root mean square errors of log1p(bytes), over so many forecasts. Returns true where the source changed. */
  update(compared: number, model: number, average: number): boolean {
    if (compared < LEAST) return false;
    const next: Source = !(model <= average * WORSE) ? 'average' : model < average ? 'model' : this.#source;
    const changed = next !== this.#source;
    this.#source = next;
    return changed;
  }
}
