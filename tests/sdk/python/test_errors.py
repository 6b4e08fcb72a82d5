"""Every error arrives in the SDK's own exception class, with everything it has a place for."""

import json
import urllib.request
import uuid

import openai
import pytest
from conftest import ADMIN_TOKEN, GATEWAY, PATIENCE, TOKEN, get, replay, user


def assert_error(raised, code, kind, param=None):
    error = raised.value
    assert (error.code, error.type, error.param) == (code, kind, param)
    assert error.request_id.startswith("req_")
    assert error.request_id == error.response.headers["x-request-id"]
    assert error.body["message"] and error.body["message"] in error.message


@pytest.mark.parametrize("token", ["ko_" + "x" * 40, "sk-something", TOKEN[:-1]])
def test_an_unknown_token_is_an_authentication_error(client, token):
    with pytest.raises(openai.AuthenticationError) as raised:
        client.with_options(api_key=token).chat.completions.create(model="fc:sim/echo", messages=user("Hello"))
    assert_error(raised, "invalid_api_key", "authentication_error")
    assert token not in raised.value.message


def token_with(*scopes):
    """A token of the first account that may do these only."""
    account = get(f"{GATEWAY}/admin/ringside/accounts", ADMIN_TOKEN)["data"][0]["id"]
    request = urllib.request.Request(
        f"{GATEWAY}/admin/ringside/accounts/{account}/tokens",
        data=json.dumps({"name": uuid.uuid4().hex, "scopes": scopes}).encode(),
        headers={"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)["token"]


def test_a_missing_scope_is_a_permission_error(client):
    reader = client.with_options(api_key=token_with("api:read"))
    assert list(reader.models.list())
    with pytest.raises(openai.PermissionDeniedError) as raised:
        reader.chat.completions.create(model="fc:sim/echo", messages=user("Hello"))
    assert_error(raised, "insufficient_scope", "permission_error")
    assert "api:chat" in raised.value.message


@pytest.mark.parametrize(
    ("model", "meant"),
    [("gpt-4o", "fc:openai/gpt-4o"), ("openai/gpt-4o", "fc:openai/gpt-4o"), ("fc:opnai/gpt-4o", "fc:openai/gpt-4o")],
)
def test_a_bare_model_name_is_a_bad_request_that_says_what_was_meant(client, model, meant):
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model=model, messages=user("Hello"))
    assert_error(raised, "invalid_model_ref", "invalid_request_error", "model")
    assert f"`{meant}`" in raised.value.message


def test_an_unlisted_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model="fc:openai/gpt-99", messages=user("Hello"))
    assert_error(raised, "model_not_found", "not_found_error", "model")


def test_an_unknown_slot_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model="slot:nothing-here", messages=user("Hello"))
    assert_error(raised, "slot_not_found", "not_found_error", "model")


def test_what_ringside_does_not_offer_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as raised:
        client.responses.create(model="fc:sim/echo", input="Hello")
    assert_error(raised, "not_found", "not_found_error")
    assert "/v1/responses" in raised.value.message


def test_a_method_that_is_not_there_is_told(client):
    with pytest.raises(openai.APIStatusError) as raised:
        client.models.delete("fc:sim/echo")
    assert raised.value.status_code == 405
    assert_error(raised, "method_not_supported", "invalid_request_error")


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "Hello"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"n": 0}, "n"),
        ({"tools": {}}, "tools"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"user": 42}, "user"),
        ({"transforms": ["middle-out"]}, "transforms"),
        ({"provider": {"order": ["openai"]}}, "provider"),
        ({"models": ["fc:sim/echo"]}, "models"),
        ({"route": "fallback"}, "route"),
    ],
    ids=str,
)
def test_a_wrong_member_is_a_bad_request_that_names_it(client, wrong, param):
    body = {"model": "fc:sim/echo", "messages": user("Hello"), **wrong}
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="fc:sim/echo", messages=user("Hello"), extra_body=body)
    assert_error(raised, "invalid_request", "invalid_request_error", param)


@pytest.mark.parametrize(
    ("header", "value"), [("X-FC-Billable-Amount", "-1"), ("X-FC-Billable-Amount", "a lot"), ("FC-Session-Id", "x" * 256)]
)
def test_a_wrong_header_is_a_bad_request_that_names_it(client, header, value):
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="fc:sim/echo", messages=user("Hello"), extra_headers={header: value})
    assert_error(raised, "invalid_request", "invalid_request_error", header.lower())


def test_a_model_of_another_kind_is_a_bad_request_that_says_where_it_belongs(client):
    with pytest.raises(openai.BadRequestError) as raised:
        client.embeddings.create(model="fc:sim/echo", input="Hello")
    assert_error(raised, "invalid_request", "invalid_request_error", "model")
    assert "/v1/chat/completions" in raised.value.message


def test_a_body_that_is_too_large_is_refused_with_an_answer(client):
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model="fc:sim/echo", messages=user("x" * (21 << 20)))
    assert raised.value.status_code == 413
    assert_error(raised, "request_too_large", "invalid_request_error")


def test_a_provider_without_a_key_is_unavailable_and_not_worth_another_try(client):
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model="fc:groq/openai/gpt-oss-20b", messages=user("Hello"))
    assert raised.value.status_code == 503
    assert_error(raised, "provider_not_configured", "api_error")
    assert "GROQ_API_KEY" in raised.value.message
    assert raised.value.response.headers["x-should-retry"] == "false"


# Model, exception, status, code, type, param.
FAILURES = [
    ("fail-unavailable", openai.InternalServerError, 503, "upstream_unavailable", "api_error", None),
    ("fail-auth", openai.InternalServerError, 502, "upstream_auth_failed", "api_error", None),
    ("fail-quota", openai.RateLimitError, 429, "upstream_quota_exceeded", "rate_limit_error", None),
    ("fail-invalid-request", openai.BadRequestError, 400, "upstream_invalid_request", "invalid_request_error", "messages"),
    (
        "fail-context-length",
        openai.BadRequestError,
        400,
        "upstream_context_length_exceeded",
        "invalid_request_error",
        "messages",
    ),
    ("fail-content-filter", openai.BadRequestError, 400, "upstream_content_filter", "invalid_request_error", "messages"),
]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("model", "exception", "status", "code", "kind", "param"), FAILURES, ids=[f[0] for f in FAILURES])
def test_a_providers_failure_has_its_class_before_a_stream_begins_too(
    client, model, exception, status, code, kind, param, streamed
):
    with pytest.raises(exception) as raised:
        client.chat.completions.create(model=f"fc:sim/{model}", messages=user("Hello"), stream=streamed)
    assert raised.value.status_code == status
    assert_error(raised, code, kind, param)
    assert ("retry-after" in raised.value.response.headers) == (status in (429, 503))


def test_a_failure_in_mid_stream_is_raised_after_the_chunks_that_came(client):
    chunks = []
    with client.chat.completions.create(
        model="fc:sim/fail-midstream", messages=user("Hello there"), stream=True
    ) as stream, pytest.raises(openai.APIError) as raised:
        for chunk in stream:
            chunks.append(chunk)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello"
    error = raised.value
    assert (error.code, error.type, error.param) == ("upstream_unavailable", "api_error", None)


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("model", "case", "exception", "code"),
    [
        ("fc:openai/gpt-5.4", "openai/error_400-gpt-4o-mini", openai.BadRequestError, "upstream_invalid_request"),
        (
            "fc:openai/gpt-5.4",
            "openai/error_400_context_length-gpt-5-nano",
            openai.BadRequestError,
            "upstream_context_length_exceeded",
        ),
        ("fc:openai/gpt-5.4", "openai/error_401-gpt-4", openai.InternalServerError, "upstream_auth_failed"),
        (
            "fc:anthropic/claude-sonnet-4-6",
            "anthropic/error_400-claude-opus-4-6",
            openai.BadRequestError,
            "upstream_invalid_request",
        ),
        (
            "fc:anthropic/claude-sonnet-4-6",
            "anthropic/error_400_context_length-claude-haiku-4-5",
            openai.BadRequestError,
            "upstream_context_length_exceeded",
        ),
        (
            "fc:anthropic/claude-sonnet-4-6",
            "anthropic/error_401-claude-haiku-4-5",
            openai.InternalServerError,
            "upstream_auth_failed",
        ),
    ],
)
def test_a_recorded_refusal_has_its_class(client, model, case, exception, code):
    with pytest.raises(exception) as raised:
        client.chat.completions.create(model=model, messages=user(replay(case)))
    assert raised.value.code == code
    assert raised.value.request_id.startswith("req_")
    assert "sk-of-" not in str(raised.value)
