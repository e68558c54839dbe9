import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A link on loopback that can be disturbed. */
export interface TcpProxy {
  readonly port: number;
  /** Nothing passes in either direction; connections stay open. */
  freeze(): void;
  /** Requests arrive, answers are thrown away: the far side acts and nobody hears of it. */
  swallowAnswers(): void;
  /** Undoes {@link freeze} and {@link swallowAnswers}; what was held back goes on. */
  thaw(): void;
  /** Resets every connection; new ones are accepted. */
  cut(): void;
  close(): Promise<void>;
}

export async function startProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let frozen = false;
  let swallowing = false;
  const server = createServer((near) => {
    const far = connect(target.port, target.host);
    const pair = [near, far] as const;
    pairs.add(pair);
    near.on('data', (chunk) => far.write(chunk));
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
  return {
    port: (server.address() as AddressInfo).port,
    freeze() {
      frozen = true;
      for (const socket of [...pairs].flat()) socket.pause();
    },
    swallowAnswers() {
      swallowing = true;
    },
    thaw() {
      frozen = false;
      swallowing = false;
      for (const socket of [...pairs].flat()) socket.resume();
    },
    cut,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
