// The order in which Swagger UI shows groups and operations is the one in which the contract was written.

import assert from "node:assert/strict";

import { groups, operationsOf } from "./swagger_page.mjs";

const METHODS = ["get", "put", "post", "delete"];

/**
 * Compares what is shown with the served document of these `operations`; `first` are the groups that must stand at the
 * top.
 */
export async function shownInDocumentOrder(page, baseUrl, operations, first) {
  const document = await (await fetch(`${baseUrl}/openapi/heliostat.json?operations=${operations}`)).json();
  const names = document.tags.map(({ name }) => name);
  assert.deepEqual(await groups(page), names);
  assert.deepEqual(names.slice(0, first.length), first);
  for (const name of names) assert.deepEqual(await operationsOf(page, name), written(document, name), name);
  if (!names.includes("Projects")) return;
  // The story that each group tells: what there is, a new one, one of them, how it changes, how it ends.
  assert.deepEqual(await operationsOf(page, "Projects"), [
    "GET /api/latest/projects",
    "POST /api/latest/projects",
    "GET /api/latest/projects/{projectKey}",
    "PUT /api/latest/projects/{projectKey}",
    "DELETE /api/latest/projects/{projectKey}",
  ]);
}

const written = (document, group) =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method, operation]) => METHODS.includes(method) && operation.tags[0] === group)
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  );
