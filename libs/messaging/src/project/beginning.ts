import type { PartitionBounds } from '../topic-facts.js';

/** An offset together with the topic it counts in; offsets that were stored before this was kept have none. */
export interface StoredOffset {
  readonly offset: bigint;
  readonly incarnation: string | undefined;
}

/** Records that a view will never see in this topic. */
export interface Gap {
  readonly kind: GapKind;
  readonly from: bigint;
  /** Undefined where nobody knows how many there were. */
  readonly to: bigint | undefined;
}

/**
 * `truncated`: the topic begins after the place where reading was to go on. `shortened`: it ends before it. `made-anew`: it
 * is another topic of the same name, and what the former one held behind this place is lost.
 */
export type GapKind = 'truncated' | 'shortened' | 'made-anew';

export interface Beginning {
  readonly position: bigint;
  readonly gaps: readonly Gap[];
}

/**
 * Where the reader of a partition goes on, and what it has lost.
 *
 * @param stood what was stored before the bounds were asked: another reader may have come further since, as the topic has
 */
export function beginningOf(
  stored: StoredOffset | undefined,
  incarnation: string,
  { low, high }: PartitionBounds,
  stood = 0n,
): Beginning {
  const isOther = stored?.incarnation !== undefined && stored.incarnation !== incarnation;
  const lost: Gap[] = isOther ? [{ kind: 'made-anew', from: stored.offset, to: undefined }] : [];
  const offset = stored === undefined || isOther ? 0n : stored.offset;
  if (offset < low) return { position: low, gaps: [...lost, { kind: 'truncated', from: offset, to: low }] };
  if (offset > high && stood > high)
    return { position: high, gaps: [...lost, { kind: 'shortened', from: high, to: offset }] };
  return { position: offset, gaps: lost };
}
