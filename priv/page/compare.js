// The original and the thumbnail on top of each other, with a line between them.

import { byId, show } from "./elements.js";
import { contained, suited } from "./figures.js";
import { thumbnail } from "./server.js";
import * as text from "./text.js";

const SIDE = 768;

export function compare() {
  const stage = byId("compare");
  const split = byId("split");

  const place = () => {
    stage.style.setProperty("--split", split.value / 100);
    split.setAttribute("aria-valuetext", `${split.value} % from the left`);
  };

  split.addEventListener("input", place);
  place();

  return async (picture, options, signal) => {
    const [width, height] = contained(picture.info, SIDE);
    stage.style.setProperty("--width", width);
    stage.style.setProperty("--height", height);

    try {
      const asked = suited(options, options.format || picture.info.format);
      const made = await thumbnail(picture.file, SIDE, asked, signal);
      await Promise.all([before(picture), show(byId("after"), made.blob)]);
      sums(picture, made.blob);
      byId("compare-error").textContent = "";
    } catch (error) {
      if (!signal.aborted) byId("compare-error").textContent = error.message;
    }
  };
}

// What the browser does not know, the server has put into a format that it does.
async function before(picture) {
  try {
    await show(byId("before"), picture.file);
  } catch {
    await show(byId("before"), picture.preview);
  }
}

function sums(picture, after) {
  const times = picture.file.size / after.size;
  byId("sums").textContent =
    `${text.bytes(picture.file.size)} → ${text.bytes(after.size)}, ${change(times)}`;
}

function change(times) {
  if (times >= 1.05) return `${text.digits(times)} times smaller`;
  if (times <= 0.95) return `${text.digits(1 / times)} times larger`;
  return "about the same";
}
