// A button beside each password shows what was typed, so that one can check it. It is hidden again before it is sent.
function add(input) {
  const row = document.createElement("div");
  row.className = "field-row";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-secondary";
  button.setAttribute("aria-controls", input.id);
  input.replaceWith(row);
  row.append(input, button);

  function show(shown) {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-label", shown ? "Hide password" : "Show password");
  }

  show(false);

  button.addEventListener("click", () => show(input.type === "password"));
  input.form?.addEventListener("submit", () => show(false));
}

export function start() {
  for (const input of document.querySelectorAll(".field-password > input[type=password]")) add(input);
}
