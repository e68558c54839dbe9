import { Menu as Base } from '@base-ui/react/menu';
import { useRef, type ComponentProps, type ReactElement, type ReactNode } from 'react';
import { classes } from './classes.js';
import styles from './menu.module.css';

interface MenuProps {
  /** The button that opens it. */
  trigger: ReactElement;
  children: ReactNode;
  side?: 'top' | 'bottom' | 'left' | 'right';
  align?: 'start' | 'center' | 'end';
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
}

/** A menu of {@link MenuItem}s under (or beside) its button. */
export function Menu({ trigger, children, side = 'bottom', align = 'end', open, onOpenChange }: MenuProps) {
  const around = useRef<HTMLElement>(null);
  return (
    <Base.Root {...(open !== undefined && { open })} {...(onOpenChange && { onOpenChange })}>
      <Base.Trigger
        render={trigger}
        ref={(button: HTMLElement | null) => {
          around.current = button?.closest<HTMLElement>('[role$=dialog]') ?? document.querySelector('main');
        }}
      />
      {/* Within what is read as a part of the page, so that whoever goes from part to part comes to it. */}
      <Base.Portal container={around}>
        <Base.Positioner
          className={styles.positioner}
          positionMethod="fixed"
          side={side}
          align={align}
          sideOffset={6}
          collisionPadding={8}
        >
          <Base.Popup className={styles.popup}>{children}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

export function MenuItem({
  danger,
  hint,
  children,
  ...props
}: ComponentProps<typeof Base.Item> & { danger?: boolean; hint?: ReactNode }) {
  return (
    <Base.Item {...props} className={classes(styles.item, danger && styles.danger)}>
      <span>{children}</span>
      {hint !== undefined && <span className={styles.hint}>{hint}</span>}
    </Base.Item>
  );
}

/** One of several choices; the chosen one is marked. */
export function MenuChoice<Value extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: Value;
  options: Readonly<Record<Value, string>>;
  onChange: (value: Value) => void;
}) {
  return (
    <Base.Group>
      <Base.GroupLabel className={styles.label}>{label}</Base.GroupLabel>
      <Base.RadioGroup value={value} onValueChange={onChange}>
        {(Object.keys(options) as Value[]).map((option) => (
          <Base.RadioItem key={option} value={option} closeOnClick={false} className={styles.item}>
            <span>{options[option]}</span>
            <Base.RadioItemIndicator className={styles.hint}>●</Base.RadioItemIndicator>
          </Base.RadioItem>
        ))}
      </Base.RadioGroup>
    </Base.Group>
  );
}

export const MenuSeparator = () => <Base.Separator className={styles.separator} />;
