// What a program that called OpenAI does after its URL, key and model references were changed.

import assert from "node:assert/strict";
import { makeClient, newCustomer, recorded, usageEvents } from "./support.mjs";

const openai = makeClient();

for (const model of ["fc:openai/gpt-4o-mini", "fc:anthropic/claude-sonnet-4-6"]) {
  recorded(`the three-line diff is all there is to do: ${model}`, async () => {
    const customer = newCustomer();
    const resp = await openai.chat.completions.create({
      model,
      messages: [{ role: "user", content: "Hello" }],
      user: customer,
    });
    assert.ok(resp.choices[0].message.content);
    const [event] = await usageEvents(customer);
    assert.deepEqual([event.reference, event.status], [model, "ok"]);
    assert.ok(event.cost_usd > 0);
  });
}
