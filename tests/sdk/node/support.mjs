// What the suites share. `tests/sdk/run.sh` starts the gateway and says where it is.

import { randomUUID } from "node:crypto";
import { test } from "node:test";
import OpenAI from "openai";

export const GATEWAY = process.env.RINGSIDE_URL;
export const TOKEN = process.env.RINGSIDE_TOKEN;
export const ADMIN_TOKEN = process.env.RINGSIDE_ADMIN_TOKEN;
export const UPSTREAM = process.env.RINGSIDE_UPSTREAM;

// What takes longer hangs.
const PATIENCE = 20_000;

/** A client that does not try again, so that a failure is seen as it comes. */
export function makeClient(options = {}) {
  return new OpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: TOKEN, maxRetries: 0, ...options });
}

/** A test that compares with recorded traffic, which may not be at hand. */
export function recorded(name, body) {
  const skip = process.env.RINGSIDE_RECORDINGS !== "yes" && "../shared/recordings is missing";
  test(name, { skip }, body);
}

/** The mark that makes the upstream answer with this recording. */
export const replay = (name) => `[replay:${name}] `;

export const user = (content) => [{ role: "user", content }];

/** An end customer that no other test calls for. */
export const newCustomer = () => `sdk-${randomUUID()}`;

export async function get(url, token = TOKEN) {
  const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** The requests that reached the upstream with `text` in them. */
export const seenUpstream = (text) => get(`${UPSTREAM}/seen?text=${encodeURIComponent(text)}`);

/** The customer's usage events, newest first. */
export async function usageEvents(customer) {
  const found = [];
  for (let cursor = ""; ; ) {
    const page = await get(`${GATEWAY}/v1/usage/events?limit=100${cursor}`);
    found.push(...page.data.filter((event) => event.customer === customer));
    if (!page.has_more) return found;
    cursor = `&cursor=${page.next_cursor}`;
  }
}

/** The same, once there is one: a call that was hung up on settles when the gateway sees it. */
export async function waitForUsageEvents(customer) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const found = await usageEvents(customer);
    if (found.length > 0) return found;
    if (Date.now() > deadline) throw new Error("no usage event came");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Everything that a stream gives. */
export async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

export const textOf = (chunks) =>
  chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta.content ?? "")).join("");

/** What a call is rejected with; it is a failure of the test if it is not. */
export async function rejection(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`it was answered: ${JSON.stringify(value)}`);
}
