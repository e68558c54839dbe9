import { partsOf } from './sentence.js';

const one = '0198a1de-aaaa-7000-8000-000000000001';
const other = '0198a1de-aaaa-7000-8000-000000000002';

describe('the users in a sentence', () => {
  it('stand apart from the text', () => {
    expect(partsOf(`API user ${one} was deactivated by portal user ${other}`)).toEqual([
      { text: 'API user ' },
      { userId: one },
      { text: ' was deactivated by portal user ' },
      { userId: other },
    ]);
  });

  it('and names that are not plain stand apart from it', () => {
    const [first, second] = ['חיוב', 'Größe'];
    expect(
      partsOf(`The role of API user ${one} was changed from ${first} to ${second} by portal user ${other}`, {
        from_role_name: first,
        to_role_name: second,
        actor: 'portal_user',
      }),
    ).toEqual([
      { text: 'The role of API user ' },
      { userId: one },
      { text: ' was changed from ' },
      { name: first },
      { text: ' to ' },
      { name: second },
      { text: ' by portal user ' },
      { userId: other },
    ]);
  });

  it.each([`Customer "${one}" was provisioned`, 'GET /api/v1/users refused', ''])('are none in %j', (text) => {
    expect(partsOf(text)).toEqual(text === '' ? [] : [{ text }]);
  });
});
