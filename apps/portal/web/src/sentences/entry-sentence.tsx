import { partsOf } from './sentence.js';
import { UserName } from './user-name.js';

/** What happened, with the names of those it speaks of. */
export function EntrySentence({
  entry: { description, metadata },
}: {
  entry: { readonly description: string; readonly metadata: Readonly<Record<string, unknown>> };
}) {
  return (
    <bdi>
      {partsOf(description, metadata).map((part, index) =>
        'userId' in part ? (
          <UserName key={index} id={part.userId} />
        ) : 'name' in part ? (
          <bdi key={index}>{part.name}</bdi>
        ) : (
          <span key={index}>{part.text}</span>
        ),
      )}
    </bdi>
  );
}
