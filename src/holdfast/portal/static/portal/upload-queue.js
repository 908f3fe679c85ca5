// The files of one page on their way to the store: four pieces at a time, each checked, none sent twice.
//
// A file goes from "waiting" over "checking" and "sending" to "done"; or it is "paused", "failed", "cancelled", "clash"
// (the name is taken), "skipped" (it stays as it is) or "same" (the very bytes are there already).
import * as crc32 from "./upload-crc32.js";
import { LoggedOut, Refusal, textOf } from "./upload-s3.js";

const AT_ONCE = 4;
const CHECKED_AT_ONCE = 200;
const NUMBERS_MAX = 99;

// Lets so many pass at a time, in the order in which they came.
class Gate {
  #free;
  #queue = [];

  constructor(count) { this.#free = count; }

  async pass(act) {
    if (this.#free) this.#free -= 1;
    else await new Promise((resolve) => { this.#queue.push(resolve); });
    try {
      return await act();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

// "run1/a.tar.gz" → "run1/a (2).tar.gz": before all of the ending, so that programs still know the kind.
export function numbered(key, number) {
  const slash = key.lastIndexOf("/") + 1;
  const name = key.slice(slash);
  const dot = name.indexOf(".", 1);
  const stem = dot < 0 ? name : name.slice(0, dot);
  return `${key.slice(0, slash)}${stem} (${number})${name.slice(stem.length)}`;
}

export class Item {
  constructor(file, key, number) {
    this.file = file;
    this.key = key;
    this.number = number;
    this.state = "waiting";
    this.exclusive = true;
    this.problem = null;
    this.resumedBytes = 0;
    this.verified = false;
    this.uploadId = "";
    this.arrived = new Map(); // part number → {etag, crc}
    this.arrivedBytes = 0;
    this.under = new Map(); // what is being sent → bytes of it that are
    this.controller = null;
  }

  get sentBytes() {
    if (this.state === "done" || this.state === "same") return this.file.size;
    let bytes = this.arrivedBytes;
    for (const sent of this.under.values()) bytes += sent;
    return Math.min(bytes, this.file.size);
  }

  get isActive() { return ["waiting", "checking", "sending"].includes(this.state); }
}

export class Queue {
  #store;
  #facts;
  #gate = new Gate(AT_ONCE);
  #running = 0;
  #isPaused = false;
  #unfinished = null;

  // `onChange(item)` is told of each change of a file, `onClash(items)` of names that are taken and not decided yet.
  constructor(store, facts, onChange, onClash) {
    this.#store = store;
    this.#facts = facts;
    this.items = [];
    this.onChange = onChange;
    this.onClash = onClash;
  }

  get isPaused() { return this.#isPaused; }

  get isActive() { return this.items.some((item) => item.isActive); }

  // Takes files in, finds out which names are taken, and begins with the others.
  async add(files) {
    const added = files.map(({ file, path }, i) => new Item(file, this.#facts.prefix + path, this.items.length + i));
    this.items.push(...added);
    const fit = added.filter((item) => this.#fits(item));
    for (const item of added) this.onChange(item);
    for (const item of fit) this.#set(item, "checking");
    // What was begun before the page was closed; without the right to list it, everything is sent anew.
    this.#unfinished ??= this.#store.unfinished(this.#facts.prefix).catch(() => new Map());
    for (let i = 0; i < fit.length; i += CHECKED_AT_ONCE) await this.#check(fit.slice(i, i + CHECKED_AT_ONCE));
    this.#tellClashes();
    this.#go();
  }

  #fits(item) {
    if (new TextEncoder().encode(item.key).length > this.#facts.key_bytes_max) {
      item.state = "failed";
      item.problem = { text: `Its name with all folders is longer than ${this.#facts.key_bytes_max} bytes.` };
    } else if (item.file.size > this.#facts.object_bytes_max) {
      item.state = "failed";
      item.problem = { text: "It is larger than an object may be." };
    }
    return item.state !== "failed";
  }

  async #check(items) {
    try {
      const taken = await this.#store.taken(items.map((item) => item.key));
      for (const item of items) {
        const there = taken.get(item.key);
        const found = !there ? "waiting" : await this.#isSame(item, there) ? "same" : "clash";
        if (item.state === "checking") this.#set(item, found); // it may be cancelled by now
        this.#go();
      }
    } catch (error) {
      for (const item of items.filter((each) => each.state === "checking")) this.#fail(item, error);
    }
  }

  async #isSame(item, there) {
    if (there.size !== item.file.size || !there.crc32) return false;
    try {
      return crc32.base64(await crc32.ofBlob(item.file)) === there.crc32;
    } catch {
      return false; // It can't be read; sending it will say so.
    }
  }

  #tellClashes() {
    const clashes = this.items.filter((item) => item.state === "clash");
    if (clashes.length) this.onClash(clashes);
  }

  // Says what becomes of the files whose names are taken: "skip", "replace" or "both".
  async decide(choice) {
    const clashes = this.items.filter((item) => item.state === "clash");
    if (choice === "both") await this.#rename(clashes);
    for (const item of clashes) {
      if (item.state !== "clash") continue;
      item.exclusive = choice !== "replace";
      this.#set(item, choice === "skip" ? "skipped" : "waiting");
    }
    this.#go();
  }

  // Gives each the first number with which its name is free.
  async #rename(items) {
    let left = items.map((item) => ({ item, from: item.key }));
    const given = new Set();
    for (let number = 2; left.length && number <= NUMBERS_MAX; number += 1) {
      const still = [];
      for (let i = 0; i < left.length; i += CHECKED_AT_ONCE) {
        const some = left.slice(i, i + CHECKED_AT_ONCE);
        let taken;
        try {
          taken = await this.#store.taken(some.map(({ from }) => numbered(from, number)));
        } catch (error) {
          for (const { item } of some) this.#fail(item, error);
          continue;
        }
        for (const each of some) {
          const key = numbered(each.from, number);
          if (taken.has(key) || given.has(key)) still.push(each);
          else {
            given.add(key);
            await this.#forget(each.item);
            each.item.key = key;
          }
        }
      }
      left = still;
    }
    for (const { item } of left) this.#fail(item, new Error("No number was free for its name."));
  }

  pause(item) {
    if (item) this.#stop(item, "paused");
    else {
      this.#isPaused = true;
      for (const each of this.items) this.#stop(each, "paused");
    }
  }

  resume(item) {
    this.#isPaused = false;
    for (const each of item ? [item] : this.items) {
      if (each.state === "paused") this.#set(each, "waiting");
    }
    this.#go();
  }

  retry(item) {
    for (const each of item ? [item] : this.items) {
      if (each.state !== "failed" || !this.#fits({ ...each, state: "" })) continue;
      each.problem = null;
      this.#set(each, "waiting");
    }
    this.#go();
  }

  // Gives a file up, or all that are not done; what has arrived of them is thrown away at the store.
  async cancel(item) {
    for (const each of item ? [item] : [...this.items]) {
      if (["done", "same", "skipped", "cancelled"].includes(each.state)) continue;
      this.#stop(each, "cancelled");
      this.#set(each, "cancelled");
      await this.#forget(each);
    }
  }

  // Throws away what has arrived of a file.
  async #forget(item) {
    await item.opening?.catch(() => {});
    if (!item.uploadId) return;
    const wish = { operation: "AbortMultipartUpload", key: item.key, upload_id: item.uploadId };
    item.uploadId = "";
    item.arrived.clear();
    item.arrivedBytes = 0;
    await this.#store.call(wish).catch(() => {}); // The store does it by itself in some days.
  }

  #stop(item, state) {
    if (!["waiting", "sending"].includes(item.state)) return;
    item.controller?.abort(new DOMException(state, "AbortError"));
    item.controller = null;
    item.under.clear();
    this.#set(item, state);
  }

  #set(item, state) {
    item.state = state;
    this.onChange(item);
  }

  #fail(item, error) {
    item.under.clear();
    const refusal = error instanceof Refusal ? error : {};
    item.problem = { text: error.message, code: refusal.code, requestId: refusal.requestId, isOut: error instanceof LoggedOut };
    this.#set(item, "failed");
  }

  #go() {
    if (this.#isPaused) return;
    for (const item of this.items) {
      if (this.#running >= AT_ONCE) return;
      if (item.state === "waiting") this.#run(item);
    }
  }

  async #run(item) {
    this.#running += 1;
    const controller = new AbortController();
    item.controller = controller;
    this.#set(item, "sending");
    try {
      if (item.file.size <= this.#facts.whole_bytes_max) await this.#sendWhole(item, controller.signal);
      else await this.#sendInParts(item, controller);
      item.uploadId = "";
      this.#set(item, "done");
    } catch (error) {
      // A file that was paused or cancelled says so already, and may run again by now.
      if (!controller.signal.aborted || item.controller === controller) this.#settle(item, error);
    } finally {
      if (item.controller === controller) item.controller = null;
      this.#running -= 1;
      this.#go();
    }
  }

  #settle(item, error) {
    if (error instanceof Refusal && error.code === "PreconditionFailed") {
      item.under.clear();
      this.#set(item, "clash");
      this.#tellClashes();
    } else if (error.name === "NotReadableError" || error.name === "NotFoundError") {
      this.#fail(item, new Error("The file can't be read any more, or was changed meanwhile."));
    } else this.#fail(item, error);
  }

  #sendWhole(item, signal) {
    return this.#gate.pass(async () => {
      signal.throwIfAborted();
      const crc = crc32.base64(await crc32.ofBlob(item.file, signal));
      const wish = { operation: "PutObject", key: item.key, crc32: crc, content_type: item.file.type, exclusive: item.exclusive };
      const answer = await this.#transfer(item, wish, item.file, 0, signal);
      item.verified = answer.getResponseHeader("x-amz-checksum-crc32") === crc;
    });
  }

  async #transfer(item, wish, blob, part, signal) {
    const onSent = (bytes) => {
      item.under.set(part, Math.min(bytes, blob.size));
      this.onChange(item);
    };
    try {
      // Without a type: the browser would send its own, and each part's is nobody's business.
      return await this.#store.call(wish, { body: blob.slice(0, blob.size, ""), signal, onSent });
    } finally {
      item.under.delete(part);
    }
  }

  #partBytes(size) {
    let bytes = this.#facts.part_bytes;
    while (Math.ceil(size / bytes) > this.#facts.parts_max) bytes *= 2;
    return bytes;
  }

  async #sendInParts(item, controller) {
    const { signal } = controller;
    const partBytes = this.#partBytes(item.file.size);
    const count = Math.ceil(item.file.size / partBytes);
    const there = await this.#open(item, signal);
    const pieces = Array.from({ length: count }, (_, i) => item.file.slice(i * partBytes, (i + 1) * partBytes, ""));
    const failure = { error: null };
    await Promise.all(pieces.map((piece, i) => this.#gate.pass(async () => {
      if (failure.error || signal.aborted || item.arrived.has(i + 1)) return;
      try {
        await this.#sendPart(item, piece, i + 1, there.get(i + 1), signal);
      } catch (error) {
        failure.error ??= error;
        controller.abort(error); // The other pieces of this file stop, too.
      }
    })));
    if (failure.error) throw failure.error;
    signal.throwIfAborted();
    await this.#complete(item, pieces, signal);
  }

  // Returns the parts that have arrived of the upload that this one goes on with; of a new one, none.
  async #open(item, signal) {
    const known = item.uploadId || (await this.#unfinished).get(item.key);
    if (known) {
      try {
        const there = await this.#store.parts(item.key, known, signal);
        item.uploadId = known;
        return there;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        // It was completed or thrown away meanwhile, or is not for this person to look at: begin anew.
      }
    }
    item.arrived.clear();
    item.arrivedBytes = 0;
    await this.#begin(item);
    signal.throwIfAborted();
    return new Map();
  }

  // Begins an upload. The answer is heard even if the file is paused or given up meanwhile: else nobody would know of it.
  #begin(item) {
    const wish = { operation: "CreateMultipartUpload", key: item.key, content_type: item.file.type };
    item.opening ??= this.#store.document(wish)
      .then((document) => { item.uploadId = textOf(document, "UploadId"); })
      .finally(() => { item.opening = null; });
    return item.opening;
  }

  async #sendPart(item, piece, number, there, signal) {
    const crc = await crc32.ofBlob(piece, signal);
    const value = crc32.base64(crc);
    let etag;
    if (there && there.size === piece.size && there.crc32 === value) {
      etag = there.etag;
      item.resumedBytes += piece.size;
    } else {
      const wish = { operation: "UploadPart", key: item.key, upload_id: item.uploadId, part_number: number, crc32: value };
      const answer = await this.#transfer(item, wish, piece, number, signal);
      etag = answer.getResponseHeader("ETag");
    }
    item.arrived.set(number, { etag, crc });
    item.arrivedBytes += piece.size;
    this.onChange(item);
  }

  async #complete(item, pieces, signal) {
    let whole = 0;
    const rows = pieces.map((piece, i) => {
      const { etag, crc } = item.arrived.get(i + 1);
      whole = i ? crc32.combine(whole, crc, piece.size) : crc;
      return `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag.replaceAll('"', "&quot;")}</ETag>`
        + `<ChecksumCRC32>${crc32.base64(crc)}</ChecksumCRC32></Part>`;
    });
    const value = crc32.base64(whole);
    const wish = {
      operation: "CompleteMultipartUpload",
      key: item.key,
      upload_id: item.uploadId,
      crc32: value,
      size: item.file.size,
      exclusive: item.exclusive,
    };
    const body = `<CompleteMultipartUpload>${rows.join("")}</CompleteMultipartUpload>`;
    const document = await this.#store.document(wish, { body, signal });
    item.verified = textOf(document, "ChecksumCRC32") === value;
  }
}
