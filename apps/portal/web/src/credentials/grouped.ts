/** "k3vTq9ZpWm…" → ["k3vTq9", "ZpWm…", …]: set apart by style only, so that what is copied has no gap. */
export const grouped = (text: string, size: number): readonly string[] =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, index) => text.slice(index * size, (index + 1) * size));
