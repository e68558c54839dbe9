import { useEffect, useRef, useState, type ComponentProps, type RefObject } from 'react';
import { asProblem, type Problem } from '../api/problem.js';

/**
 * The state of a form that is sent: what was refused stands at its field until that field changes, nothing typed is
 * lost, and focus goes to the first field at fault.
 */
export function useSubmit<Result>(form: RefObject<HTMLElement | null>, submit: () => Promise<Result>) {
  const toFocus = useRef(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [fields, setFields] = useState<Readonly<Record<string, string>>>({});

  // Once they are marked.
  useEffect(() => {
    if (toFocus.current) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
    toFocus.current = false;
  }, [fields, form]);

  async function send(): Promise<Result | undefined> {
    if (busy) return undefined;
    setBusy(true);
    setProblem(undefined);
    setFields({});
    try {
      return await submit();
    } catch (thrown) {
      const refused = asProblem(thrown);
      setProblem(refused);
      setFields(refused.fields);
      toFocus.current = true;
      return undefined;
    } finally {
      setBusy(false);
    }
  }

  const { length } = Object.keys(fields);
  return {
    busy,
    send,
    /** The refusal as a whole, unless its fields say all of it. */
    problem: problem !== undefined && problem.errors.length === 0 ? problem : undefined,
    /** The rule that the field breaks, for its `error`; an entry of a list is `field.2`. */
    errorOf: (field: string): string | undefined => fields[field],
    /** Call it when the field changes. */
    changed: (field: string) => {
      const isOf = (name: string) => name === field || name.startsWith(`${field}.`);
      if (length > 0) setFields((all) => Object.fromEntries(Object.entries(all).filter(([name]) => !isOf(name))));
      setProblem(undefined);
    },
    reset: () => {
      setProblem(undefined);
      setFields({});
    },
  };
}

/** A form that is sent by us: the browser checks nothing, and goes nowhere. */
export function Form({
  onSend,
  ...props
}: Omit<ComponentProps<'form'>, 'onSubmit'> & { readonly onSend: () => unknown }) {
  return (
    <form
      {...props}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void onSend();
      }}
    />
  );
}
