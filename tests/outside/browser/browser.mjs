// One headless Chromium for one visit: it tells what went wrong on the page, and whom the page asked.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(need("HELIOSTAT_NODE_MODULES"), "visit.cjs"));
const { chromium } = require("playwright-core");

// A busy machine takes more than a minute to show all operations of the contract.
const WAIT_MS = 240_000;
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Another name by which this machine is reached, as the one of a balancer is.
  "--host-resolver-rules=MAP balancer.test 127.0.0.1",
];

/** A variable that the test has set. */
export function need(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

/**
 * Visits pages below some origins. `visit` gets a page and a guard; afterwards no request may have left the origins,
 * and the console may hold no errors but those that the visit has announced. `options` are those of a browser context.
 */
export async function inBrowser(origins, visit, options = {}) {
  const browser = await chromium.launch({
    executablePath: need("HELIOSTAT_CHROMIUM"), args: FLAGS, timeout: WAIT_MS,
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
    page.setDefaultTimeout(WAIT_MS);
    const guard = watch(page, origins);
    try {
      await visit(page, guard);
    } catch (error) {
      await guard.screenshot("failed");
      throw error;
    }
    await guard.judge();
  } finally {
    await browser.close();
  }
}

/**
 * Presses Enter on an element as who uses the keyboard does. Playwright's own `press` waits for nothing: what is hidden or
 * disabled takes no focus, and what the page redraws between focus and key has lost it. Then no element gets the key,
 * and it is pressed again.
 */
export async function enter(locator) {
  const page = locator.page();
  const until = Date.now() + WAIT_MS;
  for (;;) {
    await locator.waitFor();
    const element = await locator.elementHandle();
    const hasFocus = await element.evaluate((found) => {
      found.heardEnter = false;
      found.focus();
      found.addEventListener("keydown", () => { found.heardEnter = true; }, { once: true });
      return document.activeElement === found;
    });
    if (hasFocus) {
      await page.keyboard.press("Enter");
      // Where Enter leads to another page, nothing is left of the one that heard it.
      if (await element.evaluate((found) => found.heardEnter === true).catch(() => true)) return;
    }
    assert.ok(Date.now() < until, `${locator} does not take the key`);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

function watch(page, origins) {
  const faults = [];
  const announced = [];
  page.on("pageerror", (error) => faults.push({ text: `uncaught: ${error.stack ?? error}` }));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      faults.push({ text: message.text(), url: message.location().url });
    }
  });
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol === "data:" || protocol === "blob:" || origins.includes(origin)) return;
    faults.push({ text: `asked another server: ${request.method()} ${request.url()}` });
  });
  const compare = () => {
    const missing = [...announced];
    const unannounced = faults.filter(({ text }) => {
      const at = missing.findIndex((status) => text.includes(`the server responded with a status of ${status} `));
      if (at >= 0) missing.splice(at, 1);
      return at < 0;
    });
    return { missing, unannounced };
  };
  return {
    /** The browser itself notes answers like 401 in its console; those must be expected one by one. */
    announce: (status) => announced.push(status),
    /** A picture of the window, or of all of one element. */
    screenshot: (name, shown = page) =>
      shown.screenshot({ path: path.join(need("HELIOSTAT_SCREENSHOTS"), `${need("HELIOSTAT_VISIT")}-${name}.png`) }),
    /** Waits for the answers that were announced: who leaves a page before they come has cut them off. */
    async answered() {
      for (;;) {
        const { missing, unannounced } = compare();
        if (missing.length === 0) return;
        await page.waitForEvent("console").catch(() => {
          assert.fail(`announced, but it did not come: ${missing}; what came: ${JSON.stringify(unannounced)}`);
        });
      }
    },
    async judge() {
      await this.answered();
      assert.deepEqual(compare().unannounced, [], "the page complained");
    },
  };
}
