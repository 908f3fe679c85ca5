// Asks the server about a value while it is typed: data-check-url, on an input or on the field around it, is asked with
// ?value=… and answers {"ok": true or false, "message": "…"}, which appears below the input and is read out.
const QUIET_MS = 350; // Shorter asks at every letter; longer feels as if nothing happened.

function outputFor(input) {
  const field = input.closest(".field") ?? input.parentElement;
  let output = field.querySelector(".field-check");
  if (!output) {
    output = document.createElement("p");
    output.className = "field-check";
    output.setAttribute("aria-live", "polite");
    field.append(output);
  }
  output.id ||= `${input.id}_check`;
  const described = new Set((input.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  input.setAttribute("aria-describedby", [...described.add(output.id)].join(" "));
  return output;
}

function watch(input, address) {
  const output = outputFor(input);
  let timer;
  let asked;

  function show(kind, message) {
    output.dataset.kind = kind;
    output.textContent = message;
  }

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    const url = new URL(address, document.baseURI);
    url.searchParams.set("value", input.value);
    try {
      const response = await fetch(url, { headers: { Accept: "application/json" }, signal: asked.signal });
      if (!response.ok) return show("", "");
      const answer = await response.json();
      show(answer.ok ? "ok" : "error", answer.message ?? "");
    } catch (error) {
      // Without an answer nothing is said: the server checks again when the form is sent.
      if (error.name !== "AbortError") show("", "");
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    asked?.abort();
    show("", "");
    if (input.value) timer = setTimeout(ask, QUIET_MS);
  });
}

export function start() {
  for (const element of document.querySelectorAll("[data-check-url]")) {
    const input = element.matches("input, textarea, select") ? element : element.querySelector("input, textarea, select");
    if (input) watch(input, element.dataset.checkUrl);
  }
}
