import { Popover } from '@base-ui/react/popover';
import { ChevronDown } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../../ui/button.js';
import { CheckField } from '../../ui/field.js';
import { activityWords, typeName, type EventType } from '../../words/activity.js';
import styles from './filter-bar.module.css';

const words = activityWords.filters;

/** A list of event types that can be searched; none chosen means all. */
export function TypePicker({ chosen, onChange }: { chosen: readonly string[]; onChange: (types: string[]) => void }) {
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const groups = Object.entries(activityWords.types)
    .map(([group, types]) => {
      const named = (Object.keys(types) as EventType[]).map((type) => [type, typeName(type)] as const);
      return [group, named.filter(([type, name]) => `${type} ${name}`.toLowerCase().includes(wanted))] as const;
    })
    .filter(([, types]) => types.length > 0);
  const [only] = chosen;
  const summary =
    only === undefined ? words.anyType : chosen.length === 1 ? typeName(only) : words.someTypes(chosen.length);
  return (
    <Popover.Root>
      <Popover.Trigger
        render={
          <Button className={styles.picker} aria-label={`${words.type}: ${summary}`}>
            <span>{summary}</span>
            <ChevronDown size={14} aria-hidden />
          </Button>
        }
      />
      <Popover.Portal>
        <Popover.Positioner className={styles.positioner} align="start" sideOffset={6} collisionPadding={8}>
          <Popover.Popup className={styles.types} aria-label={words.type}>
            <input
              type="search"
              className={styles.find}
              aria-label={words.findType}
              placeholder={words.findType}
              value={text}
              onChange={({ target }) => {
                setText(target.value);
              }}
            />
            <div className={styles.groups}>
              {groups.map(([group, types]) => (
                <fieldset key={group} className={styles.group}>
                  <legend>{group}</legend>
                  {types.map(([type, name]) => (
                    <CheckField
                      key={type}
                      label={name}
                      checked={chosen.includes(type)}
                      onChange={({ target }) => {
                        onChange(target.checked ? [...chosen, type] : chosen.filter((other) => other !== type));
                      }}
                    />
                  ))}
                </fieldset>
              ))}
              {groups.length === 0 && <p>{words.noType}</p>}
            </div>
            <Button
              small
              kind="quiet"
              aria-disabled={chosen.length === 0}
              onClick={() => {
                onChange([]);
              }}
            >
              {words.clearTypes}
            </Button>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}
