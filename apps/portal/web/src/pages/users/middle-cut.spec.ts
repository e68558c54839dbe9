import { middleCut } from './middle-cut.js';

describe('a username that is cut in the middle', () => {
  it('keeps both ends of the id and the domain', () => {
    expect(middleCut('0193c9f4-2f0a-7c31-8f06-6f1d0a8f4c11@api.rebelcore.local')).toBe(
      '0193c9f4…8f4c11@api.rebelcore.local',
    );
  });

  it('stays whole where nothing would be saved', () => {
    expect(middleCut('short@api.rebelcore.local')).toBe('short@api.rebelcore.local');
    expect(middleCut('no-domain')).toBe('no-domain');
  });
});
