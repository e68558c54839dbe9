import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A link on loopback that can be disturbed. */
export interface TcpProxy {
  readonly port: number;
  /** Nothing passes in either direction; connections stay open. */
  freeze(): void;
  /** The same for the connections that are open now; new ones pass. */
  freezeOpen(): void;
  /** Requests arrive, answers are thrown away: the far side acts and nobody hears of it. */
  swallowAnswers(): void;
  /** New connections are reset at what is sent on them third: to Kafka that is in the middle of the login. */
  interruptLogins(): void;
  /** Undoes whatever was done to the link; what was held back goes on. */
  thaw(): void;
  /** Resets every connection; new ones are accepted. */
  cut(): void;
  close(): Promise<void>;
}

export async function startProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let frozen = false;
  let swallowing = false;
  let interrupting = false;
  const server = createServer((near) => {
    const far = connect(target.port, target.host);
    const pair = [near, far] as const;
    pairs.add(pair);
    let sent = 0;
    near.on('data', (chunk) => {
      sent += 1;
      if (interrupting && sent === 3) near.resetAndDestroy();
      else far.write(chunk);
    });
    far.on('data', (chunk) => {
      if (!swallowing) near.write(chunk);
    });
    for (const [socket, other] of [pair, [far, near] as const]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
      if (frozen) socket.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  };
  const freezeOpen = () => {
    for (const socket of [...pairs].flat()) socket.pause();
  };
  return {
    port: (server.address() as AddressInfo).port,
    freeze() {
      frozen = true;
      freezeOpen();
    },
    freezeOpen,
    swallowAnswers() {
      swallowing = true;
    },
    interruptLogins() {
      interrupting = true;
    },
    thaw() {
      frozen = false;
      swallowing = false;
      interrupting = false;
      for (const socket of [...pairs].flat()) socket.resume();
    },
    cut,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
