// The data dictionary or the graph in a browser: no errors, no network, accessible in light and dark, narrow
// and wide; everything that can be operated is reached with the keyboard alone.
import puppeteer from "puppeteer-core";
import fs from "node:fs";
import { createRequire } from "node:module";

const [page, shots] = process.argv.slice(2);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run",
         "--host-resolver-rules=MAP * ~NOTFOUND"],
});
let failures = 0;
const fail = (...words) => { failures += 1; console.log("FAILED:", ...words); };

for (const scheme of ["light", "dark"]) {
  for (const width of [390, 1280]) {
    const tab = await browser.newPage();
    await tab.setBypassCSP(true); // for axe, which is no part of the page
    await tab.setViewport({ width, height: 900 });
    await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    tab.on("pageerror", (error) => fail(scheme, width, error.message));
    tab.on("console", (said) => said.type() === "error" && fail(scheme, width, said.text()));
    tab.on("request", (asked) => asked.url().startsWith("http") && fail("network:", asked.url()));
    const began = performance.now();
    await tab.goto(`file://${page}`, { waitUntil: "load" });
    const loaded = performance.now() - began;
    const wide = await tab.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (wide) fail(scheme, width, "the page is wider than the window");
    if (shots) await tab.screenshot({ path: `${shots}/${scheme}-${width}.png` });
    await open(tab);
    if (shots) await tab.screenshot({ path: `${shots}/${scheme}-${width}-open.png`, fullPage: true });
    await tab.evaluate(axe);
    const found = await tab.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    for (const each of found.violations)
      fail(scheme, width, each.id, each.help, each.nodes.length, each.nodes[0].html.slice(0, 200));
    console.log(`${scheme}, ${width} wide: open after ${loaded.toFixed(0)} ms, ` +
      `${found.passes.length} rules of axe kept, ${found.violations.length} broken`);
    await tab.close();
  }
}
await walk();
await browser.close();
process.exit(failures ? 1 : 0);

// Open every section, and the tables and fields in it, which are filled when they are opened.
async function open(tab) {
  for (let turn = 0; turn < 3; turn += 1) {
    await tab.evaluate(() => document.querySelectorAll("details:not([open])")
      .forEach((each) => { each.open = true; }));
    await new Promise((done) => setTimeout(done, 300));
  }
}

async function walk() {
  const tab = await browser.newPage();
  await tab.setViewport({ width: 1280, height: 900 });
  await tab.goto(`file://${page}`, { waitUntil: "load" });
  await open(tab);
  const wanted = await tab.evaluate(() => [...document.querySelectorAll(
      "a[href], button, input, select, textarea, summary, [tabindex='0']")]
    .filter((each) => each.checkVisibility() && !each.disabled).length);
  let reached = 0, hidden = 0;
  const limit = Math.min(wanted, 400);
  for (let step = 0; step < limit; step += 1) {
    await tab.keyboard.press("Tab");
    const seen = await tab.evaluate(() => {
      const each = document.activeElement;
      if (!each || each === document.body) return null;
      const style = getComputedStyle(each);
      // A box of the graph is marked by the shadow of its rectangle.
      const drawn = each instanceof SVGElement ? each.querySelector("rect") : null;
      return { shown: style.outlineStyle !== "none" || style.boxShadow !== "none" ||
                 (drawn !== null && getComputedStyle(drawn).filter !== "none"),
               name: each.outerHTML.slice(0, 120) };
    });
    if (seen === null) break;
    reached += 1;
    if (!seen.shown) { hidden += 1; if (hidden < 4) fail("no visible focus:", seen.name); }
  }
  if (reached < limit) fail(`the keyboard reaches ${reached} of ${limit}`);
  console.log(`keyboard: ${reached} of ${wanted} things reached in turn, ${hidden} without a mark`);
}
