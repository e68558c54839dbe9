// What an API that accepts tokens cannot do without: it verifies each one.
import { createPublicKey } from 'node:crypto';
import { createServer } from 'node:http';
import { serveHttp } from '../lib/child.mjs';
import { isSigned } from '../lib/es256.mjs';

serveHttp(({ jwk, issuer, audience }) => {
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const parse = (text) => JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  const accepts = (authorization = '') => {
    const [head, payload, signature] = authorization.slice('Bearer '.length).split('.');
    const { alg, typ, kid } = parse(head);
    if (alg !== 'ES256' || typ !== 'at+jwt' || kid !== jwk.kid) return false;
    const { iss, aud, exp } = parse(payload);
    if (iss !== issuer || aud !== audience || exp * 1000 <= Date.now()) return false;
    return isSigned(key, `${head}.${payload}`, Buffer.from(signature, 'base64url'));
  };
  return Promise.resolve(
    createServer((request, response) => {
      const [status, text] = accepts(request.headers.authorization) ? [200, 'ok'] : [401, 'invalid token'];
      response.writeHead(status, { 'content-type': 'text/plain', 'content-length': text.length });
      response.end(text);
    }),
  );
});
