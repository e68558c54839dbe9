import {
  decodeEvent,
  encodeEvent,
  encodeUnnumbered,
  MalformedEvent,
  type CloudEvent,
  type ReceivedRecord,
} from './cloud-event.js';
import { identityEvents } from './identity-events.js';

const apiUserId = '0198a1de-aaaa-7000-8000-000000000001';
const customerId = '0198a1de-bbbb-7000-8000-000000000001';

const deactivated: CloudEvent = {
  id: '0198a1de-cccc-7000-8000-000000000001',
  source: '/identity',
  type: 'rebelcore.identity.ApiUserDeactivated.v1',
  time: '2026-11-23T07:00:00.000Z',
  subject: apiUserId,
  sequence: 42,
  correlationId: 'api:1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  data: { apiUserId, customerId, actor: { kind: 'operator' } },
};
const encoded = encodeEvent(deactivated, customerId);

const asBytes = (record: ReceivedRecord): ReceivedRecord => ({
  headers: Object.fromEntries(
    Object.entries(record.headers ?? {}).map(([name, value]) => [name, Buffer.from(value as string)]),
  ),
  value: Buffer.from(record.value as string),
});

// Jest types its matchers as `any`; an error is what they stand for here.
const errorLike = (fields: object) => expect.objectContaining(fields) as Error;

describe('the CloudEvents codec', () => {
  it('writes binary mode: attributes as ce_ headers, the data alone as the value', () => {
    expect(encoded.key).toBe(customerId);
    expect(encoded.headers).toMatchObject({
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_type: deactivated.type,
      ce_sequence: '42',
      ce_correlationid: 'api:1',
    });
    expect(JSON.parse(encoded.value)).toEqual(deactivated.data);
  });

  it('leaves the number of an event that has none yet to whoever stores it', () => {
    const { sequence, ...unnumbered } = deactivated;
    const { key, value, headers } = encodeUnnumbered(unnumbered, customerId);
    expect(headers).not.toHaveProperty('ce_sequence');
    expect({ key, value, headers: { ...headers, ce_sequence: String(sequence) } }).toEqual(encoded);
  });

  it('reads back what it wrote, whether headers come as text or as bytes', () => {
    expect(decodeEvent(encoded)).toEqual(deactivated);
    expect(decodeEvent(asBytes(encoded))).toEqual(deactivated);
  });

  it.each([
    ['event.no-value', { ...encoded, value: null }, 'no value'],
    ['event.bad-json', { ...encoded, value: '{' }, 'not JSON'],
    ['event.bad-header', { ...encoded, headers: { ...encoded.headers, ce_sequence: '0' } }, 'ce_sequence'],
    ['event.bad-header', { value: encoded.value }, 'ce_specversion'],
    ['event.bad-header', { ...encoded, headers: { ...encoded.headers, ce_time: 'yesterday' } }, 'ce_time'],
  ] as const)('refuses a malformed record with %s', (code, record, words) => {
    const read = () => decodeEvent(record);
    expect(read).toThrow(MalformedEvent);
    expect(read).toThrow(errorLike({ code, message: expect.stringContaining(words) as string }));
  });
});

describe('an event catalogue', () => {
  it('narrows an event by its name', () => {
    const event = identityEvents.read(encoded);
    expect(event.name).toBe('ApiUserDeactivated');
    if (event.name === 'ApiUserDeactivated') expect(event.data.apiUserId).toBe(apiUserId);
  });

  it('drops members that a later producer added', () => {
    const value = JSON.stringify({ ...(deactivated.data as object), added: 'later' });
    expect(identityEvents.read({ ...encoded, value }).data).toEqual(deactivated.data);
  });

  it('refuses a type it does not know, such as a future version', () => {
    const headers = { ...encoded.headers, ce_type: 'rebelcore.identity.ApiUserDeactivated.v2' };
    expect(() => identityEvents.read({ ...encoded, headers })).toThrow(errorLike({ code: 'event.unknown-type' }));
  });

  it('refuses data that breaks its schema and names the member', () => {
    const value = JSON.stringify({ ...(deactivated.data as object), apiUserId: 'nobody' });
    expect(() => identityEvents.read({ ...encoded, value })).toThrow(
      errorLike({ code: 'event.bad-data', message: expect.stringContaining('data.apiUserId') as string }),
    );
  });
});
