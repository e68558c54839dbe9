import { readFileSync } from 'node:fs';
import ts from 'typescript';

const docs = new URL('../../docs/', import.meta.url);

interface Proof {
  readonly sentence: string;
  readonly title: string;
  readonly file: string;
}

/** A page is a list of sentences, and below each the tests that prove it: "- [`title`](file)". */
function proofs(page: string): Proof[] {
  let sentence = '';
  return readFileSync(new URL(page, docs), 'utf8')
    .split('\n')
    .flatMap((line) => {
      sentence = /^- (.+)$/.exec(line)?.[1] ?? sentence;
      const [, title, file] = /^ {2}- \[`(.+)`\]\((.+)\)$/.exec(line) ?? [];
      return title === undefined || file === undefined ? [] : [{ sentence, title, file }];
    });
}

/** Title and the comment above, of each test and group of tests in a file. */
function testsIn(file: string): { title: string; named: string }[] {
  const text = readFileSync(new URL(file, docs), 'utf8');
  const found: { title: string; named: string }[] = [];
  const add = (title: ts.Expression, node: ts.Node): void => {
    const words = ts.isStringLiteralLike(title) ? title.text : title.getText().slice(1, -1);
    found.push({ title: words, named: plain(`${words}\n${commentAbove(text, node)}`) });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node) && ts.isCallExpression(node.expression)) {
      const { expression, arguments: given } = node.expression;
      const [title] = given;
      if (/^(it|test|describe)\b/.test(expression.getText()) && title !== undefined) add(title, node);
    }
    // As the cases of test/start are written.
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'title') add(node.initializer, node);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return found;
}

const commentAbove = (text: string, node: ts.Node): string =>
  (ts.getLeadingCommentRanges(text, node.getFullStart()) ?? [])
    .map(({ pos, end }) => text.slice(pos, end).replace(/^\/\//, ''))
    .join(' ');

/** Words alone: how they are quoted, set and broken into lines does not matter. */
const plain = (text: string): string =>
  text
    .replace(/[“”‘’"'`*]|\b_|_\b/g, '')
    .replace(/\s+/g, ' ')
    .toLowerCase();

/** Sentences of a page, how many it has at least, and what the test that proves one must say. */
it.each<[page: string, atLeast: number, words: (sentence: string) => string]>([
  ['published.md', 30, (sentence) => sentence],
  ['security.md', 18, (sentence) => sentence.slice(0, 'S01'.length)],
])('each sentence of docs/%s is proved by tests that exist and name it', (page, atLeast, words) => {
  const all = proofs(page);
  const sentences = readFileSync(new URL(page, docs), 'utf8').match(/^- .+$/gm) ?? [];
  expect(new Set(all.map(({ sentence }) => sentence)).size).toBe(sentences.length);
  expect(sentences.length).toBeGreaterThanOrEqual(atLeast);
  const wrong = all.filter(({ sentence, title, file }) => {
    const wanted = plain(words(sentence)).replace(/\.$/, '');
    return !testsIn(file).some((test) => test.title === title && test.named.includes(wanted));
  });
  expect(wrong).toEqual([]);
});
