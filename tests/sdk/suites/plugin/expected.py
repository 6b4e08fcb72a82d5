"""A plugin of pytest: what is expected to fail, and why, stands in a file (`--expected FILE`).

A line at the margin is a reason; the indented lines below it are the tests it explains, `*` for any
text and without parameters. What is listed must fail, what is not listed must not, and a line that
no test answers to is an error: the list says what is so, neither more nor less.
"""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest


def pytest_addoption(parser):
    parser.addoption("--expected", required=True, type=Path, help="the file of expected failures")


def read(path):
    reason, listed = None, []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            reason = line.strip()
        elif reason is None:
            raise pytest.UsageError(f"{path}: {line.strip()} has no reason above it")
        else:
            listed.append((line.strip(), reason))
    return listed


# After the suite's own hooks.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    listed = read(config.getoption("expected"))
    idle = {pattern for pattern, _ in listed}
    for item in items:
        name = item.nodeid.partition("[")[0]
        for pattern, reason in listed:
            if fnmatchcase(name, pattern):
                item.add_marker(pytest.mark.xfail(strict=True, reason=reason))
                idle.discard(pattern)
                break
    if idle:
        raise pytest.UsageError(f"no test is called {', '.join(sorted(idle))}")
