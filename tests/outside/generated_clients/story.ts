// From an empty upstream to a mirror and back, by the client that `cargo xtask client typescript` makes.
//
// The compiler checks every name and every type, so an operation or a field that the generator drops fails there;
// what the servers answer is checked when it runs.

import { deepEqual, equal, fail, ok } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { setTimeout } from "node:timers/promises";

import {
  createHeliostatClient,
  type MirrorMode,
  type RestErrors,
  type RestMirroredRepository,
  type RestMirroringRequest,
  type RestMirroringRequestSubmission,
  type RestMirrorServer,
  type RestProject,
  type RestRepository,
  type RestSyncProgress,
  type RestUpstreamServer,
  type RestUpstreamSettings,
} from "heliostat-client";

/** How long a condition may take; generous, because machines are shared. */
const PATIENCE_MS = 240_000;
/** Pause between two looks. */
const PAUSE_MS = 50;

const UPSTREAM = setting("UPSTREAM");
const MIRROR = setting("MIRROR");
const MIRROR_NAME = setting("MIRROR_NAME");
const WORKING_COPY = setting("WORKING_COPY");
const NEW_CLONE = setting("NEW_CLONE");

const admin = { username: "admin", password: setting("PASSWORD") };
const upstream = createHeliostatClient(UPSTREAM, admin);
const mirror = createHeliostatClient(MIRROR, admin);
const anonymous = createHeliostatClient(UPSTREAM);

function setting(name: string): string {
  return process.env[`HELIOSTAT_STORY_${name}`] ?? fail(`HELIOSTAT_STORY_${name} is not set`);
}

function git(folder: string, ...command: string[]): string {
  return execFileSync("git", ["-C", folder, ...command], { encoding: "utf8" }).trim();
}

async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const giveUp = Date.now() + PATIENCE_MS;
  while (Date.now() < giveUp) {
    const answer = await ask();
    if (answer !== undefined) {
      return answer;
    }
    await setTimeout(PAUSE_MS);
  }
  return fail(`waited ${PATIENCE_MS} ms in vain for ${what}`);
}

type Answer<T> = { data?: T; error?: RestErrors; response: Response };

/** The body of an answer, which must have this status. */
function expect<T>(answer: Answer<T>, status = 200): T {
  equal(answer.response.status, status, JSON.stringify(answer.error));
  return answer.data ?? fail(`no body with ${status}`);
}

function expectNothing(answer: Answer<undefined>): void {
  equal(answer.response.status, 204, JSON.stringify(answer.error));
}

function expectError(answer: Answer<unknown>, status: number): void {
  equal(answer.response.status, status, JSON.stringify(answer.data));
  const errors = answer.error?.errors ?? fail("no body");
  ok(only(errors).message);
}

/** The one value of a list. */
function only<T>(values: readonly T[] | undefined): T {
  equal(values?.length, 1, JSON.stringify(values));
  return values?.[0] ?? fail("the value is nothing");
}

function httpLink(links: RestRepository["links"]["clone"]): string {
  return only(links.filter((link) => link.name === "http")).href;
}

async function createWhatIsMirrored(): Promise<{ repository: RestRepository; commit: string }> {
  const properties = expect(await anonymous.GET("/api/latest/application-properties"));
  equal(properties.displayName, "Heliostat");
  // @ts-expect-error: what the contract does not have is not there for the compiler either.
  equal(properties.nonsense, undefined);
  // @ts-expect-error: paths are checked, too.
  equal((await anonymous.GET("/api/latest/nonsense")).response.status, 404);

  const request = { body: { key: "ONE", name: "First project" } };
  const project: RestProject = expect(await upstream.POST("/api/latest/projects", request), 201);
  deepEqual([project.key, project.name, project.public], ["ONE", "First project", false]);
  expectError(await upstream.POST("/api/latest/projects", request), 409);

  const repository: RestRepository = expect(
    await upstream.POST("/api/latest/projects/{projectKey}/repos", {
      params: { path: { projectKey: project.key } },
      body: { name: "Tools" },
    }),
    201,
  );
  deepEqual([repository.slug, repository.project.id], ["tools", project.id]);

  git(WORKING_COPY, "push", "--quiet", httpLink(repository.links.clone), "HEAD:refs/heads/main");
  const commit = git(WORKING_COPY, "rev-parse", "HEAD");
  const page = expect(
    await upstream.GET("/api/latest/projects/{projectKey}/repos/{repositorySlug}/branches", {
      params: { path: { projectKey: project.key, repositorySlug: repository.slug } },
    }),
  );
  const branch = only(page.values);
  deepEqual([branch.displayId, branch.latestCommit, branch.type], ["main", commit, "BRANCH"]);
  return { repository, commit };
}

async function turnAMirrorAway(): Promise<void> {
  const base = "http://127.0.0.1:9";
  const body: RestMirroringRequestSubmission = {
    mirrorId: "HAN0-0000-0000-0001",
    mirrorName: "Hanoi",
    mirrorBaseUrl: base,
    addonDescriptorUri: `${base}/rest/mirroring/latest/upstreamServers/1/addon/descriptor`,
    mirrorType: "FARM",
    productType: "Story",
    productVersion: "1.0",
  };
  const request: RestMirroringRequest = expect(await anonymous.POST("/mirroring/latest/requests", { body }));
  deepEqual([request.state, request.mirrorName, request.mirrorType], ["PENDING", "Hanoi", "FARM"]);
  const again = expect(await anonymous.POST("/mirroring/latest/requests", { body }));
  equal(again.id, request.id);

  const params = { path: { mirroringRequestId: String(request.id) } };
  const one = "/mirroring/latest/requests/{mirroringRequestId}";
  const refused = expect(await upstream.POST(`${one}/reject`, { params }));
  deepEqual([refused.name, refused.enabled], ["Hanoi", false]);
  equal(expect(await upstream.GET(one, { params })).state, "REJECTED");
  expectError(await anonymous.POST("/mirroring/latest/requests", { body }), 409);
  expectNothing(await upstream.DELETE(one, { params }));
  expectError(await upstream.GET(one, { params }), 409);
}

async function acceptTheMirror(): Promise<RestMirrorServer> {
  const request = await eventually("the mirror's request", async () => {
    const params = { query: { state: "PENDING" } } as const;
    const page = expect(await upstream.GET("/mirroring/latest/requests", { params }));
    return page.values.find((candidate) => candidate.mirrorName === MIRROR_NAME);
  });
  const accepted = expect(
    await upstream.POST("/mirroring/latest/requests/{mirroringRequestId}/accept", {
      params: { path: { mirroringRequestId: String(request.id) } },
    }),
  );
  deepEqual([accepted.id, accepted.name, accepted.enabled], [request.mirrorId, MIRROR_NAME, true]);
  const listed = only(expect(await upstream.GET("/mirroring/latest/mirrorServers")).values);
  deepEqual([listed.id, listed.mirrorType], [accepted.id, "SINGLE"]);
  const params = { path: { mirrorId: accepted.id } };
  const found = expect(await upstream.GET("/mirroring/latest/mirrorServers/{mirrorId}", { params }));
  equal(found.baseUrl, MIRROR);
  ok(found.lastSeenDate > 0);
  return found;
}

async function readProgressUntilDone(): Promise<string> {
  const server = await eventually("the mirror to be installed", async () => {
    // Until the mirror is installed it does not know who may ask.
    const { data } = await mirror.GET("/mirroring/latest/upstreamServers");
    return data?.values.find((candidate) => candidate.state === "INSTALLED");
  });
  const params = { path: { upstreamId: server.id } };
  const one = "/mirroring/latest/upstreamServers/{upstreamId}";
  const same: RestUpstreamServer = expect(await mirror.GET(one, { params }));
  deepEqual([same.id, same.baseUrl], [server.id, UPSTREAM]);
  await eventually("the synchronization to be done", async () => {
    const progress: RestSyncProgress = expect(await mirror.GET(`${one}/progress`, { params }));
    ok(progress.syncedRepos <= progress.totalRepos, JSON.stringify(progress));
    // Once all is done there is nothing to count.
    const whole = !progress.discovering && progress.syncedRepos === progress.totalRepos;
    return whole ? progress : undefined;
  });
  return server.id;
}

async function followTheLink(
  repository: RestRepository,
  saigon: RestMirrorServer,
  upstreamId: string,
  commit: string,
): Promise<void> {
  const page = expect(
    await upstream.GET("/mirroring/latest/repos/{repoId}/mirrors", {
      params: { path: { repoId: String(repository.id) } },
    }),
  );
  deepEqual([page.size, page.isLastPage], [1, true]);
  const descriptor = only(page.values);
  equal(descriptor.mirrorServer.id, saigon.id);
  const link = only(descriptor.links.self).href;
  ok(link.startsWith(MIRROR), link);

  const mirrored = await eventually("the repository to be available", async () => {
    // Nothing of a client's settings goes with this request, no header either.
    const response = await fetch(link);
    equal(response.status, 200);
    const told = (await response.json()) as RestMirroredRepository;
    return told.available ? told : undefined;
  });
  deepEqual([mirrored.repositoryId, mirrored.mirrorName], [String(repository.id), MIRROR_NAME]);
  equal(mirrored.status, "AVAILABLE");
  equal(mirrored.generation, mirrored.upstreamGeneration);
  const params = { path: { upstreamId, upstreamRepoId: String(repository.id) } };
  const one = "/mirroring/latest/upstreamServers/{upstreamId}/repos/{upstreamRepoId}";
  deepEqual(expect(await mirror.GET(one, { params })).links.clone, mirrored.links.clone);

  git(WORKING_COPY, "clone", "--quiet", httpLink(mirrored.links.clone), NEW_CLONE);
  equal(git(NEW_CLONE, "rev-parse", "HEAD"), commit);
  expectError(await createHeliostatClient(MIRROR).GET(one, { params }), 401);
}

async function preferTheMirror(saigon: RestMirrorServer): Promise<void> {
  const preferred = "/mirroring/latest/account/settings/preferred-mirror";
  expectError(await upstream.GET(preferred), 404);
  expectNothing(await upstream.POST(preferred, { body: saigon.id }));
  const chosen = expect(await upstream.GET(preferred));
  deepEqual([chosen.id, chosen.baseUrl], [saigon.id, MIRROR]);
  expectNothing(await upstream.DELETE(preferred));
  expectError(await upstream.GET(preferred), 404);
}

async function changeSettings(upstreamId: string, repository: RestRepository): Promise<void> {
  const first = String(repository.project.id);
  const request = { body: { key: "TWO", name: "Second project" } };
  const second = String(expect(await upstream.POST("/api/latest/projects", request), 201).id);

  const params = { path: { upstreamId } };
  const settings = "/mirroring/latest/upstreamServers/{upstreamId}/settings";
  const changed: RestUpstreamSettings = expect(
    await mirror.PUT(settings, { params, body: { mode: "SELECTED_PROJECTS", projectIds: [first] } }),
  );
  deepEqual([changed.mode, changed.projectIds], ["SELECTED_PROJECTS", [first]]);
  deepEqual(expect(await mirror.GET(settings, { params })), changed);

  const selected = `${settings}/projects` as const;
  const both = expect(await mirror.POST(selected, { params, body: [second] }));
  deepEqual(both.toSorted(), [first, second].toSorted());
  // A DELETE with a body: this client sends it.
  expectNothing(await mirror.DELETE(selected, { params, body: [second] }));
  deepEqual(expect(await mirror.GET(selected, { params })), [first]);
  const onSecond = { params: { path: { upstreamId, projectId: second } } };
  const again = expect(await mirror.POST(`${selected}/{projectId}`, onSecond));
  deepEqual(again.toSorted(), [first, second].toSorted());
  expectNothing(await mirror.DELETE(`${selected}/{projectId}`, onSecond));
  deepEqual(expect(await mirror.GET(selected, { params })), [first]);

  const everything: MirrorMode = "ALL_PROJECTS";
  equal(expect(await mirror.PUT(`${settings}/mode`, { params, body: everything })), everything);
  equal(expect(await mirror.GET(`${settings}/mode`, { params })), everything);
}

async function removeTheMirror(repository: RestRepository, saigon: RestMirrorServer): Promise<void> {
  const params = { path: { mirrorId: saigon.id } };
  const one = "/mirroring/latest/mirrorServers/{mirrorId}";
  expectNothing(await upstream.DELETE(one, { params }));
  expectError(await upstream.GET(one, { params }), 404);
  deepEqual(expect(await upstream.GET("/mirroring/latest/mirrorServers")).values, []);
  const page = expect(
    await upstream.GET("/mirroring/latest/repos/{repoId}/mirrors", {
      params: { path: { repoId: String(repository.id) } },
    }),
  );
  deepEqual(page.values, []);
}

const { repository, commit } = await createWhatIsMirrored();
await turnAMirrorAway();
const saigon = await acceptTheMirror();
const upstreamId = await readProgressUntilDone();
await followTheLink(repository, saigon, upstreamId, commit);
await preferTheMirror(saigon);
await changeSettings(upstreamId, repository);
await removeTheMirror(repository, saigon);
console.log("the story is told");
