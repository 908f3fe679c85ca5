// Keeps the page of a deletion true: asks how far it has come every two seconds, and shows the whole page anew at its end.
import { announce } from "./live.js";

const PAUSE_MS = 2000;
const TOLD_MS = 20000;

function start(root) {
  const bar = root.querySelector("progress");
  const text = root.querySelector(".progress-text");
  const reason = root.querySelector("[data-deletion-reason]");
  let toldAt = 0;

  async function look() {
    if (document.hidden) return;
    const answer = await fetch(root.dataset.deletion, { redirect: "manual", headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const found = await answer.json();
    if (!found.is_active) {
      location.reload();
      return;
    }
    if (found.value === null) {
      bar.removeAttribute("value");
    } else {
      bar.max = found.max;
      bar.value = found.value;
    }
    text.textContent = found.text;
    reason.textContent = found.reason;
    reason.hidden = !found.reason;
    if (Date.now() - toldAt > TOLD_MS) {
      toldAt = Date.now();
      announce(found.text);
    }
  }

  // One after the other, however long an answer takes; what fails is asked again.
  const next = () => setTimeout(() => look().catch(() => {}).finally(next), PAUSE_MS);
  next();
}

for (const root of document.querySelectorAll("[data-deletion]")) start(root);
