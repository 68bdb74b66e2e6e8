// The pages that kafka-sim writes, in headless Chromium. PAGES names the folder they are in, CHROMIUM the browser.
import assert from "node:assert/strict";
import { test, before, after } from "node:test";
import { mkdir } from "node:fs/promises";
import puppeteer from "puppeteer-core";

const { PAGES, CHROMIUM, SHOTS } = process.env;
let browser;

before(async () => {
  browser = await puppeteer.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  if (SHOTS) await mkdir(SHOTS, { recursive: true });
});
after(async () => browser?.close());

/** Opens a page at 1280 px, and notes every error and every request for something that is not the page. */
async function open(name, scheme = "light") {
  const page = await browser.newPage();
  const trouble = [];
  page.on("pageerror", (error) => trouble.push(String(error)));
  page.on("console", (message) => message.type() === "error" && trouble.push(message.text()));
  page.on("request", (request) => request.isNavigationRequest() || trouble.push(`asked for ${request.url()}`));
  await page.setViewport({ width: 1280, height: 1000 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(`file://${PAGES}/${name}.html`, { waitUntil: "load" });
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}-${scheme}.png`, fullPage: true });
  return { page, trouble };
}

const count = (page, selector) => page.$$eval(selector, (found) => found.length);
const windowText = (page) => page.$eval("#window", (place) => place.textContent);

test("the run that loses is drawn, with the way of the lost message highlighted", async () => {
  const { page, trouble } = await open("loses");
  assert.equal(await page.$eval("html", (root) => root.dataset.drawn), "true");
  assert.ok((await count(page, "#lanes .lane")) >= 5, "a lane per broker and client");
  assert.ok((await count(page, "#lanes .arrow.suspect")) > 0, "the way of the lost message");
  assert.ok((await count(page, "#lanes .fault")) > 0, "faults");
  assert.ok((await count(page, "#lanes circle.elected")) > 0, "elections");
  assert.equal(await count(page, "#replicas path.hw"), 3, "a high watermark per broker");
  assert.ok((await count(page, "#replicas .leads")) > 0, "who leads");
  assert.match(await page.$eval(".story[open]", (story) => story.textContent), /prevented by\s*acks=all/);
  assert.deepEqual(trouble, []);
});

test("the run that holds has nothing highlighted", async () => {
  const { page, trouble } = await open("holds");
  assert.match(await page.$eval(".badge", (badge) => badge.textContent), /^CLEAN$/);
  assert.equal(await count(page, "#lanes .arrow.suspect"), 0);
  assert.ok((await count(page, "#lanes .arrow.ack")) > 0);
  assert.deepEqual(trouble, []);
});

test("zoom by button, key and wheel, and back to the whole run", async () => {
  const { page } = await open("loses");
  await page.click("#all");
  const whole = await windowText(page);
  const seen = new Set([whole]);
  await page.click("#in");
  seen.add(await windowText(page));
  await page.keyboard.press("+");
  seen.add(await windowText(page));
  await page.hover("#lanes");
  await page.mouse.wheel({ deltaY: -300 });
  seen.add(await windowText(page));
  assert.equal(seen.size, 4, "each step shows another window");
  await page.click("#all");
  assert.equal(await windowText(page), whole);
});

test("hovering an arrow tells what it is and marks the whole way of its message", async () => {
  const { page } = await open("loses");
  await page.$eval("#lanes .arrow.suspect", (arrow) => arrow.dispatchEvent(new PointerEvent("pointerenter", { clientX: 300, clientY: 300 })));
  assert.match(await page.$eval("#tip", (tip) => (tip.hidden ? "" : tip.textContent)), /offset \d+/);
  assert.ok((await count(page, "#lanes .picked")) > 0);
});

test("a kind of arrow can be switched off", async () => {
  const { page } = await open("holds");
  await page.click("[data-kind=ack]");
  assert.equal(await count(page, "#lanes .arrow.ack"), 0);
  assert.ok((await count(page, "#lanes .arrow.send")) > 0);
});

test("nothing is wider than the window at 1280 px, in light and dark", async () => {
  for (const scheme of ["light", "dark"]) {
    const { page } = await open("loses", scheme);
    const [content, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(content <= seen, `${content} px in a window of ${seen} px`);
  }
});

test("dark ink on light paper, light ink on dark paper, and dark ink in print", async () => {
  const brightness = (page) =>
    page.evaluate(() => {
      const sum = (colour) => colour.match(/\d+/g).slice(0, 3).reduce((total, part) => total + Number(part), 0);
      const { color, backgroundColor } = getComputedStyle(document.body);
      return sum(color) - sum(backgroundColor);
    });
  const { page: light } = await open("loses", "light");
  assert.ok((await brightness(light)) < -300);
  const { page: dark } = await open("loses", "dark");
  assert.ok((await brightness(dark)) > 300);
  await dark.emulateMediaType("print");
  assert.ok((await brightness(dark)) < -300);
});

test("on paper the drawing fits", async () => {
  const { page } = await open("loses");
  const pdf = await page.pdf({ format: "A4", landscape: true, path: SHOTS ? `${SHOTS}/loses.pdf` : undefined });
  const pages = Buffer.from(pdf).toString("latin1").match(/\/Type\s*\/Page[^s]/g).length;
  assert.ok(pages >= 1 && pages <= 4, `${pages} pages`);
});
