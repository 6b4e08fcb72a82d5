#!/usr/bin/env python3
"""Adapts the unpacked tests of openai-python to run against a gateway, in place.

    adapt.py DIRECTORY

Three things only: the token, models as references, and limits of 0 tokens, which OpenAI's own API
refuses as well and only a mock takes.
"""

import re
import sys
from pathlib import Path

MODELS = ("gpt-6-astra", "text-embedding-3-small", "omni-moderation-2024-09-26")
FILES = ("chat/test_completions.py", "test_embeddings.py", "test_moderations.py", "test_models.py")


def rewrite(path, *changes):
    text = path.read_text(encoding="utf-8")
    for pattern, by in changes:
        text = re.sub(pattern, by, text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")


tests = Path(sys.argv[1]) / "tests"
rewrite(tests / "conftest.py", (r"^api_key = .*$", 'api_key = os.environ["RINGSIDE_TOKEN"]'))
for file in FILES:
    rewrite(
        tests / "api_resources" / file,
        (rf'"({"|".join(map(re.escape, MODELS))})"', r'"fc:openai/\1"'),
        (r"\b(max_completion_tokens|max_tokens)=0\b", r"\1=16"),
    )
