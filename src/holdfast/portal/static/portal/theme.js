// The choice of appearance takes effect at once; the same form, sent in the background, lets the server remember it.
import { announce } from "./live.js";

function show(form, theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of form.querySelectorAll("button[name=theme]")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
}

export function start() {
  const form = document.querySelector("[data-theme-form]");
  form?.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (!button) return;
    event.preventDefault();
    show(form, button.value);
    const fields = new FormData(form);
    fields.set("theme", button.value);
    try {
      const response = await fetch(form.action, { method: "POST", body: fields });
      if (!response.ok) throw new Error(String(response.status));
      announce(`Appearance: ${button.textContent.trim()}`);
    } catch {
      announce("The choice holds for this page only: the server could not be told.");
    }
  });
}
