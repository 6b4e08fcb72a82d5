"""What the suites share. `tests/sdk/run.sh` starts the gateway and says where it is."""

import asyncio
import json
import os
import time
import urllib.parse
import urllib.request
import uuid

import openai
import pytest
from bridge import Bridge

GATEWAY = os.environ["RINGSIDE_URL"]
TOKEN = os.environ["RINGSIDE_TOKEN"]
ADMIN_TOKEN = os.environ["RINGSIDE_ADMIN_TOKEN"]
UPSTREAM = os.environ["RINGSIDE_UPSTREAM"]
HAS_RECORDINGS = os.environ["RINGSIDE_RECORDINGS"] == "yes"

# What takes longer hangs.
PATIENCE = 20


def pytest_configure(config):
    config.addinivalue_line("markers", "recorded: compares with recorded traffic, which may not be at hand")


def pytest_collection_modifyitems(items):
    if not HAS_RECORDINGS:
        for item in items:
            if item.get_closest_marker("recorded"):
                item.add_marker(pytest.mark.skip(reason="../shared/recordings is missing"))


def pytest_report_header():
    return f"openai {openai.__version__}"


@pytest.fixture(scope="session")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.fixture(scope="session")
def clients(loop):
    """One client of each kind. It does not try again, so that a failure is seen as it comes."""
    options = {"base_url": f"{GATEWAY}/v1", "api_key": TOKEN, "max_retries": 0, "timeout": PATIENCE}
    clients = {"sync": openai.OpenAI(**options), "async": Bridge(openai.AsyncOpenAI(**options), loop)}
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture(params=["sync", "async"])
def client(request, clients):
    """A test that takes it runs for both kinds."""
    return clients[request.param]


@pytest.fixture
def customer():
    """An end customer that no other test calls for."""
    return f"sdk-{uuid.uuid4().hex}"


def replay(case):
    """The mark that makes the upstream answer with this recording."""
    return f"[replay:{case}] "


def user(text):
    return [{"role": "user", "content": text}]


def get(url, token=TOKEN):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def seen_upstream(text):
    """The requests that reached the upstream with `text` in them."""
    return get(f"{UPSTREAM}/seen?{urllib.parse.urlencode({'text': text})}")


def usage_events(customer):
    """The customer's usage events, newest first."""
    found, cursor = [], ""
    while True:
        page = get(f"{GATEWAY}/v1/usage/events?limit=100{cursor}")
        found += [event for event in page["data"] if event["customer"] == customer]
        if not page["has_more"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def wait_for_usage_events(customer):
    """The same, once there is one: a call that was hung up on settles when the gateway sees it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := usage_events(customer)):
        assert time.monotonic() < deadline, "no usage event came"
        time.sleep(0.05)
    return found


def text_of(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
