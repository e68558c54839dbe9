/** What a hand-over link hands over; the password of an API user with what is needed to use it. */
export interface Credentials {
  readonly label: string | null;
  readonly username: string;
  readonly password: string;
}

const IV_BYTES = 12;

/**
 * Encrypts for a link whose key never reaches a server: AES-256-GCM, the IV in front of the ciphertext.
 *
 * @returns both in base64url; the key belongs into the fragment of the link
 */
export async function seal(credentials: Credentials): Promise<{ readonly ciphertext: string; readonly key: string }> {
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']);
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const plain = new TextEncoder().encode(JSON.stringify(credentials));
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, plain));
  plain.fill(0);
  const whole = new Uint8Array(IV_BYTES + sealed.length);
  whole.set(iv);
  whole.set(sealed, IV_BYTES);
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', key));
  return { ciphertext: base64url(whole), key: base64url(raw) };
}

/** @returns undefined when the key does not fit: a link that was cut short or changed on its way */
export async function unseal(ciphertext: string, key: string): Promise<Credentials | undefined> {
  try {
    const whole = bytesOf(ciphertext);
    const cryptoKey = await crypto.subtle.importKey('raw', bytesOf(key), 'AES-GCM', false, ['decrypt']);
    const iv = whole.subarray(0, IV_BYTES);
    const plain = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, cryptoKey, whole.subarray(IV_BYTES));
    return credentialsOf(JSON.parse(new TextDecoder().decode(plain)));
  } catch {
    return undefined;
  }
}

/** A key has 256 bits: 43 characters. Told before the link is opened, since opening it works only once. */
export const isKey = (fragment: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(fragment);

function credentialsOf(value: unknown): Credentials | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { label, username, password } = value as Record<string, unknown>;
  if (typeof username !== 'string' || typeof password !== 'string') return undefined;
  return { label: typeof label === 'string' ? label : null, username, password };
}

function base64url(bytes: Uint8Array): string {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
