import { network as contract } from '@rebelcore/contracts/networks';
import { testSeed } from '@rebelcore/testing/test.config';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { networkFields } from './networks.js';

const { authorize_networks: list, token_networks: tokens } = networkFields;

const FORM = 'must be an IP address, or a network such as 203.0.113.0/24 or 2001:db8::/32';
const rules = (given: unknown, schema = list) => {
  const { error } = schema.safeParse(given);
  return error?.issues.map(({ path, message }) => [path.join('.'), message]);
};

describe('networks in a request', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7/32'],
    [' 203.0.113.7 ', '203.0.113.7/32'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['2001:0DB8:0:0:0::/32', '2001:db8::/32'],
    ['::/0', '::/0'],
    ['::ffff:10.1.2.3', '10.1.2.3/32'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['::ffff:a00:0/96', undefined],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['64:ff9b::/96', '64:ff9b::/96'],
  ])('%s is kept as %s', (text, kept) => {
    const { data } = list.safeParse([text]);
    expect(data).toEqual(kept === undefined ? undefined : [kept]);
    expect((data ?? []).every((each) => contract.safeParse(each).success)).toBe(true);
  });

  it.each([
    ['10.1.2.3/8', 'must be 10.0.0.0/8 for the network, or 10.1.2.3/32 for the one address'],
    ['2001:db8::1/32', 'must be 2001:db8::/32 for the network, or 2001:db8::1/128 for the one address'],
    ['10.0.0.0/33', FORM],
    ['2001:db8::/129', FORM],
    ['10.0.0.0/08', FORM],
    ['10.0.0.0/', FORM],
    ['10.0.0.0/-1', FORM],
    ['10.0.0.0/8/8', FORM],
    ['10.0.0.0/255.0.0.0', FORM],
    ['10.0.0/8', FORM],
    ['010.0.0.0/8', FORM],
    ['167772160', FORM],
    ['10.0.0.1:443', FORM],
    ['[2001:db8::1]', FORM],
    ['fe80::1%eth0', FORM],
    ['10.0.0.1%eth0', FORM],
    ['::ffff:10.0.0.0/95', FORM],
    ['10.0.0.0 - 10.0.0.9', FORM],
    ['example.test', FORM],
    ['*', FORM],
    ['', FORM],
    ['1'.repeat(65), 'must be at most 64 characters'],
  ])('%s is refused', (text, rule) => {
    expect(rules(['192.0.2.0/24', text])).toEqual([['1', rule]]);
  });

  it('are refused twice, in whichever spelling', () => {
    expect(rules(['10.0.0.0/8', '::ffff:10.0.0.0/104', '192.0.2.1', '192.0.2.1/32'])).toEqual([
      ['1', 'must differ from the others; 10.0.0.0/8 is among them'],
      ['3', 'must differ from the others; 192.0.2.1/32 is among them'],
    ]);
  });

  it('are 50 at most, and 20 where each token carries them', () => {
    const some = (count: number) => Array.from({ length: count }, (_, n) => `10.0.${String(n)}.0/24`);
    expect([rules(some(50)), rules(some(51))]).toEqual([undefined, [['', 'must be at most 50']]]);
    expect([rules(some(20), tokens), rules(some(21), tokens)]).toEqual([undefined, [['', 'must be at most 20']]]);
  });

  it('stay what they are when they are sent again, whatever they are', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    const property = fc.property(bytes, fc.nat(128), (some, prefix) => {
      const address = ipaddr.fromByteArray([...some]);
      const bits = Math.min(prefix, some.length * 8);
      const family = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
      const network = `${family.networkAddressFromCIDR(`${address.toString()}/${String(bits)}`).toString()}/${String(bits)}`;
      const [kept = ''] = list.parse([network]);
      expect(list.parse([kept])).toEqual([kept]);
      expect(contract.safeParse(kept).success).toBe(true);
    });
    fc.assert(property, { seed: testSeed(), numRuns: 500 });
  });
});
