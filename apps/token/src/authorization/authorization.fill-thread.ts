import { createKafka, type KafkaSettings } from '@rebelcore/messaging/kafka-client';
import { createLogger } from '@rebelcore/service/log';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { fillHere, type Fill, type FillJob } from './authorization.fill.js';

interface ThreadData {
  readonly job: FillJob;
  readonly kafka: KafkaSettings;
}

/** Fills on a thread of its own, this file: what takes the time is reading records, and Node does that on one core. */
export const fillOnThread =
  (kafka: KafkaSettings): Fill =>
  (job, { onRecords, signal }) =>
    new Promise((resolve, reject) => {
      const data: ThreadData = { job, kafka };
      const thread = new Worker(new URL(import.meta.url), { workerData: data });
      const stop = () => void thread.terminate();
      signal.addEventListener('abort', stop);
      thread.on('message', onRecords).on('error', reject);
      thread.on('exit', (code) => {
        signal.removeEventListener('abort', stop);
        if (code === 0) resolve();
        else reject(new Error(`the thread that read ${job.topic} ended with ${String(code)}`));
      });
    });

if (parentPort !== null) {
  const port = parentPort;
  const { job, kafka } = workerData as ThreadData;
  const fill = fillHere(createKafka(kafka), createLogger('token-rebuild', 'fatal'));
  // It is not aborted but terminated.
  const { signal } = new AbortController();
  const onRecords = (records: number) => {
    port.postMessage(records);
  };
  await fill(job, { onRecords, signal });
  process.exit(0);
}
