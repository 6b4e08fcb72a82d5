"""Schemas at providers that enforce none, through the SDK and the libraries that stand on it.

The upstream plays a model that does what such models do: it chats first, and is corrected once.
"""

import pytest
from conftest import GATEWAY, TOKEN, seen_upstream, user, usage_events
from pydantic import BaseModel


class Capital(BaseModel):
    city: str
    country: str
    inhabitants: int


PARIS = Capital(city="Paris", country="France", inhabitants=2_100_000)

# JSON mode, and a tool that the model must call.
WITHOUT_SCHEMAS = ["fc:deepseek/deepseek-flash", "fc:together/Qwen/Qwen3.6-Plus"]


@pytest.mark.parametrize("model", WITHOUT_SCHEMAS)
def test_parse_gives_the_model_after_a_correction(client, customer, model):
    completion = client.chat.completions.parse(
        model=model, messages=user(f"[script:capital] {customer}"), response_format=Capital, user=customer
    )
    assert completion.choices[0].message.parsed == PARIS
    assert completion.choices[0].finish_reason == "stop"
    first, second = seen_upstream(customer)
    assert "json_schema" not in first["body"]
    assert "is not of type" in second["body"], "the second attempt is told what was wrong with the first"
    (event,) = usage_events(customer)
    assert (event["status"], event["attempts"]) == ("ok", 2)


@pytest.mark.parametrize("model", WITHOUT_SCHEMAS)
def test_a_stream_is_parsed_once_it_fits(client, customer, model):
    with client.chat.completions.stream(
        model=model, messages=user(f"[script:capital] {customer}"), response_format=Capital
    ) as stream:
        for _ in stream:
            pass
        completion = stream.get_final_completion()
    assert completion.choices[0].message.parsed == PARIS


@pytest.mark.parametrize("model", WITHOUT_SCHEMAS)
def test_what_never_fits_is_422(client, customer, model):
    import openai

    with pytest.raises(openai.UnprocessableEntityError) as raised:
        client.chat.completions.parse(
            model=model, messages=user(f"[script:stubborn] {customer}"), response_format=Capital
        )
    assert raised.value.code == "response_schema_validation_failed"
    assert len(seen_upstream(customer)) == 3


@pytest.mark.parametrize("model", WITHOUT_SCHEMAS)
@pytest.mark.parametrize("mode", ["JSON_SCHEMA", "TOOLS"])
def test_instructor_gives_the_model(clients, customer, model, mode):
    instructor = pytest.importorskip("instructor")
    if mode == "TOOLS" and "deepseek" in model:
        pytest.skip("the scripted upstream calls a tool only where it must: that is the other model")
    client = instructor.from_openai(clients["sync"], mode=getattr(instructor.Mode, mode))
    # Without tries of its own: what is corrected is corrected by the gateway.
    script = "capital" if mode == "JSON_SCHEMA" else "at-once"
    capital = client.chat.completions.create(
        model=model, messages=user(f"[script:{script}] {customer}"), response_model=Capital, max_retries=0
    )
    # Its class is one of instructor's own, made from ours.
    assert capital.model_dump() == PARIS.model_dump()


@pytest.mark.parametrize("model", WITHOUT_SCHEMAS)
@pytest.mark.parametrize("output", ["NativeOutput", "ToolOutput"])
def test_pydantic_ai_gives_the_model(loop, customer, model, output):
    pydantic_ai = pytest.importorskip("pydantic_ai")
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider

    if output == "ToolOutput" and "deepseek" in model:
        pytest.skip("the scripted upstream calls a tool only where it must: that is the other model")
    chat = OpenAIChatModel(
        model,
        provider=OpenAIProvider(base_url=f"{GATEWAY}/v1", api_key=TOKEN),
        profile=OpenAIModelProfile(supports_json_schema_output=True),
    )
    agent = pydantic_ai.Agent(chat, output_type=getattr(pydantic_ai, output)(Capital), retries=0)
    script = "capital" if output == "NativeOutput" else "at-once"
    result = loop.run_until_complete(agent.run(f"[script:{script}] {customer}"))
    assert result.output == PARIS
