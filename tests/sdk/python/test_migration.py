"""What a program that called OpenAI does after its URL, key and model references were changed."""

import pytest
from conftest import usage_events, user

GET_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
        },
    },
}


@pytest.mark.recorded
@pytest.mark.parametrize("model", ["fc:openai/gpt-4o-mini", "fc:anthropic/claude-sonnet-4-6"])
def test_the_three_line_diff_is_all_there_is_to_do(client, customer, model):
    resp = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Hello"}], user=customer
    )
    assert resp.choices[0].message.content
    (event,) = usage_events(customer)
    assert (event["reference"], event["status"]) == (model, "ok") and event["cost_usd"] > 0


@pytest.mark.recorded
def test_a_stream_is_read_as_before(client, customer):
    stream = client.chat.completions.create(
        model="fc:openai/gpt-4o-mini", messages=user("Write me a haiku"), stream=True, user=customer
    )
    # Without include_usage every chunk has a choice, which programs rely on.
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "Olá!"


def test_embeddings_are_asked_for_as_before(client, customer):
    emb = client.embeddings.create(model="fc:sim/embed", input=["hello", "world"], user=customer)
    assert [item.index for item in emb.data] == [0, 1]


@pytest.mark.recorded
def test_moderations_are_asked_for_as_before(client):
    mod = client.moderations.create(model="fc:openai/omni-moderation-latest", input="Check this text")
    assert mod.results[0].flagged is False


@pytest.mark.recorded
def test_tools_are_called_as_before(client, customer):
    resp = client.chat.completions.create(
        model="fc:openai/gpt-4o", messages=user("What's the weather in SF?"), tools=[GET_WEATHER], user=customer
    )
    assert resp.choices[0].message.tool_calls[0].function.name == "get_current_weather"


@pytest.mark.recorded
def test_headers_attribute_a_call(client, customer):
    client.chat.completions.create(
        model="fc:openai/gpt-4o-mini",
        messages=user("Hello"),
        user=customer,
        extra_headers={
            "FC-Tag": "support-bot",
            "FC-Property-Plan": "enterprise",
            "X-FC-Billable-Amount": "0.50",
        },
    )
    (event,) = usage_events(customer)
    assert (event["tags"], event["properties"], event["billable_usd"]) == (["support-bot"], {"plan": "enterprise"}, 0.5)
