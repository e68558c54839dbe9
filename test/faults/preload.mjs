// Loaded by `node --import` into every service of a fault run, before its own code, and into nothing else. What it does
// stands in the control file: other links to Postgres and Kafka, other environment, a point at which to die, a protection
// to be taken out, a clock that is wrong. A service that is running reads the file again on SIGUSR2; it dies only at points that were set then.
import { readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { Socket } from 'node:net';
import { basename } from 'node:path';
import { PROTECTIONS } from './protections.mjs';

const label = basename(process.env.SPOOL_DIR ?? 'portal');
const service = label.replace(/-\d+$/, '');
let readAt;
const read = () => {
  readAt = performance.now();
  return JSON.parse(readFileSync(process.env.FAULTS_CONTROL, 'utf8'));
};
let control = read();
let crash;

Object.assign(process.env, control.env?.[service]);
if (control.unprotected !== undefined) takeOut(PROTECTIONS[control.unprotected].edits);
process.on('SIGUSR2', () => {
  control = read();
  crash = control.crash?.[label];
});
redirectConnections();
dieAtStatements();
shiftClock();
shiftDatabaseClock();

/** The file on disk stays as it is: the change is made while it is loaded. */
function takeOut(edits) {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      const wanted = edits.filter(({ file }) => url.endsWith(file));
      if (wanted.length === 0) return loaded;
      let source = String(loaded.source ?? readFileSync(new URL(url), 'utf8'));
      for (const { file, from, to } of wanted) {
        if (!source.includes(from)) throw new Error(`${file} no longer contains: ${from}`);
        source = source.replace(from, () => to);
      }
      return { ...loaded, source };
    },
  });
}

/** A connection to a port of `links` goes to the port of the disturbed link instead. */
function redirectConnections() {
  const connect = Socket.prototype.connect;
  Socket.prototype.connect = function (...args) {
    const link = (port) => control.links?.[String(port)] ?? port;
    const [first] = args;
    if (Array.isArray(first)) first[0] = { ...first[0], port: link(first[0].port) };
    else if (typeof first === 'object') args[0] = { ...first, port: link(first.port) };
    else args[0] = link(first);
    return connect.apply(this, args);
  };
}

/**
 * `clock`: {service: {ms, perSecond?}}: what the wall clock of its host is ahead, all at once or drifting there. The monotonic
 * clock goes on as it does.
 */
function shiftClock() {
  const wall = Date.now;
  Date.now = () => wall() + ahead(service);
  globalThis.Date = new Proxy(Date, {
    construct: (target, args, self) => Reflect.construct(target, args.length === 0 ? [Date.now()] : args, self),
  });
}

function ahead(whose) {
  const { ms = 0, perSecond = Infinity } = control.clock?.[whose] ?? {};
  const drifted = perSecond === Infinity ? Infinity : Math.round((perSecond * (performance.now() - readAt)) / 1_000);
  return Math.sign(ms) * Math.min(Math.abs(ms), drifted);
}

/** `clock.database`: what the clock of the database is ahead, as the statements of services see it. */
function shiftDatabaseClock() {
  const { Client } = createRequire(import.meta.url)('pg');
  const original = Client.prototype.query;
  Client.prototype.query = function (...args) {
    const ms = ahead('database');
    const [config] = args;
    const shifted = (text) => text?.replace(/\b(?:statement_timestamp|now)\(\)/g, `($& + interval '${ms} ms')`);
    if (ms !== 0 && typeof config === 'string') args[0] = shifted(config);
    // A named statement is prepared once: with another clock it would be another one.
    else if (ms !== 0 && typeof config?.text === 'string' && shifted(config.text) !== config.text) {
      args[0] = { ...config, name: undefined, text: shifted(config.text) };
    }
    return original.apply(this, args);
  };
}

/**
 * `crash`: {on, having?, when: 'before' | 'after', skip?}: dies at the statement that matches `on`, on a connection where
 * one that matches `having` came earlier, after letting it pass `skip` times.
 */
function dieAtStatements() {
  const { Client } = createRequire(import.meta.url)('pg');
  const original = Client.prototype.query;
  const earlier = new WeakMap();
  Client.prototype.query = function (...args) {
    const [config] = args;
    const text = typeof config === 'string' ? config : `${config?.name ?? ''} ${config?.text ?? ''}`;
    if (crash === undefined) return original.apply(this, args);
    const before = earlier.get(this) ?? '';
    earlier.set(this, /^(commit|rollback|begin)/.test(text) ? '' : `${before}\n${text}`);
    const isHere = new RegExp(crash.on).test(text) && (!crash.having || new RegExp(crash.having).test(before));
    if (!isHere || (crash.skip ?? 0) > 0) {
      if (isHere) crash.skip -= 1;
      return original.apply(this, args);
    }
    if (crash.when === 'before') process.kill(process.pid, 'SIGKILL');
    const result = original.apply(this, args);
    return result?.then === undefined ? result : result.then(() => process.kill(process.pid, 'SIGKILL'));
  };
}
