import { defaultRangeExtractor, type Range } from '@tanstack/react-virtual';
import { useRef, type FocusEvent } from 'react';

/**
 * Of a list of which only the rows near the view exist: keeps the row that has focus, or had it last, among them. Gone out
 * of sight it would take the focus with it, and a dialog that was opened from it could not give it back.
 *
 * @param keys of all rows, which carry their index as `data-index`
 */
export function useKeptRow(keys: readonly (string | number)[]) {
  const kept = useRef<string | number>(undefined);
  return {
    onFocus: ({ target }: FocusEvent<HTMLElement>) => {
      const index = target.closest('[data-index]')?.getAttribute('data-index');
      if (index !== null && index !== undefined) kept.current = keys[Number(index)];
    },
    rangeExtractor: (range: Range): number[] => {
      const shown = defaultRangeExtractor(range);
      const index = kept.current === undefined ? -1 : keys.indexOf(kept.current);
      return index < 0 || shown.includes(index) ? shown : [...shown, index].sort((a, b) => a - b);
    },
  };
}
