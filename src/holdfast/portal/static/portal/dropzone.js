// Files and folders dropped on [data-dropzone], or chosen in its input, leave it as one event "files" whose detail is a
// list of {file, path}: path is the name with its folders, "run1/out/a.nc". Who sends them is the listener's business.

// Browsers give the entries of a folder in batches; an empty batch is the end.
function entries(folder) {
  const reader = folder.createReader();
  return new Promise((resolve, reject) => {
    const found = [];
    const next = () => reader.readEntries((batch) => {
      if (!batch.length) return resolve(found);
      found.push(...batch);
      next();
    }, reject);
    next();
  });
}

async function* filesOf(entry, parent) {
  const path = parent + entry.name;
  if (entry.isFile) {
    yield { file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path };
  } else {
    for (const child of await entries(entry)) yield* filesOf(child, `${path}/`);
  }
}

async function dropped(transfer) {
  // The list of items is empty after the first await: take the entries out of it at once.
  const roots = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!roots.length) return [...transfer.files].map((file) => ({ file, path: file.name }));
  const found = [];
  for (const root of roots) for await (const one of filesOf(root, "")) found.push(one);
  return found;
}

function prepare(zone) {
  const input = zone.querySelector("input[type=file]");
  zone.classList.add("dropzone-ready");
  zone.querySelector("label")?.classList.add("button", "button-secondary", "button-small");
  let depth = 0; // dragenter and dragleave come for every child that is crossed.

  const send = (files) => zone.dispatchEvent(new CustomEvent("files", { bubbles: true, detail: files }));
  const mark = () => zone.classList.toggle("dropzone-over", depth > 0);

  zone.addEventListener("dragenter", (event) => { event.preventDefault(); depth += 1; mark(); });
  zone.addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); mark(); });
  zone.addEventListener("dragover", (event) => { event.preventDefault(); event.dataTransfer.dropEffect = "copy"; });
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    depth = 0;
    mark();
    send(await dropped(event.dataTransfer));
  });
  input?.addEventListener("change", () => {
    send([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
  });
}

export function start() {
  for (const zone of document.querySelectorAll("[data-dropzone]")) prepare(zone);
}
