// Thumbnails with their bytes and milliseconds: in several sizes, fits and formats.
//
// An option that a format does not have is not asked for.

import { byId, element, show } from "./elements.js";
import { thumbnail } from "./server.js";
import * as text from "./text.js";

// As wide as a column, or two, where there is room for four.
export const COLUMN = 168;
export const COLUMNS = 368;

const SIZES = [64, COLUMN, COLUMNS];
const FITS = [
  { label: "contain, inside", fit: "contain" },
  { label: "cover", fit: "cover" },
  { label: "fill", fit: "fill" },
  { label: "pad", fit: "pad" },
  { label: "outside", fit: "outside" },
  { label: "cover, attention", fit: "cover", position: "attention" },
  { label: "cover, entropy", fit: "cover", position: "entropy" },
];

const FORMATS = ["jpeg", "webp", "png", "avif"];

// One figure. It keeps its place while its picture changes.
export class Figure {
  constructor(label, width, height) {
    this.image = element("img", { alt: "", hidden: "" });
    this.frame = element("div", { class: "frame" }, this.image);
    this.label = element("span", { class: "label" }, label);
    this.size = element("span", {});
    this.sums = element("span", {});
    const caption = element("figcaption", {}, this.label, this.size, this.sums);
    this.node = element("figure", {}, this.frame, caption);
    this.reserve(width, height);
  }

  // The space that the thumbnail will take.
  reserve(width, height) {
    this.frame.style.setProperty("--width", width);
    this.frame.style.setProperty("--height", height);
    this.node.classList.toggle("wide", width > COLUMN);
  }

  // The same, with the box that it does not fit into.
  around(width, height, side) {
    this.reserve(width, height);
    this.frame.classList.add("around");
    this.frame.style.setProperty("--box", Math.min(1, side / width));
  }

  wait(picture) {
    this.node.setAttribute("aria-busy", "true");
    this.node.classList.remove("failed");
    this.frame.style.setProperty("--color", picture.info.color || "");
  }

  // Asks for the thumbnail, and shows it or what is wrong.
  async make(picture, size, parameters, signal) {
    this.wait(picture);

    try {
      const asked = suited(parameters, parameters.format || picture.info.format);
      const made = await thumbnail(picture.file, size, asked, signal);
      await show(this.image, made.blob);
      this.made(made, parameters);
      return made;
    } catch (error) {
      if (signal.aborted) return null;
      this.fail(error);
      return error;
    }
  }

  made({ blob, ms }, { fit }) {
    const { naturalWidth: width, naturalHeight: height } = this.image;
    const kind = text.format(blob.type.replace(/^image\//, ""));
    this.node.removeAttribute("aria-busy");
    this.image.hidden = false;
    this.image.alt = `Thumbnail, ${kind}, ${width} by ${height} pixels` + (fit ? `, ${fit}` : "");
    this.size.textContent = text.pixels(width, height);
    this.sums.textContent = `${text.bytes(blob.size)} · ${text.milliseconds(ms)}`;
  }

  fail(error) {
    this.node.removeAttribute("aria-busy");
    this.node.classList.add("failed");
    this.image.hidden = true;
    this.size.textContent = error.message;
    this.sums.textContent = "";
  }
}

export function figures() {
  const sizes = SIZES.map((side) => ({ side, figure: new Figure(String(side), side, side) }));
  const fits = FITS.map(({ label, ...asked }) =>
    ({ asked, figure: new Figure(label, COLUMN, COLUMN) }));

  const formats = FORMATS.map((format) => ({
    format,
    figure: new Figure(text.format(format), COLUMN, COLUMN),
    bar: element("span", { class: "bar", "aria-hidden": "true" }),
  }));

  for (const { figure, bar } of formats) figure.node.append(bar);
  byId("sizes").append(...sizes.map(({ figure }) => figure.node));
  byId("fits").append(...fits.map(({ figure }) => figure.node));
  byId("formats").append(...formats.map(({ figure }) => figure.node));

  // Gives what was made, for whoever sums it up.
  return async (picture, options, signal) => {
    for (const { side, figure } of sizes) {
      figure.reserve(...contained(picture.info, side));
      figure.node.classList.toggle("wide", side > COLUMN);
    }

    for (const { asked, figure } of fits)
      if (asked.fit === "outside") figure.around(...outside(picture.info, COLUMN), COLUMN);

    for (const { figure } of formats) figure.reserve(...contained(picture.info, COLUMN));

    const all = [
      ...sizes.map(({ side, figure }) => figure.make(picture, side, options, signal)),
      ...fits.map(({ asked, figure }) =>
        figure.make(picture, COLUMN, { ...options, ...asked }, signal)),
    ];

    const written = formats.map(({ format, figure }) =>
      figure.make(picture, COLUMN, { ...options, format }, signal));

    compare(formats, await Promise.all(written));
    return Promise.all([...all, ...written]);
  };
}

// The sides of a picture in a square box, never enlarged.
export function contained({ width, height }, side) {
  const scale = Math.min(1, side / Math.max(width, height));
  return [width, height].map((pixels) => Math.max(1, Math.round(pixels * scale)));
}

// No smaller than the box on either side, and never enlarged.
function outside({ width, height }, side) {
  const scale = Math.min(1, side / Math.min(width, height));
  return [width, height].map((pixels) => Math.max(1, Math.round(pixels * scale)));
}

const OF_FORMATS = {
  progressive: ["jpeg"], subsampling: ["jpeg"], max_bytes: ["jpeg", "avif"],
  colors: ["png", "gif"], dither: ["png", "gif"],
};

export function suited(parameters, format) {
  return Object.fromEntries(Object.entries(parameters).filter(([name]) =>
    !OF_FORMATS[name] || OF_FORMATS[name].includes(format)));
}

// Bars under the formats, as long as their bytes are many.
function compare(formats, made) {
  const most = Math.max(...made.map((one) => one?.blob?.size || 0));

  formats.forEach(({ bar }, index) => {
    bar.style.setProperty("--share", (made[index]?.blob?.size || 0) / (most || 1));
  });
}
