import type { Endpoints } from '@rebelcore/embedded/endpoints';
import { expect } from '@playwright/test';

/** The link in the newest mail to an address, once there are `count` mails to it. */
export async function invitationTo({ mailbox }: Endpoints, address: string, count = 1): Promise<string> {
  let links: string[] = [];
  await expect(async () => {
    const answer = await fetch(`${mailbox ?? ''}/messages?to=${encodeURIComponent(address)}`);
    const { items } = (await answer.json()) as { items: { links: string[] }[] };
    expect(items).toHaveLength(count);
    links = items[0]?.links ?? [];
  }, 'the mailbox').toPass({ timeout: 10_000 });
  expect(links).toHaveLength(1);
  return links[0] ?? '';
}
