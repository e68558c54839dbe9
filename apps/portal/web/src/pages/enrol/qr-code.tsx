import { encode } from 'uqr';
import styles from './enrol.module.css';

const QUIET = 4;

/** A QR code as one path, dark on white in every theme, since many scanners read nothing else. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { data, size } = encode(text, { ecc: 'M', border: 0 });
  const side = size + 2 * QUIET;
  return (
    <svg className={styles.qr} viewBox={`0 0 ${String(side)} ${String(side)}`} role="img" aria-label={label}>
      <rect width={side} height={side} fill="#fff" />
      <path d={data.map((row, y) => runs(row, y)).join('')} fill="#000" shapeRendering="crispEdges" />
    </svg>
  );
}

/** The dark runs of a row. */
function runs(row: readonly boolean[], y: number): string {
  let path = '';
  for (let x = 0; x < row.length;) {
    let end = x;
    while (row[end] === true) end += 1;
    if (end > x) path += `M${String(x + QUIET)} ${String(y + QUIET)}h${String(end - x)}v1h-${String(end - x)}z`;
    x = end + 1;
  }
  return path;
}
