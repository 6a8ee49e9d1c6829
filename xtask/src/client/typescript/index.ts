// A client of one server. What it can call, and with what, is in `schema.ts`, generated from the contract.

import createClient, { type Client, type ClientOptions } from "openapi-fetch";

import type { paths } from "./schema.js";

export type * from "./schema.js";

/** Who calls: a user's name and password, or an access token. */
export type Credentials = { username: string; password: string } | { token: string };

/** Calls the operations of the contract: `await client.GET("/api/latest/projects")`. */
export type HeliostatClient = Client<paths>;

/**
 * A client of the server at a base URL, such as `http://127.0.0.1:7990`.
 *
 * Without credentials it calls anonymously, which a few operations allow.
 */
export function createHeliostatClient(
  serverUrl: string,
  credentials?: Credentials,
  options: Omit<ClientOptions, "baseUrl"> = {},
): HeliostatClient {
  const client = createClient<paths>({ ...options, baseUrl: `${serverUrl.replace(/\/+$/, "")}/rest` });
  if (credentials !== undefined) {
    const authorization = authorizationOf(credentials);
    client.use({
      onRequest({ request }) {
        request.headers.set("Authorization", authorization);
        return request;
      },
    });
  }
  return client;
}

function authorizationOf(credentials: Credentials): string {
  if ("token" in credentials) {
    return `Bearer ${credentials.token}`;
  }
  const bytes = new TextEncoder().encode(`${credentials.username}:${credentials.password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}
