"""The models that can be called, and one by its reference."""

import openai
import pytest


def test_the_list_has_what_can_be_called_now(client):
    models = list(client.models.list())
    ids = [model.id for model in models]
    assert "fc:sim/echo" in ids and "fc:openai/gpt-5.4" in ids
    assert {model.object for model in models} == {"model"}
    assert len(set(ids)) == len(ids)
    # Its key is not set here.
    assert not any(id.startswith("fc:groq/") for id in ids)


def test_the_catalogue_has_what_could_be_called_too(client):
    ids = [model.id for model in client.models.list(extra_query={"all": "true"})]
    assert "fc:groq/openai/gpt-oss-20b" in ids


@pytest.mark.parametrize("id", ["fc:sim/echo", "fc:groq/openai/gpt-oss-20b"])
def test_a_model_is_found_by_its_reference_with_all_its_slashes(client, id):
    model = client.models.retrieve(id)
    assert model.id == id
    assert model.object == "model" and isinstance(model.created, int)
    assert model.owned_by == model.provider == id.removeprefix("fc:").partition("/")[0]
    assert model.pricing["currency"] == "USD"
    assert model.context_window > 0


def test_a_model_that_is_not_there_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("fc:sim/no-such-model")
    assert raised.value.code == "model_not_found"
    assert raised.value.request_id.startswith("req_")
