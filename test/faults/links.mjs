import { connect, createServer } from 'node:net';

/**
 * The links between services and Postgres or Kafka, to be disturbed: one proxy on loopback per target port. Services that
 * were restarted with `ports` in the control file connect through them; see preload.mjs.
 */
export class Links {
  ports = {};
  opened = 0;
  #servers = [];
  #pairs = new Set();
  #mode = { delayMs: 0, jitterMs: 0, bytesPerSecond: Infinity, holding: false, deaf: false };
  #random = () => 0;

  static async to(ports, random) {
    const links = new Links();
    if (random !== undefined) links.#random = (below) => random.int(below);
    for (const port of ports) links.ports[port] = await links.#listen(port);
    return links;
  }

  static toKafka(system, random) {
    return Links.to(kafkaPorts(system), random);
  }

  static toPostgres(system, random) {
    return Links.to([system.running.postgres.port], random);
  }

  get open() {
    return this.#pairs.size;
  }

  /** Every piece of data arrives later, up to `jitterMs` more, in order. */
  delay(delayMs, jitterMs = 0) {
    Object.assign(this.#mode, { delayMs, jitterMs });
  }

  /** Per connection and direction. */
  throttle(bytesPerSecond) {
    this.#mode.bytesPerSecond = bytesPerSecond;
  }

  /** Nothing passes, nothing is closed; new connections are accepted and hear nothing. */
  blackHole() {
    this.#mode.holding = true;
  }

  /** Requests arrive, answers do not: the far side acts and nobody hears of it. */
  deafen() {
    this.#mode.deaf = true;
  }

  /** Resets the connections, all or a random share of them. */
  reset(share = 1) {
    for (const pair of this.#pairs) {
      if (this.#random(1000) / 1000 >= share) continue;
      for (const socket of pair.sockets) socket.resetAndDestroy();
    }
  }

  /** Half-open: the far side is told that the connection has ended, the near side is not. */
  halfOpen() {
    for (const pair of this.#pairs) {
      pair.abandoned = true;
      pair.sockets[1].resetAndDestroy();
    }
  }

  /** As if nothing had been: what was held back goes on, half-open connections end at last. */
  restore() {
    this.#mode = { delayMs: 0, jitterMs: 0, bytesPerSecond: Infinity, holding: false, deaf: false };
    for (const pair of this.#pairs) {
      if (pair.abandoned) pair.sockets[0].resetAndDestroy();
      for (const pump of pair.pumps) pump();
    }
  }

  async close() {
    for (const { sockets } of this.#pairs) for (const socket of sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  async #listen(target) {
    const server = createServer((near) => this.#link(near, connect(target, '127.0.0.1')));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#servers.push(server);
    return server.address().port;
  }

  #link(near, far) {
    this.opened += 1;
    const pair = { sockets: [near, far], abandoned: false, pumps: [] };
    this.#pairs.add(pair);
    pair.pumps.push(
      this.#pipe(near, far, () => false),
      this.#pipe(far, near, () => this.#mode.deaf),
    );
    for (const socket of pair.sockets) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        if (pair.abandoned && !near.destroyed) return;
        this.#pairs.delete(pair);
        for (const other of pair.sockets) other.destroy();
      });
    }
  }

  /** Hands data on when it is due; answers what tries again to hand on what is held. */
  #pipe(from, to, isLost) {
    const queue = [];
    let freeAt = 0;
    let timer;
    const pump = () => {
      clearTimeout(timer);
      while (queue.length > 0 && !this.#mode.holding) {
        const wait = queue[0].due - Date.now();
        if (wait > 0) {
          timer = setTimeout(pump, wait);
          return;
        }
        const { chunk } = queue.shift();
        if (!to.destroyed && !isLost()) to.write(chunk);
      }
      if (queue.length < 100) from.resume();
    };
    from.on('data', (chunk) => {
      const { delayMs, jitterMs, bytesPerSecond } = this.#mode;
      const arrives = Date.now() + delayMs + this.#random(jitterMs + 1);
      freeAt = Math.max(freeAt, arrives) + (chunk.length / bytesPerSecond) * 1000;
      queue.push({ chunk, due: freeAt });
      if (queue.length >= 100) from.pause();
      pump();
    });
    return pump;
  }
}

const kafkaPorts = (system) => system.endpoints.kafka.brokers.map((broker) => Number(broker.split(':')[1]));
