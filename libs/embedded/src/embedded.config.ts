/** What a child gets of this process' environment: enough to run, nothing that a shell happens to export besides. */
export function childEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, JAVA_HOME, TMPDIR, TZ } = process.env;
  return { PATH, HOME, JAVA_HOME, TMPDIR, TZ };
}
