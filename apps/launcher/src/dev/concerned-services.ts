import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { folderOf, SERVICES, type ServiceName } from '../service-program.js';

/** The folders that each folder with a `tsconfig.json` is built from; all below the repository. */
export type References = ReadonlyMap<string, readonly string[]>;

/** What the `tsconfig.json` of the repository refers to, and what that refers to in turn. */
export function readReferences(root: string): References {
  const references = new Map<string, string[]>();
  const visit = (folder: string): string[] => {
    const text = readFileSync(join(root, folder, 'tsconfig.json'), 'utf8');
    const { references: listed = [] } = JSON.parse(text) as { references?: { path: string }[] };
    const folders = listed.map(({ path }) => posix.join(folder, path));
    for (const each of folders) if (!references.has(each)) references.set(each, visit(each));
    return folders;
  };
  visit('.');
  return references;
}

/** The services that run one of these files, as their own or as a library's; paths below the repository. */
export function concernedServices(files: readonly string[], references: References): ServiceName[] {
  return SERVICES.filter((service) => {
    const folders = builtFrom(folderOf(service), references);
    return files.some((file) => folders.some((folder) => file.startsWith(`${folder}/`)));
  });
}

const builtFrom = (folder: string, references: References): string[] => [
  folder,
  ...(references.get(folder) ?? []).flatMap((each) => builtFrom(each, references)),
];
