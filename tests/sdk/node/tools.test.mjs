// Tools: calls, results, and the SDK's own loops and parse helpers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { all, makeClient, newCustomer, recorded, replay, seenUpstream, user } from "./support.mjs";

const client = makeClient();
const Weather = z.object({ location: z.string(), unit: z.enum(["celsius", "fahrenheit"]) });
const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { location: { type: "string" } }, required: ["location"] },
  },
};

test("a tool is called and its result is answered in words", async () => {
  const messages = user("What's the weather in Florence?");
  const first = await client.chat.completions.create({ model: "fc:sim/tool", messages, tools: [WEATHER] });
  assert.equal(first.choices[0].finish_reason, "tool_calls");
  const { message } = first.choices[0];
  assert.equal(message.content, null);
  const [call] = message.tool_calls;
  assert.equal(call.function.name, "get_weather");
  assert.equal(typeof JSON.parse(call.function.arguments).location, "string");
  messages.push(message, { role: "tool", tool_call_id: call.id, content: "40 °C" });
  const second = await client.chat.completions.create({ model: "fc:sim/tool", messages, tools: [WEATHER] });
  assert.equal(second.choices[0].finish_reason, "stop");
  assert.equal(second.choices[0].message.content, "The tool said: 40 °C");
});

test("a streamed call begins with its id and name and goes on with arguments", async () => {
  const stream = await client.chat.completions.create({
    model: "fc:sim/tool",
    messages: user("What's the weather?"),
    tools: [WEATHER],
    stream: true,
  });
  const pieces = (await all(stream)).flatMap((chunk) => chunk.choices.flatMap((choice) => choice.delta.tool_calls ?? []));
  const [head, ...rest] = pieces;
  assert.deepEqual(head, { index: 0, id: head.id, type: "function", function: { name: "get_weather", arguments: "" } });
  for (const piece of rest) assert.deepEqual(piece, { index: 0, function: { arguments: piece.function.arguments } });
  assert.ok("location" in JSON.parse(rest.map((piece) => piece.function.arguments).join("")));
});

for (const stream of [false, true]) {
  test(`the SDK runs tools until there is an answer, ${stream ? "streamed" : "whole"}`, async () => {
    const asked = [];
    const runner = client.chat.completions.runTools({
      model: "fc:sim/tool",
      messages: user("What's the weather?"),
      stream,
      tools: [
        {
          type: "function",
          function: {
            ...WEATHER.function,
            parse: JSON.parse,
            function: (given) => {
              asked.push(given);
              return "40 °C";
            },
          },
        },
      ],
    });
    assert.equal(await runner.finalContent(), "The tool said: 40 °C");
    assert.equal(asked.length, 1);
    assert.equal(typeof asked[0].location, "string");
  });
}

test("the SDK parses the arguments of a call", async () => {
  const completion = await client.chat.completions.parse({
    model: "fc:sim/tool",
    messages: user("What's the weather?"),
    tools: [zodFunction({ name: "get_weather", parameters: Weather })],
  });
  const [call] = completion.choices[0].message.tool_calls;
  assert.deepEqual(Weather.parse(call.function.parsed_arguments), call.function.parsed_arguments);
});

const Article = z.object({ title: z.string(), author: z.string() });

recorded("an answer in the schema is parsed into the model", async () => {
  const customer = newCustomer();
  const completion = await client.chat.completions.parse({
    model: "fc:openai/gpt-5.4",
    messages: user(replay("openai/json_schema-gpt-5.4") + customer),
    response_format: zodResponseFormat(Article, "article"),
  });
  assert.deepEqual(completion.choices[0].message.parsed, { title: "Apples are tasty", author: "Hadley Wickham" });
  const [request] = await seenUpstream(customer);
  const asked = JSON.parse(request.body).response_format.json_schema;
  assert.deepEqual([asked.name, asked.strict, asked.schema.required], ["article", true, ["title", "author"]]);
});

recorded("another provider's answer in the schema is parsed too", async () => {
  const Capital = z.object({ city: z.string(), country: z.string() });
  const completion = await client.chat.completions.parse({
    model: "fc:anthropic/claude-sonnet-4-6",
    messages: user(replay("anthropic/json_schema-claude-sonnet-4-6")),
    response_format: zodResponseFormat(Capital, "capital"),
  });
  assert.deepEqual(completion.choices[0].message.parsed, { city: "Paris", country: "France" });
});

recorded("a refusal is a refusal and nothing is parsed", async () => {
  const completion = await client.chat.completions.parse({
    model: "fc:openai/gpt-5.4",
    messages: user(replay("openai/refusal-gpt-4o")),
    response_format: zodResponseFormat(Article, "article"),
  });
  assert.equal(completion.choices[0].message.refusal, "I'm sorry, but I can't assist with that request.");
  assert.equal(completion.choices[0].message.parsed, null);
});

// The simulated model answers in the schema once it has broken it before.
const AFTER_A_WRONG_ONE = [
  { role: "user", content: "An article" },
  { role: "assistant", content: "no JSON" },
  { role: "user", content: "In the schema, please" },
];

for (const way of ["whole", "streamed"]) {
  test(`the simulator answers in the schema, ${way}`, async () => {
    const body = {
      model: "fc:sim/schema-once",
      messages: AFTER_A_WRONG_ONE,
      response_format: zodResponseFormat(Article, "article"),
    };
    const completions = client.chat.completions;
    const completion = await (way === "whole" ? completions.parse(body) : completions.stream(body).finalChatCompletion());
    assert.deepEqual(Article.parse(completion.choices[0].message.parsed), completion.choices[0].message.parsed);
  });
}

for (const [model, name, count] of [
  ["fc:openai/gpt-5.4", "openai/parallel_tools_stream-gpt-4o", 2],
  ["fc:anthropic/claude-sonnet-4-6", "anthropic/parallel_tools_stream-claude-sonnet-4", 2],
]) {
  recorded(`parallel calls of a stream are accumulated: ${name}`, async () => {
    const completion = await client.chat.completions
      .stream({ model, messages: user(replay(name)), tools: [WEATHER] })
      .finalChatCompletion();
    const calls = completion.choices[0].message.tool_calls;
    assert.equal(new Set(calls.map((call) => call.id)).size, count);
    for (const call of calls) assert.equal(typeof JSON.parse(call.function.arguments), "object");
  });
}
