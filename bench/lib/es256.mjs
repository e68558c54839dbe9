import { sign, verify } from 'node:crypto';

// `sign` and `verify` are called with the KeyObject itself: given options instead, Node 24 throws and catches two errors
// inside to find out what it was given, which costs as much as the signature. So the conversion between DER, which they
// then speak, and the 64 bytes of a JWS is done here.

export const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A compact JWS; `head` is encoded already. */
export function signedToken(privateKey, head, claims) {
  const input = `${head}.${encode(claims)}`;
  return `${input}.${rawOf(sign('sha256', Buffer.from(input), privateKey)).toString('base64url')}`;
}

export function isSigned(publicKey, input, signature) {
  return signature.length === 64 && verify('sha256', Buffer.from(input), publicKey, derOf(signature));
}

function rawOf(der) {
  const raw = Buffer.alloc(64);
  let at = 2;
  for (const end of [32, 64]) {
    const length = der[at + 1];
    const start = at + 2;
    const kept = Math.min(length, 32);
    der.copy(raw, end - kept, start + length - kept, start + length);
    at = start + length;
  }
  return raw;
}

function derOf(raw) {
  const integer = (bytes) => {
    let start = 0;
    while (start < 31 && bytes[start] === 0) start += 1;
    const value = bytes.subarray(start);
    return value[0] > 127
      ? Buffer.concat([Buffer.from([2, value.length + 1, 0]), value])
      : Buffer.concat([Buffer.from([2, value.length]), value]);
  };
  const both = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
  return Buffer.concat([Buffer.from([0x30, both.length]), both]);
}
