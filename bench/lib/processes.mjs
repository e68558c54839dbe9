import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** Seconds of CPU that a process has used so far; NaN where there is no /proc. */
export function cpuSeconds(pid) {
  const fields = statOf(pid);
  return fields === undefined ? NaN : (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Megabytes of memory that a process holds in RAM, what it shares with others included. */
export function residentMegabytes(pid) {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
}

/** The process and those that it has started. */
export function withChildren(pid) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return [pid, ...pids.map(Number).filter((each) => Number(statOf(each)?.[1]) === pid)];
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
