import { groupOf, isOffered, isPlainPath, ROUTES } from './routes.js';

describe('the routes of the gateway', () => {
  it('offer nothing internal, and no prefix twice', () => {
    const prefixes = ROUTES.flatMap((group) => group.prefixes);
    expect(prefixes.filter((prefix) => /internal|health|metrics/.test(prefix))).toEqual([]);
    expect(new Set(prefixes).size).toBe(prefixes.length);
  });

  it('describe only what they offer, each from its own service', () => {
    expect(isOffered('identity', '/api/v1/users/{id}/deactivate')).toBe(true);
    expect(isOffered('identity', '/api/v1/usersx')).toBe(false);
    expect(isOffered('identity', '/internal/session-tokens')).toBe(false);
    expect(isOffered('token', '/api/v1/users')).toBe(false);
  });

  it.each([
    ['/api/v1/api-users', 'identity', 'session', 'managing'],
    ['/api/v1/api-users/{id}/hand-overs', 'identity', 'session', 'managing'],
    ['/api/v1/api-users/{id}/usage', 'audit', 'session', 'managing'],
    ['/api/v1/api-users/usage', 'audit', 'session', 'managing'],
    ['/api/v1/hand-overs/{id}', 'identity', 'session', 'managing'],
    ['/api/v1/hand-overs/{id}/open', 'identity', 'own', 'guessing'],
    ['/api/v1/invites/{token}/accept', 'identity', 'own', 'guessing'],
    ['/api/v1/me/second-factor/confirm', 'identity', 'enrolling', 'managing'],
    ['/api/v1/sessions/{id}', 'identity', 'cookie', 'guessing'],
    ['/api/v1/users/{id}/reset-second-factor', 'identity', 'session', 'managing'],
    ['/api/v1/customers/{id}/owner/reset-second-factor', 'identity', 'own', 'managing'],
    ['/api/v1/activity/export', 'audit', 'session', 'managing'],
    ['/api/v1/authorize', 'token', 'own', 'unlimited'],
    ['/oauth2/token', 'token', 'own', 'unlimited'],
    ['/.well-known/oauth-authorization-server', 'token', 'own', 'unlimited'],
    ['/.well-known/oauth-protected-resource/api/v1/infer', 'inference', 'own', 'unlimited'],
  ])('lead %s to %s, with %s credentials, %s', (path, service, credentials, rate) => {
    expect(groupOf(path)).toMatchObject({ service, credentials, rate });
  });

  it.each([
    '/api/v1/users/../../../internal/session-tokens',
    '/api/v1/users/%2e%2e/%2E%2e/internal/session-tokens',
    '/api/v1/users/.%2e/x',
    '/api/v1/users/./x',
    '/api/v1/users/..',
    '/api/v1/users\\..\\..\\internal',
    '/api/v1/users/%2f..%2finternal',
    '/api/v1/users/%5c..%5cinternal',
    '/api/v1/users/x%00',
    '//evil.example/api/v1/users',
    '/api/v1//users',
    'http://evil.example/api/v1/users',
    '*',
    '',
  ])('refuse %j, which two parsers could read differently', (url) => {
    expect(isPlainPath(url)).toBe(false);
  });

  it.each([
    '/',
    '/api/v1/users',
    '/api/v1/users/x..y',
    '/api/v1/activity?q=../..&from=2026-01-01T00:00:00%2B01:00',
    '/a%20b',
  ])('take %j as it is', (url) => {
    expect(isPlainPath(url)).toBe(true);
  });
});
