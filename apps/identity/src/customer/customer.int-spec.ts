import { errorsOf, IdentityFixture, someEmail, type TestCustomer } from '../identity.fixture-spec.js';

let identity: IdentityFixture;
let acme: TestCustomer;
beforeAll(async () => {
  identity = await IdentityFixture.start();
  acme = await identity.customer();
});
afterAll(() => identity.stop());

describe('provisioning a customer', () => {
  it('makes the customer and its Super Admin, with a password shown once when none was chosen', async () => {
    const { status, body, headers } = await identity.provision({ name: ' Wayne ' }, { email: 'Bruce@Example.test' });
    expect(status).toBe(201);
    expect(body).toMatchObject({ customer: { name: 'Wayne' }, owner: { email: 'Bruce@Example.test', owner: true } });
    expect(headers.get('position')).toBe('2');
    const { owner } = body as unknown as { owner: { password: string } };
    await expect(identity.signIn('bruce@example.TEST', owner.password)).resolves.toContain('__Host-session=');
  });

  it('refuses an e-mail address that any customer’s user has, however it is written', async () => {
    const answer = await identity.provision({}, { email: acme.email.toUpperCase() });
    expect(answer).toMatchObject({ status: 409, body: { code: 'portal-user.email-taken' } });
  });

  it('gives an address to one of 16 who ask at the same moment', async () => {
    const email = someEmail();
    const answers = await Promise.all(Array.from({ length: 16 }, () => identity.provision({}, { email })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 15 }, () => 409)]);
  });

  it.each(['', 'Bearer', 'Bearer wrong', 'Basic abc'])('refuses %j as the operator’s token', async (authorization) => {
    const answer = await identity.call('POST', '/api/v1/customers', { authorization, body: {} });
    expect(answer).toMatchObject({ status: 401, body: { code: 'operator.required' } });
  });

  it.each([
    [{ name: undefined }, {}, 'name', 'is required'],
    [{ name: '' }, {}, 'name', 'must not be empty'],
    [{ name: 'a\u0000b' }, {}, 'name', 'must not contain NUL or half a surrogate pair'],
    [{ plan: 'gold' }, {}, 'plan', 'is not a known field'],
    [{ owner: 7 }, {}, 'owner', 'must be an object'],
    [{}, { email: 'nobody' }, 'owner.email', 'must be an e-mail address'],
    [{}, { first_name: 7 }, 'owner.first_name', 'must be a string'],
    [{}, { password: 'short1' }, 'owner.password', 'must have at least 12 characters, letters and digits'],
  ])('refuses %j with owner %j and names the field and the rule', async (changes, owner, field, rule) => {
    const before = await identity.rows('select count(*) from event');
    expect(errorsOf(await identity.provision(changes, owner))).toEqual([400, [{ field, rule }]]);
    expect(await identity.rows('select count(*) from event')).toEqual(before);
  });
});
