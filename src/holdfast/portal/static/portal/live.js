// Says a sentence to screen readers through the page's live region.
export function announce(sentence) {
  const region = document.getElementById("live");
  if (!region) return;
  region.textContent = "";
  // A changed node is read; the same text set twice is not, hence the pause.
  setTimeout(() => { region.textContent = sentence; }, 50);
}
