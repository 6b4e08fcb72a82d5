"""Embeddings, as numbers and in base64, which is what the SDKs ask for by themselves."""

import math
import struct

import pytest
from conftest import replay


def as_f32(vector):
    return struct.pack(f"<{len(vector)}f", *vector)


def test_base64_and_floats_are_the_same_vectors(client):
    texts = ["hello", "wörld"]
    default = client.embeddings.create(model="fc:sim/embed", input=texts)
    floats = client.embeddings.create(model="fc:sim/embed", input=texts, encoding_format="float")
    assert [as_f32(item.embedding) for item in default.data] == [as_f32(item.embedding) for item in floats.data]
    assert default.usage == floats.usage


def test_each_input_has_its_vector_in_order(client):
    both = client.embeddings.create(model="fc:sim/embed", input=["hello", "world"])
    assert both.object == "list" and both.model == "embed"
    assert [(item.index, item.object) for item in both.data] == [(0, "embedding"), (1, "embedding")]
    alone = client.embeddings.create(model="fc:sim/embed", input="world")
    assert both.data[1].embedding == alone.data[0].embedding != both.data[0].embedding
    assert (both.usage.prompt_tokens, both.usage.total_tokens) == (3, 3)


def test_dimensions_are_as_asked(client):
    answer = client.embeddings.create(model="fc:sim/embed", input="hello", dimensions=7)
    vector = answer.data[0].embedding
    assert len(vector) == 7
    assert math.isclose(sum(number * number for number in vector), 1, rel_tol=1e-5)


def test_tokens_are_an_input_too(client):
    answer = client.embeddings.create(model="fc:sim/embed", input=[[1, 2, 3], [4]])
    assert len(answer.data) == 2


def test_an_embedding_is_charged_and_says_so(client):
    raw = client.embeddings.with_raw_response.create(model="fc:sim/embed", input="hello")
    assert raw.headers["x-ringside-cost"] == "0.000002"
    assert raw.headers["x-request-id"].startswith("req_")


@pytest.mark.recorded
def test_a_recorded_vector_is_decoded(client):
    answer = client.embeddings.create(
        model="fc:openai/text-embedding-3-large", input=replay("openai/embeddings-text-embedding-3-large")
    )
    vector = answer.data[0].embedding
    assert len(vector) == 3072
    assert math.isclose(sum(number * number for number in vector), 1, rel_tol=1e-3)
    assert answer.usage.prompt_tokens == 8
