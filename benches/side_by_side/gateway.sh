# Sourced: builds, and starts the stand-in for providers on one core and Ringside on the other, with
# a customer that has a cap. Sets $gateway (a process), $token, $load (the load generator) and $work.
# The first argument of the script that sources this is the folder of the load harness.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
harness="$(cd "${1:?the folder of the load harness}" && pwd)"; shift
(cd "$harness" && CARGO_TARGET_DIR="$harness/target" cargo build --release --quiet)
source "$here/program.sh"
# A stream is two sockets of the gateway.
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)"
load="taskset -c 1 $harness/target/release/loadgen"
work="$(mktemp -d)"
cd "$work"

taskset -c 1 "$harness/target/release/mock-upstream" >upstream.log 2>&1 &
upstream=$!
OPENAI_API_KEY=sk-of-openai RINGSIDE_OPENAI_BASE_URL=http://127.0.0.1:9100 RINGSIDE_LIMITS_CONNECTIONS=20000 \
    RINGSIDE_LISTEN=127.0.0.1:9102 RINGSIDE_LOG=warn taskset -c 0 "$program" serve >gateway.log 2>&1 &
gateway=$!
trap 'kill $gateway $upstream 2>/dev/null; wait' EXIT
for _ in $(seq 100); do [ -s ringside.token ] && break; sleep 0.1; done
token="$(grep -o 'ko_[a-z0-9]*' ringside.token | head -n 1)"
curl --silent --show-error --fail --retry 20 --retry-connrefused --retry-delay 1 --output /dev/null \
    -H "authorization: Bearer $token" -H 'content-type: application/json' \
    -d '{"external_id":"cus_42","monthly_budget_usd":1000000}' http://127.0.0.1:9102/v1/customers

for body in chat.json chat-stream.json; do
    sed 's|"gpt-4o-mini"|"fc:openai/gpt-4o-mini"|' "$harness/bodies/$body" >"$body"
done

# Resident memory of the gateway, in kB.
resident() { awk '/^VmRSS/ {print $2}' "/proc/$gateway/status"; }
