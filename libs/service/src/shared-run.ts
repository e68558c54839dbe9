/**
 * One run for all who ask while it is under way and, when it has succeeded, for so many milliseconds more: what anybody may ask, as
 * often as they like, costs no more than that.
 */
export function sharedRun<T>(run: () => Promise<T>, keptMs: (result: T) => number = () => 0): () => Promise<T> {
  let last: Promise<T> | undefined;
  let until = 0;
  return () => {
    if (last !== undefined && performance.now() < until) return last;
    until = Infinity;
    last = run();
    last.then(
      (result) => (until = performance.now() + keptMs(result)),
      () => (until = 0),
    );
    return last;
  };
}
