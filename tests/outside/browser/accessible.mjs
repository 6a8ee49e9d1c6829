// What axe-core finds against a page: nothing.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";

import { need } from "./browser.mjs";

const axe = readFileSync(path.join(need("HELIOSTAT_NODE_MODULES"), "axe-core", "axe.min.js"), "utf8");

/**
 * Fails unless the page as it is now can be used by everybody, as far as a program can tell. `excepted` are rules of axe,
 * each with the reason, that the program of others in `main` has broken; each of them must be broken still, and nowhere else.
 * `perhaps` are those that only some content breaks.
 */
export async function accessible(page, excepted = {}, perhaps = {}) {
  // By the debugger's way in, for which the policy of the page does not count.
  const session = await page.context().newCDPSession(page);
  const inMain = "(node) => document.querySelector(node.target[0])?.closest('main') != null";
  const told = `({ id, help, nodes }) => ({ id, help, nodes: nodes.map((node) => ({ html: node.html, inMain: (${inMain})(node) })) })`;
  const run = `axe.run().then(({ violations }) => JSON.stringify(violations.map(${told})))`;
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
    return result.value;
  };
  await evaluate(`${axe}; null`);
  const violations = JSON.parse(await evaluate(run));
  await session.detach();
  const broken = violations.map(({ id }) => id);
  assert.deepEqual(Object.keys(excepted).filter((id) => !broken.includes(id)), [], `${page.url()} keeps rules that are excepted`);
  const ours = violations.flatMap(({ id, help, nodes }) => {
    const counted = nodes.filter(({ inMain }) => !((id in excepted || id in perhaps) && inMain));
    return counted.length === 0 ? [] : [`${id}: ${help}: ${counted.map(({ html }) => html).join(" ")}`];
  });
  assert.deepEqual(ours, [], `${page.url()} is not accessible`);
}
