/** What clients were called before, as their pseudonyms change: by whom what is said under such a name is meant. */
export class FormerNames {
  /** Present names, by former ones under which sessions are open. */
  readonly #present = new Map<string, string>();
  /** Former names, by present ones, that the store has not changed yet: what it has of a client lies there. */
  readonly #owed = new Map<string, Set<string>>();

  /** What a client is called now. */
  presentOf(name: string): string {
    return this.#present.size === 0 ? name : (this.#present.get(name) ?? name);
  }

  /** Sessions that opened under these names are those of a client that is called so now. */
  lead(names: readonly string[], to: string): void {
    for (const name of names) this.#present.set(name, to);
  }

  /** Nobody says these names any more. */
  drop(names: readonly string[]): void {
    for (const name of names) this.#present.delete(name);
  }

  /** The store is to change a name. */
  owe(from: string, to: string): void {
    const owed = this.#owed.get(to) ?? new Set();
    this.#owed.set(to, owed.add(from));
  }

  /** The store has changed a name; without one it need not change any to this. */
  settle(to: string, from?: string): void {
    const owed = this.#owed.get(to);
    if (from !== undefined) owed?.delete(from);
    if (from === undefined || owed?.size === 0) this.#owed.delete(to);
  }

  /** The names that the store is to change to this one. */
  owedTo(client: string): ReadonlySet<string> | undefined {
    return this.#owed.get(client);
  }
}
