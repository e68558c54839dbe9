import { linksIn, partsOf } from './text-links.js';

describe('linksIn', () => {
  it.each([
    ['alone', 'https://a.test/invite#x-_1', ['https://a.test/invite#x-_1']],
    ['at the end of a sentence', 'Follow http://127.0.0.1:3000/invite#t0.', ['http://127.0.0.1:3000/invite#t0']],
    ['in brackets', '(see <http://a.test/b?c=d&e=f>)', ['http://a.test/b?c=d&e=f']],
    ['several', 'http://a.test, http://b.test', ['http://a.test', 'http://b.test']],
  ])('finds an address %s', (_where, text, links) => {
    expect(linksIn(text)).toEqual(links);
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'http://', 'ahttp', 'ftp://a.test'])(
    'does not take %s for the address of a page',
    (text) => {
      expect(linksIn(text)).toEqual([]);
    },
  );

  it('loses nothing of the text', () => {
    const text = 'Hello,\n\nhttp://a.test/x).\nhttp:// and so on http://b.test';
    expect(
      partsOf(text)
        .map((part) => part.text)
        .join(''),
    ).toBe(text);
  });
});
