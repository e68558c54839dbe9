import { partsOf } from './sentence.js';
import { UserName } from './user-name.js';

/** What happened, with the names of those it speaks of. */
export function EntrySentence({ text }: { text: string }) {
  return (
    <bdi>
      {partsOf(text).map((part, index) =>
        'userId' in part ? <UserName key={index} id={part.userId} /> : <span key={index}>{part.text}</span>,
      )}
    </bdi>
  );
}
