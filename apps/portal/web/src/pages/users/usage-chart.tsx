import { useState } from 'react';
import { day, dayAndTime } from '../../ui/time-format.js';
import { grouped } from '../../words/lasting.js';
import { usersWords } from '../../words/users.js';
import { lastDays, lastHours, usageBars, type Hour } from './usage-bars.js';
import styles from './usage-chart.module.css';

const words = usersWords.drawer;
const BOX = { width: 480, height: 64 };

/** Calls and refusals as bars, with a table behind them for those who want figures. */
export function UsageChart({
  hours,
  span,
  label,
}: {
  readonly hours: readonly Hour[];
  /** `days`: 30 of them, of the browser's zone. `hours`: the last 24. */
  readonly span: 'days' | 'hours';
  readonly label: string;
}) {
  const [now] = useState(Date.now);
  const starts = (span === 'days' ? lastDays : lastHours)(now);
  const { bars, barWidth, calls, refused } = usageBars(hours, starts, BOX);
  const nameOf = span === 'days' ? day : dayAndTime;
  return (
    <figure className={styles.figure}>
      <figcaption className={styles.caption}>
        <span>{label}</span>
        <span>{words.usageSummary(calls, refused)}</span>
      </figcaption>
      <svg
        className={styles.bars}
        viewBox={`0 0 ${String(BOX.width)} ${String(BOX.height + 4)}`}
        preserveAspectRatio="none"
        aria-hidden
      >
        <line x1="0" x2={BOX.width} y1={BOX.height + 3.5} y2={BOX.height + 3.5} className={styles.base} />
        {bars.map(({ from, x, answered, refusedHeight }) => (
          <g key={from}>
            <rect x={x} width={barWidth} y={BOX.height + 3 - answered} height={answered} className={styles.calls} />
            <rect
              x={x}
              width={barWidth}
              y={BOX.height + 3 - answered - refusedHeight}
              height={refusedHeight}
              className={styles.refused}
            />
          </g>
        ))}
      </svg>
      <details className={styles.details}>
        <summary>{words.asTable}</summary>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{words.day}</th>
              <th scope="col">{words.calls}</th>
              <th scope="col">{words.refused}</th>
            </tr>
          </thead>
          <tbody>
            {bars.toReversed().map(({ from, calls: ofSpan, refused: refusedOfSpan }) => (
              <tr key={from}>
                <th scope="row">{nameOf(from)}</th>
                <td>{grouped(ofSpan)}</td>
                <td>{grouped(refusedOfSpan)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
