import { useRef, useState } from 'react';
import { Button } from '../../ui/button.js';
import { TextField } from '../../ui/field.js';
import { activityWords } from '../../words/activity.js';
import styles from './filter-bar.module.css';
import { instantOf, loadTemporal, localText, NotATime } from './zoned-time.js';
import { Form } from '../../ui/form.js';

const words = activityWords.filters;

export interface Span {
  readonly from?: string;
  readonly to?: string;
}

/** From and to as somebody types them, in the zone that is shown. */
export function SpanForm({ span, zone, onApply }: { span: Span; zone: string; onApply: (span: Span) => void }) {
  const shown = (at: string | undefined) => (at === undefined ? '' : localText(at, zone));
  const [texts, setTexts] = useState({ from: shown(span.from), to: shown(span.to) });
  const [errors, setErrors] = useState<Partial<Record<keyof Span, string>>>({});
  const form = useRef<HTMLFormElement>(null);

  async function apply() {
    const temporal = await loadTemporal();
    const found: Partial<Record<keyof Span, string>> = {};
    const read: { from?: string; to?: string } = {};
    for (const name of ['from', 'to'] as const) {
      if (texts[name].trim() === '') continue;
      try {
        read[name] = instantOf(temporal, texts[name], zone);
      } catch (thrown) {
        if (!(thrown instanceof NotATime)) throw thrown;
        found[name] = words.wrong[thrown.rule];
      }
    }
    if (read.from !== undefined && read.to !== undefined && read.to < read.from) found.to = words.order;
    setErrors(found);
    if (Object.keys(found).length === 0) onApply(read);
    else setTimeout(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
  }

  const field = (name: keyof Span, label: string) => (
    <TextField
      label={label}
      error={errors[name]}
      placeholder={words.typed}
      spellCheck={false}
      value={texts[name]}
      onChange={({ target }) => {
        setTexts({ ...texts, [name]: target.value });
        setErrors({ ...errors, [name]: undefined });
      }}
    />
  );
  return (
    <Form ref={form} className={styles.span} onSend={apply}>
      {field('from', words.from)}
      {field('to', words.to)}
      <Button type="submit">{words.apply}</Button>
    </Form>
  );
}
