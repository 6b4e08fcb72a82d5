"""Chat, not streamed."""

import json

import pytest
from conftest import replay, seen_upstream, user

# One white pixel.
PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mP8/x8AAwMCAO+ip1sAAAAASUVORK5CYII="
)


def test_an_answer_is_a_chat_completion_with_everything_in_it(client):
    completion = client.chat.completions.create(model="fc:sim/echo", messages=user("Hello"))
    assert completion.object == "chat.completion"
    assert completion.id.startswith("chatcmpl-")
    assert completion.model == "echo"
    assert completion.created > 1_700_000_000
    (choice,) = completion.choices
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "stop", None)
    assert (choice.message.role, choice.message.content) == ("assistant", "Hello")
    assert choice.message.refusal is None and choice.message.tool_calls is None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.usage.total_tokens) == (2, 2, 4)
    assert completion.usage.prompt_tokens_details.cached_tokens == 0
    assert completion.usage.completion_tokens_details.reasoning_tokens == 0


def test_the_request_id_and_what_the_call_cost_are_in_the_headers(client):
    raw = client.chat.completions.with_raw_response.create(model="fc:sim/echo", messages=user("Hello"))
    assert raw.headers["x-ringside-model-used"] == "fc:sim/echo"
    assert raw.headers["x-ringside-models-tried"] == "fc:sim/echo"
    assert raw.headers["x-ringside-attempts"] == "1"
    # 2 tokens in at 1 USD a million, 2 out at 2 USD.
    assert raw.headers["x-ringside-cost"] == "0.000006"
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.parse()._request_id == raw.headers["x-request-id"]


def test_a_conversation_is_answered_in_its_last_turn(client):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "One"},
        {"role": "user", "content": "Two"},
    ]
    completion = client.chat.completions.create(model="fc:sim/echo", messages=messages)
    assert completion.choices[0].message.content == "Two"
    assert completion.usage.prompt_tokens == 5


def test_an_answer_goes_back_as_history_as_it_came(client):
    first = client.chat.completions.create(model="fc:sim/echo", messages=user("One"))
    messages = [*user("One"), first.choices[0].message, {"role": "user", "content": "Two"}]
    completion = client.chat.completions.create(model="fc:sim/echo", messages=messages)
    assert completion.choices[0].message.content == "Two"


def test_n_gives_as_many_choices_and_bills_each(client):
    completion = client.chat.completions.create(model="fc:sim/echo", messages=user("Hello"), n=3)
    assert [choice.index for choice in completion.choices] == [0, 1, 2]
    assert {choice.message.content for choice in completion.choices} == {"Hello"}
    assert completion.usage.completion_tokens == 6


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_an_output_limit_cuts_the_answer_and_says_so(client, limit):
    completion = client.chat.completions.create(
        model="fc:sim/echo", messages=user("0123456789"), extra_body={limit: 2}
    )
    assert completion.choices[0].message.content == "01234567"
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens == 2


def test_every_script_and_every_escape_comes_back(client):
    text = 'ü 日本語 🎉 "quoted" \\ \n\t\u0000 \u2028 </script>'
    completion = client.chat.completions.create(model="fc:sim/echo", messages=user(text))
    assert completion.choices[0].message.content == text


def test_images_are_accepted(client):
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
    ]
    completion = client.chat.completions.create(model="fc:sim/echo", messages=[{"role": "user", "content": parts}])
    assert completion.choices[0].message.content == "What is this?"


@pytest.mark.recorded
def test_images_reach_the_provider_untouched(client, customer):
    parts = [
        {"type": "text", "text": replay("openai/vision-gpt-5") + customer},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
    ]
    completion = client.chat.completions.create(
        model="fc:openai/gpt-5.4", messages=[{"role": "user", "content": parts}]
    )
    assert "pastel star" in completion.choices[0].message.content
    (request,) = seen_upstream(customer)
    assert json.loads(request["body"])["messages"][0]["content"] == parts


@pytest.mark.recorded
def test_a_provider_is_called_with_its_own_key_and_model_and_without_the_customer(client, customer):
    client.chat.completions.create(
        model="fc:openai/gpt-5.4",
        messages=user(replay("openai/chat-gpt-5") + "unmistakable " + customer[::-1]),
        user=customer,
        extra_headers={"FC-Tag": "secret-tag"},
    )
    (request,) = seen_upstream(customer[::-1])
    assert request["headers"]["authorization"] == "Bearer sk-of-openai"
    assert json.loads(request["body"])["model"] == "gpt-5.4"
    assert customer not in json.dumps(request) and "secret-tag" not in json.dumps(request)


@pytest.mark.recorded
def test_two_recorded_choices_are_two(client):
    completion = client.chat.completions.create(
        model="fc:openai/gpt-5.4", messages=user(replay("openai/n_choices-gpt-3.5-turbo")), n=2
    )
    assert [choice.index for choice in completion.choices] == [0, 1]
    assert completion.choices[0].message.content.startswith("Why don't scientists trust atoms?")


@pytest.mark.recorded
def test_cached_tokens_are_told(client):
    completion = client.chat.completions.create(
        model="fc:openai/gpt-5.4", messages=user(replay("openai/cache_usage-gpt-4o"))
    )
    assert completion.usage.prompt_tokens_details.cached_tokens > 0


@pytest.mark.recorded
def test_another_providers_answer_is_a_chat_completion_too(client):
    completion = client.chat.completions.create(
        model="fc:anthropic/claude-sonnet-4-6", messages=user(replay("anthropic/chat-claude-sonnet-4"))
    )
    assert completion.choices[0].message.content.startswith("Olá!")
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.prompt_tokens == 16


@pytest.mark.recorded
def test_reasoning_comes_beside_the_answer_and_goes_back_with_it(client, customer):
    completion = client.chat.completions.create(
        model="fc:anthropic/claude-sonnet-4-6",
        messages=user(replay("anthropic/reasoning-claude-3-7-sonnet")),
        reasoning_effort="low",
    )
    message = completion.choices[0].message
    assert message.content == "France"
    assert message.reasoning_content.startswith("The World Cup in 2018 was won by France.")
    again = [*user("Who?"), message, {"role": "user", "content": replay("anthropic/chat-claude-sonnet-4") + customer}]
    client.chat.completions.create(model="fc:anthropic/claude-sonnet-4-6", messages=again, reasoning_effort="low")
    (request,) = seen_upstream(customer)
    thinking = json.loads(request["body"])["messages"][1]["content"][0]
    assert thinking["type"] == "thinking" and thinking["signature"].startswith("ErUBCkYIBBgC")
