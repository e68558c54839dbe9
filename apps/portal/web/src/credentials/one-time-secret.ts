/**
 * The password for as long as its dialog is open. It stands in this one field: not in React's state or props, which keep
 * what was rendered before, and not in a cache of answers.
 */
export class OneTimeSecret {
  #value: string | undefined;

  constructor(value: string) {
    this.#value = value;
  }

  /** What `make` returns must not outlive the call that needs it. Undefined once forgotten. */
  use<T>(make: (value: string) => T): T | undefined {
    return this.#value === undefined ? undefined : make(this.#value);
  }

  forget(): void {
    this.#value = undefined;
  }
}
