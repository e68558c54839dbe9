import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JAVA_OPTIONS, javaEnvironment, linkJars, type KafkaLogin } from './kafka.js';

/**
 * Makes a SCRAM login in a running cluster, or gives it another password. By Kafka's own tool, since kafkajs does not know
 * this request; passwords reach it in files, which nobody else may read, and never as arguments.
 */
export function makeKafkaUser(brokers: readonly string[], admin: KafkaLogin, user: KafkaLogin): void {
  const folder = mkdtempSync(join(tmpdir(), 'kafka-user-'));
  const file = (name: string, lines: readonly string[]) => {
    const path = join(folder, name);
    writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
    return path;
  };
  try {
    linkJars(folder);
    const connection = file('admin.properties', [
      'security.protocol=SASL_PLAINTEXT',
      'sasl.mechanism=SCRAM-SHA-256',
      `sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="${admin.username}" password="${admin.password}";`,
    ]);
    const credential = file('user.properties', [`SCRAM-SHA-256=password=${user.password}`]);
    const where = ['--bootstrap-server', brokers.join(','), '--command-config', connection];
    const what = ['--alter', '--entity-type', 'users', '--entity-name', user.username, '--add-config-file', credential];
    const command = [...JAVA_OPTIONS, 'kafka.admin.ConfigCommand', ...where, ...what];
    const { status, stderr, stdout } = spawnSync('java', command, {
      cwd: folder,
      env: javaEnvironment(),
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`Kafka did not take the login: ${stderr || stdout}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
