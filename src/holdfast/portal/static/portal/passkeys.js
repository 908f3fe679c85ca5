// Passkeys: forms with [data-passkey] are shown where the browser knows passkeys, and send what the device answered.
//   login  asks the server for options at the form's address (GET), then for any passkey of this site
//   use    asks for one of the passkeys in [data-passkey-options]
//   add    makes one by [data-passkey-options]; its checkbox "passwordless" asks for one that logs in alone
// Binary values cross as base64url: https://www.w3.org/TR/webauthn-3/#sctn-parseCreationOptionsFromJSON
const BINARY = new Set(["challenge", "id", "rawId", "clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]);

function toBytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function toText(buffer) {
  let plain = "";
  for (const byte of new Uint8Array(buffer)) plain += String.fromCharCode(byte);
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

// Options name the relying party by a plain id; all other ids are binary.
function decoded(value, name, parent) {
  if (typeof value === "string") return BINARY.has(name) && parent !== "rp" ? toBytes(value) : value;
  if (Array.isArray(value)) return value.map((each) => decoded(each, name, parent));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null).map(([key, each]) => [key, decoded(each, key, name)]));
}

function encoded(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return {
    type: credential.type,
    id: credential.id,
    rawId: toText(credential.rawId),
    authenticatorAttachment: credential.authenticatorAttachment,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

async function optionsOf(form) {
  if (form.dataset.passkey !== "login") return JSON.parse(form.dataset.passkeyOptions);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return (await answer.json()).request_options;
}

async function ask(form) {
  const { publicKey } = decoded(await optionsOf(form));
  if (form.dataset.passkey !== "add") return navigator.credentials.get({ publicKey });
  const alone = form.elements.passwordless?.checked ?? false;
  publicKey.authenticatorSelection = {
    ...publicKey.authenticatorSelection,
    residentKey: alone ? "required" : "discouraged",
    requireResidentKey: alone,
    ...(alone ? { userVerification: "required" } : {}),
  };
  return navigator.credentials.create({ publicKey });
}

const REASONS = {
  NotAllowedError: "No passkey was used: it was cancelled, took too long, or there is none for this site. Try again.",
  InvalidStateError: "This device has a passkey for your account already.",
  SecurityError: "The browser does not let this page use passkeys: open the portal by the address in your mail.",
};

function start(form) {
  const error = form.querySelector("[data-passkey-error]");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.credential.value) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    error.hidden = true;
    try {
      form.elements.credential.value = JSON.stringify(encoded(await ask(form)));
    } catch (problem) {
      error.textContent = REASONS[problem.name] ?? `The passkey did not work. ${problem.message}`;
      error.hidden = false;
      return;
    }
    form.submit();
  });
}

if (window.PublicKeyCredential && navigator.credentials) {
  for (const form of document.querySelectorAll("form[data-passkey]")) start(form);
}
