// A list of steps, the picture that they make, and how to ask for it.

import { byId, element, show } from "./elements.js";
import { latest } from "./latest.js";
import { draw } from "./mark.js";
import { edited, editPlan } from "./server.js";
import * as say from "./steps.js";
import * as text from "./text.js";

// Together they show what there is, and look well with most pictures.
const FIRST = [say.added("resize"), say.added("saturate"), say.added("overlay"),
  say.added("round")];

const WHERE = {
  decoding: "while decoding", resized: "on the small picture", full_size: "at full size",
};

export function edit() {
  const list = byId("steps");
  const format = byId("edit-format");
  const calls = [...document.querySelectorAll("[data-call]")];
  let steps = FIRST;
  let call = "elixir";
  let shown = null;
  const make = latest(made);

  byId("add").append(...say.NAMES.map((name) => element("option", {}, name)));
  byId("adding").addEventListener("submit", (event) => {
    event.preventDefault();
    put([...steps, say.added(byId("add").value)]);
    const last = list.lastElementChild;
    (last.querySelector("input, select") || last.querySelector(".order button:last-child")).focus();
  });

  format.addEventListener("change", changed);
  byId("copy").addEventListener("click", copy);

  for (const button of calls) {
    button.addEventListener("click", () => {
      call = button.dataset.call;
      for (const one of calls) one.setAttribute("aria-pressed", String(one === button));
      describe();
    });
  }

  function put(all) {
    steps = all;
    list.replaceChildren(...steps.map(row));
    byId("no-steps").hidden = steps.length > 0;
    changed();
  }

  function row(step, index) {
    const name = element("h3", {}, step.name);
    const up = button("↑", `Move ${step.name} up`, () => move(index));
    const away = button("×", `Remove ${step.name}`, () => remove(index));
    up.hidden = index === 0;

    const controls = say.fields(step.name).map((field) =>
      control(step, field, `${step.name}-${index}-${field.key}`));

    const note = element("p", { class: "note" });
    return element("li", {}, name, element("div", { class: "order" }, up, away),
      element("div", { class: "controls" }, ...controls), note);
  }

  function button(sign, label, act) {
    const node = element("button", { type: "button", "aria-label": label, title: label }, sign);
    node.addEventListener("click", act);
    return node;
  }

  // The focus stays with the step.
  function move(index) {
    const to = [...steps];
    to.splice(index - 1, 2, steps[index], steps[index - 1]);
    put(to);
    list.children[index - 1].querySelector(".order button:not([hidden])").focus();
  }

  function remove(index) {
    put(steps.filter((_step, at) => at !== index));
    const next = list.children[Math.min(index, steps.length - 1)];
    (next?.querySelector(".order button:last-child") || byId("add")).focus();
  }

  function control(step, field, id) {
    const input = inputOf(field, id, step.values[field.key]);
    const value = element("output", { for: id });
    const shows = field.kind === "range";
    if (shows) value.textContent = step.values[field.key];

    input.addEventListener("input", () => {
      step.values[field.key] = read(field, input);
      if (shows) value.textContent = step.values[field.key];
      changed();
    });

    const label = element("label", { for: id }, field.key);
    const parts = shows ? [label, value, input] : [label, input];
    return element("div", { class: `field ${field.kind}` }, ...parts);
  }

  function changed() {
    describe();
    if (shown) make();
  }

  function describe() {
    byId("call").textContent = CALLS[call](steps, format.value, fileName(shown?.picture.file));
    byId("copied").textContent = "";
  }

  async function copy() {
    try {
      await navigator.clipboard.writeText(byId("call").textContent);
      byId("copied").textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(byId("call"));
      byId("copied").textContent = "Selected.";
    }
  }

  async function made() {
    const { picture, signal } = shown;
    const figure = byId("edited");
    figure.setAttribute("aria-busy", "true");

    try {
      const form = await request(picture);
      const [image, plan] = await Promise.all([edited(form, signal), editPlan(form, signal)]);
      await show(byId("edited-picture"), image.blob);
      result(image, plan);
    } catch (error) {
      if (!signal.aborted) failed(error);
    }
  }

  async function request(picture) {
    const form = new FormData();
    const json = JSON.stringify(say.objects(steps, format.value));
    form.append("edit", new Blob([json], { type: "application/json" }));
    form.append("picture", picture.file);
    if (say.marked(steps)) form.append("mark", await draw());
    return form;
  }

  function result({ blob, ms }, plan) {
    const image = byId("edited-picture");
    const { naturalWidth: width, naturalHeight: height } = image;
    image.hidden = false;
    image.alt = `The edited picture, ${width} by ${height} pixels`;
    byId("edited").removeAttribute("aria-busy");
    byId("edited").classList.remove("failed");
    byId("edited-size").textContent = text.pixels(width, height);
    byId("edited-sums").textContent = `${text.bytes(blob.size)} · ${text.milliseconds(ms)}`;
    byId("edit-error").textContent = "";
    notes(plan.steps);
  }

  function notes(found) {
    [...list.children].forEach((row, index) => {
      const { width, height, at } = found.length === steps.length ? found[index] : {};
      const note = width ? `${text.pixels(width, height)}, ${WHERE[at] || at}` : "";
      row.querySelector(".note").textContent = note;
    });
  }

  function failed(error) {
    byId("edited").removeAttribute("aria-busy");
    byId("edited").classList.add("failed");
    byId("edit-error").textContent = error.message;
    notes([]);
  }

  put(steps);

  return async (picture, _options, signal) => {
    shown = { picture, signal };
    describe();
    await make();
  };
}

function inputOf(field, id, value) {
  if (field.kind === "select") {
    const select = element("select", { id }, ...field.choices.map((name) =>
      element("option", {}, name)));

    select.value = value;
    return select;
  }

  const { min, max, step = 1 } = field;
  const bounds = ["number", "range"].includes(field.kind) ? { min, max, step } : {};
  const input = element("input", { id, type: field.kind, ...bounds });
  if (field.kind === "checkbox") input.checked = value;
  else input.value = value;
  return input;
}

// A side that is left open is none.
function read(field, input) {
  if (field.kind === "checkbox") return input.checked;
  if (field.kind === "select" || field.kind === "color") return input.value;
  return input.value === "" ? null : Number(input.value);
}

// What needs no quotes anywhere.
function fileName(file) {
  return /^[\w.-]+$/.test(file?.name ?? "") ? file.name : "picture.jpg";
}

const address = (path) => new URL(path, document.baseURI).href;

const CALLS = {
  elixir: say.elixir,
  json: (steps, format) => say.json(steps, format),

  curl: (steps, format, file) => [
    `curl -o edited.${format} \\`,
    `  -F picture=@${file} \\`,
    ...(say.marked(steps) ? ["  -F mark=@mark.png \\"] : []),
    `  -F edit='${say.json(steps, format)}' \\`,
    `  ${address("edit")}`,
  ].join("\n"),

  url: (steps, format) =>
    `POST ${address("edit")}?edit=${encodeURIComponent(say.text(steps)).replace(/%(2C|3A|3D)/g,
      (sign) => decodeURIComponent(sign))}&format=${format}`,
};
