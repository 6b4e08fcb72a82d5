#!/bin/sh
# Runs every test. PostgreSQL is started by the tests that need it; what is not installed is said
# loudly and skipped.
set -eu
cd "$(dirname "$0")/.."

echo "== Rust"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked ${NEXTEST_PROFILE:+--profile "$NEXTEST_PROFILE"}
else
    echo "cargo-nextest is not installed; cargo test runs the same tests, one binary after another"
    cargo test --locked
fi

echo "== instructions of the request path"
benches/instructions.sh

echo "== OpenAI's SDKs"
if [ -x tests/sdk/run.sh ]; then
    tests/sdk/run.sh
fi
echo "== the mission's pages"
if [ -x tests/sdk/mission/run.sh ]; then
    tests/sdk/mission/run.sh
fi
echo "== other people's suites"
if [ -x tests/sdk/suites/run.sh ]; then
    tests/sdk/suites/run.sh
fi
echo "== all tests passed"
