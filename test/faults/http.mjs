import { Agent, request } from 'node:http';

// Idle connections end before the services' own keep-alive of 65 s, so that none is used while it is being closed.
const agent = new Agent({ keepAlive: true, maxSockets: 512, timeout: 30_000 });

/**
 * One request; never throws. `status` is undefined when there was no answer, for whatever reason: then it is unknown
 * whether the other side acted. Times are in nanoseconds of one clock.
 */
export function send(method, url, { body, headers = {}, timeoutMs = 10_000 } = {}) {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const start = process.hrtime.bigint();
  return new Promise((resolve) => {
    const done = (result) => resolve({ start, end: process.hrtime.bigint(), ...result });
    const outgoing = request(url, {
      method,
      agent,
      headers: {
        ...(payload !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(payload),
        }),
        ...headers,
      },
    });
    const timer = setTimeout(() => outgoing.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    const failed = (error) => {
      clearTimeout(timer);
      done({ error: error.message });
    };
    outgoing.on('error', failed);
    outgoing.on('response', (response) => {
      const chunks = [];
      response.on('error', failed);
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        clearTimeout(timer);
        const text = Buffer.concat(chunks).toString();
        done({ status: response.statusCode, headers: response.headers, text, body: parsed(text) });
      });
    });
    outgoing.end(payload);
  });
}

export const milliseconds = ({ start, end }) => Number(end - start) / 1e6;

function parsed(text) {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
