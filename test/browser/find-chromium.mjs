import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { chromium } from '@playwright/test';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];
const MAC = ['Chromium.app/Contents/MacOS/Chromium', 'Google Chrome.app/Contents/MacOS/Google Chrome'];
const USUAL_PLACES = [
  ...['/usr/bin', '/usr/local/bin', '/snap/bin', '/opt/google/chrome'].flatMap((folder) =>
    NAMES.map((name) => join(folder, name)),
  ),
  ...['/Applications', join(homedir(), 'Applications')].flatMap((folder) => MAC.map((name) => join(folder, name))),
];
const INSTALLING_MS = 10 * 60_000;

/**
 * A Chromium or Chrome that starts: an installed one, one that Playwright has downloaded before, else Debian's package
 * where it may be installed, else Playwright's own.
 *
 * @param progress told what is being installed
 * @returns its path
 * @throws {Error} saying what to do where none is to be had
 */
export function findChromium(progress) {
  const found = installed() ?? playwrights();
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && runs('apt-get', ['--version'])) {
    progress("Installing Debian's chromium …");
    const apt = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=120'];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    runs('apt-get', [...apt, 'update'], env);
    runs('apt-get', [...apt, 'install', '--no-install-recommends', 'chromium'], env);
    const debians = installed();
    if (debians !== undefined) return debians;
  }
  progress("Downloading Playwright's Chromium …");
  const cli = join(import.meta.dirname, '../../node_modules/@playwright/test/cli.js');
  runs(process.execPath, [cli, 'install', 'chromium']);
  const downloaded = playwrights();
  if (downloaded !== undefined) return downloaded;
  throw new Error(
    'The browser tests need Chromium, which could be neither found nor installed: install Chromium or Chrome ' +
      '(on Debian: apt-get install chromium), so that "chromium" or "google-chrome" starts it, and run this again.',
  );
}

function installed() {
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...onPath, ...USUAL_PLACES].find(starts);
}

function playwrights() {
  const path = chromium.executablePath();
  return starts(path) ? path : undefined;
}

/** Ubuntu has a `chromium-browser` that only says where to get one. */
const starts = (path) => existsSync(path) && runs(path, ['--version']);

const runs = (command, args, env = process.env) =>
  spawnSync(command, args, { env, stdio: 'ignore', timeout: INSTALLING_MS }).status === 0;
