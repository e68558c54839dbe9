import { safeNext } from './next.js';

const origin = 'https://portal.example';

describe('where signing in leads to', () => {
  it.each(['/users?type=api&q=%C3%A9', '/activity?from=2026-11-27T00:00:00Z#entry', '/'])('is %s', (next) => {
    expect(safeNext(next, origin)).toBe(next);
  });

  it.each([
    undefined,
    '',
    'users',
    'https://evil.example/users',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '\\\\evil.example',
    '/.//evil.example',
    'javascript:alert(1)',
    '/sign-in?next=/sign-in',
  ])('is the start for %j', (next) => {
    expect(safeNext(next, origin)).toBe('/');
  });
});
