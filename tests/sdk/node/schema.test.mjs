// Schemas at providers that enforce none. The upstream plays a model that chats first, and is
// corrected once.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { makeClient, newCustomer, rejection, seenUpstream, usageEvents, user } from "./support.mjs";

const openai = makeClient();
const Capital = z.object({ city: z.string(), country: z.string(), inhabitants: z.number().int() });
const paris = { city: "Paris", country: "France", inhabitants: 2_100_000 };
const format = zodResponseFormat(Capital, "capital");

for (const model of ["fc:deepseek/deepseek-flash", "fc:together/Qwen/Qwen3.6-Plus"]) {
  test(`parse gives the object after a correction: ${model}`, async () => {
    const customer = newCustomer();
    const completion = await openai.chat.completions.parse({
      model,
      messages: user(`[script:capital] ${customer}`),
      response_format: format,
      user: customer,
    });
    assert.deepEqual(completion.choices[0].message.parsed, paris);
    const [first, second] = await seenUpstream(customer);
    assert.ok(!first.body.includes("json_schema"));
    assert.match(second.body, /is not of type/);
    const [event] = await usageEvents(customer);
    assert.deepEqual([event.status, event.attempts], ["ok", 2]);
  });

  test(`a stream is parsed once it fits: ${model}`, async () => {
    const stream = openai.chat.completions.stream({
      model,
      messages: user(`[script:capital] ${newCustomer()}`),
      response_format: format,
    });
    const completion = await stream.finalChatCompletion();
    assert.deepEqual(completion.choices[0].message.parsed, paris);
  });

  test(`what never fits is 422: ${model}`, async () => {
    const asked = { model, messages: user(`[script:stubborn] ${newCustomer()}`), response_format: format };
    const error = await rejection(openai.chat.completions.parse(asked));
    assert.ok(error instanceof OpenAI.UnprocessableEntityError);
    assert.equal(error.code, "response_schema_validation_failed");
  });
}
