// Embeddings, moderations and models.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { all, makeClient, newCustomer, recorded, rejection, replay, seenUpstream } from "./support.mjs";

const client = makeClient();

test("base64 and floats are the same vectors", async () => {
  const body = { model: "fc:sim/embed", input: ["hello", "wörld"] };
  const byDefault = await client.embeddings.create(body);
  const floats = await client.embeddings.create({ ...body, encoding_format: "float" });
  const vectors = (answer) => answer.data.map((item) => new Float32Array(item.embedding));
  assert.deepEqual(vectors(byDefault), vectors(floats));
  assert.deepEqual(byDefault.usage, floats.usage);
});

test("dimensions are as asked", async () => {
  const answer = await client.embeddings.create({ model: "fc:sim/embed", input: "hello", dimensions: 7 });
  assert.equal(answer.data[0].embedding.length, 7);
});

recorded("a recorded vector is decoded", async () => {
  const answer = await client.embeddings.create({
    model: "fc:openai/text-embedding-3-large",
    input: replay("openai/embeddings-text-embedding-3-large"),
  });
  const { embedding } = answer.data[0];
  assert.equal(embedding.length, 3072);
  const length = Math.hypot(...embedding);
  assert.ok(Math.abs(length - 1) < 1e-3, `${length}`);
});

test("what is to be flagged is flagged", async () => {
  const answer = await client.moderations.create({ model: "fc:sim/moderate", input: ["all is well", "flagme"] });
  assert.deepEqual(
    answer.results.map((result) => [result.flagged, result.categories.harassment]),
    [
      [false, false],
      [true, true],
    ],
  );
});

recorded("without a model OpenAI's newest moderates", async () => {
  const customer = newCustomer();
  const answer = await client.moderations.create({
    input: replay("openai/moderation-omni-moderation-latest-2") + customer,
  });
  assert.equal(answer.results[0].flagged, false);
  const [request] = await seenUpstream(customer);
  assert.equal(JSON.parse(request.body).model, "omni-moderation-latest");
});

test("the list has what can be called now", async () => {
  const ids = (await all(client.models.list())).map((model) => model.id);
  assert.ok(ids.includes("fc:sim/echo") && ids.includes("fc:openai/gpt-5.4"));
  assert.ok(!ids.some((id) => id.startsWith("fc:groq/")));
});

test("a model is found by its reference with all its slashes", async () => {
  for (const id of ["fc:sim/echo", "fc:groq/openai/gpt-oss-20b"]) {
    const model = await client.models.retrieve(id);
    assert.deepEqual([model.id, model.object], [id, "model"]);
  }
  const error = await rejection(client.models.retrieve("fc:sim/no-such-model"));
  assert.ok(error instanceof OpenAI.NotFoundError);
  assert.equal(error.code, "model_not_found");
});
