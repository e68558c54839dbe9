// Sends many requests at the same moment, in a process of its own, so that sending them delays no measurement.
import { request as send } from 'node:http';
import { performance } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';
import { serve } from './child.mjs';

/** `{url, requests: {headers, body}[]}` → `{answers: {status, code, retryAfter, ms}[]}`; status 0 for none at all. */
serve(() =>
  Promise.resolve([{}, async ({ url, requests }) => ({ answers: await Promise.all(requests.map(one(url))) })]),
);

const one =
  (url) =>
  ({ headers, body }) =>
    new Promise((resolve) => {
      const began = performance.now();
      const lost = ({ code }) => resolve({ status: 0, code, ms: performance.now() - began });
      const request = send(url, {
        method: 'POST',
        agent: false,
        headers: { 'content-type': 'application/json', ...headers },
      });
      request.setTimeout(60_000, () => request.destroy(Object.assign(new Error('no answer'), { code: 'TIMEOUT' })));
      request.on('error', lost);
      request.on('response', (response) => {
        text(response).then((answer) => {
          const { statusCode: status, headers: answered } = response;
          const isProblem = answered['content-type']?.startsWith('application/problem+json') === true;
          const code = isProblem ? JSON.parse(answer).code : undefined;
          resolve({ status, code, retryAfter: answered['retry-after'], ms: performance.now() - began });
        }, lost);
      });
      request.end(JSON.stringify(body));
    });
