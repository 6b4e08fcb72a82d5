#!/usr/bin/env python3
"""A provider that stands in for OpenAI's and Anthropic's, with a model that is as able as other
people's tests ask of one: it calls the tool that it is given, keeps to a schema, and has words.

    model.py FILE_FOR_THE_PORT

What it answers is made from the request alone: whole numbers and quoted words of the last message
become arguments, everything else comes from the schema.
"""

import json
import re
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WORDS = "Here are some words, and they are 我的话 of this model."


def text_of(content):
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or [] if isinstance(part, dict))


def made(schema, said, root=None):
    """Something that fits the schema, out of what was said where it can be."""
    root = root or schema
    if "$ref" in schema:
        target = root
        for step in schema["$ref"].lstrip("#/").split("/"):
            target = target[step]
        return made(target, said, root)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return made(schema[several][0], said, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: made(member, said, root) for name, member in schema.get("properties", {}).items()}
    if kind == "array":
        return [made(schema.get("items", {"type": "string"}), said, root)]
    if kind in ("integer", "number"):
        numbers = re.findall(r"\d+", said)
        return int(numbers[0]) if numbers else 1
    if kind == "boolean":
        return True
    quoted = re.findall(r"'([^']+)'", said)
    return quoted[0] if quoted else "something"


class Asked:
    """What a request asks for, whatever its dialect."""

    def __init__(self, dialect, body):
        self.dialect, self.body = dialect, body
        last = body["messages"][-1]
        self.said = text_of(last.get("content"))
        self.stream = bool(body.get("stream"))
        if dialect == "anthropic":
            self.tools = {tool["name"]: tool["input_schema"] for tool in body.get("tools", [])}
            choice = body.get("tool_choice") or {"type": "auto"}
            self.named, self.may_call = choice.get("name"), choice["type"] != "none"
            results = isinstance(last["content"], list) and any(part["type"] == "tool_result" for part in last["content"])
            form = (body.get("output_config") or {}).get("format") or {}
            self.schema = form.get("schema")
            self.is_json = "one JSON object" in json.dumps(body.get("system", ""))
        else:
            functions = [tool["function"] for tool in body.get("tools", [])]
            self.tools = {function["name"]: function.get("parameters", {}) for function in functions}
            choice = body.get("tool_choice", "auto")
            self.named = choice["function"]["name"] if isinstance(choice, dict) else None
            self.may_call = choice != "none"
            results = last["role"] == "tool"
            form = body.get("response_format") or {}
            self.schema = (form.get("json_schema") or {}).get("schema")
            self.is_json = form.get("type") == "json_object"
        self.may_call = self.may_call and not results

    def answer(self):
        """A call `(name, arguments)`, or a text."""
        if self.tools and self.may_call:
            name = self.named or next(iter(self.tools))
            return name, made(self.tools[name], self.said)
        if self.schema:
            return json.dumps(made(self.schema, self.said), ensure_ascii=False)
        # The members that the test of JSON mode describes in words.
        return json.dumps({"setup": "A", "punchline": "B"}) if self.is_json else WORDS


def halves(text):
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def openai_answer(asked):
    answer = asked.answer()
    usage = {"prompt_tokens": 20, "completion_tokens": 8, "total_tokens": 28,
             "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
             "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}}
    head = {"id": "chatcmpl-standin", "object": "chat.completion", "created": 1700000000, "model": f"{asked.body['model']}-2026-01-01"}
    if isinstance(answer, str):
        message, finish = {"role": "assistant", "content": answer, "refusal": None, "annotations": []}, "stop"
    else:
        function = {"name": answer[0], "arguments": json.dumps(answer[1], ensure_ascii=False)}
        message = {"role": "assistant", "content": None, "refusal": None, "annotations": [],
                   "tool_calls": [{"id": "call_standin", "type": "function", "function": function}]}
        finish = "tool_calls"
    if not asked.stream:
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return head | {"choices": [choice], "usage": usage}
    head["object"] = "chat.completion.chunk"

    def chunk(delta, finish=None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return head | {"choices": [choice], "usage": None}

    if isinstance(answer, str):
        deltas = [{"role": "assistant", "content": "", "refusal": None}] + [{"content": half} for half in halves(answer)]
    else:
        call = {"index": 0, "id": "call_standin", "type": "function", "function": {"name": answer[0], "arguments": ""}}
        deltas = [{"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}]
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": half}}]} for half in halves(function["arguments"])]
    chunks = [chunk(delta) for delta in deltas] + [chunk({}, finish), head | {"choices": [], "usage": usage}]
    return [f"data: {json.dumps(each, ensure_ascii=False)}\n\n" for each in chunks] + ["data: [DONE]\n\n"]


def anthropic_answer(asked):
    answer = asked.answer()
    usage = {"input_tokens": 16, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 0, "output_tokens": 8}
    head = {"id": "msg_standin", "type": "message", "role": "assistant", "model": asked.body["model"]}
    if isinstance(answer, str):
        block, stop = {"type": "text", "text": answer}, "end_turn"
        empty, deltas = {"type": "text", "text": ""}, [{"type": "text_delta", "text": half} for half in halves(answer)]
    else:
        block, stop = {"type": "tool_use", "id": "toolu_standin", "name": answer[0], "input": answer[1]}, "tool_use"
        written = json.dumps(answer[1], ensure_ascii=False)
        empty, deltas = block | {"input": {}}, [{"type": "input_json_delta", "partial_json": half} for half in halves(written)]
    if not asked.stream:
        return head | {"content": [block], "stop_reason": stop, "stop_sequence": None, "usage": usage}
    begun = {"message": head | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage | {"output_tokens": 1}}}
    events = [("message_start", begun), ("content_block_start", {"index": 0, "content_block": empty})]
    events += [("content_block_delta", {"index": 0, "delta": delta}) for delta in deltas]
    events += [("content_block_stop", {"index": 0}),
               ("message_delta", {"delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 8}}),
               ("message_stop", {})]
    return [f"event: {name}\ndata: {json.dumps({'type': name} | data, ensure_ascii=False)}\n\n" for name, data in events]


def embeddings(body):
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    # Different texts, different vectors.
    vectors = [[float(len(text) + 1), float(sum(text.encode()) % 97), 1.0] for text in texts]
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return {"object": "list", "data": data, "model": body["model"], "usage": {"prompt_tokens": 9, "total_tokens": 9}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if self.path.endswith("/embeddings"):
            return self.answer(embeddings(body))
        if self.path.endswith("/messages"):
            return self.answer(anthropic_answer(Asked("anthropic", body)))
        return self.answer(openai_answer(Asked("openai", body)))

    def answer(self, answer):
        pieces = answer if isinstance(answer, list) else [json.dumps(answer, ensure_ascii=False)]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8" if isinstance(answer, list) else "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            piece = piece.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
# Written whole or not at all: whoever waits for it reads a port.
port_file = Path(sys.argv[1])
port_file.with_suffix(".new").write_text(str(server.server_port))
port_file.with_suffix(".new").rename(port_file)
server.serve_forever()
