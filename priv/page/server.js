// Requests to the server. URLs are relative, since it may be mounted anywhere.

export class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// So many at a time: the times of more would only tell how they wait for each other.
const MOST = 2;
let running = 0;
const waiting = [];

async function inTurn(work) {
  if (running >= MOST) await new Promise((go) => waiting.push(go));
  running++;

  try {
    return await work();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

function url(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value != null);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

async function post(path, parameters, body, signal) {
  const started = performance.now();
  const response = await sent(url(path, parameters), body, signal);
  if (!response.ok) throw await failure(response);
  return { response, blob: await response.blob(), ms: performance.now() - started };
}

async function sent(target, body, signal) {
  try {
    return await fetch(target, { method: "POST", body, signal, cache: "no-store" });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Failure(0, "The server does not answer.");
  }
}

async function failure(response) {
  const text = await response.text();

  try {
    return new Failure(response.status, sentence(JSON.parse(text).message));
  } catch {
    return new Failure(response.status, `The server answers with ${response.status}.`);
  }
}

function sentence(text) {
  return text[0].toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");
}

export async function info(picture, signal) {
  return json("info", {}, picture, signal);
}

export async function explain(picture, size, parameters, signal) {
  return json(`explain/${size}`, parameters, picture, signal);
}

async function json(path, parameters, picture, signal) {
  const { blob } = await inTurn(() => post(path, parameters, picture, signal));
  return JSON.parse(await blob.text());
}

// The thumbnail, its bytes and its milliseconds.
export async function thumbnail(picture, size, parameters, signal) {
  return inTurn(() => post(`thumbnail/${size}`, parameters, picture, signal));
}

// The picture and its steps, which are a form.
export async function edited(form, signal) {
  return inTurn(() => post("edit", {}, form, signal));
}

export async function editPlan(form, signal) {
  return json("explain", {}, form, signal);
}

// Beside the others: this is what is measured.
export async function lateness(picture, load, ms, signal) {
  const body = load === "none" ? null : picture;
  const { blob } = await post("lateness", { load, ms }, body, signal);
  return JSON.parse(await blob.text());
}

