#!/usr/bin/env python3
"""Writes the corpora that fuzzing begins with, out of the fixtures in tests/providers, and a dictionary
of the members that the specs read (`corpus/words.dict`).

    fuzz/seeds.py
"""

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "tests/providers"
# The table of providers is in the order of their names.
PROVIDERS = sorted(path.stem for path in (HERE.parent / "providers").glob("*.yaml"))
NAMES = re.findall(r'^    "(.*)",$', (HERE / "fuzz_targets/streams.rs").read_text(), flags=re.MULTILINE)


def seed(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def events(stream):
    """Name and data of each event of a stream of server-sent events, or of lines of JSON."""
    for block in stream.split(b"\n\n" if b"data:" in stream else b"\n"):
        lines = [line.partition(b":") for line in block.splitlines()] if b"data:" in stream else []
        if not lines:
            yield "", block
            continue
        found = {name: value.removeprefix(b" ") for name, _, value in lines}
        yield found.get(b"event", b"").decode(), found.get(b"data", b"")


for index, provider in enumerate(PROVIDERS):
    for file in sorted((FIXTURES / provider).glob("*.json")):
        status = 0 if file.stem.startswith("response") else 4
        seed("answers", f"{provider}-{file.stem}", bytes([index, status, 0]) + file.read_bytes())
    for file in sorted((FIXTURES / provider).glob("stream*.txt")):
        stream = file.read_bytes()
        kind = 0 if b"data:" in stream else 1
        seed("framing", f"{provider}-{file.stem}", bytes([kind, 7, 0]) + stream)
        lines = [bytes([NAMES.index(name) if name in NAMES else 0]) + data for name, data in events(stream)]
        for flag in (0, 1):
            seed("streams", f"{provider}-{file.stem}-{flag}", bytes([index, flag]) + b"\n".join(lines))
seed("framing", "frames", bytes([2, 9, 0]) + b"\x10" + b"x" * 200)

# Members of providers' JSON, as the specs read them: `$delta.message.content`.
words = {
    word
    for spec in (HERE.parent / "providers").glob("*.yaml")
    for path in re.findall(r"\$([a-z][A-Za-z0-9_.]*)", spec.read_text())
    for word in path.split(".")
    if word
}
(HERE / "corpus/words.dict").write_text("".join(f'"\\"{word}\\":"\n' for word in sorted(words)))
