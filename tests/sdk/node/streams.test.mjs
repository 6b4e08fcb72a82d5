// Chat, streamed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { all, makeClient, recorded, replay, textOf, user } from "./support.mjs";

const client = makeClient();
const stream = (body) => client.chat.completions.create({ model: "fc:sim/echo", stream: true, ...body });

test("a stream is a role, then text, then the end", async () => {
  const chunks = await all(await stream({ messages: user("Hello there, you") }));
  assert.equal(textOf(chunks), "Hello there, you");
  assert.equal(new Set(chunks.map(({ id, created, model }) => `${id} ${created} ${model}`)).size, 1);
  assert.deepEqual(chunks[0].choices[0].delta, { role: "assistant", content: "", refusal: null });
  assert.deepEqual(chunks.at(-1).choices[0].delta, {});
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  assert.ok(chunks.every((chunk) => !("usage" in chunk)));
});

test("usage comes last and alone when it is asked for", async () => {
  const chunks = await all(await stream({ messages: user("Hello there"), stream_options: { include_usage: true } }));
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.total_tokens, 6);
  assert.ok(chunks.every((chunk) => chunk.usage === null && chunk.choices.length === 1));
});

test("the wire has one JSON a line and ends with done", async () => {
  const response = await stream({ messages: user("Hello there") }).asResponse();
  assert.match(response.headers.get("content-type"), /^text\/event-stream/);
  assert.match(response.headers.get("x-request-id"), /^req_/);
  const events = (await response.text()).split("\n\n");
  assert.equal(events.pop(), "");
  assert.equal(events.pop(), "data: [DONE]");
  for (const event of events) {
    assert.match(event, /^data: \{.*\}$/);
    assert.equal(JSON.parse(event.slice("data: ".length)).object, "chat.completion.chunk");
  }
});

test("choices of one stream are told apart by their index", async () => {
  const texts = ["", ""];
  for await (const chunk of await stream({ messages: user("Hello there"), n: 2 })) {
    for (const choice of chunk.choices) texts[choice.index] += choice.delta.content ?? "";
  }
  assert.deepEqual(texts, ["Hello there", "Hello there"]);
});

test("no character is cut in a stream", async () => {
  const text = 'ü 日本語 🎉 👩‍👩‍👧 "quoted" \\ \n end '.repeat(40);
  assert.equal(textOf(await all(await stream({ messages: user(text) }))), text);
});

test("the SDK's own accumulation gives the whole answer", async () => {
  const runner = client.chat.completions.stream({
    model: "fc:sim/echo",
    messages: user("Hello there"),
    stream_options: { include_usage: true },
  });
  const pieces = [];
  runner.on("content", (delta) => pieces.push(delta));
  const completion = await runner.finalChatCompletion();
  assert.equal(pieces.join(""), "Hello there");
  assert.equal(completion.choices[0].message.content, "Hello there");
  assert.equal(completion.choices[0].finish_reason, "stop");
  assert.equal((await runner.totalUsage()).total_tokens, 6);
});

recorded("a recorded stream tells usage only when asked", async () => {
  for (const asked of [true, false]) {
    const chunks = await all(
      await stream({
        model: "fc:openai/gpt-5.4",
        messages: user(replay("openai/chat_stream-o4-mini")),
        ...(asked && { stream_options: { include_usage: true } }),
      }),
    );
    assert.equal(textOf(chunks), "Olá!");
    assert.deepEqual(
      chunks.filter((chunk) => chunk.usage).map((chunk) => chunk.usage.total_tokens),
      asked ? [103] : [],
    );
    assert.equal(
      chunks.some((chunk) => "usage" in chunk),
      asked,
    );
  }
});

recorded("recorded log probabilities arrive", async () => {
  const chunks = await all(
    await stream({
      model: "fc:openai/gpt-4.1-mini",
      messages: user(replay("openai/logprobs_stream-gpt-4.1-mini")),
      logprobs: true,
    }),
  );
  const tokens = chunks.flatMap((chunk) => chunk.choices.flatMap((choice) => choice.logprobs?.content ?? []));
  assert.deepEqual(tokens, [{ token: "42", logprob: 0, bytes: [52, 50], top_logprobs: [] }]);
});

recorded("recorded choices interleave", async () => {
  const completion = await client.chat.completions
    .stream({ model: "fc:openai/gpt-5.4", messages: user(replay("openai/n_choices_stream-gpt-4o-mini-2")), n: 2 })
    .finalChatCompletion();
  assert.deepEqual(
    completion.choices.map(({ index, finish_reason }) => [index, finish_reason]),
    [
      [0, "stop"],
      [1, "stop"],
    ],
  );
  for (const choice of completion.choices) assert.match(choice.message.content, /^I'm/);
});

recorded("another provider's stream is OpenAI's too, reasoning included", async () => {
  const chunks = await all(
    await stream({
      model: "fc:anthropic/claude-sonnet-4-6",
      messages: user(replay("anthropic/reasoning_stream-claude-sonnet-4-5")),
      reasoning_effort: "low",
      stream_options: { include_usage: true },
    }),
  );
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.prompt_tokens, 50);
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  assert.notEqual(textOf(chunks), "");
  assert.ok(chunks.some((chunk) => chunk.choices[0].delta.reasoning_content));
});
