import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const children = new Set();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/**
 * Starts `bench/<file>` as a process of its own. It says `{port}` once it listens; jobs are answered one by one.
 *
 * @param {unknown} settings its first message
 */
export async function startChild(file, settings, execArgv = []) {
  const child = fork(fileURLToPath(new URL(`../${file}`, import.meta.url)), [], {
    execArgv,
    serialization: 'advanced',
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production' },
  });
  children.add(child);
  const ended = once(child, 'exit').then(([code, signal]) => {
    children.delete(child);
    return { error: `${file} ended (${code ?? signal})` };
  });
  const answer = async (message) => {
    child.send(message);
    const [reply] = await Promise.race([once(child, 'message'), ended.then((end) => [end])]);
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply;
  };
  const ready = await answer(settings);
  return {
    ...ready,
    pid: child.pid,
    ask: answer,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The other side: what a child does with its settings, and then with each job. */
export function serve(start) {
  let handle;
  process.on('message', (message) => {
    const work =
      handle === undefined ? start(message).then(([ready, jobs]) => ((handle = jobs), ready)) : handle(message);
    work.then(
      (reply) => process.send(reply),
      (error) => process.send({ error: `${error.stack}` }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  process.on('SIGTERM', () => process.exit(0));
}

/** For servers: listens on a free port and takes no jobs. */
export const serveHttp = (makeServer) => {
  serve(async (settings) => {
    const server = await makeServer(settings);
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return [{ port: server.address().port }, () => Promise.resolve({})];
  });
};
