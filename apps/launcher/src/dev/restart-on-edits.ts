import { join } from 'node:path';
import { dim, say } from '@rebelcore/embedded/command';
import { folderOf, isStoring, ROOT } from '../service-program.js';
import type { ServiceHandle } from '../system/services.js';
import type { System } from '../system/system.js';
import { watchBuild } from './build-watch.js';
import { concernedServices, readReferences } from './concerned-services.js';
import { watchWeb } from './web-watch.js';

/** From now on builds what is edited and restarts the services that run it, after their migrations where those changed. */
export function restartOnEdits(system: System): void {
  const references = readReferences(ROOT);

  const restart = async (service: ServiceHandle, files: readonly string[], since: number) => {
    const { name } = service;
    try {
      const migrations = `${folderOf(name)}/dist/migrations/`;
      if (isStoring(name) && files.some((file) => file.startsWith(migrations))) await system.migrate(name);
      await service.restart();
      say(`${name} rebuilt and restarted in ${((performance.now() - since) / 1000).toFixed(1)} s`);
    } catch (error) {
      // The whole system is being stopped, in the middle of this restart.
      if (service.process.askedToStop) return;
      say(`${(error as Error).message}\n${name} waits for the next edit.`);
    }
  };
  const restartConcerned = async (files: readonly string[], since: number) => {
    const names = concernedServices(files, references);
    if (names.length === 0) say(dim('Rebuilt; no service runs what was edited.'));
    const concerned = system.services.filter(({ name }) => names.includes(name));
    await Promise.all(concerned.map((service) => restart(service, files, since)));
  };

  // One build after the other: what is edited during a restart is restarted with once it is over.
  let restarted = Promise.resolve();
  const lost = (error: Error) => {
    say(`Edits are no longer noticed, start again: ${error.message}`);
  };
  const watching = watchBuild({ root: ROOT, colour: process.stdout.isTTY }, (report) => {
    if (report.kind === 'failed') say(report.errors);
    else restarted = restarted.then(() => restartConcerned(report.files, report.since));
  });
  watching.on('error', lost);
  let firstWeb = true;
  const watchingWeb = watchWeb(join(ROOT, 'apps/portal/web'), (report) => {
    if (report.kind === 'failed') say(report.error);
    else if (!firstWeb) say(`web app rebuilt in ${(report.ms / 1000).toFixed(1)} s; load the page again`);
    firstWeb = false;
  });
  watchingWeb.on('error', lost);
}
