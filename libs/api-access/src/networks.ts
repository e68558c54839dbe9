import { LRUCache } from 'lru-cache';
import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net';

/**
 * An address in its one usual spelling: without a zone, and as IPv4 where IPv6 only carries it (`::ffff:10.0.0.1`).
 * Undefined for what is no address.
 */
export function usualAddress(text: string): string | undefined {
  const [address = ''] = text.split('%', 1);
  if (!isIPv6(address)) return isIP(address) === 4 ? address : undefined;
  const usual = new SocketAddress({ address, family: 'ipv6' }).address;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(usual)?.[1] ?? usual;
}

/** For limits, and to count what comes from one source: an IPv4 address as it is, or the /64 of an IPv6 address, of which one household has 2^64. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  return `${[...before, ...Array.from({ length: missing }, () => '0'), ...after].slice(0, 4).join(':')}::/64`;
}

/** Networks that something is confined to. */
export class NetworkList {
  // Apart, since a `BlockList` takes every IPv4 address for one of `::/0`.
  private readonly ipv4 = new BlockList();
  private readonly ipv6 = new BlockList();

  /** @param networks as the contract has them, `10.0.0.0/8` */
  constructor(readonly networks: readonly string[]) {
    for (const network of networks) {
      const [address = '', prefix] = network.split('/');
      if (isIPv6(address)) this.ipv6.addSubnet(address, Number(prefix), 'ipv6');
      else this.ipv4.addSubnet(address, Number(prefix), 'ipv4');
    }
  }

  /** Whether an address lies in one of them, however it is spelt; what is no address lies in none. */
  includes(text: string): boolean {
    const address = usualAddress(text);
    if (address === undefined) return false;
    return isIPv6(address) ? this.ipv6.check(address, 'ipv6') : this.ipv4.check(address, 'ipv4');
  }
}

/** Making one takes a hundred times as long as asking it. */
const made = new LRUCache<string, NetworkList>({ max: 1_000, memoMethod: (text) => new NetworkList(text.split(' ')) });

/** The networks in a text, parted by blanks; the same object for the same text, while it is in use. */
export const networkList = (text: string): NetworkList => made.memo(text);
