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

target=${CARGO_TARGET_DIR:-$PWD/target}
sdks=${SDKS_DIRECTORY:-$target/sdks}
recordings=$PWD/../shared/recordings
scratch=$(mktemp -d)
logs=$scratch/logs
mkdir -p "$logs"

started=()
stop() {
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    for process in "${started[@]}"; do wait "$process" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT TERM

wait_for() { # what, then a command that succeeds once it is there
    local what=$1 deadline=$((SECONDS + 30))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "$what did not start:"
            tail -n 50 "$logs"/*.log
            exit 1
        fi
        sleep 0.05
    done
}

ringside=${SDKS_PROGRAM:-$target/debug/ringside}
# A test target beside it: its dependencies then have the features that the Rust tests built them with.
[ -n "${SDKS_PROGRAM:-}" ] || cargo build --locked --quiet --bin ringside --test arch

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

# Providers' own variables of the machine would send calls elsewhere.
environment=(env -i "PATH=$PATH" "HOME=$scratch" "RINGSIDE_SIM=on")

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
else
    has_recordings=no
    printf '\n!!! SKIPPED: there is no python3, so nothing stands in for providers !!!\n\n'
fi
if [ "$has_recordings" = no ]; then
    printf '\n!!! SKIPPED: without ../shared/recordings no SDK sees recorded traffic !!!\n\n'
fi

gateway=$scratch/gateway
mkdir -p "$gateway"
admin=ka_sdk_0123456789abcdef0123456789abcdef
# Port 0: the system picks one, the log says which.
(cd "$gateway" && exec "${environment[@]}" RINGSIDE_LISTEN=127.0.0.1:0 RINGSIDE_ADMIN_TOKEN=$admin RINGSIDE_LOG_FORMAT=json \
    "$ringside" serve) >"$logs/gateway.log" 2>&1 &
started+=($!)
listening() { sed -n 's/.*"address":"\([0-9.:]*\)".*"listening".*\|.*"listening".*"address":"\([0-9.:]*\)".*/\1\2/p' "$logs/gateway.log" | head -n 1; }
is_listening() { [ -n "$(listening)" ]; }
wait_for "the gateway" is_listening
token=$(sed -n 's/^RINGSIDE_TOKEN=//p' "$gateway/ringside.token")

export RINGSIDE_URL RINGSIDE_TOKEN=$token RINGSIDE_ADMIN_TOKEN=$admin RINGSIDE_UPSTREAM=$upstream RINGSIDE_RECORDINGS=$has_recordings
RINGSIDE_URL=http://$(listening)
# Calls to the gateway itself shall take no detour, and the SDKs read variables of their own.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 PYTHONDONTWRITEBYTECODE=1
unset OPENAI_API_KEY OPENAI_BASE_URL OPENAI_ORG_ID OPENAI_PROJECT_ID OPENAI_LOG

run_python() { # SDK
    timeout 300 "$sdks/$1/bin/python" -m pytest --quiet -ra --tb=short -p no:cacheprovider tests/sdk/python
}

run_node() { # SDK
    # Where a program of its users would stand: beside its node_modules.
    rm -rf "$sdks/$1/suite"
    cp -R tests/sdk/node "$sdks/$1/suite"
    (cd "$sdks/$1" && timeout 300 node_modules/.bin/node --test --test-reporter=spec --test-timeout=60000 suite/*.test.mjs)
}

# Of a suite's log: how many tests ended so. pytest says `3 passed, 1 skipped in 2s`, node `pass 3`.
count_python() { tail -n 1 "$1" | grep -o "[0-9]* $2" | grep -o '[0-9]*' || echo 0; }
count_node() { grep "^[^a-z]*$2 [0-9]*$" "$1" | tail -n 1 | grep -o '[0-9]*$' || echo 0; }

total_passed=0 total_failed=0 total_skipped=0
table=$(printf '%-10s %8s %8s %8s %9s' SDK passed failed skipped seconds)
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
    table+=$(printf '\n%-10s %8d %8d %8d %9d' "$sdk" "$passed" "$failed" "$skipped" $((SECONDS - begun)))
    total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed)) total_skipped=$((total_skipped + skipped))
done
for sdk in "${skipped_sdks[@]}"; do
    table+=$(printf '\n%-10s not installed' "$sdk")
    if [ "${CI:-}" = true ]; then total_failed=$((total_failed + 1)); else total_skipped=$((total_skipped + 1)); fi
done

printf '\n%s\n\n' "$table"
printf '%d passed, %d failed, %d skipped\n' "$total_passed" "$total_failed" "$total_skipped"
[ "$total_failed" = 0 ]
