import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** Seconds of CPU that a process has used so far; NaN where there is no /proc. */
export function cpuSeconds(pid) {
  const fields = statOf(pid);
  return fields === undefined ? NaN : secondsOf(fields);
}

/** Megabytes of memory that a process holds in RAM, what it shares with others included. */
export function residentMegabytes(pid) {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
}

/** Seconds of CPU that a process and those it has started have used so far, also those that have ended since. */
export function treeCpuSeconds(pid) {
  const fields = statOf(pid);
  const ended = fields === undefined ? NaN : (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(statOf)
    .filter((each) => Number(each?.[1]) === pid);
  return children.reduce((sum, each) => sum + secondsOf(each), cpuSeconds(pid) + ended);
}

/** The fields of /proc/<pid>/stat from the state on; undefined when there is no such process. */
function statOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

const secondsOf = (fields) => (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
