import { readFileSync } from 'node:fs';
import ts from 'typescript';

const page = new URL('../../docs/published.md', import.meta.url);

interface Proof {
  readonly sentence: string;
  readonly title: string;
  readonly file: string;
}

/** The page is a list of sentences, and below each the tests that prove it: "- [`title`](file)". */
function proofs(): Proof[] {
  let sentence = '';
  return readFileSync(page, 'utf8')
    .split('\n')
    .flatMap((line) => {
      sentence = /^- (.+)$/.exec(line)?.[1] ?? sentence;
      const [, title, file] = /^ {2}- \[`(.+)`\]\((.+)\)$/.exec(line) ?? [];
      return title === undefined || file === undefined ? [] : [{ sentence, title, file }];
    });
}

/** Title and the comment above, of each test and group of tests in a file. */
function testsIn(file: string): { title: string; named: string }[] {
  const text = readFileSync(new URL(file, page), 'utf8');
  const found: { title: string; named: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node) && ts.isCallExpression(node.expression)) {
      const { expression, arguments: given } = node.expression;
      const [title] = given;
      if (/^(it|test|describe)\b/.test(expression.getText()) && title !== undefined) {
        const words = ts.isStringLiteralLike(title) ? title.text : title.getText().slice(1, -1);
        found.push({ title: words, named: plain(`${words}\n${commentAbove(text, node)}`) });
      }
    }
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

it('proves each published sentence by tests that exist and name it', () => {
  const all = proofs();
  const sentences = readFileSync(page, 'utf8').match(/^- .+$/gm) ?? [];
  expect(new Set(all.map(({ sentence }) => sentence)).size).toBe(sentences.length);
  expect(sentences.length).toBeGreaterThan(30);
  const wrong = all.filter(({ sentence, title, file }) => {
    const words = plain(sentence).replace(/\.$/, '');
    return !testsIn(file).some((test) => test.title === title && test.named.includes(words));
  });
  expect(wrong).toEqual([]);
});
