import { relative } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import ts from 'typescript';

/** What an edit has come to. */
export type BuildReport =
  /** It compiles: the programs that were written since the last report of this kind, and when the edit was seen (as `performance.now()` has it). */
  | { readonly kind: 'built'; readonly files: readonly string[]; readonly since: number }
  /** It does not; as tsc prints it. What was written is part of the next report that compiles. */
  | { readonly kind: 'failed'; readonly errors: string };

interface Watched {
  /** The folder with the `tsconfig.json` of all projects; the paths of files are below it. */
  readonly root: string;
  readonly colour: boolean;
}

/**
 * `tsc --build --watch`, in a thread of its own so that this one goes on answering while types are checked. It ends with
 * this process, or when it is terminated.
 */
export function watchBuild(watched: Watched, report: (report: BuildReport) => void): Worker {
  const worker = new Worker(new URL(import.meta.url), { workerData: watched });
  worker.on('message', report);
  return worker;
}

function watch({ root, colour }: Watched, report: (report: BuildReport) => void): void {
  const written = new Set<string>();
  let since = performance.now();
  let watching = false;
  let errors: ts.Diagnostic[] = [];
  const system: ts.System = {
    ...ts.sys,
    writeFile: (path, data, byteOrderMark) => {
      ts.sys.writeFile(path, data, byteOrderMark);
      if (path.endsWith('.js')) written.add(relative(root, path));
    },
  };
  const format = colour ? ts.formatDiagnosticsWithColorAndContext : ts.formatDiagnostics;
  const names: ts.FormatDiagnosticsHost = {
    getCurrentDirectory: () => root,
    getCanonicalFileName: (name) => name,
    getNewLine: () => '\n',
  };
  const finished = () => {
    if (errors.length > 0) {
      report({ kind: 'failed', errors: format(errors, names) });
    } else {
      if (written.size > 0) report({ kind: 'built', files: [...written], since });
      written.clear();
    }
  };
  const host = ts.createSolutionBuilderWithWatchHost(
    system,
    undefined,
    (diagnostic) => errors.push(diagnostic),
    () => undefined,
    ({ code }) => {
      if (STARTED.has(code)) {
        since = performance.now();
        errors = [];
      } else if (watching) {
        finished();
      }
    },
  );
  ts.createSolutionBuilderWithWatch(host, [root], {}).build();
  // The first build is done before anything is watched; whoever hears of it may edit at once.
  watching = true;
  finished();
}

/** tsc's codes of "Starting compilation in watch mode" and "File change detected"; the others say that it is done. */
const STARTED = new Set([6031, 6032]);

if (!isMainThread) watch(workerData as Watched, (report) => parentPort?.postMessage(report));
