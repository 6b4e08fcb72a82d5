"""Chat, streamed."""

import json

import pytest
from conftest import replay, text_of, user


def test_a_stream_is_a_role_then_text_then_the_end(client):
    stream = client.chat.completions.create(model="fc:sim/echo", messages=user("Hello there, you"), stream=True)
    chunks = list(stream)
    assert text_of(chunks) == "Hello there, you"
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert [delta.role for delta in deltas] == ["assistant"] + [None] * (len(deltas) - 1)
    assert deltas[0].content == "" and all(delta.content for delta in deltas[1:-1])
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert not any(chunk.usage for chunk in chunks)


def test_usage_comes_last_and_alone_when_it_is_asked_for(client):
    stream = client.chat.completions.create(
        model="fc:sim/echo", messages=user("Hello there"), stream=True, stream_options={"include_usage": True}
    )
    *before, last = list(stream)
    assert last.choices == []
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens) == (3, 3, 6)
    assert all(chunk.choices and chunk.usage is None for chunk in before)


def test_the_wire_has_one_json_a_line_and_ends_with_done(client):
    with client.chat.completions.with_streaming_response.create(
        model="fc:sim/echo", messages=user("Hello there"), stream=True
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-request-id"].startswith("req_")
        assert response.headers["x-ringside-model-used"] == "fc:sim/echo"
        lines = list(response.iter_lines())
    events, blanks = lines[0::2], lines[1::2]
    assert set(blanks) == {""}
    assert all(event.startswith("data: ") for event in events)
    *chunks, done = [event[len("data: ") :] for event in events]
    assert done == "[DONE]"
    assert all(json.loads(chunk)["object"] == "chat.completion.chunk" for chunk in chunks)


def test_choices_of_one_stream_are_told_apart_by_their_index(client):
    stream = client.chat.completions.create(model="fc:sim/echo", messages=user("Hello there"), stream=True, n=2)
    texts = {0: "", 1: ""}
    finished = []
    for chunk in stream:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                finished.append((choice.index, choice.finish_reason))
    assert texts == {0: "Hello there", 1: "Hello there"}
    assert sorted(finished) == [(0, "stop"), (1, "stop")]


def test_no_character_is_cut_in_a_stream(client):
    text = "ü 日本語 🎉 👩‍👩‍👧 \"quoted\" \\ \n end " * 40
    stream = client.chat.completions.create(model="fc:sim/echo", messages=user(text), stream=True)
    assert text_of(stream) == text


def test_an_output_limit_ends_the_stream_with_length(client):
    stream = client.chat.completions.create(
        model="fc:sim/echo", messages=user("0123456789"), stream=True, max_completion_tokens=2
    )
    chunks = list(stream)
    assert text_of(chunks) == "01234567"
    assert chunks[-1].choices[0].finish_reason == "length"


def test_the_sdks_own_accumulation_gives_the_whole_answer(client):
    with client.chat.completions.stream(
        model="fc:sim/echo", messages=user("Hello there"), stream_options={"include_usage": True}
    ) as stream:
        kinds = [event.type for event in stream]
        completion = stream.get_final_completion()
    assert kinds[0] == "chunk" and "content.delta" in kinds
    assert kinds.count("content.done") == 1
    assert completion.choices[0].message.content == "Hello there"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.total_tokens == 6


@pytest.mark.recorded
@pytest.mark.parametrize("asked", [True, False])
def test_a_recorded_stream_tells_usage_only_when_asked(client, asked):
    stream = client.chat.completions.create(
        model="fc:openai/gpt-5.4",
        messages=user(replay("openai/chat_stream-o4-mini")),
        stream=True,
        **({"stream_options": {"include_usage": True}} if asked else {}),
    )
    chunks = list(stream)
    assert text_of(chunks) == "Olá!"
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == ([103] if asked else [])


@pytest.mark.recorded
def test_recorded_log_probabilities_arrive(client):
    stream = client.chat.completions.create(
        model="fc:openai/gpt-4.1-mini",
        messages=user(replay("openai/logprobs_stream-gpt-4.1-mini")),
        logprobs=True,
        stream=True,
    )
    tokens = [
        token
        for chunk in stream
        for choice in chunk.choices
        if choice.logprobs and choice.logprobs.content
        for token in choice.logprobs.content
    ]
    assert [(token.token, token.logprob, bytes(token.bytes)) for token in tokens] == [("42", 0.0, b"42")]


@pytest.mark.recorded
def test_recorded_choices_interleave(client):
    with client.chat.completions.stream(
        model="fc:openai/gpt-5.4", messages=user(replay("openai/n_choices_stream-gpt-4o-mini-2")), n=2
    ) as stream:
        for _ in stream:
            pass
        completion = stream.get_final_completion()
    assert [choice.index for choice in completion.choices] == [0, 1]
    assert all(choice.message.content.startswith("I'm") for choice in completion.choices)
    assert [choice.finish_reason for choice in completion.choices] == ["stop", "stop"]


@pytest.mark.recorded
def test_another_providers_stream_is_openais_too(client):
    stream = client.chat.completions.create(
        model="fc:anthropic/claude-sonnet-4-6",
        messages=user(replay("anthropic/chat_stream-claude-3-5-haiku")),
        stream=True,
        stream_options={"include_usage": True},
    )
    *chunks, last = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "OpenTelemetry" in text_of(chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert last.choices == [] and last.usage.prompt_tokens == 17
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in [*chunks, last]}) == 1


@pytest.mark.recorded
def test_another_providers_reasoning_streams_as_reasoning_content(client):
    stream = client.chat.completions.create(
        model="fc:anthropic/claude-sonnet-4-6",
        messages=user(replay("anthropic/reasoning_stream-claude-sonnet-4-5")),
        reasoning_effort="low",
        stream=True,
    )
    chunks = list(stream)
    reasoning = "".join(
        getattr(choice.delta, "reasoning_content", None) or "" for chunk in chunks for choice in chunk.choices
    )
    assert reasoning and text_of(chunks)
