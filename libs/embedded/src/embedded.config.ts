/** What a child gets of this process' environment: enough to run, nothing that a shell happens to export besides. */
export function childEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, JAVA_HOME, TMPDIR, TZ } = process.env;
  return { PATH, HOME, JAVA_HOME, TMPDIR, TZ };
}

/** Takes from this process what a shell exports for PostgreSQL's own clients: pg heeds it wherever a URL says nothing. */
export function forgetPostgresVariables(): void {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('PG')) Reflect.deleteProperty(process.env, name);
  }
}
