import type { FromShard, ToShard } from './messages.js';

type Answer = Extract<ToShard, { request: number }>;
type Question<T extends FromShard = FromShard> = T extends { request: number } ? Omit<T, 'request'> : never;

/** Questions of a shard to its host, and who waits for the answers. */
export class HostQuestions {
  #next = 1;
  readonly #waiting = new Map<number, (answer: Answer) => void>();

  constructor(readonly send: (message: FromShard) => void) {}

  ask(question: Question, answered: (answer: Answer) => void): void {
    const request = this.#next++;
    this.#waiting.set(request, answered);
    this.send({ ...question, request } as FromShard);
  }

  /** Whether somebody waited for it. */
  answer(answer: Answer): void {
    const waiting = this.#waiting.get(answer.request);
    this.#waiting.delete(answer.request);
    waiting?.(answer);
  }
}
