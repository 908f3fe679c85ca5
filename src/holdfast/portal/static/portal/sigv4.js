// Signs S3 requests in the browser (AWS Signature Version 4, in the header), with WebCrypto alone.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const text = new TextEncoder();

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function sha256(data) {
  return hex(await crypto.subtle.digest("SHA-256", typeof data === "string" ? text.encode(data) : data));
}

async function hmac(key, data) {
  const raw = typeof key === "string" ? text.encode(key) : key;
  const made = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", made, text.encode(data));
}

// RFC 3986: encodeURIComponent leaves five characters that S3 wants encoded.
const encoded = (part) => encodeURIComponent(part)
  .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

// S3 encodes a path once, unlike other services; the URL has it encoded already, save for what browsers leave.
const canonicalPath = (url) => url.pathname.split("/").map((part) => encoded(decodeURIComponent(part))).join("/");

// By code units: what is left after encoding is ASCII.
const byText = (left, right) => (left < right ? -1 : left > right ? 1 : 0);

function canonicalQuery(url) {
  return [...url.searchParams]
    .map(([name, value]) => [encoded(name), encoded(value)])
    .sort((left, right) => byText(left[0], right[0]) || byText(left[1], right[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/**
 * Return the headers of a signed request: x-amz-date, x-amz-content-sha256, authorization, and `headers` as given.
 *
 * `request` has method, url (a URL), headers (by lower-case name; all are signed) and payloadHash (hexadecimal, or
 * "UNSIGNED-PAYLOAD"; an empty body when left out). `credentials` has accessKeyId, secret and region. `now` is a Date.
 */
export async function sign({ method, url, headers = {}, payloadHash = EMPTY_SHA256 }, credentials, now = new Date()) {
  const stamp = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `${stamp.slice(0, 8)}/${credentials.region}/s3/aws4_request`;
  const signed = { ...headers, host: url.host, "x-amz-content-sha256": payloadHash, "x-amz-date": stamp };
  const names = Object.keys(signed).sort(byText);
  const canonical = [
    method,
    canonicalPath(url),
    canonicalQuery(url),
    ...names.map((name) => `${name}:${String(signed[name]).trim().replace(/ +/g, " ")}`),
    "",
    names.join(";"),
    payloadHash,
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", stamp, scope, await sha256(canonical)].join("\n");
  let key = `AWS4${credentials.secret}`;
  for (const part of scope.split("/")) key = await hmac(key, part);
  const signature = hex(await hmac(key, toSign));
  // Browsers send Host by themselves, and let no script write it.
  const { host, ...sent } = signed;
  sent.authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, ` +
    `SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return sent;
}

/** Send a signed request and return the Response. Never sends cookies, and keeps nothing in a cache. */
export async function signedFetch(request, credentials) {
  const headers = await sign(request, credentials);
  return fetch(request.url, {
    method: request.method,
    headers,
    body: request.body,
    signal: request.signal,
    credentials: "omit",
    cache: "no-store",
    referrerPolicy: "no-referrer",
  });
}
