// The plan of a thumbnail as a diagram: the picture on its way, to scale, and what each stage
// costs. The sentence below says the same.

import { byId, drawn, list } from "./elements.js";
import { suited } from "./figures.js";
import { explain } from "./server.js";
import * as text from "./text.js";

const REASONS = {
  within_yield_limit: "within the limit for work in slices",
  above_yield_limit: "above the limit for work in slices",
  shared: "because several cores decode it faster than one",
  asked: "as asked",
};

const STAGES = ["decode", "resample", "encode"];

export function plan() {
  const form = byId("planned");
  const diagram = byId("diagram");
  let shown = null;
  let current = null;

  const redraw = () => current && diagram.replaceChildren(draw(current, diagram.clientWidth));
  new ResizeObserver(redraw).observe(diagram);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => shown && update());

  async function update() {
    const { picture, options, signal } = shown;
    const { size, fit } = Object.fromEntries(new FormData(form));

    try {
      const asked = suited({ ...options, fit }, options.format || picture.info.format);
      const found = await explain(picture.file, size, asked, signal);
      current = described(picture, found);
      byId("plan-text").textContent = sentence(current);
      byId("plan-error").textContent = "";
      list(byId("plan-fields"), fields(found));
      redraw();
    } catch (error) {
      if (!signal.aborted) byId("plan-error").textContent = error.message;
    }
  }

  return async (picture, options, signal) => {
    shown = { picture, options, signal };
    return update();
  };
}

function described({ info }, found) {
  const [across, down] = found.decode_scale || [1, 1];
  const crop = box(found.crop);

  return {
    ...found,
    source: { width: info.width, height: info.height, format: text.format(info.format) },
    crop,
    scale: scale(across, down),
    decoded: {
      width: Math.ceil((crop || info).width / across),
      height: Math.ceil((crop || info).height / down),
    },
  };
}

// A crop may begin and end between pixels.
function whole({ width, height }) {
  return [Math.round(width), Math.round(height)];
}

function scale(across, down) {
  if (across === down) return across === 1 ? "" : `1/${across}`;
  return `1/${across} × 1/${down}`;
}

// What is cut out of the picture, if anything is.
function box(crop) {
  if (!Array.isArray(crop)) return null;
  const [x, y, width, height] = crop;
  return { x, y, width, height };
}

function sentence(plan) {
  const { source, decoded, crop, scale } = plan;
  const cut = crop ? `, cropped to ${text.pixels(...whole(crop))}` : "";
  const size = text.pixels(decoded.width, decoded.height);
  const reduced = scale ? ` and reduced to ${scale}, ${size}` : "";
  const again = plan.encodes > 1 ? `, at most ${plan.encodes} times` : "";

  return `${source.format}, ${text.pixels(source.width, source.height)}${cut}: ` +
    `decoded${reduced}, resampled to ${text.pixels(plan.width, plan.height)}, and encoded as ` +
    `${text.format(plan.format)}${again}. About ${text.microseconds(plan.cost)} of one core, ` +
    `on a ${plan.scheduler} scheduler, ${REASONS[plan.reason] || plan.reason}.`;
}

// Whatever is there, in the order of the names.
function fields(found) {
  return Object.keys(found).sort().map((name) => [name, value(found[name])]);
}

function value(field) {
  if (Array.isArray(field)) return field.map(value).join(", ");
  if (field === null) return "none";
  if (typeof field === "number") return String(Math.round(field * 100) / 100);
  if (typeof field !== "object") return String(field);
  return Object.keys(field).sort().map((name) => `${name} ${value(field[name])}`).join(", ");
}

function steps(plan) {
  const { source, decoded, costs = {} } = plan;
  const decode = plan.scale ? `Decode to ${plan.scale}` : "Decode";
  const format = text.format(plan.format);
  const cost = (stage) => (stage in costs ? text.microseconds(costs[stage]) : "");

  return [
    { name: "Source", size: source, crop: plan.crop, note: source.format },
    { name: decode, stage: "decode", size: decoded, note: cost("decode") },
    { name: "Resample", stage: "resample", size: plan, note: cost("resample") },
    { name: `Encode ${format}`, stage: "encode", size: plan, note: cost("encode") },
  ];
}

const NARROW = 560;
const LINE = 20;

function draw(plan, width) {
  const drawing = width < NARROW ? downward(plan) : across(plan, width);
  const bar = costs(plan, width, drawing.height + 16);
  const height = drawing.height + bar.height + 16;

  return drawn("svg", {
    role: "img", "aria-labelledby": "plan-text", width, height, viewBox: `0 0 ${width} ${height}`,
  }, ...drawing.nodes, ...bar.nodes);
}

// The square roots of the sizes: otherwise the thumbnail would be a dot next to its source.
function scaled(plan, largest) {
  const root = ({ width, height }) => Math.sqrt(Math.max(width, height));
  const most = root(plan.source);

  return (size) => {
    const longest = Math.min(largest, Math.max(8, largest * root(size) / most));
    const scale = longest / Math.max(size.width, size.height);
    return { width: Math.max(2, size.width * scale), height: Math.max(2, size.height * scale) };
  };
}

function across(plan, width) {
  const column = width / 4;
  const largest = Math.min(160, column - 52);
  const fit = scaled(plan, largest);
  const nodes = [];

  steps(plan).forEach((step, index) => {
    const x = index * column;
    const shape = fit(step.size);
    nodes.push(...picture(step, x, largest - shape.height, shape));
    nodes.push(...captions(step, x, largest + 28));
    if (index > 0) nodes.push(arrow(x - 30, largest - 10, x - 10, largest - 10));
  });

  return { nodes, height: largest + 28 + 2 * LINE };
}

function downward(plan) {
  const largest = 84;
  const row = largest + 36;
  const fit = scaled(plan, largest);
  const nodes = [];

  steps(plan).forEach((step, index) => {
    const y = index * row;
    const shape = fit(step.size);
    nodes.push(...picture(step, 0, y + (largest - shape.height) / 2, shape));
    nodes.push(...captions(step, largest + 20, y + largest / 2 - LINE + 6));
    if (index > 0) nodes.push(arrow(largest / 2, y - 28, largest / 2, y - 8));
  });

  return { nodes, height: 4 * row - 36 };
}

function picture({ size, crop, stage }, x, y, shape) {
  const { width, height } = shape;
  const kind = stage === "encode" ? "box solid" : "box";
  const nodes = [drawn("rect", { class: kind, x, y, width, height, rx: 2 })];

  if (crop) {
    const scale = width / size.width;
    nodes.push(drawn("rect", {
      class: "cut", x: x + crop.x * scale, y: y + crop.y * scale,
      width: crop.width * scale, height: crop.height * scale,
    }));
  }

  return nodes;
}

// The color of a stage is that of its part of the bar.
function captions({ name, size, note, stage }, x, y) {
  const lines = [name, text.pixels(size.width, size.height), note].map((line, index) => {
    const indent = stage && index === 2 ? 16 : 0;
    return drawn("text", { class: index ? "minor" : "major", x: x + indent, y: y + index * LINE },
      line);
  });

  if (stage && note) {
    const at = { x, y: y + 2 * LINE - 9, width: 9, height: 9, rx: 1 };
    lines.push(drawn("rect", { class: `cost ${stage}`, ...at }));
  }

  return lines;
}

function arrow(x1, y1, x2, y2) {
  const [dx, dy] = [Math.sign(x2 - x1) * 4, Math.sign(y2 - y1) * 4];
  const head = `M${x2 - dx - dy} ${y2 - dy - dx}L${x2} ${y2}L${x2 - dx + dy} ${y2 - dy + dx}`;
  return drawn("path", { class: "arrow", d: `M${x1} ${y1}L${x2} ${y2}${head}` });
}

// One bar, of parts as long as what they cost.
function costs(plan, width, y) {
  const known = STAGES.filter((stage) => plan.costs?.[stage] > 0);
  const sum = known.reduce((total, stage) => total + plan.costs[stage], 0);
  let x = 0;

  const nodes = known.map((stage) => {
    const share = plan.costs[stage] / sum;
    const length = Math.max(1, share * width - 2);
    const part = drawn("rect", { class: `cost ${stage}`, x, y, width: length, height: 8, rx: 1 });
    x += share * width;
    return part;
  });

  return { nodes, height: 8 };
}
