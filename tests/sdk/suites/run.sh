#!/bin/bash
# Other people's suites against the built program: the tests that OpenAI ships with its Python SDK,
# and LangChain's standard tests.
#
#   tests/sdk/suites/run.sh [SUITE…]        for example: tests/sdk/suites/run.sh openai-python
#
# `openai-python`: behind Ringside stands a mock made from OpenAI's OpenAPI document
# (../shared/openai), which refuses what does not fit the document; the SDK validates the answers.
# `langchain`: behind Ringside stands model.py, in two dialects.
#
# What is expected to fail stands in SUITE.expected, with its reason; anything else that fails, and
# anything there that passes, is a failure. What cannot be installed is skipped aloud; in CI (CI=true)
# it is a failure.
set -euo pipefail
cd "$(dirname "$0")/../../.."

. tests/sdk/support.sh
here=$PWD/tests/sdk/suites
suites=$target/suites
document=$PWD/../shared/openai/openapi-2.3.0.yaml
build

install() { # NAME of versions.txt; a directory that is complete holds `.done` with the same pins
    local name kind pins directory=$suites/$1
    read -r name kind pins < <(grep "^$1 " "$here/versions.txt")
    if [ "$kind" = sdist ]; then pins+=" $(cksum <"$here/adapt.py")"; fi
    if [ -f "$directory/.done" ] && [ "$(cat "$directory/.done")" = "$pins" ]; then return; fi
    echo "installing $name into $directory"
    rm -rf "$directory"
    mkdir -p "$directory"
    # shellcheck disable=SC2086  # pins are words
    case $kind in
    pip)
        python3 -m venv "$directory" &&
            "$directory/bin/python" -m pip install --quiet --disable-pip-version-check $pins
        ;;
    npm)
        echo '{"private": true}' >"$directory/package.json" &&
            npm install --prefix "$directory" --silent --no-audit --no-fund --no-save --loglevel=error $pins
        ;;
    sdist)
        "$suites/openai/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
            --dest "$directory" "${pins%% *}" &&
            tar -xzf "$directory"/*.tar.gz -C "$directory" --strip-components 1 &&
            python3 "$here/adapt.py" "$directory"
        ;;
    esac || return
    echo "$pins" >"$directory/.done"
}

port_of() { cat "$scratch/$1-port"; }
python_suite() { # NAME, then what pytest is given
    local name=$1
    shift
    PYTHONPATH=$here/plugin timeout 600 "$suites/${name%-python}/bin/python" -m pytest --quiet -rfE --tb=short \
        -p no:cacheprovider -p expected --expected "$here/$name.expected" "$@"
}

run_openai_python() {
    # Ringside's providers keep their own path, which the document has in its servers' URL.
    sed 's|^  /|  /v1/|' "$document" >"$scratch/document.yaml"
    python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])' >"$scratch/mock-port"
    local mock=http://127.0.0.1:$(port_of mock) brackets=()
    for what in query-array form-array query-object form-object; do brackets+=("--validator-$what-format=brackets"); done
    "$suites"/mock/node_modules/@stdy/cli-*/bin/steady --host 127.0.0.1 --port "$(port_of mock)" --quiet "${brackets[@]}" \
        "$scratch/document.yaml" >"$logs/mock.log" 2>&1 &
    started+=($!)
    wait_for "the mock" python3 -c "import urllib.request; urllib.request.urlopen('$mock/_x-steady/health')"
    mkdir -p "$scratch/openai-python"
    # A model that only the tests know.
    echo 'openai/gpt-6-astra: { as: gpt-5.4 }' >"$scratch/openai-python/prices.yaml"
    start_gateway openai-python RINGSIDE_PRICES=prices.yaml OPENAI_API_KEY=sk-of-openai "RINGSIDE_OPENAI_BASE_URL=$mock"
    (cd "$suites/openai-tests" && TEST_API_BASE_URL=$RINGSIDE_URL/v1 python_suite openai-python -o addopts= \
        tests/api_resources/{chat,test_embeddings.py,test_moderations.py,test_models.py})
}

run_langchain() {
    python3 "$here/model.py" "$scratch/model-port" >"$logs/model.log" 2>&1 &
    started+=($!)
    wait_for "the model" test -f "$scratch/model-port"
    local model=http://127.0.0.1:$(port_of model)
    start_gateway langchain OPENAI_API_KEY=sk-of-openai "RINGSIDE_OPENAI_BASE_URL=$model" \
        ANTHROPIC_API_KEY=sk-of-anthropic "RINGSIDE_ANTHROPIC_BASE_URL=$model"
    local session=()
    for what in test fixture; do session+=(-o "asyncio_default_${what}_loop_scope=session"); done
    (cd "$here/langchain" && python_suite langchain --rootdir . -o asyncio_mode=auto "${session[@]}" .)
}

needs() {
    case $1 in
    openai-python) echo mock openai openai-tests ;;
    langchain) echo langchain ;;
    esac
}

failed=0
table=$(printf '%-14s %8s %8s %8s %8s %9s' suite passed expected failed skipped seconds)
for suite in openai-python langchain; do
    if [ "$#" -gt 0 ] && [[ " $* " != *" $suite "* ]]; then continue; fi
    if [ "$suite" = openai-python ] && [ ! -f "$document" ]; then
        printf '\n!!! SKIPPED: without ../shared/openai there is no mock for the tests of openai-python !!!\n\n'
        table+=$(printf '\n%-14s no document' "$suite")
        continue
    fi
    missing=
    for part in $(needs "$suite"); do
        install "$part" 2>"$logs/install-$part.log" || { missing=$part && break; }
    done
    if [ -n "$missing" ]; then
        tail -n 5 "$logs/install-$missing.log"
        printf '\n!!! SKIPPED: %s of %s could not be installed !!!\n\n' "$missing" "$suite"
        table+=$(printf '\n%-14s not installed' "$suite")
        if [ "${CI:-}" = true ]; then failed=$((failed + 1)); fi
        continue
    fi
    log=$logs/suite-$suite.log
    begun=$SECONDS
    status=0
    "run_${suite//-/_}" >"$log" 2>&1 || status=$?
    passed=$(count_python "$log" passed) expected=$(count_python "$log" xfailed) skipped=$(count_python "$log" skipped)
    wrong=$(($(count_python "$log" failed) + $(count_python "$log" error)))
    # A suite that ran nothing, or ended badly without saying why, has failed.
    if [ "$wrong" = 0 ] && { [ "$status" != 0 ] || [ "$passed" = 0 ]; }; then wrong=1; fi
    if [ "$wrong" != 0 ]; then
        echo "== $suite"
        cat "$log"
    fi
    table+=$(printf '\n%-14s %8d %8d %8d %8d %9d' "$suite" "$passed" "$expected" "$wrong" "$skipped" $((SECONDS - begun)))
    failed=$((failed + wrong))
done

printf '\n%s\n' "$table"
[ "$failed" = 0 ]
