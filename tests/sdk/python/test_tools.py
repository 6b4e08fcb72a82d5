"""Tools: calls, results, and the SDK's own accumulation of streamed calls."""

import json
from enum import Enum

import openai
import pytest
from conftest import replay, seen_upstream, user
from pydantic import BaseModel, ConfigDict

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["location"],
        },
    },
}


class Unit(str, Enum):
    celsius = "celsius"
    fahrenheit = "fahrenheit"


class GetWeather(BaseModel):
    model_config = ConfigDict(extra="forbid")

    location: str
    unit: Unit


def test_a_tool_is_called_and_its_result_is_answered_in_words(client):
    messages = user("What's the weather in Florence?")
    first = client.chat.completions.create(model="fc:sim/tool", messages=messages, tools=[WEATHER])
    assert first.choices[0].finish_reason == "tool_calls"
    message = first.choices[0].message
    assert message.content is None
    (call,) = message.tool_calls
    assert call.type == "function" and call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments)["location"], str)
    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "40 °C"}]
    second = client.chat.completions.create(model="fc:sim/tool", messages=messages, tools=[WEATHER])
    assert second.choices[0].finish_reason == "stop"
    assert second.choices[0].message.content == "The tool said: 40 °C"


def test_a_streamed_call_begins_with_its_id_and_name_and_goes_on_with_arguments(client):
    stream = client.chat.completions.create(
        model="fc:sim/tool", messages=user("What's the weather?"), tools=[WEATHER], stream=True
    )
    chunks = list(stream)
    pieces = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or []]
    assert {piece.index for piece in pieces} == {0}
    head, *rest = pieces
    assert head.id and head.type == "function"
    assert (head.function.name, head.function.arguments) == ("get_weather", "")
    assert all(piece.id is None and piece.function.name is None for piece in rest)
    assert "location" in json.loads("".join(piece.function.arguments for piece in rest))
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_the_sdk_accumulates_a_streamed_call_and_parses_its_arguments(client):
    with client.chat.completions.stream(
        model="fc:sim/tool", messages=user("What's the weather?"), tools=[openai.pydantic_function_tool(GetWeather)]
    ) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        completion = stream.get_final_completion()
    (call,) = completion.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, GetWeather)
    assert [event.name for event in done] == ["GetWeather"]
    assert done[0].parsed_arguments == call.function.parsed_arguments


def test_the_sdk_parses_the_arguments_of_a_call(client):
    completion = client.chat.completions.parse(
        model="fc:sim/tool", messages=user("What's the weather?"), tools=[openai.pydantic_function_tool(GetWeather)]
    )
    (call,) = completion.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, GetWeather)


@pytest.mark.recorded
@pytest.mark.parametrize(
    "choice", ["auto", "none", "required", {"type": "function", "function": {"name": "get_weather"}}], ids=str
)
def test_a_tool_choice_reaches_the_provider(client, customer, choice):
    client.chat.completions.create(
        model="fc:openai/gpt-5.4",
        messages=user(replay("openai/tools-gpt-4") + customer),
        tools=[WEATHER],
        tool_choice=choice,
        parallel_tool_calls=False,
    )
    (request,) = seen_upstream(customer)
    body = json.loads(request["body"])
    assert (body["tools"], body["tool_choice"], body["parallel_tool_calls"]) == ([WEATHER], choice, False)


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("model", "case", "names"),
    [
        ("fc:openai/gpt-5.4", "openai/parallel_tools-gpt-5", ["add", "multiply"]),
        ("fc:anthropic/claude-sonnet-4-6", "anthropic/parallel_tools-claude-3-5-sonnet", ["get_weather", "get_time"]),
    ],
    ids=["openai", "anthropic"],
)
def test_parallel_calls_come_each_with_its_own_id(client, model, case, names):
    completion = client.chat.completions.create(model=model, messages=user(replay(case)), tools=[WEATHER])
    calls = completion.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == names
    assert len({call.id for call in calls}) == 2
    assert all(isinstance(json.loads(call.function.arguments), dict) for call in calls)
    assert completion.choices[0].finish_reason == "tool_calls"


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("model", "case", "first"),
    [
        ("fc:openai/gpt-5.4", "openai/parallel_tools_stream-gpt-4o", "get_country"),
        ("fc:anthropic/claude-sonnet-4-6", "anthropic/parallel_tools_stream-claude-sonnet-4", "add"),
    ],
    ids=["openai", "anthropic"],
)
def test_parallel_calls_of_a_stream_are_accumulated(client, model, case, first):
    with client.chat.completions.stream(model=model, messages=user(replay(case))) as stream:
        for _ in stream:
            pass
        completion = stream.get_final_completion()
    calls = completion.choices[0].message.tool_calls
    assert len(calls) == 2 and calls[0].function.name == first
    assert len({call.id for call in calls}) == 2
    assert all(isinstance(json.loads(call.function.arguments), dict) for call in calls)


@pytest.mark.recorded
def test_calls_of_one_provider_go_on_at_another(client, customer):
    """History that OpenAI produced, with its results, is understood by Anthropic."""
    messages = user(replay("openai/parallel_tools-gpt-5"))
    first = client.chat.completions.create(model="fc:openai/gpt-5.4", messages=messages, tools=[WEATHER])
    message = first.choices[0].message
    messages = [*user(replay("anthropic/tool_result-claude-opus-4-6") + customer), message]
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "5"} for call in message.tool_calls]
    second = client.chat.completions.create(
        model="fc:anthropic/claude-sonnet-4-6", messages=messages, tools=[WEATHER]
    )
    assert second.choices[0].message.content
    (request,) = seen_upstream(customer)
    _, calls, results = json.loads(request["body"])["messages"]
    ids = [call.id for call in message.tool_calls]
    assert [block["id"] for block in calls["content"] if block["type"] == "tool_use"] == ids
    assert [block["tool_use_id"] for block in results["content"]] == ids
