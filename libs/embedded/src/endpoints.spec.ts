import { parseEndpoints, type Endpoints } from './endpoints.js';

const described: Endpoints = {
  portal: 'http://127.0.0.1:3000',
  identity: 'http://127.0.0.1:3001',
  token: 'http://127.0.0.1:3002',
  audit: 'http://127.0.0.1:3003',
  inference: 'http://127.0.0.1:3004',
  mailbox: 'http://127.0.0.1:8025',
  operator_token: 'operator',
  owner: { email: 'owner@demo.rebelcore.local', password: 'secret', totp_secret: 'GEZDGNBV' },
  kafka: { brokers: ['127.0.0.1:9092'], subscriber: { username: 'subscriber', password: 'secret' } },
  postgres: { identity: 'postgres://a', token: 'postgres://b', audit: 'postgres://c' },
};

describe('endpoints.json', () => {
  it('is read as it was written', () => {
    expect(parseEndpoints(JSON.stringify(described), 'endpoints.json')).toEqual(described);
  });

  it('names every field that is damaged, and the file', () => {
    const damaged = JSON.stringify({ ...described, portal: 'nowhere', kafka: { brokers: '127.0.0.1:9092' } });
    expect(() => parseEndpoints(damaged, '.data/endpoints.json')).toThrow(
      /^\.data\/endpoints\.json is damaged: portal: .+; kafka\.brokers: .+; kafka\.subscriber: .+"npm start"\.$/,
    );
  });

  it('says when it was cut off', () => {
    expect(() => parseEndpoints(JSON.stringify(described).slice(0, 40), 'endpoints.json')).toThrow('it is not JSON');
  });
});
