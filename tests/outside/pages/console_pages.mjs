// What a reader opens in a browser, clone URLs and links of the contract, on a wide screen and, in the dark, on a phone.

import assert from "node:assert/strict";

import { inBrowser, need } from "../browser/browser.mjs";
import { SCREENS, lookAt, signIn } from "../browser/screens.mjs";

const upstream = need("HELIOSTAT_BASE_URL");
const mirror = need("HELIOSTAT_MIRROR_URL");
const key = need("HELIOSTAT_PROJECT_KEY");
const slug = need("HELIOSTAT_REPOSITORY");
const clone = need("HELIOSTAT_CLONE_URL");
const cloneAtMirror = need("HELIOSTAT_MIRROR_CLONE_URL");

const visit = (screen) => async (page, guard) => {
  const see = lookAt(page, guard, screen);

  await page.goto(`${upstream}/projects`);
  await page.locator("#no-repositories").waitFor();
  await signIn(page);
  const found = page.locator("#repositories tr", { hasText: slug });
  await found.waitFor();
  await see("repositories");
  await page.locator("#search [name=name]").fill("is called nothing like it");
  await page.keyboard.press("Enter");
  await page.locator("#found", { hasText: "No repository is found." }).waitFor();
  await page.locator("#search [name=name]").fill(slug.toUpperCase());
  await page.keyboard.press("Enter");
  // It follows no other server, which the page asks.
  guard.announce(404);
  await found.locator("a").first().click();
  await page.locator("#heading", { hasText: `${key}/${slug}` }).waitFor();
  await page.locator("#branches tr", { hasText: "main" }).waitFor();
  await page.locator("#clone pre", { hasText: `git clone ${clone}` }).waitFor();
  await page.locator("#mirrors tr", { hasText: "Saigon" }).waitFor();
  await page.locator("#clone-from select").selectOption("mirror Saigon");
  await page.locator("#clone pre", { hasText: `git clone ${cloneAtMirror}` }).waitFor();
  await page.locator("#clone pre", { hasText: `--push origin ${clone}` }).waitFor();
  await page.locator("#as-of", { hasText: /^Synchronized: it has what is here now\. The mirror was last heard of .+\.$/ }).waitFor();
  await page.locator("#about dt", { hasText: "Last change of branches, tags or settings" }).waitFor();
  await see("repository");
  assert.equal(await page.locator("#first-push").isVisible(), false, "something was pushed");
  await page.locator("#branch-search [name=filter]").fill("is called nothing like it");
  await page.keyboard.press("Enter");
  await page.locator("#no-branches", { hasText: "No branch is found." }).waitFor();

  for (const address of [clone, need("HELIOSTAT_SELF_LINK"), `${upstream}/projects/${key}/repos/${slug}`]) {
    guard.announce(404);
    await page.goto(address);
    await page.locator("#heading", { hasText: `${key}/${slug}` }).waitFor();
    await page.locator("#webhooks-card").waitFor();
    await guard.answered();
  }
  const links = await page.evaluate(async () => {
    const ask = (path) => fetch(path, { headers: { "X-Heliostat-Page": "1" } }).then((answer) => answer.json());
    const [mirrors, users, projects] = await Promise.all([
      ask("/rest/mirroring/latest/mirrorServers"),
      ask("/rest/api/latest/users"),
      ask("/rest/api/latest/projects"),
    ]);
    return [mirrors, users, projects].map(({ values }) => values[0].links.self[0].href);
  });
  for (const href of links) {
    await page.goto(href);
    await page.locator("#signed-in").waitFor();
    await page.waitForLoadState("networkidle");
    assert.equal(await page.locator("#problem").isVisible(), false, href);
    assert.match(await page.locator("h1").innerText(), /\S/);
    await see(new URL(href).pathname.split("/").at(-2));
  }
  await page.goto(`${upstream}/account`);
  await page.locator("#create-card").waitFor();
  await see("account");

  await page.goto(cloneAtMirror);
  await page.locator("#clone pre", { hasText: `git clone ${cloneAtMirror}` }).waitFor();
  await signIn(page);
  await page.locator("#copy-card").waitFor();
  await page.locator("#state", { hasText: "Synchronized" }).waitFor();
  // Passwords and tokens are those of the upstream.
  assert.equal(await page.locator("nav a", { hasText: "Your account" }).getAttribute("href"), `${upstream}/account`);
  await page.locator("#as-of", { hasText: /^Synchronized: nothing newer is known of\. The upstream answered last .+\.$/ }).waitFor();
  await see("copy");
  await page.goto(`${mirror}/repositories`);
  await page.locator("#repositories tr", { hasText: slug }).waitFor();
  assert.equal(await page.locator("#found").innerText(), "1 of 1 repository");
  await see("copies");
  await page.locator("#search [name=filter]").fill("is called nothing like it");
  await page.locator("#no-repositories", { hasText: "No path contains this." }).waitFor();
  // The upstream's address of a project leads to what is here of it.
  await page.goto(`${mirror}/projects/${key}`);
  await page.locator("#repositories tr", { hasText: slug }).waitFor();
  assert.equal(await page.locator("#search [name=filter]").inputValue(), `${key.toLowerCase()}/`);
  guard.announce(404);
  await page.goto(`${mirror}/mirrors`);
  await page.locator("#error-message", { hasText: "/mirrors" }).waitFor();
  await see("missing");
  await page.locator("main a", { hasText: "overview" }).click();
  await page.waitForURL(`${mirror}/`);
  await page.goto(`${mirror}/repositories`);
  await page.locator("#repositories tr", { hasText: slug }).waitFor();

  await page.locator("#sign-out").click();
  await page.locator("#sign-in").waitFor();
  assert.equal(await page.locator("#repositories tr").count(), 0, "who signs out leaves nothing behind");
};

for (const [screen, options] of Object.entries(SCREENS)) await inBrowser([upstream, mirror], visit(screen), options);
