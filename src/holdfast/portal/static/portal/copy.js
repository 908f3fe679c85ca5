// Copy buttons: [data-copy] holds a [data-copy-source] and a [data-copy-button], hidden until scripts run.
import { announce } from "./live.js";

const SHOWN_MS = 2000;

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copy(button) {
  const source = button.closest("[data-copy]").querySelector("[data-copy-source]");
  const text = button.querySelector("[data-copy-text]");
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // No clipboard on plain http, or the person refused: select it, so that their own keys copy it.
    select(source);
    announce("Selected. Press Control and C, or Command and C, to copy.");
    return;
  }
  text.textContent = "Copied";
  announce("Copied");
  setTimeout(() => { text.textContent = "Copy"; }, SHOWN_MS);
}

export function start() {
  for (const button of document.querySelectorAll("[data-copy-button]")) button.hidden = false;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy-button]");
    if (button) copy(button);
  });
}
