import { testSeed } from '@rebelcore/testing/test.config';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { NetworkList, networkList, networkOf } from './networks.js';

describe('a list of networks', () => {
  it.each<[string, string, boolean]>([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['203.0.113.7/32', '203.0.113.7', true],
    ['203.0.113.7/32', '203.0.113.6', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:a01:203', true],
    ['10.0.0.0/8', '::10.1.2.3', false],
    ['2001:db8::/32', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', true],
    ['2001:db8::/32', '2001:0DB8:0:0::1', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['2001:db8::1/128', '2001:db8::2', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['0.0.0.0/0', '198.51.100.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '198.51.100.1', false],
    ['::/0', '::ffff:198.51.100.1', false],
    // What stands for an address that nobody knows, and what no stack hands out.
    ['0.0.0.0/0', 'unknown', false],
    ['0.0.0.0/0', '', false],
    ['0.0.0.0/0', '010.0.0.1', false],
    ['0.0.0.0/0', '10.0.0.1:443', false],
    ['0.0.0.0/0', '10.0.0.1, 10.0.0.2', false],
    ['::/0', '[2001:db8::1]', false],
  ])('%s and %s: %p', (network, address, included) => {
    expect(new NetworkList([network]).includes(address)).toBe(included);
    expect(networkList(`192.0.2.1/32 ${network} 2001:db8:1::1/128`).includes(address)).toBe(included);
  });

  it('includes nothing when it is empty', () => {
    expect(new NetworkList([]).includes('127.0.0.1')).toBe(false);
  });

  it('agrees with another library, for whichever networks and addresses', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    // Near to the network, as often as not: one bit is another.
    const chosen = fc.tuple(bytes, fc.nat(128), fc.nat(127), fc.boolean(), bytes);
    let included = 0;
    const property = fc.property(chosen, ([network, prefix, bit, isNear, other]) => {
      const bits = Math.min(prefix, network.length * 8);
      const near = Uint8Array.from(network);
      near[(bit >> 3) % near.length] = (near[(bit >> 3) % near.length] ?? 0) ^ (1 << (bit % 8));
      const [base, address] = [network, isNear ? near : other].map((each) => ipaddr.fromByteArray([...each]));
      if (base === undefined || address === undefined) return;
      fc.pre(!isMapped(base));
      const plain = isMapped(address) ? address.toIPv4Address() : address;
      const expected = plain.constructor === base.constructor && plain.match(base, bits);
      included += expected ? 1 : 0;
      expect(new NetworkList([`${base.toString()}/${String(bits)}`]).includes(address.toString())).toBe(expected);
    });
    fc.assert(property, { seed: testSeed(), numRuns: 2_000 });
    expect(included).toBeGreaterThan(200);
  });
});

const isMapped = (address: ipaddr.IPv4 | ipaddr.IPv6): address is ipaddr.IPv6 =>
  address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress();

describe('the network of an address', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('%s counts as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
