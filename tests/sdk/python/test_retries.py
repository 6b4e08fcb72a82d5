"""The SDKs try again by themselves: as long as it can help, and no longer."""

import openai
import pytest
from conftest import UPSTREAM, seen_upstream, usage_events, user, wait_for_usage_events


@pytest.mark.parametrize(
    ("model", "exception"),
    [("fail-unavailable", openai.InternalServerError), ("fail-quota", openai.RateLimitError)],
)
def test_what_may_mend_is_tried_again_as_often_as_the_client_wants(client, customer, model, exception):
    with pytest.raises(exception):
        client.with_options(max_retries=1).chat.completions.create(
            model=f"fc:sim/{model}", messages=user("Hello"), user=customer
        )
    events = usage_events(customer)
    assert [event["status"] for event in events] == ["error", "error"]
    assert len({event["request_id"] for event in events}) == 2
    # What a provider refused, it does not bill.
    assert {event["cost_usd"] for event in events} == {0}


@pytest.mark.parametrize("model", ["fail-auth", "fail-invalid-request"])
def test_what_will_not_mend_is_not_tried_again(client, customer, model):
    with pytest.raises(openai.APIStatusError):
        client.with_options(max_retries=2).chat.completions.create(
            model=f"fc:sim/{model}", messages=user("Hello"), user=customer
        )
    (event,) = usage_events(customer)
    assert event["status"] == "error"


def test_a_stream_that_failed_in_the_middle_is_not_tried_again(client, customer):
    with client.with_options(max_retries=2).chat.completions.create(
        model="fc:sim/fail-midstream", messages=user("Hello there"), user=customer, stream=True
    ) as stream, pytest.raises(openai.APIError):
        for _ in stream:
            pass
    (event,) = usage_events(customer)
    assert (event["status"], event["error_code"]) == ("error", "upstream_unavailable")
    # What came before the failure is metered.
    assert event["usage"]["completion_tokens"] > 0


@pytest.mark.skipif(not UPSTREAM, reason="there is no upstream")
def test_a_client_that_waits_no_longer_cancels_the_call(client, customer):
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.3).chat.completions.create(
            model="fc:openai/gpt-5.4", messages=user(f"[never] {customer}"), user=customer
        )
    (event,) = wait_for_usage_events(customer)
    assert event["status"] == "aborted"
    assert len(seen_upstream(customer)) == 1
