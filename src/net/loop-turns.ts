/** ms of a turn of the event loop that connections may take together: Node takes 32 packets of a UDP socket in each. */
const SHARE_MS = 1;

/** Who has something to be done in a turn of the event loop. */
export interface Waiting {
  /** Does the next piece of it, and asks again where there is more. */
  serve(): void;
  /** How long it took, ms. */
  took(ms: number): void;
}

/**
 * The part of each turn of the event loop that work for TCP may take. Node reads up to 2 MB of a connection before it looks at
 * anything else, and what comes in frames of a few bytes costs a microsecond each: ten connections could keep all others of their thread
 * waiting for seconds. Who finds the turn's time over waits for the next, each in the order in which they came.
 */
export class LoopTurns {
  #spent = 0;
  readonly #waiting: Waiting[] = [];
  #isServing = false;
  #isSet = false;

  constructor(readonly now: () => number = () => performance.now()) {}

  /** Serves one that has something to do: at once, or when it is its turn. Who asks while it is served goes to the end of the line. */
  ask(one: Waiting): void {
    this.#waiting.push(one);
    if (!this.#isServing) this.#serve();
    this.#goOn();
  }

  #serve(): void {
    this.#isServing = true;
    try {
      for (let one = this.#next(); one !== undefined; one = this.#next()) {
        const began = this.now();
        one.serve();
        const took = this.now() - began;
        this.#spent += took;
        one.took(took);
      }
    } finally {
      this.#isServing = false;
    }
  }

  #next(): Waiting | undefined {
    return this.#spent < SHARE_MS ? this.#waiting.shift() : undefined;
  }

  /** What is spent counts until the turn is over, whoever is left. */
  #goOn(): void {
    if (this.#isSet || (this.#spent === 0 && this.#waiting.length === 0)) return;
    this.#isSet = true;
    setImmediate(() => {
      this.#isSet = false;
      this.#spent = 0;
      this.#serve();
      this.#goOn();
    });
  }
}
