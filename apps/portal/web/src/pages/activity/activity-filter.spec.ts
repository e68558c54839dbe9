import { isNarrowed, readSearch, toQuery } from './activity-filter.js';

const user = '0198a1de-aaaa-7000-8000-000000000001';
const NOW = Date.parse('2026-11-27T12:00:00Z');

describe('the address of the activity page', () => {
  it('keeps every filter', () => {
    const search = {
      from: '2026-11-27T00:00:00.000Z',
      type: 'api.call,api.authorize',
      outcome: 'refused',
      user,
      q: '42',
      tz: 'Asia/Tokyo',
      entry: user,
      live: 1,
    };
    expect(readSearch({ ...search, q: 42 })).toEqual(search);
  });

  it('leaves out what means nothing', () => {
    expect(
      readSearch({
        range: '2y',
        from: 'soon',
        type: '<b>',
        outcome: 'maybe',
        user: '1',
        tz: 'Mars',
        live: 'yes',
        x: '1',
      }),
    ).toEqual({});
  });

  it('prefers a typed span to one that ends now', () => {
    expect(readSearch({ range: '7d', to: '2026-11-27' })).toEqual({ to: '2026-11-27' });
  });
});

describe('what the server is asked', () => {
  it('is the last 24 hours when nothing is said', () => {
    expect(toQuery({}, NOW)).toEqual({ from: '2026-11-26T12:00:00.000Z' });
  });

  it('is everything when that is wanted, with the filters', () => {
    expect(toQuery({ range: 'all', type: 'api.call', user, actor: user, correlation: 'api:1' }, NOW)).toEqual({
      event_type: 'api.call',
      user_id: user,
      actor_id: user,
      correlation_id: 'api:1',
    });
  });

  it('is narrowed by a filter, and not by its span or zone', () => {
    expect([isNarrowed({ range: '7d', tz: 'UTC' }), isNarrowed({ q: 'x' })]).toEqual([false, true]);
  });
});
