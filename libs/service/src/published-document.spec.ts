import { PublishedDocument } from './published-document.js';

it.each(['json', 'yaml'] as const)('a document is written once as %s, however often it is asked for', (language) => {
  let read = 0;
  const document = new PublishedDocument({
    openapi: '3.0.0',
    info: { title: 'a', version: '1' },
    get paths() {
      read += 1;
      return { '/a': {} };
    },
  });
  const [first, second] = [document[language], document[language]];
  expect(first).toContain('/a');
  expect([second, read]).toEqual([first, 1]);
});
