// "Test this token": this browser itself sends a signed ListBuckets, and says in plain words what it saw.
// The secret is on the page just now and goes no further than into a signature.
import { signedFetch } from "./sigv4.js";

const PATIENCE_MS = 15000;

function part(section, name) {
  return section.querySelector(`[data-token-test-${name}]`);
}

function tell(section, kind, title, words) {
  const result = part(section, "result");
  result.hidden = false;
  result.className = `notice notice-${kind}`;
  part(section, "title").textContent = title;
  part(section, "text").textContent = words;
}

async function readXml(response) {
  const found = new DOMParser().parseFromString(await response.text(), "application/xml");
  return (name) => found.getElementsByTagName(name)[0]?.textContent ?? "";
}

async function buckets(response) {
  const found = new DOMParser().parseFromString(await response.text(), "application/xml");
  return [...found.getElementsByTagName("Bucket")].map((bucket) => bucket.getElementsByTagName("Name")[0].textContent);
}

function tellBuckets(section, names) {
  const shown = names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
  const words = names.length === 0
    ? "The store knows this token. It sees no bucket yet: make one, or ask for access to one."
    : `The store knows this token, and it sees ${names.length === 1 ? "1 bucket" : `${names.length} buckets`}: ${shown}.`;
  tell(section, "ok", "It works", words);
}

async function tellRefusal(section, response) {
  const xml = await readXml(response);
  const code = xml("Code") || `HTTP ${response.status}`;
  const advice = {
    InvalidAccessKeyId: "The token does not stand: it was revoked, it ended, or its owner is no longer a member.",
    SignatureDoesNotMatch: "The secret is not the one of this token. Something between you and the store may change requests.",
    RequestTimeTooSkewed: "The clock of this computer is wrong by more than 15 minutes: set it.",
    AccessDenied: "The token is known, but may not list buckets. It may still do what it was narrowed to.",
  }[code] ?? "";
  const requestId = xml("RequestId") || response.headers.get("x-amz-request-id") || "";
  const words = [advice, xml("Message"), requestId && `Request id: ${requestId}`].filter(Boolean).join(" ");
  tell(section, response.status === 403 ? "error" : "warn", `The store said ${response.status} ${code}`, words);
}

// A failed fetch says nothing of why. One without CORS gets an opaque answer wherever network and certificate are well.
async function tellFailure(section, endpoint, error) {
  if (error.name === "AbortError" || error.name === "TimeoutError") {
    tell(section, "error", "No answer within 15 seconds", `${endpoint} can't be reached from here, or is very slow. ` +
      "A firewall may stand between: try from another network.");
    return;
  }
  const reachable = await fetch(`${endpoint}/health/live`, {
    mode: "no-cors", credentials: "omit", cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS),
  }).then(() => true, () => false);
  if (reachable) {
    tell(section, "error", "The store answered, but not to this page", `${endpoint} can be reached, yet its answer does ` +
      "not let this page read it (CORS). Programs are not affected: run s3cmd ls. Tell the operators of this site.");
    return;
  }
  const certificate = section.dataset.authority
    ? `This site's certificate is its own: open ${endpoint} in a new tab and accept it, or let your browser trust ca.pem. `
    : "";
  tell(section, "error", "The browser could not reach the store", `${certificate}Else the name ${new URL(endpoint).host} ` +
    "may be unknown here, or a firewall stands between. Programs on this computer will meet the same: run s3cmd ls to see.");
}

async function test(section) {
  const { endpoint, region } = section.dataset;
  const value = (id) => document.getElementById(id).textContent.trim();
  const credentials = { accessKeyId: value("new-token-id"), secret: value("new-token-secret"), region };
  tell(section, "info", "Testing", `Asking ${endpoint} for the buckets of this token.`);
  try {
    const response = await signedFetch(
      { method: "GET", url: new URL("/", endpoint), signal: AbortSignal.timeout(PATIENCE_MS) }, credentials);
    if (response.ok) tellBuckets(section, await buckets(response));
    else await tellRefusal(section, response);
  } catch (error) {
    await tellFailure(section, endpoint, error);
  }
}

for (const section of document.querySelectorAll("[data-token-test]")) {
  const button = part(section, "button");
  button.hidden = false;
  part(section, "idle").hidden = true;
  button.addEventListener("click", async () => {
    button.disabled = true;
    await test(section);
    button.disabled = false;
  });
}
