/** Selects what an element shows, so that it can be copied by keyboard where the browser does not let us copy. */
export function selectText(element: HTMLElement | null): void {
  if (element !== null) getSelection()?.selectAllChildren(element);
}
