"""Structured output through the SDK's parse helpers."""

import json

import pytest
from conftest import replay, seen_upstream, user
from pydantic import BaseModel


class Article(BaseModel):
    title: str
    author: str


class Capital(BaseModel):
    city: str
    country: str


@pytest.mark.recorded
def test_an_answer_in_the_schema_is_parsed_into_the_model(client, customer):
    completion = client.chat.completions.parse(
        model="fc:openai/gpt-5.4",
        messages=user(replay("openai/json_schema-gpt-5.4") + customer),
        response_format=Article,
    )
    assert completion.choices[0].message.parsed == Article(title="Apples are tasty", author="Hadley Wickham")
    (request,) = seen_upstream(customer)
    asked = json.loads(request["body"])["response_format"]["json_schema"]
    assert asked["name"] == "Article" and asked["strict"] is True
    assert asked["schema"]["required"] == ["title", "author"]


@pytest.mark.recorded
def test_another_providers_answer_in_the_schema_is_parsed_too(client):
    completion = client.chat.completions.parse(
        model="fc:anthropic/claude-sonnet-4-6",
        messages=user(replay("anthropic/json_schema-claude-sonnet-4-6")),
        response_format=Capital,
    )
    assert completion.choices[0].message.parsed == Capital(city="Paris", country="France")


@pytest.mark.recorded
def test_a_refusal_is_a_refusal_and_nothing_is_parsed(client):
    completion = client.chat.completions.parse(
        model="fc:openai/gpt-5.4", messages=user(replay("openai/refusal-gpt-4o")), response_format=Article
    )
    message = completion.choices[0].message
    assert message.refusal == "I'm sorry, but I can't assist with that request."
    assert message.parsed is None and message.content is None


@pytest.mark.recorded
def test_a_streamed_refusal_is_accumulated(client):
    with client.chat.completions.stream(
        model="fc:openai/gpt-5.4", messages=user(replay("openai/refusal_stream-gpt-4o-2"))
    ) as stream:
        refusals = [event for event in stream if event.type == "refusal.delta"]
        completion = stream.get_final_completion()
    assert len(refusals) > 1
    assert completion.choices[0].message.refusal.startswith("I'm")


# The simulated model answers in the schema once it has broken it before.
AFTER_A_WRONG_ONE = [
    {"role": "user", "content": "An article"},
    {"role": "assistant", "content": "no JSON"},
    {"role": "user", "content": "In the schema, please"},
]


def test_the_simulator_answers_in_the_schema(client):
    completion = client.chat.completions.parse(
        model="fc:sim/schema-once", messages=AFTER_A_WRONG_ONE, response_format=Article
    )
    assert isinstance(completion.choices[0].message.parsed, Article)


def test_a_streamed_answer_in_the_schema_is_parsed(client):
    with client.chat.completions.stream(
        model="fc:sim/schema-once", messages=AFTER_A_WRONG_ONE, response_format=Article
    ) as stream:
        for _ in stream:
            pass
        completion = stream.get_final_completion()
    assert isinstance(completion.choices[0].message.parsed, Article)


def test_json_mode_is_accepted(client):
    completion = client.chat.completions.create(
        model="fc:sim/echo", messages=user('{"json": true}'), response_format={"type": "json_object"}
    )
    assert json.loads(completion.choices[0].message.content) == {"json": True}
