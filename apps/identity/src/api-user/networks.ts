import { usualAddress } from '@rebelcore/api-access/networks';
import { MAX_NETWORKS } from '@rebelcore/contracts/networks';
import ipaddr from 'ipaddr.js';
import { isIP, isIPv6 } from 'node:net';
import { z } from 'zod';

/** A network that nobody can be confined to. The message is a rule: `must be …`. */
class UnusableNetwork extends Error {}

const FORM = 'must be an IP address, or a network such as 203.0.113.0/24 or 2001:db8::/32';

/**
 * A network in its one usual spelling, from one in any; an address is a network of its own.
 *
 * @throws {UnusableNetwork}
 */
function usualNetwork(text: string): string {
  const [given = '', prefix, ...more] = text.trim().split('/');
  const address = usualAddress(given);
  if (address === undefined || given.includes('%') || more.length > 0) throw new UnusableNetwork(FORM);
  const width = isIPv6(address) ? 128 : 32;
  if (prefix === undefined) return `${address}/${String(width)}`;
  // Of an IPv4 address inside of IPv6, such as ::ffff:10.0.0.0/104, the first 96 bits are gone.
  const bits = /^(0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) - (isIP(given) === 6 ? 128 - width : 0) : NaN;
  if (!(bits >= 0 && bits <= width)) throw new UnusableNetwork(FORM);
  const network = networkAddress(address, bits);
  if (network !== address) {
    // Whoever writes this means one or the other, and a /24 is 256 times the address.
    const [whole, one] = [`${network}/${String(bits)}`, `${address}/${String(width)}`];
    throw new UnusableNetwork(`must be ${whole} for the network, or ${one} for the one address`);
  }
  return `${network}/${String(bits)}`;
}

function networkAddress(address: string, bits: number): string | undefined {
  const family = isIPv6(address) ? ipaddr.IPv6 : ipaddr.IPv4;
  return usualAddress(family.networkAddressFromCIDR(`${address}/${String(bits)}`).toString());
}

const network = z
  .string()
  .max(64, 'must be at most 64 characters')
  .transform((text, context) => {
    try {
      return usualNetwork(text);
    } catch (error) {
      if (!(error instanceof UnusableNetwork)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });

const listOf = (max: number) =>
  z
    .array(network)
    .max(max, `must be at most ${String(max)}`)
    .superRefine((networks, context) => {
      for (const [at, each] of networks.entries()) {
        if (networks.indexOf(each) < at) {
          context.addIssue({
            code: 'custom',
            path: [at],
            message: `must differ from the others; ${each} is among them`,
          });
        }
      }
    });

const EACH = 'Addresses and networks as CIDR has them, IPv4 or IPv6; none for anywhere.';

/** The members of a request that say where an API user is confined to. */
export const networkFields = {
  authorize_networks: listOf(MAX_NETWORKS.authorize).meta({
    description: `From where alone its credentials are accepted. ${EACH}`,
  }),
  token_networks: listOf(MAX_NETWORKS.token).meta({
    description: `From where alone tokens issued from then on may be used. ${EACH}`,
  }),
};
