/**
 * Whether 32 bytes may be what a generator of random ones has made. Refuses what people write instead: few different bytes,
 * a text, a sequence, one half twice. Of random keys it refuses fewer than one in 10^13.
 */
export function looksRandom(key: Uint8Array): boolean {
  return !key.every((byte) => byte >= 0x20 && byte < 0x7f) && hasNoPattern(key);
}

/** The same of the bytes of a text, which may be a text: few different ones, a sequence, one half twice are refused. */
export function hasNoPattern(key: Uint8Array): boolean {
  const steps = key.map((byte, index) => byte - (key[index - 1] ?? 0));
  const half = key.length / 2;
  const isDoubled = key.subarray(0, half).every((byte, index) => byte === key[half + index]);
  return !isDoubled && new Set(key).size > 8 && new Set(steps).size > 8;
}
