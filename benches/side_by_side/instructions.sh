#!/bin/bash
# Instructions of a call, outside of the kernel, of Ringside and of the floor (floor/):
#
#   benches/side_by_side/instructions.sh HARNESS [SECONDS]
#
# Calls of chat for SECONDS (10) under valgrind's callgrind, which counts and is not disturbed by what else the
# machine does. Under it batches of the drain are small, so what the database costs a call is overstated.
# RINGSIDE and FLOOR name programs that are built already; callgrind's files are left in $RESULTS (default: a new
# folder, whose name is printed) for callgrind_annotate. Needs valgrind and python3.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
harness="$(cd "${1:?the folder of the load harness}" && pwd)"; shift
seconds="${1:-10}"
(cd "$harness" && CARGO_TARGET_DIR="$harness/target" cargo build --release --quiet)
source "$here/program.sh"
source "$here/floor.sh"
results="${RESULTS:-$(mktemp -d)}"
cd "$(mktemp -d)"

"$harness/target/release/mock-upstream" >upstream.log 2>&1 &
upstream=$!
counted=''
trap 'kill $upstream $counted 2>/dev/null; wait' EXIT

count() { # name, URL, body, what is started, arguments of the load generator from the sixth on
    local name="$1" url="$2" body="$3" ready="$4" start="$5"; shift 5
    # shellcheck disable=SC2086 # words
    valgrind --tool=callgrind --instr-atstart=no --callgrind-out-file="$results/$name" $start >"$name.log" 2>&1 &
    counted=$!
    until curl --silent --output /dev/null "$ready"; do sleep 0.5; done
    load() { "$harness/target/release/loadgen" "$url/v1/chat/completions" -b "$body" -c 16 -w 0 --timeout 60 "$@"; }
    load -d 3 "$@" >warm.json
    callgrind_control -i on "$counted" >/dev/null
    load -d "$seconds" "$@" >load.json
    callgrind_control -i off "$counted" >/dev/null
    callgrind_control -d "$counted" >/dev/null
    python3 - "$name" "$results/$name.1" <<'PYTHON'
import json, sys
name, counts = sys.argv[1:]
calls = json.load(open("load.json"))["answered"]
total = next(int(line.split()[1]) for line in open(counts) if line.startswith("totals:"))
print(f"{name}: {total / calls:,.0f} instructions a call ({calls} calls)")
PYTHON
    kill "$counted"; wait "$counted" || true
    counted=''
}

export RINGSIDE_LISTEN=127.0.0.1:9102 RINGSIDE_LOG=warn
export OPENAI_API_KEY=sk-of-openai RINGSIDE_OPENAI_BASE_URL=http://127.0.0.1:9100
"$program" serve >first-start.log 2>&1 &
counted=$!
until curl --silent --fail --output /dev/null http://127.0.0.1:9102/readyz; do sleep 0.1; done
token="$(grep -o 'ko_[a-z0-9]*' ringside.token | head -n 1)"
curl --silent --show-error --fail --output /dev/null -H "authorization: Bearer $token" \
    -H 'content-type: application/json' -d '{"external_id":"cus_42","monthly_budget_usd":1000000}' \
    http://127.0.0.1:9102/v1/customers
kill "$counted"; wait "$counted" || true
sed 's|"gpt-4o-mini"|"fc:openai/gpt-4o-mini"|' "$harness/bodies/chat.json" >chat.json

count floor http://127.0.0.1:9103 "$harness/bodies/chat.json" http://127.0.0.1:9103/ \
    "$floor 127.0.0.1:9103 http://127.0.0.1:9100"
count ringside http://127.0.0.1:9102 chat.json http://127.0.0.1:9102/readyz "$program serve" \
    -H "authorization: Bearer $token" -H 'fc-customer: cus_42'
echo "counts: $results"
