// A point of the picture that is dragged, and crops that keep it.

import { byId, show } from "./elements.js";
import { COLUMN, COLUMNS, Figure } from "./figures.js";
import { latest } from "./latest.js";

const CROPS = [
  { label: "1 : 1", width: COLUMN, height: COLUMN },
  { label: "16 : 9", width: COLUMNS, height: 207 },
  { label: "3 : 4", width: COLUMN, height: 224 },
];

const CENTER = { x: 0.5, y: 0.5 };

// Where the names are. What the server finds by itself is nowhere yet.
const PLACES = {
  center: CENTER, north: { x: 0.5, y: 0 }, northeast: { x: 1, y: 0 }, east: { x: 1, y: 0.5 },
  southeast: { x: 1, y: 1 }, south: { x: 0.5, y: 1 }, southwest: { x: 0, y: 1 },
  west: { x: 0, y: 0.5 }, northwest: { x: 0, y: 0 }, attention: null, entropy: null,
};

const POINT = "point";
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function focal() {
  const stage = byId("stage");
  const handle = byId("handle");
  const place = byId("place");
  const crops = CROPS.map(({ label, width, height }) => {
    const figure = new Figure(label, width, height);
    return { size: `${width}x${height}`, figure, make: latest((ask) => ask(figure)) };
  });

  let point = CENTER;
  let name = "center";
  let shown = null;
  byId("placing").addEventListener("submit", (event) => event.preventDefault());
  byId("crops").append(...crops.map(({ figure }) => figure.node));

  function move(to) {
    point = { x: rounded(to.x), y: rounded(to.y) };
    const named = Object.keys(PLACES).find((one) =>
      PLACES[one]?.x === point.x && PLACES[one]?.y === point.y);

    // The names of the edges mean the same, but who moves the ring means a point.
    changed(named === "center" ? named : POINT);
  }

  function choose(chosen) {
    if (PLACES[chosen]) point = PLACES[chosen];
    changed(chosen);
  }

  function changed(to) {
    name = to;
    place.value = name;
    stage.style.setProperty("--x", point.x);
    stage.style.setProperty("--y", point.y);
    stage.classList.toggle("found", PLACES[name] === null);
    const [x, y] = [point.x, point.y].map((part) => Math.round(part * 100));
    handle.setAttribute("aria-valuenow", x);
    handle.setAttribute("aria-valuetext", `${x} % from the left, ${y} % from the top`);
    byId("position").textContent = new URLSearchParams(parameters()).toString()
      .replace("%2C", ",");
    if (shown) crop();
  }

  // The center is what the server takes by itself.
  function parameters() {
    if (name === "center") return { fit: "cover" };
    return { fit: "cover", position: name === POINT ? `${point.x},${point.y}` : name };
  }

  async function crop() {
    const { picture, options, signal } = shown;
    const asked = { ...options, ...parameters() };

    const made = await Promise.all(crops.map(({ size, make }) =>
      make((figure) => figure.make(picture, size, asked, signal))));

    // The last one knows.
    if (made.includes(undefined)) return;
    const failed = made.find((one) => one instanceof Error);
    byId("focal-error").textContent = failed ? failed.message : "";
  }

  drag(stage, handle, move);
  place.addEventListener("change", () => choose(place.value));

  handle.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step && event.key !== "Home") return;
    event.preventDefault();
    const length = event.shiftKey ? 0.1 : 0.01;
    move(step ? { x: point.x + step[0] * length, y: point.y + step[1] * length } : CENTER);
  });

  choose("center");

  return async (picture, options, signal) => {
    if (shown?.picture !== picture) {
      shown = null;
      choose("center");
      await show(byId("focal-picture"), picture.preview).catch(() => {});
    }

    if (signal.aborted) return;
    shown = { picture, options, signal };
    await crop();
  };
}

function rounded(part) {
  return Math.round(Math.min(1, Math.max(0, part)) * 100) / 100;
}

// With a mouse from anywhere on the picture. A finger takes the handle, and scrolls elsewhere.
function drag(stage, handle, move) {
  const to = (event) => {
    const box = stage.getBoundingClientRect();
    move({ x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height });
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (event.pointerType === "touch" && event.target !== handle) return;
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    handle.focus({ focusVisible: false });
    to(event);
  });

  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) to(event);
  });

  stage.addEventListener("click", (event) => {
    if (event.pointerType === "touch") to(event);
  });
}
