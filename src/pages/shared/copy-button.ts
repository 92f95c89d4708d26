/** A button that copies a text and says so, or selects it where it may not. */

const SAID_MS = 2_000;

export function watchCopy(button: HTMLButtonElement, source: Element): void {
  const words = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // No permission, or no https: the reader can copy the selection.
      getSelection()?.selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => {
      button.textContent = words;
    }, SAID_MS);
  });
}
