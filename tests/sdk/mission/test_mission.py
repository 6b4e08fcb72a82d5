"""Every snippet of the mission's pages runs, with only the URL and the key changed.

The pages are read where they are (RINGSIDE_MISSION); nothing of them stands here. Snippets of a page
run in its order and share their names, as in a reader's hands. What can't run yet stands in
`mission.expected`, with its reason.
"""

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import snippets

PAGES = sorted(Path(os.environ["RINGSIDE_MISSION"]).glob("*.txt"))
GATEWAY, TOKEN = os.environ["RINGSIDE_URL"], os.environ["RINGSIDE_TOKEN"]
ADMIN_TOKEN = os.environ["RINGSIDE_ADMIN_TOKEN"]
NODES = [Path(node) for node in os.environ["MISSION_NODES"].split()]

# As the pages have them.
URL, KEY, CUSTOMER = "https://api.fightclub.pro/v1", "ko_...", "cus_42"
# What stands for a value of the reader's own.
NAMES = {":id": CUSTOMER, "N": "50"}


def changed(code):
    return code.replace(URL, f"{GATEWAY}/v1").replace(KEY, TOKEN)


def ask(method, path, body=None, token=TOKEN):
    """Status and JSON of a request."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{GATEWAY}{path}", data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        status, text = refused.code, refused.read()
    return status, json.loads(text) if text else None


def events():
    """The customer's usage events, newest first."""
    status, page = ask("GET", f"/v1/usage/events?limit=100&customer={CUSTOMER}")
    assert status == 200, page
    return page["data"]


namespaces = {}


def namespace(page, all_of_it):
    """The names of a page, once its first snippet, which makes the client, has run."""
    if page not in namespaces:
        first = next(snippet for snippet in all_of_it if snippet.language == "python")
        namespaces[page] = {}
        exec(compile(changed(first.code), f"{page} python 1", "exec"), namespaces[page])
    return namespaces[page]


def look_at(code, names, printed):
    """What a snippet got is what its kind of call gives."""
    if "stream=True" in code:
        assert printed.strip()
    if "resp = " in code:
        message = names["resp"].choices[0].message
        assert message.tool_calls if "tools=" in code else message.content
        if "json_schema" in code:
            required = re.findall(r'"(\w+)"', re.search(r'"required": \[([^]]*)\]', code)[1])
            assert set(required) <= set(json.loads(message.content))
    if "emb = " in code:
        assert names["emb"].data and all(isinstance(number, float) for number in names["emb"].data[0].embedding)
    if "mod = " in code:
        assert names["mod"].results[0].flagged in (True, False)


def look_at_events(code, before):
    """A call for a customer is on its account, with what was said of it."""
    if CUSTOMER not in code:
        return
    found = events()
    assert len(found) == before + 1, "one call, one event"
    (event,) = found[:1]
    assert event["status"] == "ok" and event["cost_usd"] > 0, event
    said = dict(re.findall(r'"((?:X-)?FC-[\w-]+)": "([^"]*)"', code))
    if "FC-Tag" in said:
        assert event["tags"] == [said["FC-Tag"]]
    if "FC-Session-Id" in said:
        assert event["session_id"] == said["FC-Session-Id"]
    if "X-FC-Billable-Amount" in said:
        assert event["billable_usd"] == float(said["X-FC-Billable-Amount"])


def run_python(page, all_of_it, snippet, capsys):
    if snippet.number > 1:
        namespace(page, all_of_it)
    before = len(events())
    capsys.readouterr()
    if snippet.number > 1:
        exec(compile(changed(snippet.code), f"{page} python {snippet.number}", "exec"), namespaces[page])
    else:
        namespaces.pop(page, None)
        namespace(page, all_of_it)
    look_at(snippet.code, namespaces[page], capsys.readouterr().out)
    look_at_events(snippet.code, before)


def run_javascript(snippet, node):
    before = len(events())
    code = changed(snippet.code)
    if "import OpenAI" not in code:
        code = f'import OpenAI from "openai";\n{code}'
    program = node / "mission.mjs"
    program.write_text(f"{code}\nconsole.log(JSON.stringify(resp));\n", encoding="utf-8")
    environment = {**os.environ, "RINGSIDE_API_KEY": TOKEN}
    run = [node / "node_modules/.bin/node", program.name]
    done = subprocess.run(run, cwd=node, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["choices"][0]["message"]["content"]
    look_at_events(snippet.code, before)


def run_bash(snippet):
    done = subprocess.run(["bash", "-ec", changed(snippet.code)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert "error" not in answer and answer["rows"], answer


def run_request(snippet):
    method, path, *body = snippet.code.split(" ", 2)
    for name, value in NAMES.items():
        path = path.replace(name, value) if name.startswith(":") else path
        body = [re.sub(rf"\b{name}\b", value, part) for part in body]
    body = json.loads(re.sub(r"(\w+):", r'"\1":', body[0])) if body else None
    token = ADMIN_TOKEN if path.startswith("/admin") else TOKEN
    status, answer = ask(method, path, body, token)
    if body is None and method in ("POST", "PATCH"):
        # It is named, not spelt out: there is such a request, and it wants a body.
        assert status == 400, (status, answer)
    else:
        assert status in (200, 201, 204), (status, answer)


def make(page, all_of_it, snippet, node=None):
    def test(capsys):
        match snippet.language:
            case "python":
                run_python(page, all_of_it, snippet, capsys)
            case "bash":
                run_bash(snippet)
            case "request":
                run_request(snippet)
            case _:
                run_javascript(snippet, node)

    name = f"test_{page.replace('-', '_')}_{snippet.language}_{snippet.number}"
    name += f"_{node.name.replace('-', '_')}" if node else ""
    assert name not in globals(), name
    globals()[name] = test


for path in PAGES:
    read = snippets.read(path.read_text(encoding="utf-8"))
    for one in read:
        if one.language in ("javascript", "typescript"):
            for node in NODES:
                make(path.stem, read, one, node)
        else:
            make(path.stem, read, one)


@pytest.mark.parametrize("language", ["python", "javascript", "bash", "request"])
def test_pages_have_snippets_of_each_language(language):
    for path in PAGES:
        assert any(one.language == language for one in snippets.read(path.read_text(encoding="utf-8"))), path
    assert PAGES
