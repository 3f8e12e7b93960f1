// How late a timer wakes on the server, as a strip that grows while a button is pressed, and as
// numbers.

import { byId, element } from "./elements.js";
import { lateness as measure } from "./server.js";
import { digits } from "./text.js";

const NAMES = { none: "Idle", normal: "Normal schedulers", dirty: "Dirty schedulers" };
const LOADS = Object.keys(NAMES);

// It ends by itself after so many milliseconds.
const LONGEST = 20_000;
// One request takes so many, and the first one of an idle node, to compare with.
const [SHORT, LONG, BASELINE] = [250, 1000, 500];
// Samples that are kept for the numbers, and milliseconds that are one bar of the strip.
const KEPT = 20_000;
const BAR = 25;

export function lateness() {
  const buttons = [...document.querySelectorAll("[data-load]")];
  const record = new Record();
  const strip = new Strip(byId("strip"), record);
  const section = byId("strip").closest("section");
  const rows = table(byId("latenesses"));
  let shown = null;
  let pressed = null;

  for (const button of buttons) {
    button.addEventListener("click", () => {
      const load = button.dataset.load;
      if (pressed?.load === load) stop();
      else start(load);
    });
  }

  // Nobody looks.
  document.addEventListener("visibilitychange", () => document.hidden && stop());

  function stop() {
    pressed?.controller.abort();
    if (pressed) byId("lateness-status").textContent = summary(pressed.load, record);
    pressed = null;
    for (const button of buttons) button.setAttribute("aria-pressed", "false");
  }

  async function start(load) {
    stop();
    // A large picture is not sent too often.
    const ms = load !== "none" && shown.file.size > 2e6 ? LONG : SHORT;
    const own = { load, ms, controller: new AbortController() };
    pressed = own;
    byId("lateness-error").textContent = "";
    byId("lateness-status").textContent = "";

    for (const button of buttons)
      button.setAttribute("aria-pressed", String(button.dataset.load === load));

    try {
      if (record.count("none") === 0) await once("none", own, BASELINE);
      const until = performance.now() + LONGEST;
      const goes = () => pressed === own && !section.hidden && performance.now() < until;
      while (goes()) await once(load, own, own.ms);
    } catch (error) {
      if (!own.controller.signal.aborted) byId("lateness-error").textContent = error.message;
    } finally {
      if (pressed === own) stop();
    }
  }

  async function once(load, { controller }, ms) {
    const measured = await measure(shown.file, load, ms, controller.signal);
    record.add(load, measured, ms);
    strip.draw();
    for (const load of LOADS) fill(rows[load], record.numbers(load));
  }

  return async (picture) => {
    if (picture === shown) return;
    stop();
    record.clear();
    shown = picture;
    for (const load of LOADS) fill(rows[load], record.numbers(load));
    strip.draw();
  };
}

// Everything that was measured.
class Record {
  constructor() {
    this.clear();
  }

  clear() {
    this.bars = [];
    this.samples = { none: [], normal: [], dirty: [] };
    this.made = { none: null, normal: null, dirty: null };
  }

  add(load, { late, thumbnails }, ms) {
    const samples = this.samples[load];
    samples.push(...late);
    samples.splice(0, samples.length - KEPT);
    this.bars.push(...bars(load, late));
    this.bars.splice(0, this.bars.length - 1000);

    const made = this.made[load] || { thumbnails: 0, ms: 0 };
    this.made[load] = { thumbnails: made.thumbnails + thumbnails, ms: made.ms + ms };
  }

  count(load) {
    return this.samples[load].length;
  }

  numbers(load) {
    const sorted = Float64Array.from(this.samples[load]).sort();
    if (sorted.length === 0) return null;
    const at = (share) => sorted[Math.ceil(sorted.length * share) - 1] / 1000;
    const { thumbnails, ms } = this.made[load];

    return {
      median: at(0.5), most: at(0.99), worst: at(1),
      rate: load === "none" ? null : thumbnails / ms * 1000,
    };
  }
}

// So many milliseconds of the server's time in each, with the median and the worst.
function bars(load, late) {
  const found = [];
  let group = [];
  let time = 0;

  const close = () => {
    if (group.length === 0) return;
    group.sort((a, b) => a - b);
    found.push({ load, median: group[group.length >> 1], worst: group[group.length - 1] });
    group = [];
    time = 0;
  };

  for (const micros of late) {
    group.push(micros);
    time += 1 + micros / 1000;
    if (time >= BAR) close();
  }

  close();
  return found;
}

const HEIGHT = 180;
const STEP = 4;
// For the labels.
const MARGIN = 52;
// Microseconds at the bottom and at the top: the scale is logarithmic.
const [LOW, HIGH] = [100, 100_000];
const LINES = [1000, 10_000, 100_000];

class Strip {
  constructor(canvas, record) {
    this.canvas = canvas;
    this.record = record;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  draw() {
    const { canvas, record } = this;
    const width = canvas.clientWidth;
    if (width === 0) return;
    const density = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(HEIGHT * density);
    const context = canvas.getContext("2d");
    context.scale(density, density);

    const style = getComputedStyle(canvas);
    const color = (name) => style.getPropertyValue(name).trim();
    const floor = HEIGHT - 1;
    const top = 18;
    const height = (micros) => {
      const share = Math.log(Math.max(LOW, micros) / LOW) / Math.log(HIGH / LOW);
      return Math.max(1, Math.min(1, share) * (floor - top));
    };

    context.font = `12px ${style.fontFamily}`;
    context.lineWidth = 1;

    const shown = record.bars.slice(-Math.floor((width - MARGIN) / STEP));
    canvas.dataset.bars = record.bars.length;

    shown.forEach(({ load, median, worst }, index) => {
      const x = index * STEP;
      context.fillStyle = color(`--${load}`);
      context.globalAlpha = 0.35;
      context.fillRect(x, floor - height(worst), STEP - 1, height(worst));
      context.globalAlpha = 1;
      context.fillRect(x, floor - height(median), STEP - 1, height(median));
    });

    for (const micros of [LOW, ...LINES]) {
      const y = Math.round(floor - (micros === LOW ? 0 : height(micros))) + 0.5;
      context.strokeStyle = color("--line");
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(width, y);
      context.stroke();
      if (micros === LOW) continue;
      context.fillStyle = color("--muted");
      context.textAlign = "right";
      context.fillText(`${micros / 1000} ms`, width, y - 5);
    }

    const idle = record.numbers("none");
    if (!idle) return this.empty(context, width - MARGIN, color);
    this.baseline(context, width, Math.round(floor - height(idle.most * 1000)) + 0.5, color);
  }

  baseline(context, width, y, color) {
    context.strokeStyle = color("--text");
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(0, y);
    context.lineTo(width, y);
    context.stroke();
    context.setLineDash([]);
  }

  empty(context, width, color) {
    context.fillStyle = color("--muted");
    context.textAlign = "center";
    context.font = context.font.replace("12px", "14px");
    context.fillText("Press a button to begin", width / 2, HEIGHT / 2 + 5);
  }
}

function table(body) {
  const rows = Object.fromEntries(LOADS.map((load) => {
    const head = element("th", { scope: "row" },
      element("span", { class: `swatch ${load}`, "aria-hidden": "true" }), NAMES[load]);
    return [load, element("tr", {}, head, ...[1, 2, 3, 4].map(() => element("td")))];
  }));

  body.append(...Object.values(rows));
  return rows;
}

function fill(row, numbers) {
  const values = numbers
    ? [numbers.median, numbers.most, numbers.worst, numbers.rate]
    : [null, null, null, null];

  [...row.querySelectorAll("td")].forEach((cell, index) => {
    cell.textContent = values[index] === null ? "–" : digits(values[index]);
  });
}

function summary(load, record) {
  const numbers = record.numbers(load);
  if (!numbers) return "";
  return `${NAMES[load]}: median ${digits(numbers.median)} milliseconds late, 99 percent ` +
    `${digits(numbers.most)}, worst ${digits(numbers.worst)}.`;
}
