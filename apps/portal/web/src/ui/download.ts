/** Hands the browser a text to save; nothing of it is sent anywhere. */
export function downloadText(name: string, text: string, type = 'text/plain'): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken it when the click returns; a moment more harms nobody.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 1_000);
}
