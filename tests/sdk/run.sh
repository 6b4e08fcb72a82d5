#!/bin/bash
# The official OpenAI SDKs against the built program: it is started in a directory of its own with
# the simulator on, and with a real HTTP upstream that answers with recorded traffic where
# ../shared/recordings is at hand. Whatever happens, everything is stopped at the end.
#
#   tests/sdk/run.sh [SDK…]        for example: tests/sdk/run.sh python-3 node-7
#
# SDKs are installed once, below the target directory. What cannot be installed is skipped aloud;
# in CI (CI=true) it is a failure. SDKS_PROGRAM names another program than the debug build.
set -euo pipefail
cd "$(dirname "$0")/../.."

. tests/sdk/support.sh
recordings=$PWD/../shared/recordings
build

# One that fails to install does not keep the others from running.
skipped_sdks=()
wanted=()
while read -r language name _; do
    case $language in '' | '#'*) continue ;; esac
    sdk=$language-$name
    if [ "$#" -gt 0 ] && [[ " $* " != *" $sdk "* ]]; then continue; fi
    if tests/sdk/install.sh "$sdks" "$sdk" 2>"$logs/install-$sdk.log"; then
        wanted+=("$sdk")
    else
        tail -n 5 "$logs/install-$sdk.log"
        printf '\n!!! SKIPPED: %s could not be installed !!!\n\n' "$sdk"
        skipped_sdks+=("$sdk")
    fi
done <tests/sdk/versions.txt

environment=()
has_recordings=no
[ ! -d "$recordings" ] || has_recordings=yes
upstream=
if command -v python3 >/dev/null 2>&1; then
    python3 tests/sdk/upstream.py "$recordings" "$scratch/upstream-port" >"$logs/upstream.log" 2>&1 &
    started+=($!)
    wait_for "the upstream" test -f "$scratch/upstream-port"
    upstream=http://127.0.0.1:$(cat "$scratch/upstream-port")
    environment+=("OPENAI_API_KEY=sk-of-openai" "RINGSIDE_OPENAI_BASE_URL=$upstream")
    environment+=("ANTHROPIC_API_KEY=sk-of-anthropic" "RINGSIDE_ANTHROPIC_BASE_URL=$upstream")
    environment+=("DEEPSEEK_API_KEY=sk-of-deepseek" "RINGSIDE_DEEPSEEK_BASE_URL=$upstream")
    environment+=("TOGETHER_API_KEY=sk-of-together" "RINGSIDE_TOGETHER_BASE_URL=$upstream")
else
    has_recordings=no
    printf '\n!!! SKIPPED: there is no python3, so nothing stands in for providers !!!\n\n'
fi
if [ "$has_recordings" = no ]; then
    printf '\n!!! SKIPPED: without ../shared/recordings no SDK sees recorded traffic !!!\n\n'
fi

start_gateway gateway "${environment[@]}"
export RINGSIDE_UPSTREAM=$upstream RINGSIDE_RECORDINGS=$has_recordings

run_python() { # SDK
    local suite=tests/sdk/python
    # Libraries on top of the SDK see what is theirs; the SDK below them has its own run.
    case $1 in python-instructor | python-pydantic_ai) suite+=/test_schema_tools.py ;; esac
    timeout 300 "$sdks/$1/bin/python" -m pytest --quiet -ra --tb=short -p no:cacheprovider "$suite"
}

run_node() { # SDK
    # Where a program of its users would stand: beside its node_modules.
    rm -rf "$sdks/$1/suite"
    cp -R tests/sdk/node "$sdks/$1/suite"
    (cd "$sdks/$1" && timeout 300 node_modules/.bin/node --test --test-reporter=spec --test-timeout=60000 suite/*.test.mjs)
}

# Of a log of node's: how many tests ended so. It says `pass 3`.
count_node() { grep "^[^a-z]*$2 [0-9]*$" "$1" | tail -n 1 | grep -o '[0-9]*$' || echo 0; }

total_passed=0 total_failed=0 total_skipped=0
table=$(printf '%-18s %8s %8s %8s %9s' SDK passed failed skipped seconds)
for sdk in "${wanted[@]}"; do
    log=$logs/$sdk.log
    begun=$SECONDS
    status=0
    "run_${sdk%-*}" "$sdk" >"$log" 2>&1 || status=$?
    case $sdk in
    python-*)
        passed=$(count_python "$log" passed) skipped=$(count_python "$log" skipped)
        failed=$(($(count_python "$log" failed) + $(count_python "$log" error)))
        ;;
    node-*)
        passed=$(count_node "$log" pass) skipped=$(count_node "$log" skipped)
        failed=$(($(count_node "$log" fail) + $(count_node "$log" cancelled)))
        ;;
    esac
    # A suite that ran nothing, or ended badly without saying why, has failed.
    if [ "$failed" = 0 ] && { [ "$status" != 0 ] || [ "$passed" = 0 ]; }; then failed=1; fi
    if [ "$failed" != 0 ]; then
        echo "== $sdk"
        cat "$log"
    fi
    table+=$(printf '\n%-18s %8d %8d %8d %9d' "$sdk" "$passed" "$failed" "$skipped" $((SECONDS - begun)))
    total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed)) total_skipped=$((total_skipped + skipped))
done
for sdk in "${skipped_sdks[@]}"; do
    table+=$(printf '\n%-18s not installed' "$sdk")
    if [ "${CI:-}" = true ]; then total_failed=$((total_failed + 1)); else total_skipped=$((total_skipped + 1)); fi
done

printf '\n%s\n\n' "$table"
printf '%d passed, %d failed, %d skipped\n' "$total_passed" "$total_failed" "$total_skipped"
[ "$total_failed" = 0 ]
