// The steps that the server knows: their controls, and what they say as JSON, as text and in
// Elixir.

const number = (key, value, min, max) => ({ key, kind: "number", value, min, max });
const range = (key, value, min, max, step) => ({ key, kind: "range", value, min, max, step });
const color = (key, value) => ({ key, kind: "color", value });
const flag = (key) => ({ key, kind: "checkbox", value: false });
const choice = (key, value, ...choices) => ({ key, kind: "select", value, choices });

const COMPASS = ["center", "north", "northeast", "east", "southeast", "south", "southwest", "west",
  "northwest"];

const CHOSEN = [...COMPASS, "attention", "entropy"];
const FITS = ["cover", "contain", "inside", "fill", "pad", "outside"];

const sides = (width, height) =>
  [number("width", width, 1, 4000), number("height", height, 1, 4000)];

const size = ({ width, height }) => [width, height];
const only = (key) => (values) => values[key];

// Each has its controls; what its value is; and its options, with their defaults, which are left
// out.
const STEPS = {
  resize: {
    fields: [...sides(480, 320), choice("fit", "cover", ...FITS),
      choice("position", "center", ...CHOSEN)],
    value: size,
    options: { fit: "cover", position: "center" },
  },
  thumbnail: {
    fields: [...sides(400, 400), choice("fit", "contain", ...FITS),
      choice("position", "center", ...CHOSEN)],
    value: size,
    options: { fit: "contain", position: "center" },
  },
  crop: {
    fields: [...sides(300, 300), choice("position", "center", ...COMPASS)],
    value: size,
    options: { position: "center" },
  },
  flip: {
    fields: [choice("side", "horizontal", "horizontal", "vertical")],
    value: only("side"),
  },
  rotate: {
    fields: [range("degrees", 8, -180, 180, 1),
      choice("background", "transparent", "transparent", "white", "black", "gold")],
    value: only("degrees"),
    options: { background: "transparent" },
  },
  blur: { fields: [range("sigma", 2, 0.5, 20, 0.5)], value: only("sigma") },
  sharpen: {
    fields: [range("sigma", 1, 0.5, 5, 0.5), range("amount", 1, 0, 5, 0.1)],
    value: only("sigma"),
    options: { amount: 1 },
  },
  brighten: { fields: [range("factor", 1.2, 0, 3, 0.05)], value: only("factor") },
  contrast: { fields: [range("factor", 1.2, 0, 3, 0.05)], value: only("factor") },
  saturate: { fields: [range("factor", 1.3, 0, 3, 0.05)], value: only("factor") },
  gamma: { fields: [range("exponent", 1.4, 0.2, 4, 0.1)], value: only("exponent") },
  grayscale: { fields: [], value: () => true },
  invert: { fields: [], value: () => true },
  threshold: { fields: [range("level", 128, 0, 255, 1)], value: only("level") },
  tint: { fields: [color("color", "#704214")], value: only("color") },
  overlay: {
    fields: [choice("position", "southeast", ...COMPASS), number("margin", 12, 0, 500),
      range("opacity", 0.8, 0, 1, 0.05), flag("tile")],
    value: () => "form:mark",
    options: { position: "center", margin: 0, opacity: 1, tile: false },
  },
  round: {
    fields: [number("radius", 24, 0, 2000), flag("circle")],
    value: ({ radius, circle }) => (circle ? "circle" : radius),
  },
  border: {
    fields: [number("width", 8, 0, 200), color("color", "#f4b942")],
    value: ({ width, color }) => [width, color],
  },
};

export const NAMES = Object.keys(STEPS);

export function fields(name) {
  return STEPS[name].fields;
}

export function added(name, values = {}) {
  const own = fields(name).map(({ key, value }) => [key, value]);
  return { name, values: { ...Object.fromEntries(own), ...values } };
}

export const marked = (steps) => steps.some(({ name }) => name === "overlay");

function said({ name, values }) {
  const { value, options = {} } = STEPS[name];
  const other = Object.entries(options).filter(([key, usual]) => values[key] !== usual);
  return { name, value: value(values), options: other.map(([key]) => [key, values[key]]) };
}

// A list of objects, for the request.
export function objects(steps, format) {
  const list = steps.map((step) => {
    const { name, value, options } = said(step);
    return { [name]: options.length ? { value, ...Object.fromEntries(options) } : value };
  });

  return [...list, { format }];
}

// The same, one object a line.
export function json(steps, format) {
  const lines = objects(steps, format).map((object) => "  " + spaced(object));
  return `[\n${lines.join(",\n")}\n]`;
}

function spaced(value) {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([key, one]) =>
    `${JSON.stringify(key)}: ${spaced(one)}`);

  return `{${members.join(", ")}}`;
}

const plain = (value) => String(value ?? "").replace(/^#/, "");

// As in the URL, where a size has an x, and colors have no #.
export function text(steps) {
  return steps.map((step) => {
    const { name, value, options } = said(step);
    const sized = ["resize", "thumbnail", "crop"].includes(name);
    const own = [value].flat().map(plain).join(sized ? "x" : ",");
    const all = [own, ...options.map(([key, one]) => `${key}=${plain(one)}`)];
    return value === true ? name : `${name}:${all.join(",")}`;
  }).join("|");
}

// The strings that are atoms there. Colors stay strings.
const ATOMS = ["fit", "position", "flip", "round"];

export function elixir(steps, format, file) {
  const lines = steps.map((step) => {
    const { name, value, options } = said(step);
    const given = name === "overlay" ? '{:file, "mark.png"}' : term(name, value);
    const more = options.map(([key, one]) => `${key}: ${term(key, one)}`);
    if (!more.length) return `  ${name}: ${given}`;
    const inner = Array.isArray(value) ? given.slice(1, -1) : given;
    return `  ${name}: {${[inner, ...more].join(", ")}}`;
  });

  const all = [...lines, `  format: :${format}`].join(",\n");
  return `Thumbelina.edit({:file, "${file}"},\n${all}\n)`;
}

function term(key, value) {
  if (Array.isArray(value)) return `{${value.map((one) => term(key, one)).join(", ")}}`;
  if (value === null) return "nil";
  if (typeof value !== "string") return String(value);
  return ATOMS.includes(key) ? `:${value}` : `"${value}"`;
}
