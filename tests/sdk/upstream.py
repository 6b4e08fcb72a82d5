#!/usr/bin/env python3
"""A real HTTP upstream that stands in for OpenAI and Anthropic and answers with recorded traffic.

    upstream.py DIRECTORY_OF_RECORDINGS FILE_FOR_THE_PORT

A request asks for an answer by a mark in its text, `[replay:openai/chat-gpt-5]`, the one thing that
passes every adapter unchanged. Without a mark the recording is chosen by the shape of the request,
so that a program which knows nothing of tests gets a fitting answer. `[never]` is never answered.
`[script:capital]` is answered as by a model that knows no schema: attempt by attempt what `SCRIPTS` has.

`GET /seen?text=…` tells what arrived here with that text in it: headers and body of each request.
"""

import json
import socket
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RECORDINGS = Path(sys.argv[1])

# What is answered to a request without a mark: the first whose condition holds.
BY_SHAPE = {
    "/embeddings": [(lambda body: True, "openai/embeddings-text-embedding-3-large")],
    "/moderations": [(lambda body: True, "openai/moderation-omni-moderation-latest-2")],
    "/messages": [
        (lambda body: body.get("stream"), "anthropic/chat_stream-claude-3-5-haiku"),
        (lambda body: True, "anthropic/chat-claude-sonnet-4"),
    ],
    "/chat/completions": [
        (lambda body: body.get("tools") and body.get("stream"), "openai/tools_stream-gpt-4o-mini"),
        (lambda body: body.get("tools"), "openai/tools-gpt-4"),
        (lambda body: body.get("stream"), "openai/chat_stream-o4-mini"),
        (lambda body: True, "openai/chat-gpt-5"),
    ],
}

# What a model says that nobody holds to a schema, attempt by attempt; the last one for all further.
CAPITAL = '{"city": "Paris", "country": "France", "inhabitants": 2100000}'
SCRIPTS = {
    "capital": [CAPITAL.replace("2100000", '"two million"'), f"Of course!\n```json\n{CAPITAL}\n```\nAnything else?"],
    "stubborn": ['{"city": "Paris"}'],
    "at-once": [CAPITAL],
}

seen = []
seen_lock = threading.Lock()


def between(text, start, end):
    _, found, after = text.partition(start)
    return after.partition(end)[0] if found else None


def scripted(name, body):
    """The answer of a script, as a call of the tool that must be called, where there is one."""
    said = SCRIPTS[name]
    attempt = sum(message["role"] == "assistant" for message in body["messages"])
    text = said[min(attempt, len(said) - 1)]
    message = {"role": "assistant", "content": text}
    if body.get("tools"):
        # Arguments are JSON, without prose around them.
        arguments = text[text.index("{") : text.rindex("}") + 1]
        called = {"name": body["tools"][0]["function"]["name"], "arguments": arguments}
        message = {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": called}]}
    answer = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if body.get("tools") else "stop"}],
        "usage": {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70},
    }
    return 200, "application/json", json.dumps(answer).encode()


def recording(case):
    # A case comes from a test; still, it must not lead out of the directory.
    path = (RECORDINGS / f"{case}.json").resolve()
    if RECORDINGS.resolve() not in path.parents or not path.is_file():
        return None
    response = json.loads(path.read_text(encoding="utf-8"))["response"]
    body = response["body"]
    text = body if isinstance(body, str) else json.dumps(body)
    kind = next((v for k, v in response["headers"].items() if k.lower() == "content-type"), "application/json")
    return response["status"], kind, text.encode()


def schema_answer(schema, body):
    """Anthropic's answer to a schema: the first time words, then an object that fits."""
    values = {"string": "Ada", "integer": 36}
    fits = {name: values[member["type"]] for name, member in schema["properties"].items()}
    again = any(message["role"] == "assistant" for message in json.loads(body)["messages"])
    message = {
        "id": "msg_made_up",
        "type": "message",
        "role": "assistant",
        "model": json.loads(body)["model"],
        "content": [{"type": "text", "text": json.dumps(fits) if again else "I would rather not."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 20, "output_tokens": 10},
    }
    return json.dumps(message).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("utf-8")
        path = self.path.partition("?")[0]
        with seen_lock:
            seen.append({"path": path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body})
        if "[never]" in body:
            # Until the caller has had enough.
            self.connection.recv(1)
            self.close_connection = True
            return
        if schema := self.wanted_schema(path, json.loads(body)):
            self.answer(200, "application/json", [schema_answer(schema, body)])
            return
        case = between(body, "[replay:", "]") or self.by_shape(path, json.loads(body))
        script = between(body, "[script:", "]")
        answer = scripted(script, json.loads(body)) if script else recording(case) if case else None
        if answer is None:
            self.answer(418, "application/json", [json.dumps({"error": {"message": f"no recording {case!r}"}}).encode()])
            return
        status, kind, text = answer
        # A stream comes event by event, as from a provider.
        self.answer(status, kind, [event + b"\n\n" for event in text.split(b"\n\n") if event] if b"event-stream" in kind.encode() else [text])

    @staticmethod
    def wanted_schema(path, body):
        if path.endswith("/messages") and "[replay:" not in json.dumps(body["messages"]):
            return body.get("output_config", {}).get("format", {}).get("schema")
        return None

    @staticmethod
    def by_shape(path, body):
        for end, shapes in BY_SHAPE.items():
            if path.endswith(end):
                return next(case for fits, case in shapes if fits(body))
        return None

    def do_GET(self):
        wanted = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("text", [""])[0]
        with seen_lock:
            found = [request for request in seen if wanted in request["body"]]
        self.answer(200, "application/json", [json.dumps(found).encode()])

    def answer(self, status, kind, pieces):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass


class Upstream(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # A caller that leaves is no failure of ours.


server = Upstream(("127.0.0.1", 0), Handler)
# Written whole or not at all: whoever waits for it reads a port.
port_file = Path(sys.argv[2])
port_file.with_suffix(".new").write_text(str(server.server_port))
port_file.with_suffix(".new").rename(port_file)
server.serve_forever()
