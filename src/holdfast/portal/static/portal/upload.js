// The page that uploads: shows the queue of upload-queue.js, and lets people steer it. No text becomes markup here.
import { announce } from "./live.js";
import { Queue } from "./upload-queue.js";
import { Store } from "./upload-s3.js";

const SHOWN_MAX = 100;
const TOLD_MS = 15000;

const WORDS = {
  waiting: "Waiting",
  checking: "Looking whether the name is free",
  sending: "Uploading",
  paused: "Paused",
  failed: "Failed",
  cancelled: "Cancelled",
  clash: "The name is taken",
  skipped: "Skipped",
  same: "Already there, the same bytes",
  done: "Uploaded",
};
const ENDS = new Set(["done", "same", "skipped", "cancelled", "failed"]);
const PLAIN = {
  QuotaExceeded: "There is no room left: the quota is used up. Deleting makes room, and the managers can ask for more.",
  AccessDenied: "You may not write this here. Ask the bucket's owner or the tenancy's managers.",
  TenancySuspended: "The tenancy takes no uploads now: it is suspended or read-only.",
  BadDigest: "What arrived is not what was sent: the file was changed meanwhile, or the connection damaged it.",
  SiteReadOnly: "The store is read-only for maintenance.",
  InsufficientStorage: "The store's disk is full. The operators have to make room.",
  NoSuchBucket: "The bucket is gone.",
};

const byId = (id) => document.getElementById(id);

// As the portal's pages write sizes: thousands, three digits.
function size(bytes) {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit ? Number(value.toPrecision(3)) : value} ${units[unit]}`;
}

function words(item) {
  const whole = size(item.file.size);
  if (item.state === "failed") {
    const { text, code, requestId, isOut } = item.problem;
    if (isOut) return "You are logged out, or this page is too old. Load it again, log in, and drop the same files: what has arrived is kept.";
    const told = PLAIN[code] ?? text;
    const quote = [code && `S3 says ${code}`, code && PLAIN[code] && text, requestId && `request ${requestId}`].filter(Boolean);
    return quote.length ? `${told} (${quote.join("; ")})` : told;
  }
  if (item.state === "done") {
    const resumed = item.resumedBytes ? `, ${size(item.resumedBytes)} of it had arrived before` : "";
    return `${whole}${resumed}. ${item.verified ? "Verified: the store has the same checksum." : "The store did not say its checksum."}`;
  }
  if (item.state === "sending" || item.state === "paused") return `${size(item.sentBytes)} of ${whole}`;
  return whole;
}

class Page {
  #queue;
  #rows = new Map(); // item → its row
  #dirty = new Set();
  #isDrawing = false;
  #toldAt = 0;
  #wasActive = false;

  constructor(facts) {
    const token = document.querySelector("#upload-token [name=csrfmiddlewaretoken]").value;
    this.facts = facts;
    this.store = new Store(facts, token);
    this.#queue = new Queue(this.store, facts, (item) => this.#mark(item), (items) => this.#ask(items));
    this.work = byId("upload-work");
    this.list = byId("upload-files");
    this.more = byId("upload-more");
    this.clash = byId("upload-clash");
    this.pauseAll = byId("upload-pause");
    this.retryAll = byId("upload-retry");
    this.cancelAll = byId("upload-cancel");
    this.done = byId("upload-done");
    this.total = byId("upload-total");
  }

  start() {
    byId("uploader").hidden = false;
    byId("uploader").addEventListener("files", (event) => this.#add(event.detail));
    const folder = byId("folder");
    folder.addEventListener("change", () => {
      this.#add([...folder.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    });
    this.pauseAll.addEventListener("click", () => {
      if (this.#queue.isPaused) this.#queue.resume();
      else this.#queue.pause();
      announce(this.#queue.isPaused ? "Paused" : "Going on");
    });
    this.retryAll.addEventListener("click", () => this.#queue.retry());
    this.cancelAll.addEventListener("click", () => this.#queue.cancel());
    byId("clash-go").addEventListener("click", () => {
      this.clash.hidden = true;
      this.#queue.decide(this.clash.querySelector("input:checked").value);
      this.pauseAll.focus();
    });
    addEventListener("beforeunload", (event) => { if (this.#queue.isActive) event.preventDefault(); });
    addEventListener("online", () => this.#queue.retry());
  }

  async #add(files) {
    if (!files.length) return;
    this.work.hidden = false;
    announce(files.length === 1 ? "One file is added." : `${files.length} files are added.`);
    this.#probe();
    await this.#queue.add(files);
  }

  // Says what to do where the browser can't reach the store, which the uploads themselves could only call a failure.
  async #probe() {
    const problem = byId("upload-problem");
    problem.hidden = await this.store.isReachable();
    if (problem.hidden) return;
    const link = document.createElement("a");
    link.href = this.facts.endpoint;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = this.facts.endpoint;
    problem.querySelector(".notice-body p:last-child").replaceChildren(
      "Open ", link, " in a new tab. If the browser warns of the certificate there, this site's certificate authority is "
      + "not trusted on this machine: ask the support how to add it. If nothing answers, a network between here and there "
      + "is in the way. Then try the files again.",
    );
    problem.focus();
  }

  #ask(items) {
    byId("upload-clash-title").textContent = items.length === 1
      ? "One name is taken. What shall become of your file?"
      : `${items.length} names are taken. What shall become of your files?`;
    const named = items.slice(0, 5).map((item) => item.key.slice(this.facts.prefix.length));
    const rest = items.length - named.length;
    byId("upload-clash-names").textContent = named.join(", ") + (rest ? ` and ${rest} more` : "");
    this.clash.hidden = false;
    this.clash.focus();
    announce(byId("upload-clash-title").textContent);
  }

  // --- drawing: at most once a frame, and only what changed

  #mark(item) {
    this.#dirty.add(item);
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    // Not by frames: those stop while the tab is in the background.
    setTimeout(() => { this.#isDrawing = false; this.#draw(); }, 100);
  }

  #draw() {
    for (const item of this.#dirty) {
      const row = this.#rows.get(item) ?? this.#newRow(item);
      if (row) this.#drawRow(row, item);
      if (item.state === "failed") announce(`${item.key}: ${words(item)}`);
    }
    this.#dirty.clear();
    this.#drawTotal();
  }

  #newRow(item) {
    if (this.#rows.size >= SHOWN_MAX) {
      // The oldest that came to a good end makes room; what failed stays in sight.
      const over = [...this.#rows.keys()].find((each) => ENDS.has(each.state) && each.state !== "failed");
      if (!over || item.state === "waiting") return null;
      this.#rows.get(over).remove();
      this.#rows.delete(over);
    }
    const row = byId("upload-file").content.firstElementChild.cloneNode(true);
    const name = item.key.slice(this.facts.prefix.length);
    row.querySelector("progress").setAttribute("aria-label", name);
    row.querySelector("[data-pause]").addEventListener("click", () => {
      if (item.state === "paused") this.#queue.resume(item);
      else this.#queue.pause(item);
    });
    row.querySelector("[data-cancel]").addEventListener("click", () => this.#queue.cancel(item));
    row.querySelector("[data-retry]").addEventListener("click", () => this.#queue.retry(item));
    this.#rows.set(item, row);
    this.list.append(row);
    return row;
  }

  #drawRow(row, item) {
    const name = item.key.slice(this.facts.prefix.length);
    const label = row.querySelector(".progress-label");
    if (item.state === "done" || item.state === "same" || item.state === "skipped") {
      const link = document.createElement("a");
      link.href = `${this.facts.object}?key=${encodeURIComponent(item.key)}`;
      link.textContent = name;
      label.replaceChildren(link);
    } else label.textContent = name;
    row.querySelector("[data-state]").textContent = WORDS[item.state];
    const progress = row.querySelector(".progress");
    progress.classList.toggle("progress-ok", item.state === "done" || item.state === "same");
    progress.classList.toggle("progress-error", item.state === "failed");
    const bar = row.querySelector("progress");
    bar.max = Math.max(item.file.size, 1);
    bar.value = item.state === "done" || item.state === "same" ? bar.max : item.sentBytes;
    row.querySelector(".progress-text").textContent = words(item);
    const pause = row.querySelector("[data-pause]");
    pause.hidden = !["waiting", "sending", "paused"].includes(item.state);
    pause.textContent = item.state === "paused" ? "Resume" : "Pause";
    row.querySelector("[data-cancel]").hidden = ENDS.has(item.state) && item.state !== "failed";
    row.querySelector("[data-retry]").hidden = item.state !== "failed";
    for (const button of row.querySelectorAll("button")) button.setAttribute("aria-label", `${button.textContent} ${name}`);
  }

  #drawTotal() {
    const items = this.#queue.items.filter((item) => item.state !== "cancelled" && item.state !== "skipped");
    const all = items.reduce((sum, item) => sum + item.file.size, 0);
    const sent = items.reduce((sum, item) => sum + item.sentBytes, 0);
    const count = (...states) => this.#queue.items.filter((item) => states.includes(item.state)).length;
    const finished = count("done", "same");
    const bar = this.total.querySelector("progress");
    bar.max = Math.max(all, 1);
    bar.value = all ? sent : Number(finished === items.length);
    const parts = [`${finished} of ${items.length} files`, `${size(sent)} of ${size(all)}`];
    for (const state of ["failed", "skipped", "cancelled"]) {
      if (count(state)) parts.push(`${count(state)} ${state}`);
    }
    const text = parts.join(", ");
    this.total.querySelector(".progress-text").textContent = text;
    const hidden = this.#queue.items.length - this.#rows.size;
    this.more.hidden = hidden <= 0;
    this.more.textContent = hidden > 0 ? `${hidden} more file${hidden === 1 ? " is" : "s are"} not shown here.` : "";
    const isActive = this.#queue.isActive;
    const isPaused = this.#queue.isPaused || count("paused") > 0;
    this.pauseAll.hidden = !isActive && !isPaused;
    this.pauseAll.textContent = this.#queue.isPaused ? "Resume" : "Pause";
    this.retryAll.hidden = !count("failed");
    this.cancelAll.hidden = !isActive && !isPaused && !count("failed", "clash");
    this.done.hidden = isActive || isPaused || !finished;
    this.#tell(text, isActive);
  }

  #tell(text, isActive) {
    const ended = this.#wasActive && !isActive;
    this.#wasActive = isActive;
    if (ended) announce(`Finished: ${text}.`);
    else if (isActive && Date.now() - this.#toldAt > TOLD_MS) {
      this.#toldAt = Date.now();
      announce(text);
    }
  }
}

new Page(JSON.parse(byId("upload-facts").textContent)).start();
