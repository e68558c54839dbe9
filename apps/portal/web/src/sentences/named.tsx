import { Fragment, type ReactNode } from 'react';

/** Stands for a name while a sentence is made; nobody is called this. */
const GAP = '\uFFFC';

/**
 * A sentence with a name in it, apart from the direction of the text around it: a name from right to left would turn that
 * around otherwise.
 *
 * @param sentence as the words of a page have it: `(name) => …`
 */
export function Named({ sentence, name }: { sentence: (name: string) => string; name: ReactNode }) {
  return sentence(GAP)
    .split(GAP)
    .map((part, index) => (
      <Fragment key={index}>
        {index > 0 && <bdi>{name}</bdi>}
        {part}
      </Fragment>
    ));
}
