import { TextArea } from '../../ui/field.js';
import type { useSubmit } from '../../ui/form.js';
import { usersWords } from '../../words/users.js';
import { errorIn, NETWORK_LISTS, type TypedNetworks } from './networks.js';

const words = usersWords.networks;

/** From where alone an API user may authenticate, and use its tokens: two fields, one network in each line. */
export function NetworkFields({
  value,
  submit,
  autoFocus = false,
  onValue,
}: {
  readonly value: TypedNetworks;
  readonly submit: Pick<ReturnType<typeof useSubmit>, 'errorOf' | 'changed'>;
  readonly autoFocus?: boolean;
  readonly onValue: (next: TypedNetworks) => void;
}) {
  return NETWORK_LISTS.map((list) => (
    <TextArea
      key={list}
      label={words.labels[list]}
      hint={words.hints[list]}
      error={errorIn(submit.errorOf, list, value[list])}
      rows={Math.min(Math.max(3, value[list].split('\n').length), 8)}
      autoFocus={autoFocus && list === NETWORK_LISTS[0]}
      spellCheck={false}
      autoCapitalize="off"
      autoComplete="off"
      placeholder={words.anywhere}
      value={value[list]}
      onChange={({ target }) => {
        onValue({ ...value, [list]: target.value });
        submit.changed(list);
      }}
    />
  ));
}
