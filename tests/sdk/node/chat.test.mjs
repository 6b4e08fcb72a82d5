// Chat, not streamed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeClient, newCustomer, recorded, replay, seenUpstream, user } from "./support.mjs";

const client = makeClient();

test("an answer is a chat completion with everything in it", async () => {
  const completion = await client.chat.completions.create({ model: "fc:sim/echo", messages: user("Hello") });
  assert.equal(completion.object, "chat.completion");
  assert.match(completion.id, /^chatcmpl-/);
  assert.equal(completion.model, "echo");
  assert.deepEqual(completion.choices, [
    {
      index: 0,
      message: { role: "assistant", content: "Hello", refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: "stop",
    },
  ]);
  const { prompt_tokens, completion_tokens, total_tokens } = completion.usage;
  assert.deepEqual([prompt_tokens, completion_tokens, total_tokens], [2, 2, 4]);
});

test("the request id and what the call cost are in the headers", async () => {
  const { data, response, request_id } = await client.chat.completions
    .create({ model: "fc:sim/echo", messages: user("Hello") })
    .withResponse();
  assert.equal(response.headers.get("x-ringside-model-used"), "fc:sim/echo");
  assert.equal(response.headers.get("x-ringside-attempts"), "1");
  // 2 tokens in at 1 USD a million, 2 out at 2 USD.
  assert.equal(response.headers.get("x-ringside-cost"), "0.000006");
  assert.match(request_id, /^req_/);
  assert.equal(request_id, response.headers.get("x-request-id"));
  assert.equal(data._request_id, request_id);
});

test("an answer goes back as history as it came", async () => {
  const first = await client.chat.completions.create({ model: "fc:sim/echo", messages: user("One") });
  const completion = await client.chat.completions.create({
    model: "fc:sim/echo",
    messages: [...user("One"), first.choices[0].message, ...user("Two")],
  });
  assert.equal(completion.choices[0].message.content, "Two");
});

test("n gives as many choices and bills each", async () => {
  const completion = await client.chat.completions.create({ model: "fc:sim/echo", messages: user("Hello"), n: 3 });
  assert.deepEqual(
    completion.choices.map((choice) => [choice.index, choice.message.content]),
    [
      [0, "Hello"],
      [1, "Hello"],
      [2, "Hello"],
    ],
  );
  assert.equal(completion.usage.completion_tokens, 6);
});

test("an output limit cuts the answer and says so", async () => {
  const completion = await client.chat.completions.create({
    model: "fc:sim/echo",
    messages: user("0123456789"),
    max_completion_tokens: 2,
  });
  assert.equal(completion.choices[0].message.content, "01234567");
  assert.equal(completion.choices[0].finish_reason, "length");
});

test("every script and every escape comes back", async () => {
  const text = 'ü 日本語 🎉 "quoted" \\ \n\t\u0000 \u2028 </script>';
  const completion = await client.chat.completions.create({ model: "fc:sim/echo", messages: user(text) });
  assert.equal(completion.choices[0].message.content, text);
});

test("images are accepted", async () => {
  const completion = await client.chat.completions.create({
    model: "fc:sim/echo",
    messages: user([
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: "https://example.com/a.png" } },
    ]),
  });
  assert.equal(completion.choices[0].message.content, "What is this?");
});

recorded("images reach the provider untouched", async () => {
  const customer = newCustomer();
  const parts = [
    { type: "text", text: replay("openai/vision-gpt-5") + customer },
    { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "low" } },
  ];
  const completion = await client.chat.completions.create({ model: "fc:openai/gpt-5.4", messages: user(parts) });
  assert.match(completion.choices[0].message.content, /pastel star/);
  const [request] = await seenUpstream(customer);
  assert.deepEqual(JSON.parse(request.body).messages[0].content, parts);
});

recorded("another provider's answer is a chat completion too", async () => {
  const completion = await client.chat.completions.create({
    model: "fc:anthropic/claude-sonnet-4-6",
    messages: user(replay("anthropic/chat-claude-sonnet-4")),
  });
  assert.match(completion.choices[0].message.content, /^Olá!/);
  assert.equal(completion.usage.prompt_tokens, 16);
});
