import { sharedPartitions } from './topics-admin.js';

describe('the number of partitions that keyed topics were made with', () => {
  it('is the smallest that one of them has, since some may have got more', () => {
    const existing = { 'identity.events.v1': 13, 'token.events.v1': 14, 'audit.checkpoints.v1': 12 };
    expect(sharedPartitions(new Map(Object.entries(existing)))).toBe(12);
  });

  it('is not known from topics that are not keyed, or not of the product', () => {
    expect(sharedPartitions(new Map(Object.entries({ 'identity.heartbeats.v1': 1, another: 3 })))).toBeUndefined();
  });
});
