import { expectStatus } from '../support/system.js';
import { serveForeignPage } from './support/foreign-page.js';
import { enrolledOwner, typePassword, typeRecoveryCode } from './support/owner.js';
import { recordingProxy } from './support/recording-proxy.js';
import { expect, test } from './support/test.js';

const POLICY = [
  "default-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join(';');

// S14
test('each page and each part of it carries the policy, and no other site may frame it', async ({ page }) => {
  const start = await page.request.get('/');
  const assets = [...(await start.text()).matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '');
  expect(assets.some((path) => path.endsWith('.js'))).toBe(true);
  expect(assets.some((path) => path.endsWith('.css'))).toBe(true);
  for (const path of ['/', '/users', '/hand-over/some', '/no-such-page', ...assets]) {
    const headers = (await page.request.get(path)).headers();
    expect(headers['content-security-policy'], path).toBe(POLICY);
    expect(headers['x-frame-options'], path).toBe('DENY');
    expect(headers['x-content-type-options'], path).toBe('nosniff');
    expect(headers['referrer-policy'], path).toBe('no-referrer');
    expect(headers['cache-control'], path).toBe(
      path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    );
  }
});

test('another origin that frames the portal shows nothing of it', async ({
  signedInPage: page,
  system,
  complaints,
}) => {
  complaints.allow(/frame|X-Frame-Options/i);
  const foreign = await serveForeignPage(
    `<iframe name="own" src="/own"></iframe><iframe name="portal" src="${system.portal}/users"></iframe>`,
  );
  try {
    const refused = page.waitForEvent('requestfailed', (request) => request.url() === `${system.portal}/users`);
    await page.goto(foreign.address);
    await expect(page.frameLocator('[name=own]').getByText('its own frame')).toBeVisible();
    expect((await refused).failure()?.errorText).toBe('net::ERR_BLOCKED_BY_RESPONSE');
    await expect(page.frameLocator('[name=portal]').getByRole('heading', { name: 'Users' })).toHaveCount(0);
    expect(page.frame('portal')?.url()).not.toContain(system.portal);
  } finally {
    await foreign.close();
  }
});

// S14
test('a page of another origin writes nothing, by script or by form, though the browser sends the cookie', async ({
  signedInPage: page,
  customer,
  system,
  complaints,
}) => {
  complaints.allow(/CORS|Access-Control/);
  const minted = await customer.mint();
  const proxy = await recordingProxy(system.portal);
  const roles = `${proxy.address}/api/v1/roles`;
  const deactivate = `${proxy.address}/api/v1/users/${minted.id}/deactivate`;
  const role = '{"name":"Forged","permissions":{"can_add_users":true},"x":"';
  const foreign = await serveForeignPage(
    `<form id="plain" method="post" enctype="text/plain" action="${roles}"><input name='${role}' value='"}'></form>
     <form id="encoded" method="post" action="${deactivate}"><input name="status" value="inactive"></form>`,
  );
  try {
    for (const address of [roles, deactivate]) {
      await page.goto(foreign.address);
      await page.evaluate(
        ([url = '', body = '']) =>
          fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body })
            .catch(() => undefined)
            .then(() => undefined),
        [address, `${role}"}`],
      );
    }
    for (const form of ['plain', 'encoded']) {
      await page.goto(foreign.address);
      await page.evaluate((id) => {
        (document.getElementById(id) as HTMLFormElement).submit();
      }, form);
      await expect(page.getByText('request.foreign-origin')).toBeVisible();
    }
    expect(proxy.recorded.map(({ what, status }) => [new URL(what.slice(5), proxy.address).href, status])).toEqual([
      [roles, 403],
      [deactivate, 403],
      [roles, 403],
      [deactivate, 403],
    ]);
    for (const { sent } of proxy.recorded) expect(sent).toContain('__Host-');
  } finally {
    await foreign.close();
    await proxy.close();
  }
  const user = (await customer.owner.get(`/api/v1/users/${minted.id}`)).body as { status: string };
  expect(user.status).toBe('active');
  const { items } = (await customer.owner.get('/api/v1/roles')).body as { items: { name: string }[] };
  expect(items.map(({ name }) => name)).not.toContain('Forged');
});

test('signing in leads whoever is enrolled to no other origin', async ({ page, system }) => {
  test.setTimeout(120_000);
  const owner = await enrolledOwner(system);
  for (const [index, next] of ['//evil.example/', 'https://evil.example/', '/\\evil.example/'].entries()) {
    await page.goto(`/sign-in?next=${encodeURIComponent(next)}`);
    await typePassword(page, owner);
    await typeRecoveryCode(page, owner.codes[index] ?? '');
    await expect(page.getByRole('heading', { level: 1, name: 'Users' })).toBeVisible();
    expect(new URL(page.url()).origin).toBe(system.portal);
    await page.context().clearCookies();
  }
});

test('a cursor that was tampered with is refused, and the list keeps its rows and says so', async ({
  signedInPage: page,
  customer,
}) => {
  for (const label of ['first', 'second']) await customer.mint({ label });
  for (const path of ['users', 'activity']) {
    const first = await customer.owner.get(`/api/v1/${path}?limit=1`);
    expectStatus(first, 200);
    const { next_cursor: cursor } = first.body as { next_cursor: string };
    const tampered = `${cursor.slice(0, -2)}${cursor.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const wrong of [tampered, 'nonsense', '%00']) {
      const answer = await customer.owner.get(`/api/v1/${path}?limit=1&cursor=${wrong}`);
      expectStatus(answer, 400);
      expect(answer.body, path).toMatchObject({ errors: [{ field: 'cursor' }] });
    }
  }

  let tampering = true;
  await page.route(/\/api\/v1\/users\?/, (route) => {
    const url = new URL(route.request().url());
    url.searchParams.set('limit', '1');
    if (tampering && url.searchParams.has('cursor')) url.searchParams.set('cursor', 'nonsense');
    return route.continue({ url: url.href });
  });
  await page.goto('/users?type=api');
  const error = page.getByRole('alert').filter({ hasText: 'The list could not be loaded (400).' });
  await expect(error).toContainText(/What you see is from \d\d:\d\d:\d\d/);
  await expect(page.getByRole('link', { name: /second/ })).toBeVisible();
  tampering = false;
  await error.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('link', { name: /first/ })).toBeVisible();
  await expect(error).toBeHidden();
});
