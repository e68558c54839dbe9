import { Check, Copy } from 'lucide-react';
import { useEffect, useState, type ReactNode } from 'react';
import { announce } from './announce.js';
import { Button, type ButtonProps } from './button.js';

/** Copies text; false when the browser refuses or has no clipboard, as on plain http. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Says for two seconds that it copied. `onFail` shows and selects the text instead. */
export function CopyButton({
  text,
  label,
  children,
  onCopied,
  onFail,
  ...props
}: Omit<ButtonProps, 'onClick'> & {
  text: () => string;
  /** What is copied: `Copy the password`. */
  label: string;
  children?: ReactNode;
  onCopied?: () => void;
  onFail?: () => void;
}) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => {
      setDone(false);
    }, 2_000);
    return () => {
      clearTimeout(timer);
    };
  }, [done]);

  async function copy() {
    if (await copyText(text())) {
      setDone(true);
      announce('Copied.');
      onCopied?.();
    } else {
      announce('Copying is not allowed here; the text is selected instead.');
      onFail?.();
    }
  }

  return (
    <Button {...props} aria-label={done ? label.replace(/^Copy/, 'Copied') : label} onClick={() => void copy()}>
      {done ? <Check size={16} aria-hidden /> : <Copy size={16} aria-hidden />}
      {children !== undefined && (done ? 'Copied' : children)}
    </Button>
  );
}
