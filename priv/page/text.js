// Numbers as people read them.

const SPACE = "\u00a0";

export function bytes(count) {
  if (count < 1000) return count + SPACE + "B";
  if (count < 1e6) return digits(count / 1e3) + SPACE + "kB";
  return digits(count / 1e6) + SPACE + "MB";
}

export function milliseconds(ms) {
  return ms < 1000 ? digits(ms) + SPACE + "ms" : digits(ms / 1000) + SPACE + "s";
}

export function microseconds(micros) {
  return micros < 1000 ? micros + SPACE + "µs" : milliseconds(micros / 1000);
}

export function pixels(width, height) {
  return `${width}${SPACE}×${SPACE}${height}`;
}

// Two digits that count, and no more than one behind the point from 10 on.
export function digits(number) {
  if (number >= 9.95) return String(Math.round(number));
  return number.toFixed(number >= 0.995 ? 1 : 2);
}

const NAMES = {
  jpeg: "JPEG", png: "PNG", gif: "GIF", webp: "WebP", avif: "AVIF", tiff: "TIFF", bmp: "BMP",
  ico: "ICO", tga: "TGA", dds: "DDS", pnm: "PNM", qoi: "QOI", hdr: "Radiance HDR",
  openexr: "OpenEXR", farbfeld: "farbfeld",
};

export function format(name) {
  return NAMES[name] || name;
}
