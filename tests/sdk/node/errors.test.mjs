// Every error arrives in the SDK's own class, with everything it has a place for; and the SDK
// tries again as long as it can help, and no longer.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import {
  ADMIN_TOKEN,
  GATEWAY,
  UPSTREAM,
  all,
  get,
  makeClient,
  newCustomer,
  recorded,
  rejection,
  replay,
  seenUpstream,
  usageEvents,
  user,
  waitForUsageEvents,
} from "./support.mjs";

const client = makeClient();
const hello = (model, more = {}) => ({ model, messages: user("Hello"), ...more });

function assertError(error, kind, { status, code, type, param = null }) {
  assert.ok(error instanceof kind, `${error}`);
  assert.deepEqual([error.status, error.code, error.type, error.param], [status, code, type, param]);
  assert.match(error.requestID, /^req_/);
  assert.equal(error.requestID, error.headers.get("x-request-id"));
  assert.ok(error.message.includes(error.error.message));
}

test("an unknown token is an authentication error", async () => {
  const stranger = makeClient({ apiKey: `ko_${"x".repeat(40)}` });
  const error = await rejection(stranger.chat.completions.create(hello("fc:sim/echo")));
  const expected = { status: 401, code: "invalid_api_key", type: "authentication_error" };
  assertError(error, OpenAI.AuthenticationError, expected);
});

test("a missing scope is a permission error", async () => {
  const accounts = await get(`${GATEWAY}/admin/ringside/accounts`, ADMIN_TOKEN);
  const made = await fetch(`${GATEWAY}/admin/ringside/accounts/${accounts.data[0].id}/tokens`, {
    method: "POST",
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" },
    body: JSON.stringify({ name: newCustomer(), scopes: ["api:read"] }),
  });
  const reader = makeClient({ apiKey: (await made.json()).token });
  const error = await rejection(reader.chat.completions.create(hello("fc:sim/echo")));
  const expected = { status: 403, code: "insufficient_scope", type: "permission_error" };
  assertError(error, OpenAI.PermissionDeniedError, expected);
});

test("a bare model name is a bad request that says what was meant", async () => {
  const error = await rejection(client.chat.completions.create(hello("gpt-4o")));
  const expected = { status: 400, code: "invalid_model_ref", type: "invalid_request_error", param: "model" };
  assertError(error, OpenAI.BadRequestError, expected);
  assert.match(error.message, /`fc:openai\/gpt-4o`/);
});

test("an unlisted model is not found", async () => {
  const error = await rejection(client.chat.completions.create(hello("fc:openai/gpt-99")));
  const expected = { status: 404, code: "model_not_found", type: "not_found_error", param: "model" };
  assertError(error, OpenAI.NotFoundError, expected);
});

test("what Ringside does not offer is not found", async () => {
  const error = await rejection(client.responses.create({ model: "fc:sim/echo", input: "Hello" }));
  assertError(error, OpenAI.NotFoundError, { status: 404, code: "not_found", type: "not_found_error" });
});

for (const [wrong, param] of [
  [{ messages: [] }, "messages"],
  [{ temperature: "hot" }, "temperature"],
  [{ stream_options: { include_usage: 1 } }, "stream_options.include_usage"],
  [{ transforms: ["middle-out"] }, "transforms"],
]) {
  test(`a wrong member is a bad request that names it: ${param}`, async () => {
    const error = await rejection(client.chat.completions.create(hello("fc:sim/echo", wrong)));
    const expected = { status: 400, code: "invalid_request", type: "invalid_request_error", param };
    assertError(error, OpenAI.BadRequestError, expected);
  });
}

test("a body that is too large is refused with an answer", async () => {
  const error = await rejection(
    client.chat.completions.create({ model: "fc:sim/echo", messages: user("x".repeat(21 << 20)) }),
  );
  assertError(error, OpenAI.APIError, { status: 413, code: "request_too_large", type: "invalid_request_error" });
});

test("a provider without a key is unavailable and not worth another try", async () => {
  const error = await rejection(client.chat.completions.create(hello("fc:groq/openai/gpt-oss-20b")));
  assertError(error, OpenAI.InternalServerError, { status: 503, code: "provider_not_configured", type: "api_error" });
  assert.equal(error.headers.get("x-should-retry"), "false");
});

for (const [model, kind, status, code, type, param] of [
  ["fail-unavailable", OpenAI.InternalServerError, 503, "upstream_unavailable", "api_error"],
  ["fail-auth", OpenAI.InternalServerError, 502, "upstream_auth_failed", "api_error"],
  ["fail-quota", OpenAI.RateLimitError, 429, "upstream_quota_exceeded", "rate_limit_error"],
  ["fail-invalid-request", OpenAI.BadRequestError, 400, "upstream_invalid_request", "invalid_request_error", "messages"],
  [
    "fail-context-length",
    OpenAI.BadRequestError,
    400,
    "upstream_context_length_exceeded",
    "invalid_request_error",
    "messages",
  ],
  ["fail-content-filter", OpenAI.BadRequestError, 400, "upstream_content_filter", "invalid_request_error", "messages"],
]) {
  for (const stream of [false, true]) {
    test(`a provider's failure has its class: ${model}, ${stream ? "streamed" : "whole"}`, async () => {
      const error = await rejection(client.chat.completions.create(hello(`fc:sim/${model}`, { stream })));
      assertError(error, kind, { status, code, type, param });
      assert.equal(error.headers.has("retry-after"), [429, 503].includes(status));
    });
  }
}

test("a failure in mid-stream is thrown after the chunks that came", async () => {
  const customer = newCustomer();
  const stream = await makeClient({ maxRetries: 2 }).chat.completions.create({
    model: "fc:sim/fail-midstream",
    messages: user("Hello there"),
    user: customer,
    stream: true,
  });
  let text = "";
  const error = await rejection(
    (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    })(),
  );
  assert.equal(text, "Hello");
  assert.ok(error instanceof OpenAI.APIError);
  assert.deepEqual([error.code, error.type, error.param], ["upstream_unavailable", "api_error", null]);
  // It was not tried again, and what came before the failure is metered.
  const events = await usageEvents(customer);
  assert.deepEqual(
    events.map((event) => [event.status, event.error_code]),
    [["error", "upstream_unavailable"]],
  );
  assert.ok(events[0].usage.completion_tokens > 0);
});

for (const [model, name, kind, code] of [
  ["fc:openai/gpt-5.4", "openai/error_401-gpt-4", OpenAI.InternalServerError, "upstream_auth_failed"],
  [
    "fc:anthropic/claude-sonnet-4-6",
    "anthropic/error_400_context_length-claude-haiku-4-5",
    OpenAI.BadRequestError,
    "upstream_context_length_exceeded",
  ],
]) {
  recorded(`a recorded refusal has its class: ${name}`, async () => {
    const error = await rejection(client.chat.completions.create({ model, messages: user(replay(name)) }));
    assert.ok(error instanceof kind, `${error}`);
    assert.equal(error.code, code);
    assert.match(error.requestID, /^req_/);
  });
}

for (const [model, maxRetries, calls] of [
  ["fail-unavailable", 1, 2],
  ["fail-quota", 1, 2],
  ["fail-auth", 2, 1],
  ["fail-invalid-request", 2, 1],
]) {
  test(`the SDK tries again as long as it can help: ${model}`, async () => {
    const customer = newCustomer();
    const patient = makeClient({ maxRetries });
    await rejection(patient.chat.completions.create(hello(`fc:sim/${model}`, { user: customer })));
    assert.deepEqual(
      (await usageEvents(customer)).map((event) => [event.status, event.cost_usd]),
      Array(calls).fill(["error", 0]),
    );
  });
}

test("a client that waits no longer cancels the call", { skip: !UPSTREAM && "there is no upstream" }, async () => {
  const customer = newCustomer();
  const error = await rejection(
    makeClient({ timeout: 300 }).chat.completions.create({
      model: "fc:openai/gpt-5.4",
      messages: user(`[never] ${customer}`),
      user: customer,
    }),
  );
  assert.ok(error instanceof OpenAI.APIConnectionTimeoutError);
  const [event, ...others] = await waitForUsageEvents(customer);
  assert.deepEqual([event.status, others], ["aborted", []]);
  assert.equal((await seenUpstream(customer)).length, 1);
});

test("a hang-up leaves exactly one usage event of what was produced", async () => {
  const customer = newCustomer();
  const stream = await client.chat.completions.create(hello("fc:sim/slow", { user: customer, stream: true }));
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content) break;
  }
  stream.controller.abort();
  const [event, ...others] = await waitForUsageEvents(customer);
  assert.deepEqual([event.status, event.streamed, event.estimated, others], ["aborted", true, true, []]);
  assert.ok(event.usage.completion_tokens > 0 && event.usage.completion_tokens < 35);
  assert.ok(event.cost_usd > 0);
});

test("the SDK's reader of a stream that is aborted says so", async () => {
  const runner = client.chat.completions.stream(hello("fc:sim/slow"));
  runner.once("content", () => runner.abort());
  const error = await rejection(all(runner));
  assert.ok(error instanceof OpenAI.APIUserAbortError, `${error}`);
});
