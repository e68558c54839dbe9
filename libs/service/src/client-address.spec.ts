import type { IncomingMessage } from 'node:http';
import type { BlockList } from 'node:net';
import { addressIn, clientAddress, proxyList } from './client-address.js';

const LONG = '1.2.3.4'.repeat(400);

describe('an address in a text', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    [' 203.0.113.7:51234', '203.0.113.7'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:DB8:0:0::1]', '2001:db8::1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['not-an-ip', undefined],
    ['203.0.113.7:', undefined],
    ['203.0.113.999', undefined],
    ['203.0.113.7, 192.0.2.1', undefined],
    [LONG, undefined],
    ['', undefined],
  ])('%s is %s', (text, address) => {
    expect(addressIn(text)).toBe(address);
  });
});

describe('where a request comes from', () => {
  const from = (peer: string, forwarded: string | undefined, trusted: string) =>
    clientAddress(
      { socket: { remoteAddress: peer }, headers: { 'x-forwarded-for': forwarded } } as unknown as IncomingMessage,
      proxyList.parse(trusted),
    );

  it.each([
    ['a peer that is trusted by nobody', '192.0.2.1', '203.0.113.7', '', '192.0.2.1'],
    ['a peer that is not among the trusted', '192.0.2.1', '203.0.113.7', '10.0.0.0/8', '192.0.2.1'],
    ['a trusted peer', '10.1.2.3', '203.0.113.7:51234', '10.0.0.0/8', '203.0.113.7'],
    ['a trusted peer that says nothing', '10.1.2.3', undefined, '10.0.0.0/8', '10.1.2.3'],
    ['a peer with a mapped address', '::ffff:10.1.2.3', '[2001:db8::1]:443', '10.0.0.0/8', '2001:db8::1'],
    ['two trusted ones', '10.1.2.3', '6.6.6.6, 203.0.113.7, 10.9.9.9:80', '10.0.0.0/8', '203.0.113.7'],
    ['an IPv6 proxy', 'fd00::1', '203.0.113.7', '10.0.0.0/8,fd00::/8', '203.0.113.7'],
    ['one that passes on junk', '10.1.2.3', 'not-an-ip', '10.0.0.0/8', 'unknown'],
    ['one that passes on a lot of it', '10.1.2.3', LONG, '10.0.0.0/8', 'unknown'],
  ])('%s', (_, peer, forwarded, trusted, address) => {
    expect(from(peer, forwarded, trusted)).toBe(address);
  });

  it.each(['nonsense', '10.0.0.0/33', '10.0.0/8', '10.0.0.0/8/8', 'fd00::/129', 'loopback', '10.0.0.0/-1'])(
    'is not configured by %s',
    (text) => {
      expect(proxyList.safeParse(text).success).toBe(false);
    },
  );

  it('knows a network from its neighbours', () => {
    const list: BlockList = proxyList.parse(' 10.0.0.0/8 , 127.0.0.1,');
    expect(['10.255.0.1', '127.0.0.1', '11.0.0.1', '127.0.0.2'].map((ip) => list.check(ip))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
