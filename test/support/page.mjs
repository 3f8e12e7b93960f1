// Drives the page of the server in a browser, as a person would. Every check that holds is a line;
// the first one that does not ends it with the status 1.
//
//     node page.mjs URL PLAYWRIGHT CHROMIUM FIXTURES SCREENSHOTS

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , base, playwright, executablePath, fixtures, shots] = process.argv;
const { chromium } = createRequire(import.meta.url)(playwright);
const browser = await chromium.launch({ executablePath });
const host = new URL(base).host;
const fixture = (name) => readFileSync(join(fixtures, name));

async function everything() {
  await check("it asks for a picture", async () => withPage({}, empty));
  await check("pictures", async () => withPage({ expected: [422] }, pictures));
  await check("the placeholder is there first", async () => withPage({}, placeholder));
  await check("options", async () => withPage({ picture: "photo.jpg" }, options));
  await check("focal point", async () => withPage({ picture: "photo.jpg" }, focal));
  await check("positions", async () => withPage({ picture: "photo.jpg" }, positions));
  await check("steps", async () => withPage({ picture: "photo.jpg", expected: [400] }, steps));
  await check("what is said of steps", async () => withPage({ picture: "photo.jpg" }, said));
  await check("before and after", async () => withPage({ picture: "photo.jpg" }, compare));
  await check("plan", async () => withPage({ picture: "photo.jpg", expected: [413] }, plan));
  await check("lateness", async () => withPage({ picture: "photo.jpg" }, lateness));
  await check("errors", async () => withPage({ expected: [415, 422, 503] }, errors));
  await check("below a mount point", async () => withPage({ mount: "/mount/at/" }, mounted));

  await check("on a desktop", async () => withPage({}, (page) => audit(page, "desktop")));
  await check("on a phone", async () => withPage(PHONE, (page) => audit(page, "phone")));
}

const PHONE = {
  viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true,
};

async function check(name, fun) {
  const started = performance.now();
  await fun();
  console.log(`ok - ${name} (${Math.round(performance.now() - started)} ms)`);
}

// A page of its own. Whatever it does, it asks no other host, breaks no policy, and logs no error
// but for the statuses that are expected.
async function withPage({ picture, mount, expected = [], ...view }, fun) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...view });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const wrong = [];
  const asked = [];
  page.on("pageerror", (error) => wrong.push(error.stack));
  page.on("console", (message) => {
    const status = message.text().match(/Failed to load resource: .* status of (\d+)/)?.[1];
    const harmless = ["log", "info", "debug"].includes(message.type());
    if (!harmless && !expected.includes(Number(status))) wrong.push(message.text());
  });

  page.on("request", (request) => {
    const url = new URL(request.url());
    asked.push(url.pathname + url.search);
    if (!["data:", "blob:"].includes(url.protocol) && url.host !== host) wrong.push(url.href);
    if (mount && url.protocol === "http:" && !url.pathname.startsWith(mount)) wrong.push(url.href);
  });

  await context.exposeFunction("violated", (directive) => wrong.push(`policy: ${directive}`));
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) =>
    window.violated(`${event.violatedDirective} ${event.blockedURI}`)));

  if (mount) await beneath(page, mount);

  try {
    await opened(page, mount, picture);
    await fun(page, asked);
    assert.deepEqual(wrong, []);
  } finally {
    // If the browser is gone, what was thrown before tells more.
    await page.unrouteAll({ behavior: "ignoreErrors" }).catch(() => {});
    await context.close().catch(() => {});
  }
}

async function opened(page, mount, picture) {
  const response = await page.goto(new URL(mount || "/", base).href);
  const policy = response.headers()["content-security-policy"];
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; /);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.equal(response.headers()["x-content-type-options"], "nosniff");
  if (!picture) return;
  await page.setInputFiles("#file", join(fixtures, picture));
  await settled(page);
}

async function beneath(page, mount) {
  await page.route(`**${mount}**`, async (route) => {
    const url = new URL(route.request().url());
    url.pathname = "/" + url.pathname.slice(mount.length);
    // The files of a form go nowhere else.
    if (route.request().method() === "POST") return route.continue({ url: url.href });
    await route.fulfill({ response: await route.fetch({ url: url.href }) });
  });
}

const settled = (page) => page.waitForFunction(() =>
  /^\d+ thumbnails in /.test(document.getElementById("status").textContent) &&
  !document.querySelector("[aria-busy]"));

const text = (page, selector) => page.locator(selector).textContent();

async function until(fun, message) {
  const end = performance.now() + 60_000;

  while (!(await fun())) {
    assert.ok(performance.now() < end, message || `never: ${fun}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function empty(page) {
  assert.equal(await page.title(), "Thumbelina");
  assert.equal(await page.locator("section:visible").count(), 1);
  assert.equal(await page.locator("#invitation").isVisible(), true);
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(shots, `empty-${colorScheme}.png`) });
  }

  await names(page);
  await reached(page);
}

async function pictures(page) {
  await page.setInputFiles("#file", join(fixtures, "photo.jpg"));
  await settled(page);
  assert.match(await text(page, "#facts"), /FormatJPEG.*640.×.427.*54.kB/s);
  await captions(page, 18);

  await hand(page, "drop", "alpha.png", "image/png");
  await until(async () => /FormatPNG/.test(await text(page, "#facts")));
  await settled(page);
  await captions(page, 18);

  // The browser does not show this one, so the server does.
  await hand(page, "paste", "alpha.tif", "image/tiff");
  await until(async () => /FormatTIFF/.test(await text(page, "#facts")));
  await settled(page);
  await until(() => page.evaluate(() => document.getElementById("before").naturalWidth > 0));
  await captions(page, 18);

  // One after the other, in a hurry: the last one counts.
  for (const name of ["photo.png", "truncated.png", "photo-gray.jpg", "alpha.webp"])
    await page.setInputFiles("#file", join(fixtures, name));

  await until(async () => /FormatWebP/.test(await text(page, "#facts")));
  await settled(page);
  await captions(page, 18);
  assert.equal(await text(page, "#error"), "");

  await page.click("#sample");
  await until(async () => /2400.×.1600/.test(await text(page, "#facts")));
  await settled(page);
  await captions(page, 18);
}

// As the browser does it when something is dropped or pasted.
async function hand(page, kind, name, type) {
  await page.evaluate(({ kind, name, type, bytes }) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(bytes)], name, { type }));
    const well = document.getElementById("well");
    const bubbles = { bubbles: true, cancelable: true };

    if (kind === "paste") {
      document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, ...bubbles }));
      return;
    }

    well.dispatchEvent(new DragEvent("dragenter", { dataTransfer: transfer, ...bubbles }));
    if (!well.classList.contains("over")) throw new Error("it does not show where to drop");
    const over = new DragEvent("dragover", { dataTransfer: transfer, ...bubbles });
    if (document.body.dispatchEvent(over)) throw new Error("the browser would take the file");
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, ...bubbles }));
    if (well.classList.contains("over")) throw new Error("it still shows where to drop");
  }, { kind, name, type, bytes: [...fixture(name)] });
}

async function captions(page, count) {
  const all = await page.locator("figure:not(.plan) figcaption").allTextContents();
  assert.equal(all.length, count);
  for (const caption of all) assert.match(caption, /\d+.×.\d+[\d.]+.[kM]?B · [\d.]+.m?s$/u);
}

async function placeholder(page) {
  let go;
  const held = new Promise((resolve) => { go = resolve; });
  await page.route("**/thumbnail/**", async (route) => { await held; await route.continue(); });
  await page.setInputFiles("#file", join(fixtures, "photo.jpg"));
  await until(() => page.locator("#placeholder").isVisible());
  assert.match(await page.getAttribute("#placeholder", "src"), /^data:image\/webp;base64,/);
  assert.match(await text(page, "#facts"), /Color#\w{6}Placeholder/);
  assert.equal(await page.locator("#original").isVisible(), false);
  await page.screenshot({ path: join(shots, "loading.png") });
  go();
  await settled(page);
  assert.equal(await page.locator("#original").isVisible(), true);
  await page.click("#hold");
  assert.equal(await page.getAttribute("#hold", "aria-pressed"), "true");
  assert.equal(await page.locator("#original").isVisible(), false);
  await page.click("#hold");
  assert.equal(await page.locator("#original").isVisible(), true);
}

async function options(page, asked) {
  const largest = "#sizes figure:last-child";
  const bytes = async () => parseFloat((await text(page, largest)).match(/([\d.]+).kB/)[1]);
  const before = await bytes();
  asked.length = 0;
  await page.focus("#quality");
  await page.keyboard.press("Home");
  await until(() => asked.some((url) => /^\/thumbnail\/368\?.*quality=1(&|$)/.test(url)));
  await settled(page);
  assert.equal(await text(page, "#quality-value"), "1");
  await until(async () => (await bytes()) < before / 2);
  await page.selectOption("#format", "png");
  await page.selectOption("#filter", "box");
  await until(() => asked.includes("/thumbnail/368?format=png&quality=1&filter=box"));
  await settled(page);
  assert.match(await page.getAttribute(`${largest} img`, "alt"), /PNG, 368 by 246/);

  // Those of a format are asked for with this format only.
  await page.click("#more summary");
  await page.selectOption("#colors", "16");
  await page.check("[name=progressive]");
  await page.selectOption("#max-bytes", "5000");
  await page.selectOption("#background", "gold");
  await page.selectOption("#subsampling", "4:4:4");
  await settled(page);
  await page.locator("[aria-labelledby=thumbnails-title]").screenshot({
    path: join(shots, "options.png"),
  });

  asked.length = 0;
  await page.check("[name=linear]");
  const wanted = "format=png&quality=1&filter=box&background=gold&colors=16&linear=true";
  await until(() => asked.includes(`/thumbnail/368?${wanted}`));
  await until(() => asked.some((url) =>
    /format=jpeg.*subsampling=4%3A4%3A4&max_bytes=5000.*progressive=true/.test(url)));
  assert.ok(asked.every((url) => !/format=jpeg.*colors=/.test(url)));
  await settled(page);
  assert.equal(await page.locator("figure.failed").count(), 0);
}

async function positions(page, asked) {
  const wanted = () => asked.filter((url) => /^\/thumbnail\/168x168\?/.test(url)).at(-1);
  const handle = page.locator("#handle");
  const opacity = () => handle.evaluate((node) => getComputedStyle(node).opacity);
  await page.selectOption("#place", "attention");
  await until(() => /fit=cover&position=attention$/.test(wanted()));
  assert.equal(await text(page, "#position"), "fit=cover&position=attention");
  assert.equal(await opacity(), "0");
  await page.selectOption("#place", "southwest");
  await until(() => /position=southwest$/.test(wanted()));
  assert.equal(await opacity(), "1");
  const place = await handle.getAttribute("aria-valuetext");
  assert.equal(place, "0 % from the left, 100 % from the top");
  await handle.press("ArrowRight");
  assert.equal(await page.inputValue("#place"), "point");
  await until(() => /position=0.01%2C1$/.test(wanted()));
  await handle.press("Home");
  assert.equal(await page.inputValue("#place"), "center");
  await settled(page);
}

const rows = (page) => page.locator("#steps li h3").allTextContents();
const made = (page) => text(page, "#edited-size");
const alert = (page) => text(page, "#edit-error");

async function steps(page, asked) {
  const step = (number) => page.locator(`#steps li:nth-child(${number})`);
  const size = async (expected) => {
    await until(async () => (await made(page)) === expected.replaceAll(" ", "\u00a0"));
    await settled(page);
  };

  assert.deepEqual(await rows(page), ["resize", "saturate", "overlay", "round"]);
  assert.ok(asked.includes("/edit") && asked.includes("/explain"));
  await size("480 × 320");
  assert.match(await step(1).locator(".note").textContent(), /^480.×.320, while decoding$/);
  assert.match(await step(4).locator(".note").textContent(), /^480.×.320, on the small picture$/);
  assert.match(await text(page, "#edited-sums"), /^[\d.]+.kB · [\d.]+.ms$/);

  // By keys: a step is added, changed, moved and removed, and the focus stays with it.
  await page.selectOption("#add", "rotate");
  await page.focus("#adding button");
  await page.keyboard.press("Enter");
  assert.deepEqual((await rows(page)).at(-1), "rotate");
  const focused = () => page.evaluate(() => document.activeElement.id);
  assert.equal(await focused(), "rotate-4-degrees");
  await page.keyboard.press("End");
  await until(async () => (await step(5).locator("output").textContent()) === "180");
  await size("480 × 320");
  await page.selectOption("#add", "blur");
  await page.click("#adding button");
  await page.locator("#blur-5-sigma").fill("8");

  for (let at = 6; at > 1; at--) {
    await page.locator(`[aria-label="Move blur up"]`).focus();
    await page.keyboard.press("Enter");
  }

  assert.deepEqual(await rows(page), ["blur", "resize", "saturate", "overlay", "round", "rotate"]);
  await until(async () => /640.×.427, at full size/.test(await step(1).locator(".note")
    .textContent()));
  assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), "Remove blur");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), "Remove resize");
  await page.locator(`[aria-label="Remove resize"]`).click();
  await size("640 × 427");

  // What is wrong is said, and the rest stays.
  await page.selectOption("#add", "thumbnail");
  await page.click("#adding button");
  await page.locator("#thumbnail-4-width").fill("");
  await size("600 × 400");
  await page.locator("#thumbnail-4-height").fill("");
  await until(async () => /step 5, thumbnail, width: expected a width or a height\.$/.test(
    await alert(page)));
  assert.equal(await page.locator("#edited.failed").count(), 1);
  await page.locator("#thumbnail-4-height").fill("50");
  await size("75 × 50");
  assert.equal(await alert(page), "");
  assert.equal(await page.locator("#edited.failed").count(), 0);

  for (let left = 5; left > 0; left--) await step(1).locator(".order button:last-child").click();
  await size("640 × 427");
  assert.equal(await focused(), "add");
  assert.equal(await page.locator("#no-steps").isVisible(), true);
}

async function said(page, asked) {
  const call = () => text(page, "#call");
  const address = new URL("edit", page.url()).href;

  assert.equal(await call(), `Thumbelina.edit({:file, "photo.jpg"},
  resize: {480, 320},
  saturate: 1.3,
  overlay: {{:file, "mark.png"}, position: :southeast, margin: 12, opacity: 0.8},
  round: 24,
  format: :webp
)`);

  await page.click("[data-call=json]");
  assert.deepEqual(JSON.parse(await call()), [
    { resize: [480, 320] }, { saturate: 1.3 },
    { overlay: { value: "form:mark", position: "southeast", margin: 12, opacity: 0.8 } },
    { round: 24 }, { format: "webp" },
  ]);

  await page.click("[data-call=curl]");
  assert.match(await call(), /^curl -o edited\.webp \\\n {2}-F picture=@photo\.jpg \\\n/);
  assert.ok((await call()).endsWith(`]' \\\n  ${address}`));
  await page.click("[data-call=url]");
  assert.equal(await call(), `POST ${address}?edit=resize:480x320%7Csaturate:1.3%7C` +
    "overlay:form:mark,position=southeast,margin=12,opacity=0.8%7Cround:24&format=webp"
      .replaceAll("=southeast", "%3Dsoutheast").replaceAll("%3D", "="));

  assert.equal(await page.locator("[data-call][aria-pressed=true]").count(), 1);

  // Every step, as JSON and as text, is the same picture.
  await page.selectOption("#edit-format", "png");
  for (const _ of await rows(page)) await page.click("#steps li .order button:last-child");
  const names = await page.locator("#add option").allTextContents();
  assert.equal(names.length, 18);

  for (const name of names) {
    await page.selectOption("#add", name);
    await page.click("#adding button");
    await settled(page);
    await until(async () => (await call()).includes(name));
    const url = (await call()).replace("POST ", "");
    await page.click("[data-call=json]");
    const json = await call();
    await page.click("[data-call=url]");
    const [one, other] = await same(page, url, json);
    assert.equal(one, other, `${name}: ${url} ${json}`);
    await page.click("#steps li .order button:last-child");
  }

  assert.ok(asked.some((path) => path.startsWith("/edit?edit=")));
}

// The digests of what the URL and a form make of a picture.
async function same(page, url, json) {
  const bytes = [...fixture("photo-444.jpg")];

  return page.evaluate(async ({ url, json, bytes }) => {
    const mark = await (await import(new URL("page/mark.js", document.baseURI))).draw();
    const picture = new Blob([Uint8Array.from(bytes)]);
    const results = [];

    for (const [target, edit] of [[url, null], ["edit", json]]) {
      const form = new FormData();
      form.append("picture", picture);
      if (edit) form.append("edit", edit);
      if (json.includes("form:mark")) form.append("mark", mark);
      const response = await fetch(target, { method: "POST", body: form });
      if (!response.ok) return [await response.text(), target];
      const digest = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
      results.push([...new Uint8Array(digest)].join());
    }

    return results;
  }, { url, json, bytes });
}

async function focal(page, asked) {
  // The crops have two sides.
  const positions = () => asked.filter((url) => /\/\d+x\d+\?.*position=/.test(url))
    .map((url) => new URLSearchParams(url.split("?")[1]).get("position"));

  const handle = page.locator("#handle");
  await page.locator("#stage").scrollIntoViewIfNeeded();
  const box = await page.locator("#stage").boundingBox();
  const at = (x, y) => [box.x + x * box.width, box.y + y * box.height];
  assert.deepEqual(positions(), []);

  await page.mouse.move(...at(0.5, 0.5));
  await page.mouse.down();
  await page.mouse.move(...at(0.4, 0.6), { steps: 3 });
  await page.mouse.move(...at(0.3, 0.7));
  await page.mouse.up();
  await page.mouse.move(...at(0.9, 0.9));
  await until(() => positions().filter((position) => position === "0.3,0.7").length === 3);
  assert.equal(await text(page, "#position"), "fit=cover&position=0.3,0.7");
  const place = await handle.getAttribute("aria-valuetext");
  assert.equal(place, "30 % from the left, 70 % from the top");
  assert.ok(asked.every((url) => !/position=/.test(url) || /fit=cover/.test(url)));

  // The mouse has left the focus there.
  for (const key of ["ArrowRight", "ArrowUp", "Shift+ArrowLeft"]) await page.keyboard.press(key);
  await until(() => positions().at(-1) === "0.21,0.69");
  for (let step = 0; step < 4; step++) await page.keyboard.press("Shift+ArrowLeft");
  await until(() => positions().at(-1) === "0,0.69");
  await page.keyboard.press("Home");
  assert.equal(await text(page, "#position"), "fit=cover");
  assert.equal(await handle.getAttribute("aria-valuenow"), "50");
  await settled(page);
  assert.equal(await text(page, "#focal-error"), "");
}

async function compare(page) {
  const clip = () => page.locator("#after").evaluate((image) => getComputedStyle(image).clipPath);
  const first = await clip();
  await page.focus("#split");
  await page.keyboard.press("End");
  assert.notEqual(await clip(), first);
  assert.equal(await page.getAttribute("#split", "aria-valuetext"), "100 % from the left");
  assert.match(await text(page, "#sums"), /^54.kB → [\d.]+.kB, [\d.]+ times/);
  assert.equal(await text(page, "#compare-error"), "");
}

async function plan(page, asked) {
  assert.ok(asked.includes("/explain/168?quality=80&fit=contain"));
  const sentence = await text(page, "#plan-text");
  assert.match(sentence, /^JPEG, 640.×.427: decoded and reduced to 1\/\d, \d+.×.\d+, resam/);
  assert.match(sentence, /^[^.]+ encoded as JPEG\. About [\d.]+.[mµ]s of one core, on a normal /);
  const svg = page.locator("#diagram svg[role=img][aria-labelledby=plan-text]");
  const size = () => svg.evaluate((node) => node.getBoundingClientRect().width);
  assert.equal(await svg.count(), 1);
  assert.equal(await page.locator("#diagram rect.cost").count(), 6);
  await page.selectOption("#plan-size", "1600");
  await page.selectOption("#plan-fit", "fill");
  await until(() => asked.includes("/explain/1600?quality=80&fit=fill"));
  const resampled = /: decoded, resampled to 640.×.427, and/;
  await until(async () => resampled.test(await text(page, "#plan-text")));
  await page.click(".content > details > summary");
  const fields = await text(page, "#plan-fields");
  assert.match(fields, /cost\d+costsdecode \d+, encode \d+, resample \d+/);
  assert.match(fields, /decode_scale1, 1encodes1formatjpegheight427reasonwithin_yield_limit/);
  await page.click("#more summary");
  await page.selectOption("#max-bytes", "5000");
  await until(async () => /encoded as JPEG, at most 6 times\. /.test(
    await text(page, "#plan-text")));
  await page.setViewportSize({ width: 400, height: 900 });
  await until(async () => (await size()) < 400);

  // What is cut off.
  await page.route("**/explain/48?*", async (route) => {
    const response = await route.fetch();
    const json = { crop: [106.5, 0, 427, 427], ...(await response.json()) };
    await route.fulfill({ response, json });
  });

  await page.selectOption("#plan-fit", "cover");
  await page.selectOption("#plan-size", "48");
  await until(async () => /^JPEG, 640.×.427, cropped to 4\d\d.×.427: /.test(
    await text(page, "#plan-text")));
  assert.equal(await page.locator("#diagram rect.cut").count(), 1);
}

async function lateness(page, asked) {
  const bars = async () => Number(await page.getAttribute("#strip", "data-bars"));
  const row = (number) => text(page, `#latenesses tr:nth-child(${number})`);
  assert.equal(await bars(), 0);
  const pixels = () => page.locator("#strip").evaluate((canvas) => canvas.toDataURL());
  const blank = await pixels();

  for (const [load, number] of [["normal", 2], ["dirty", 3]]) {
    const button = page.locator(`[data-load=${load}]`);
    const before = await bars();
    await button.focus();
    await page.keyboard.press("Space");
    assert.equal(await button.getAttribute("aria-pressed"), "true");
    await until(async () => /schedulers[\d.]{9,}/.test(await row(number)));
    await until(async () => (await bars()) > before + 12);
    await button.press("Enter");
    assert.equal(await button.getAttribute("aria-pressed"), "false");
    await until(async () => /schedulers: median [\d.]+/.test(await text(page, "#lateness-status")));
  }

  // Idle was measured first, to compare.
  assert.match(asked.filter((url) => url.startsWith("/lateness"))[0], /load=none/);
  assert.match(await row(1), /^Idle[\d.]+–$/);
  assert.notEqual(await pixels(), blank);

  const requests = () => asked.filter((url) => url.startsWith("/lateness")).length;
  const sent = requests();
  for (let time = 0; time < 5; time++) await page.evaluate(() => fetch("health"));
  assert.equal(requests(), sent);
}

async function errors(page, asked) {
  const alert = () => text(page, "#error");
  await page.setInputFiles("#file", {
    name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("not a picture"),
  });

  await until(async () => (await alert()) !== "");
  assert.equal(await alert(), "notes.txt cannot be shown. Not a known picture format.");
  assert.equal(await page.getAttribute("#file", "aria-invalid"), "true");
  assert.match(await page.getAttribute("#file", "aria-describedby"), /\berror\b/);
  assert.equal(await page.getAttribute("#error", "role"), "alert");
  await page.screenshot({ path: join(shots, "error.png") });

  await page.setInputFiles("#file", join(fixtures, "truncated.jpg"));
  await until(async () => /^truncated.jpg cannot be shown\. ./.test(await alert()));
  assert.equal(await page.locator("section:visible").count(), 1);

  // One of many fails, and the others are there. This one is too small for nothing.
  await page.route(/format=avif/, (route) => route.fulfill({
    status: 503, json: { error: "overloaded", message: "too much at once" },
  }));

  await page.route("**/lateness?**", (route) => route.fulfill({ status: 503, body: "<html>" }));
  await page.setInputFiles("#file", join(fixtures, "photo.jpg"));
  await settled(page);
  assert.equal(await alert(), "");
  assert.equal(await page.getAttribute("#file", "aria-invalid"), null);
  assert.match(await text(page, "#status"), /^13 thumbnails in .*, 1 failed\.$/);
  assert.match(await text(page, "#formats figure.failed"), /AVIF.*Too much at once\./);

  await page.click("[data-load=normal]");
  await until(async () => (await text(page, "#lateness-error")) !== "");
  assert.equal(await text(page, "#lateness-error"), "The server answers with 503.");
  assert.equal(await page.locator("[data-load][aria-pressed=true]").count(), 0);
  assert.equal(asked.filter((url) => url.startsWith("/lateness")).length, 1);
}

async function mounted(page, asked) {
  await page.setInputFiles("#file", join(fixtures, "photo.jpg"));
  await settled(page);
  await captions(page, 18);
  assert.ok(asked.some((url) => url.startsWith("/mount/at/page/main.js")));
  assert.ok(asked.some((url) => url.startsWith("/mount/at/explain/")));
}

// Names, focus, contrast, structure and widths; and pictures, for people to look at.
async function audit(page, name) {
  await page.click("#sample");
  await settled(page);

  for (const [load, number] of [["normal", 2], ["dirty", 3]]) {
    await page.click(`[data-load=${load}]`);
    const median = `#latenesses tr:nth-child(${number}) td:nth-child(2)`;
    await until(async () => /\d/.test(await text(page, median)));
    await page.click(`[data-load=${load}]`);
  }

  for (const summary of await page.locator("summary").all()) await summary.click();
  await names(page);
  await structure(page);
  await reached(page);

  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await contrast(page);
  }

  for (const summary of await page.locator("summary").all()) await summary.click();
  await page.evaluate(() => document.activeElement.blur());

  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: join(shots, `${name}-${colorScheme}.png`), fullPage: true });
  }

  for (const width of [page.viewportSize().width, 320]) {
    await page.setViewportSize({ width, height: 740 });
    await until(() => page.evaluate(() =>
      document.documentElement.scrollWidth <= document.documentElement.clientWidth));
  }

  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.evaluate(() => document.getElementById("well").setAttribute("aria-busy", "true"));
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  await page.emulateMedia({ reducedMotion: "no-preference" });
  assert.notEqual(await page.evaluate(() => document.getAnimations().length), 0);
}

// The names that the browser tells assistive technology.
async function names(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const roles = ["button", "slider", "combobox", "link", "textbox", "image", "img", "figure"];
  const named = nodes.filter((node) => !node.ignored && roles.includes(node.role?.value));
  assert.ok(named.length >= 3);

  for (const node of named) {
    const quiet = node.role.value === "figure";
    if (!quiet) assert.notEqual(node.name?.value || "", "", JSON.stringify(node));
  }
}

async function structure(page) {
  const wrong = await page.evaluate(() => {
    const found = [];
    const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
    if (new Set(ids).size !== ids.length) found.push("an id is there twice");

    for (const name of ["aria-labelledby", "aria-describedby", "for"])
      for (const node of document.querySelectorAll(`[${name}]`))
        for (const id of node.getAttribute(name).split(" "))
          if (!document.getElementById(id)) found.push(`${name}=${id}`);

    const headings = [...document.querySelectorAll("h1, h2, h3")];
    const levels = headings.map((node) => Number(node.tagName[1]));
    levels.forEach((level, index) => {
      if (level > (levels[index - 1] || 0) + 1) found.push(`heading ${index} skips a level`);
    });

    if (document.querySelectorAll("h1").length !== 1) found.push("one h1");
    if (document.querySelectorAll("main").length !== 1) found.push("one main");
    if (!document.documentElement.lang) found.push("no language");
    for (const node of document.querySelectorAll("script:not([src]), style"))
      found.push(`inline: ${node.outerHTML}`);

    // Large enough for a finger.
    for (const node of document.querySelectorAll("button, select, .button, .handle")) {
      const { width, height } = node.getBoundingClientRect();
      if (width > 0 && Math.min(width, height) < 24) found.push(`small: ${node.outerHTML}`);
    }

    return found;
  });

  assert.deepEqual(wrong, []);
}

// Every control is reached with the Tab key, in the order of the page, and shows it.
async function reached(page) {
  const wanted = await page.evaluate(() => {
    // From the beginning.
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
    const controls = "a[href], button, input, select, summary, [tabindex='0']";
    const nodes = [...document.querySelectorAll(controls)].filter((node) => node.checkVisibility());
    nodes.forEach((node, index) => { node.dataset.order = index; });
    return nodes.length;
  });

  const seen = [];

  for (let step = 0; step < wanted; step++) {
    await page.keyboard.press("Tab");
    seen.push(await page.evaluate(() => {
      const node = document.activeElement;
      const outlined = (one) => one && getComputedStyle(one).outlineStyle !== "none";
      const ring = [node, node.nextElementSibling, node.parentElement].some(outlined);
      return ring ? Number(node.dataset.order) : `no focus is seen: ${node.outerHTML}`;
    }));
  }

  assert.deepEqual(seen, Array.from({ length: wanted }, (_, index) => index));
}

async function contrast(page) {
  const low = await page.evaluate(() => {
    const numbers = (color) => color.match(/[\d.]+/g).map(Number);
    const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const luminance = (color) => {
      const [r, g, b] = numbers(color).map((part) => linear(part / 255));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };

    const behind = (node) => {
      for (let at = node; at; at = at.parentElement) {
        const color = getComputedStyle(at).backgroundColor;
        if (!/, 0\)$|^transparent$/.test(color)) return color;
      }
      return "rgb(255, 255, 255)";
    };

    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let count = 0;

    while (walker.nextNode()) {
      const node = walker.currentNode.parentElement;
      if (!walker.currentNode.textContent.trim() || !node.checkVisibility()) continue;
      if (node.closest("script, noscript, .unseen")) continue;
      count++;
      const style = getComputedStyle(node);
      const color = node.closest("svg") ? style.fill : style.color;
      const [light, dark] = [luminance(color), luminance(behind(node))].sort((a, b) => b - a);
      const ratio = (light + 0.05) / (dark + 0.05);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5))
        found.push(`${ratio.toFixed(2)}: ${walker.currentNode.textContent.trim()}`);
    }

    return count > 50 ? found : [`only ${count} texts`];
  });

  assert.deepEqual(low, []);
}

try {
  await everything();
} catch (error) {
  console.log(error.stack);
  process.exitCode = 1;
} finally {
  await browser.close();
}
