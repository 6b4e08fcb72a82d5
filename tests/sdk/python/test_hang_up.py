"""A client that hangs up in the middle of a stream."""

from conftest import user, wait_for_usage_events


def test_a_hang_up_leaves_exactly_one_usage_event_of_what_was_produced(client, customer):
    with client.chat.completions.create(
        model="fc:sim/slow", messages=user("Hello"), user=customer, stream=True, extra_headers={"FC-Tag": "hung-up"}
    ) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    (event,) = wait_for_usage_events(customer)
    assert (event["status"], event["streamed"], event["tags"]) == ("aborted", True, ["hung-up"])
    # Of 50 words.
    assert 0 < event["usage"]["completion_tokens"] < 35
    assert event["estimated"] is True
    assert event["cost_usd"] > 0


def test_a_hang_up_of_one_leaves_the_others_alone(client, customer):
    with client.chat.completions.create(
        model="fc:sim/slow", messages=user("Hello"), user=customer, stream=True
    ) as stream:
        next(iter(stream))
    completion = client.chat.completions.create(model="fc:sim/echo", messages=user("Still there?"))
    assert completion.choices[0].message.content == "Still there?"
    assert [event["status"] for event in wait_for_usage_events(customer)] == ["aborted"]
