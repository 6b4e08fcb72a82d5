"""Moderations, with a model and without."""

import json

import pytest
from conftest import replay, seen_upstream


def test_what_is_to_be_flagged_is_flagged(client):
    answer = client.moderations.create(model="fc:sim/moderate", input=["all is well", "do flagme please"])
    assert answer.id.startswith("modr-") and answer.model == "moderate"
    assert [result.flagged for result in answer.results] == [False, True]
    assert answer.results[1].categories.harassment is True
    assert answer.results[1].category_scores.harassment > 0.5 > answer.results[0].category_scores.harassment
    assert answer.results[1].category_applied_input_types.harassment == ["text"]


def test_parts_of_one_input_are_one_result(client):
    answer = client.moderations.create(
        model="fc:sim/moderate", input=[{"type": "text", "text": "flagme"}, {"type": "text", "text": "well"}]
    )
    assert [result.flagged for result in answer.results] == [True]


@pytest.mark.recorded
def test_without_a_model_openais_newest_moderates(client, customer):
    answer = client.moderations.create(input=replay("openai/moderation-omni-moderation-latest-2") + customer)
    assert answer.model == "omni-moderation-latest"
    assert answer.results[0].flagged is False
    (request,) = seen_upstream(customer)
    assert json.loads(request["body"])["model"] == "omni-moderation-latest"
