// A browser whose user is signed in at a server opens a page of another site, which sends what it can in the user's name.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

import { need } from "./browser/browser.mjs";

const { chromium } = createRequire(join(need("HELIOSTAT_NODE_MODULES"), "from-here.js"))("playwright-core");
const { username, password, visit, posts } = JSON.parse(need("HELIOSTAT_SIGNED_IN"));

const WAIT_MS = 240_000;

/** Runs in the page: sends a form there. */
function submit(url) {
  const form = Object.assign(document.createElement("form"), { method: "post", action: url });
  document.body.append(form);
  form.submit();
}

const evil = createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/html" });
  response.end("<!doctype html><title>Another site</title>");
});
await new Promise((resolve) => evil.listen(0, "127.0.0.1", resolve));
const browser = await chromium.launch({
  executablePath: need("HELIOSTAT_CHROMIUM"),
  timeout: WAIT_MS,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});
try {
  const context = await browser.newContext({ httpCredentials: { username, password } });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const visited = await page.goto(visit);
  // Another name of this machine is another site; another port of it another origin.
  for (const site of [`http://localhost:${evil.address().port}/`, `http://127.0.0.1:${evil.address().port}/`]) {
    await page.goto(site);
    await page.evaluate(async (posts) => {
      for (const url of posts) await fetch(url, { method: "POST", mode: "no-cors", credentials: "include" });
    }, posts);
    for (const url of posts) {
      await page.goto(site);
      const answered = page.waitForResponse(url);
      const arrived = page.waitForURL(url);
      // The page may be gone before it has answered.
      await page.evaluate(submit, url).catch(() => {});
      console.log(`form ${(await answered).status()}`);
      await arrived;
    }
  }
  console.log(`visited ${visited.status()}`);
} finally {
  await browser.close();
  evil.close();
}
