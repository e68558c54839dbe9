import { expect, test } from './support/test.js';

const LABELS = {
  'from right to left': 'חיוב · ייצור',
  'that would turn its surroundings around': 'billing \u05d0 (prod)',
  'of markup': '<img src=x onerror=alert(1)><b>bold</b>',
  'as long as one may be, without a blank': 'w'.repeat(100),
  'of a formula': '=HYPERLINK("http://evil.example","press")',
};

for (const [kind, label] of Object.entries(LABELS)) {
  test(`a label ${kind} stands as it is, apart from the text around it, and breaks no page 320 px wide`, async ({
    signedInPage: page,
    customer,
  }) => {
    const { id } = await customer.mint({ label });
    await customer.activity(`user_id=${id}&event_type=api_user.create`, 1);
    await page.setViewportSize({ width: 320, height: 640 });
    for (const address of [`/users?type=api`, `/users?user=${id}`, `/activity?user=${id}`]) {
      await page.goto(address);
      // An element that isolates the direction of its text, with nothing but the label in it.
      const isolated = () =>
        page.evaluate(
          (text) =>
            [...document.querySelectorAll('bdi')].some((each) => each.textContent === text && each.checkVisibility()),
          label,
        );
      await expect.poll(isolated, address).toBe(true);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect([address, overflow <= 0]).toEqual([address, true]);
    }
    await expect(page.locator('img[src=x]')).toHaveCount(0);
  });
}
