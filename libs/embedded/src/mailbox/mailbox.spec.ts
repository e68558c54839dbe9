import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../processes.js';
import { startMailbox } from './mailbox.js';

describe('startMailbox', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'api-users-mailbox-'));

  afterAll(() => {
    rmSync(dataDir, { recursive: true });
  });

  it.each(['page', 'smtp'])('binds neither of its ports where somebody else has that of %s', async (name) => {
    const mailbox = await startMailbox({ dataDir }, { page: await freePort(), smtp: await freePort() });
    const free = { page: await freePort(), smtp: await freePort() };
    const taken = { ...free, [name]: Number(new URL(mailbox.url).port) };
    await expect(startMailbox({ dataDir }, taken)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await mailbox.stop();
    const again = await startMailbox({ dataDir }, free);
    await again.stop();
  });

  it.each(['', '\0\0\0\0', '{}'])('begins without mails where its list is damaged: %j', async (content) => {
    writeFileSync(join(dataDir, 'mailbox.json'), content);
    const mailbox = await startMailbox({ dataDir }, { page: await freePort(), smtp: await freePort() });
    expect(await (await fetch(`${mailbox.url}/messages`)).json()).toEqual({ items: [] });
    await mailbox.stop();
  });
});
