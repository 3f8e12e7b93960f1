// The page: a picture comes in, and every section shows what the server makes of it.

import { choose } from "./choose.js";
import { compare } from "./compare.js";
import { edit } from "./edit.js";
import { byId, element, list, show } from "./elements.js";
import { figures } from "./figures.js";
import { focal } from "./focal.js";
import { lateness } from "./lateness.js";
import { plan } from "./plan.js";
import { info, thumbnail } from "./server.js";
import * as text from "./text.js";

const PREVIEW = 768;
// What every browser shows. Thumbnails of others get a format that it does.
const SHOWN = ["jpeg", "png", "gif", "webp", "bmp", "ico"];
const INSTEAD = "webp";

const thumbnails = figures();
const others = [focal(), edit(), compare(), plan(), lateness()];
const form = byId("options");
let current = null;
let controller = new AbortController();

choose(take);
form.addEventListener("submit", (event) => event.preventDefault());

form.addEventListener("input", () => {
  byId("quality-value").textContent = byId("quality").value;
});

form.addEventListener("change", () => current && update(restart()));

byId("hold").addEventListener("click", ({ currentTarget: button }) => {
  const held = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(held));
  byId("preview").classList.toggle("held", held);
});

function options() {
  const { format, quality, filter, ...more } = Object.fromEntries(new FormData(form));
  const own = SHOWN.includes(current.info.format) ? "" : INSTEAD;
  return { format: format || own, quality, filter, ...more };
}

// What goes on for another picture, or with other options, is of no interest any more: the server
// stops it.
function restart() {
  controller.abort();
  controller = new AbortController();
  return controller.signal;
}

async function take(file) {
  const signal = restart();
  current = null;
  waiting(file);

  try {
    const picture = { file, info: await info(file, signal) };
    header(picture);
    picture.preview = await preview(picture, signal);
    await show(byId("original"), picture.preview);
    byId("original").hidden = false;
    byId("hold").hidden = !picture.info.placeholder;
    current = picture;
    reveal(true);
    await update(signal);
  } catch (error) {
    if (!signal.aborted) fail(file, error);
  }
}

// What the browser shows instead of the original, which it may not know.
async function preview({ file, info: { format } }, signal) {
  const parameters = format === "jpeg" ? { quality: 90 } : { format: INSTEAD };
  return (await thumbnail(file, PREVIEW, parameters, signal)).blob;
}

function waiting(file) {
  byId("error").textContent = "";
  byId("status").textContent = `Reading ${file.name || "the picture"} …`;
  byId("file").removeAttribute("aria-invalid");
  byId("well").classList.remove("failed");
  byId("well").setAttribute("aria-busy", "true");
  byId("original").hidden = true;
  byId("hold").hidden = true;
}

// The header is read in no time, and has the placeholder. The picture comes later.
function header({ file, info: found }) {
  const { format, width, height, color, placeholder, orientation } = found;
  const preview = byId("preview");
  preview.hidden = false;
  preview.style.setProperty("--width", width);
  preview.style.setProperty("--height", height);
  preview.style.setProperty("--color", color || "");
  byId("placeholder").hidden = !placeholder;
  if (placeholder) byId("placeholder").src = placeholder;
  byId("original").alt = `The picture, ${width} by ${height} pixels`;
  byId("own").textContent = SHOWN.includes(format) ? "as the picture" : "WebP, for the browser";
  byId("invitation").hidden = true;
  byId("facts").hidden = false;
  byId("well").classList.add("filled");

  list(byId("facts"), [
    ["Format", text.format(format)],
    ["Size", text.pixels(width, height)],
    ["Bytes", text.bytes(file.size)],
    ...(orientation > 1 ? [["Orientation", `${orientation}, turned upright`]] : []),
    ...(color ? [["Color", swatch(color)]] : []),
    ...(placeholder ? [["Placeholder", text.bytes(placeholder.length)]] : []),
  ]);
}

function swatch(color) {
  const sample = element("span", { class: "swatch", "aria-hidden": "true" });
  sample.style.setProperty("--color", color);
  return element("span", {}, sample, color);
}

async function update(signal) {
  byId("well").removeAttribute("aria-busy");
  byId("status").textContent = "Making thumbnails …";
  const started = performance.now();
  const making = thumbnails(current, options(), signal);
  const rest = others.map((section) => section(current, options(), signal));
  const made = await making;
  if (signal.aborted) return;
  const failed = made.filter((one) => one instanceof Error).length;
  const time = text.milliseconds(performance.now() - started);
  const count = `${made.length - failed} thumbnails in ${time}`;
  byId("status").textContent = failed ? `${count}, ${failed} failed.` : `${count}.`;
  await Promise.all(rest);
}

function fail(file, error) {
  reveal(false);
  byId("well").removeAttribute("aria-busy");
  byId("well").classList.remove("filled");
  byId("well").classList.add("failed");
  byId("preview").hidden = true;
  byId("facts").hidden = true;
  byId("invitation").hidden = false;
  byId("status").textContent = "";
  byId("file").setAttribute("aria-invalid", "true");
  byId("error").textContent = `${file.name || "This"} cannot be shown. ${error.message}`;
}

function reveal(visible) {
  for (const section of document.querySelectorAll("[data-picture]")) section.hidden = !visible;
}
