"""Whose call it was, and what it is to be counted under."""

import pytest
from conftest import GATEWAY, get, usage_events, user


def test_a_call_is_attributed_to_its_user_with_everything_the_headers_say(client, customer):
    raw = client.chat.completions.with_raw_response.create(
        model="fc:sim/echo",
        messages=user("Hello"),
        user=customer,
        extra_headers={
            "FC-Tag": "chat-support, beta",
            "FC-Property-Plan": "enterprise",
            "FC-Session-Id": "workflow_abc",
            "X-FC-Billable-Amount": "0.25",
        },
    )
    (event,) = usage_events(customer)
    assert event["request_id"] == raw.headers["x-request-id"]
    assert event["response_id"] == raw.parse().id
    assert event["tags"] == ["chat-support", "beta"]
    assert event["properties"] == {"plan": "enterprise"}
    assert event["session_id"] == "workflow_abc"
    assert (event["endpoint"], event["reference"]) == ("/v1/chat/completions", "fc:sim/echo")
    assert (event["provider"], event["model"]) == ("sim", "echo")
    assert (event["status"], event["attempts"], event["streamed"]) == ("ok", 1, False)
    assert (event["usage"]["prompt_tokens"], event["usage"]["completion_tokens"]) == (2, 2)
    assert event["cost_usd"] == float(raw.headers["x-ringside-cost"]) == 0.000006
    assert (event["billable_usd"], event["margin_usd"]) == (0.25, 0.249994)


def test_the_customer_of_the_header_wins_over_the_bodys(client, customer):
    client.chat.completions.create(
        model="fc:sim/echo", messages=user("Hello"), user="somebody else", extra_headers={"FC-Customer": customer}
    )
    assert len(usage_events(customer)) == 1


def test_a_stream_is_attributed_as_well(client, customer):
    stream = client.chat.completions.create(model="fc:sim/echo", messages=user("Hello"), user=customer, stream=True)
    chunks = list(stream)
    (event,) = usage_events(customer)
    assert (event["streamed"], event["response_id"]) == (True, chunks[0].id)
    # Asked for upstream, told or not.
    assert event["estimated"] is False
    assert event["first_token_ms"] <= event["latency_ms"]


def test_embeddings_and_moderations_are_attributed_as_well(client, customer):
    client.embeddings.create(model="fc:sim/embed", input="Hello", user=customer)
    client.moderations.create(model="fc:sim/moderate", input="Hello", extra_headers={"FC-Customer": customer})
    events = usage_events(customer)
    assert {event["endpoint"] for event in events} == {"/v1/embeddings", "/v1/moderations"}
    assert {event["status"] for event in events} == {"ok"}


def test_one_event_is_found_by_its_id(client, customer):
    client.chat.completions.create(model="fc:sim/echo", messages=user("Hello"), user=customer)
    (event,) = usage_events(customer)
    explained = get(f"{GATEWAY}/v1/usage/events/{event['id']}")
    charge = explained.pop("charge")
    assert explained == event
    assert charge["cost_usd"] == event["cost_usd"]


@pytest.mark.parametrize("model", ["usage-missing", "usage-zero", "usage-negative"])
def test_what_a_provider_does_not_tell_is_counted(client, customer, model):
    client.chat.completions.create(model=f"fc:sim/{model}", messages=user("Hello there, how are you?"), user=customer)
    (event,) = usage_events(customer)
    assert event["estimated"] is True
    assert event["usage"]["completion_tokens"] > 0 and event["cost_usd"] > 0


def test_something_like_an_email_address_is_accepted_with_a_warning(client):
    raw = client.chat.completions.with_raw_response.create(
        model="fc:sim/echo", messages=user("Hello"), user="tanya@example.com"
    )
    assert "e-mail" in raw.headers["x-ringside-warning"]


def test_headers_of_other_gateways_are_ignored(client, customer):
    client.chat.completions.create(
        model="fc:sim/echo",
        messages=user("Hello"),
        user=customer,
        extra_headers={"HTTP-Referer": "https://example.com", "X-Title": "Mine"},
    )
    (event,) = usage_events(customer)
    assert "example.com" not in str(event) and "Mine" not in str(event)
