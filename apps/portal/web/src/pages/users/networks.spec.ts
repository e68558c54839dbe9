import { asSent, asTyped, entriesIn, errorIn, shown } from './networks.js';

describe('typed networks', () => {
  it('may be parted by whatever they were pasted with', () => {
    expect(entriesIn('10.0.0.0/8\r\n 203.0.113.7, 2001:db8::/32;\n\n::1\n')).toEqual([
      '10.0.0.0/8',
      '203.0.113.7',
      '2001:db8::/32',
      '::1',
    ]);
    expect(entriesIn(' \n ')).toEqual([]);
  });

  it('are shown as addresses where they are one', () => {
    const networks = ['203.0.113.7/32', '10.0.0.0/8', '2001:db8::1/128', '2001:db8::/32', '::ffff:0:0:1/128'];
    expect(networks.map(shown)).toEqual(['203.0.113.7', '10.0.0.0/8', '2001:db8::1', '2001:db8::/32', '::ffff:0:0:1']);
  });

  it('are sent as they were read', () => {
    const networks = { authorize_networks: ['10.0.0.0/8', '2001:db8::/32'], token_networks: [] };
    expect(asSent(asTyped(networks))).toEqual(networks);
  });

  it('name the entry that breaks a rule', () => {
    const errors: Record<string, string> = {
      'authorize_networks.1': 'must be an address',
      token_networks: 'must be at most 20',
    };
    const errorOf = (field: string) => errors[field];
    expect(errorIn(errorOf, 'authorize_networks', '10.0.0.1\nx')).toBe('“x” must be an address');
    expect(errorIn(errorOf, 'token_networks', '10.0.0.1')).toBe('must be at most 20');
    expect(errorIn(() => undefined, 'authorize_networks', 'x')).toBeUndefined();
  });
});
