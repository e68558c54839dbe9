import { usualAddress } from '@rebelcore/api-access/networks';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { z } from 'zod';

/** Said of a caller that had gone before its request was read, or whose proxy names no address. */
export const UNKNOWN_ADDRESS = 'unknown';

/** Addresses and networks (`10.0.0.0/8`), separated by commas, whose X-Forwarded-For is believed; empty for nobody's. */
export const proxyList = z.string().transform((text, { issues }) => {
  const list = new BlockList();
  for (const entry of text.split(',').filter((part) => part.trim() !== '')) {
    if (!add(list, entry.trim())) {
      issues.push({ code: 'custom', input: text, message: 'must be IP addresses or networks, separated by commas' });
      return z.NEVER;
    }
  }
  return list;
});

function add(list: BlockList, entry: string): boolean {
  const [address = '', prefix, ...more] = entry.split('/');
  const version = isIP(address);
  const bits = prefix === undefined ? undefined : /^\d{1,3}$/.test(prefix) ? Number(prefix) : NaN;
  if (version === 0 || more.length > 0 || (bits !== undefined && !(bits <= (version === 4 ? 32 : 128)))) return false;
  if (bits === undefined) list.addAddress(address, version === 4 ? 'ipv4' : 'ipv6');
  else list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  return true;
}

/**
 * Where a request comes from: the peer, or what a chain of trusted proxies says that it was, read from its end. An address in
 * its one usual spelling, or {@link UNKNOWN_ADDRESS}.
 */
export function clientAddress({ socket, headers }: IncomingMessage, trusted: BlockList): string {
  let address = addressIn(socket.remoteAddress ?? '');
  const forwarded = headers['x-forwarded-for'] ?? '';
  const hops = typeof forwarded === 'string' && forwarded !== '' ? forwarded.split(',') : [];
  while (hops.length > 0 && address !== undefined && trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) {
    address = addressIn(hops.pop() ?? '');
  }
  return address ?? UNKNOWN_ADDRESS;
}

const WITH_PORT = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?$/;

/** The address in a text that may have brackets and a port around it. */
export function addressIn(text: string): string | undefined {
  const { v6, v4 } = WITH_PORT.exec(text.trim())?.groups ?? {};
  return usualAddress(v6 ?? v4 ?? text.trim());
}
