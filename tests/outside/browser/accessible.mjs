// What axe-core finds against a page: nothing.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";

import { need } from "./browser.mjs";

const axe = readFileSync(path.join(need("HELIOSTAT_NODE_MODULES"), "axe-core", "axe.min.js"), "utf8");

/**
 * Fails unless the page as it is now can be used by everybody, as far as a program can tell. `excepted` are rules of axe
 * that others have broken in it; each of them must be broken still.
 */
export async function accessible(page, excepted = []) {
  // By the debugger's way in, for which the policy of the page does not count.
  const session = await page.context().newCDPSession(page);
  const run = "axe.run().then(({ violations }) => JSON.stringify(violations))";
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
  assert.deepEqual(excepted.filter((id) => !broken.includes(id)), [], `${page.url()} keeps rules that are excepted`);
  const ours = violations.filter(({ id }) => !excepted.includes(id));
  const told = ours.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
  assert.deepEqual(told, [], `${page.url()} is not accessible`);
}
