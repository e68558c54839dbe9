import { mayWrite } from './origin-rule.js';

const OURS = 'https://portal.example';
const ALSO_OURS = 'http://localhost:3000';
const BOTH = new Set([OURS, ALSO_OURS]);

describe('who may write', () => {
  it.each([
    ['our own page', { origin: OURS }, true],
    ['our own page, as the browser says it', { secFetchSite: 'same-origin' }, true],
    ['a person who typed the address', { secFetchSite: 'none' }, true],
    ['a program that is no browser', {}, true],
    ['our own page under its other name', { origin: ALSO_OURS }, true],
    [
      'a page under the name that the request was sent to',
      { origin: 'http://10.0.0.5:3000', host: '10.0.0.5:3000' },
      false,
    ],
    ['another origin', { origin: 'https://evil.example' }, false],
    [
      'another origin that claims to be the same site',
      { origin: 'https://evil.example', secFetchSite: 'same-origin' },
      false,
    ],
    ['a sister domain', { origin: 'https://shop.portal.example' }, false],
    ['a name that begins like ours', { origin: 'https://portal.example.evil.example' }, false],
    ['another port', { origin: 'https://portal.example:8443' }, false],
    ['a sandboxed frame', { origin: 'null' }, false],
    ['an empty origin', { origin: '' }, false],
    ['an origin with a path', { origin: `${OURS}/x` }, false],
    ['a page of another site without an origin', { secFetchSite: 'cross-site' }, false],
    ['a page of a sister site without an origin', { secFetchSite: 'same-site' }, false],
  ])('%s', (_, facts, allowed) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'UNKNOWN']) {
      expect([method, mayWrite({ method, ...facts }, BOTH)]).toEqual([method, allowed]);
    }
  });

  it('does not keep anybody from reading', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      expect(mayWrite({ method, origin: 'https://evil.example', secFetchSite: 'cross-site' }, BOTH)).toBe(true);
    }
  });
});
