// Whose call it was, and what it is to be counted under.

import assert from "node:assert/strict";
import { test } from "node:test";
import { all, makeClient, newCustomer, usageEvents, user } from "./support.mjs";

const client = makeClient();

test("a call is attributed to its user with everything the headers say", async () => {
  const customer = newCustomer();
  const { data, request_id } = await client.chat.completions
    .create(
      { model: "fc:sim/echo", messages: user("Hello"), user: customer },
      {
        headers: {
          "FC-Tag": "chat-support, beta",
          "FC-Property-Plan": "enterprise",
          "FC-Session-Id": "workflow_abc",
          "X-FC-Billable-Amount": "0.25",
        },
      },
    )
    .withResponse();
  const [event, ...others] = await usageEvents(customer);
  assert.deepEqual(others, []);
  assert.deepEqual([event.request_id, event.response_id], [request_id, data.id]);
  assert.deepEqual(event.tags, ["chat-support", "beta"]);
  assert.deepEqual(event.properties, { plan: "enterprise" });
  assert.equal(event.session_id, "workflow_abc");
  assert.deepEqual([event.status, event.streamed], ["ok", false]);
  assert.deepEqual([event.cost_usd, event.billable_usd, event.margin_usd], [0.000006, 0.25, 0.249994]);
});

test("a stream is attributed as well", async () => {
  const customer = newCustomer();
  const chunks = await all(
    await client.chat.completions.create({
      model: "fc:sim/echo",
      messages: user("Hello"),
      user: customer,
      stream: true,
    }),
  );
  const [event] = await usageEvents(customer);
  assert.deepEqual([event.streamed, event.response_id, event.estimated], [true, chunks[0].id, false]);
});

test("the customer of the header wins over the body's", async () => {
  const customer = newCustomer();
  await client.embeddings.create(
    { model: "fc:sim/embed", input: "Hello", user: "somebody else" },
    { headers: { "FC-Customer": customer } },
  );
  assert.equal((await usageEvents(customer)).length, 1);
});
