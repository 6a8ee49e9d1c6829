// Opens a page of an origin of its own in Chromium, lets it fetch what it is asked to, and prints what it could read.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const modules = createRequire(join(process.env.HELIOSTAT_NODE_MODULES, "from-here.js"));
const { chromium } = modules("playwright-core");
const questions = JSON.parse(process.env.HELIOSTAT_QUESTIONS);

const server = createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/html" });
  response.end("<!doctype html><title>A build tool</title>");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

// What is not answered by then was neither read nor blocked.
const PATIENCE_MS = 240_000;

const browser = await chromium.launch({
  timeout: PATIENCE_MS,
  executablePath: process.env.HELIOSTAT_CHROMIUM,
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});

// Fetches on a page of our own origin, one address after the other.
async function ask(page, asked) {
  page.setDefaultTimeout(PATIENCE_MS);
  // Another port of the same host is another origin.
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  return page.evaluate(async ([questions, patience]) => {
    const answers = [];
    for (const { name, url, credentials, authorization } of questions) {
      const headers = authorization ? { authorization } : {};
      try {
        const signal = AbortSignal.timeout(patience);
        const response = await fetch(url, { credentials, headers, signal, cache: "no-store" });
        answers.push({ name, status: response.status, body: await response.json() });
      } catch (error) {
        answers.push({ name, status: null, blocked: String(error) });
      }
    }
    return answers;
  }, [asked, PATIENCE_MS]);
}

try {
  const anonymous = await browser.newPage();
  const answers = await ask(anonymous, questions.filter(({ credentials }) => credentials === "omit"));

  // This browser knows a user of the mirror: it has been there, and would send the password again.
  const { username, password, visit } = JSON.parse(process.env.HELIOSTAT_SIGNED_IN);
  const signedIn = await (await browser.newContext({ httpCredentials: { username, password } })).newPage();
  const visited = await signedIn.goto(visit, { timeout: PATIENCE_MS });
  answers.push({ name: "visit", status: visited.status(), body: await visited.json() });
  answers.push(...await ask(signedIn, questions.filter(({ credentials }) => credentials === "include")));
  console.log(`answers ${JSON.stringify(answers)}`);
} finally {
  await browser.close();
  server.close();
}
