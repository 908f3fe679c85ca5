// Talking to S3 from the page: requests are signed by the portal, many at a time, and sent straight to the store.
const GATHER_MS = 15;
const SIGNED_AT_ONCE = 50;
const TRIES = 6;
const WAIT_MS = 500;
const WAIT_MAX_MS = 30000;
const PASSING = new Set(["SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "IncompleteBody",
  "ConditionalRequestConflict", "OperationAborted", "InvalidAccessKeyId"]);

// What the store or the portal answered: its code, its words, and the id to quote.
export class Refusal extends Error {
  constructor(code, message, requestId, status) {
    super(message);
    this.code = code;
    this.requestId = requestId;
    this.status = status;
  }

  // Whether the same request may succeed a little later. A URL that waited too long is signed anew.
  get passes() {
    return PASSING.has(this.code) || this.message.startsWith("Request has expired")
      || (this.status >= 500 && this.code !== "InsufficientStorage" && this.code !== "NotImplemented");
  }
}

// No answer came: no network, a certificate that is not trusted, or a connection that was cut.
export class Unreachable extends Error {
  get passes() { return true; }
}

export class LoggedOut extends Error {
  get passes() { return false; }
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

// Asks the portal, as JSON. What it refuses as a whole is a Refusal.
async function ask(url, token, body) {
  let answer;
  try {
    answer = await fetch(url, {
      method: "POST",
      redirect: "manual",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token, Accept: "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Unreachable("The portal does not answer.");
  }
  if (answer.type === "opaqueredirect") throw new LoggedOut("You are logged out.");
  const kind = answer.headers.get("Content-Type") ?? "";
  const found = kind.startsWith("application/json") ? await answer.json() : null;
  if (answer.ok && found) return found;
  if (found?.error) throw new Refusal(found.error.code, found.error.message, found.error.request_id, answer.status);
  if (answer.status === 403 || answer.ok) throw new LoggedOut("This page is too old.");
  throw new Refusal("", "The portal could not do that.", answer.headers.get("X-Request-Id") ?? "", answer.status);
}

function parse(text) {
  return new DOMParser().parseFromString(text, "application/xml");
}

export function textOf(element, name) {
  return element.getElementsByTagName(name)[0]?.textContent ?? "";
}

function refusalOf(request) {
  const document = parse(request.responseText);
  return new Refusal(
    textOf(document, "Code") || `HTTP ${request.status}`,
    textOf(document, "Message") || "The store refused that.",
    textOf(document, "RequestId") || request.getResponseHeader("x-amz-request-id") || "",
    request.status,
  );
}

// Sends one signed request. An XMLHttpRequest, for it alone tells how much of a body is sent.
function send(signed, body, signal, onSent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const settle = (act) => { signal?.removeEventListener("abort", abort); act(); };
    request.open(signed.method, signed.url);
    // Without a type of its own a body would bring the file's, which the signature says nothing of.
    for (const [name, value] of Object.entries(signed.headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent?.(event.loaded);
    request.onload = () => settle(() => (request.status < 300 ? resolve(request) : reject(refusalOf(request))));
    request.onerror = () => settle(() => reject(new Unreachable("The store does not answer.")));
    request.onabort = () => settle(() => reject(signal.reason));
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener("abort", abort, { once: true });
    request.send(body ?? null);
  });
}

export class Store {
  #facts;
  #token;
  #waiting = [];

  constructor(facts, token) {
    this.#facts = facts;
    this.#token = token;
  }

  // Whether the browser reaches the store at all. This path answers anybody, and with success, so that consoles stay calm.
  async isReachable() {
    try {
      await fetch(`${this.#facts.endpoint}/health/live`, { cache: "no-store", credentials: "omit" });
      return true;
    } catch {
      return false;
    }
  }

  // Which of these keys are taken, and by what: key → {size, crc32}.
  async taken(keys) {
    return new Map(Object.entries((await ask(this.#facts.check, this.#token, { keys })).taken));
  }

  // Has a request signed and sends it, again and again while what went wrong may pass. Resolves with the answer.
  async call(wish, { body, signal, onSent } = {}) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await send(await this.#sign(wish, signal), body, signal, onSent);
      } catch (error) {
        if (signal?.aborted || !error.passes || tries === TRIES) throw error;
        onSent?.(0);
        const wait = Math.min(WAIT_MS * 2 ** (tries - 1), WAIT_MAX_MS);
        await pause(wait * (0.5 + Math.random()), signal);
      }
    }
  }

  async document(wish, options) {
    return parse((await this.call(wish, options)).responseText);
  }

  #sign(wish, signal) {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ wish, resolve, reject });
      if (this.#waiting.length === 1) setTimeout(() => this.#signWaiting(), GATHER_MS);
    });
  }

  async #signWaiting() {
    const batch = this.#waiting.splice(0, SIGNED_AT_ONCE);
    if (this.#waiting.length) setTimeout(() => this.#signWaiting(), 0);
    try {
      const { answers } = await ask(this.#facts.sign, this.#token, { requests: batch.map(({ wish }) => wish) });
      batch.forEach(({ resolve, reject }, i) => {
        const { error } = answers[i];
        if (error) reject(new Refusal(error.code, error.message, "", 403));
        else resolve(answers[i]);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  // The unfinished uploads below a prefix that this person began: key → the newest upload's id.
  async unfinished(prefix) {
    const found = new Map();
    let marks = {};
    for (;;) {
      const document = await this.document({ operation: "ListMultipartUploads", prefix, ...marks });
      for (const upload of document.getElementsByTagName("Upload")) {
        const initiator = upload.getElementsByTagName("Initiator")[0];
        if (initiator && textOf(initiator, "ID") === this.#facts.person && textOf(upload, "ChecksumAlgorithm") === "CRC32") {
          found.set(decodeURIComponent(textOf(upload, "Key")), textOf(upload, "UploadId"));
        }
      }
      if (textOf(document, "IsTruncated") !== "true") return found;
      marks = {
        key_marker: decodeURIComponent(textOf(document, "NextKeyMarker")),
        upload_id_marker: textOf(document, "NextUploadIdMarker"),
      };
    }
  }

  // The parts that have arrived: number → {etag, crc32, size}.
  async parts(key, uploadId, signal) {
    const found = new Map();
    let marker = 0;
    for (;;) {
      const wish = { operation: "ListParts", key, upload_id: uploadId, part_number_marker: marker };
      const document = await this.document(wish, { signal });
      for (const part of document.getElementsByTagName("Part")) {
        found.set(Number(textOf(part, "PartNumber")), {
          etag: textOf(part, "ETag"),
          crc32: textOf(part, "ChecksumCRC32"),
          size: Number(textOf(part, "Size")),
        });
      }
      if (textOf(document, "IsTruncated") !== "true") return found;
      marker = Number(textOf(document, "NextPartNumberMarker"));
    }
  }
}
