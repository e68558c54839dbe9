import { errorAnswer } from './oauth-error.js';
import { problemDocument } from './problem.js';

const answer = (url: string | undefined) => errorAnswer(url, problemDocument(503, 'test', 'Please "try" again.'));

it.each(['/oauth2/token', '/oauth2/token?a=b', '/oauth2', '/%6fauth2/token', '/oauth2/%zz'])(
  'writes an error at %s as OAuth clients read it',
  (url) => {
    const { type, body } = answer(url);
    expect(type).toBe('application/json');
    expect(JSON.parse(body)).toEqual({ error: 'temporarily_unavailable', error_description: 'Please try again.' });
  },
);

it.each([
  undefined,
  '/',
  '/oauth2x',
  '/api/v1/authorize',
  '/api/v1/authorize?next=/oauth2/token',
  '/%zz',
  '/%256fauth2',
  '/%6Fauth2%2Ftoken',
])('writes an error at %s as a problem document', (url) => {
  const { type, body } = answer(url);
  expect(type).toBe('application/problem+json');
  expect(JSON.parse(body)).toMatchObject({ status: 503, code: 'test' });
});
