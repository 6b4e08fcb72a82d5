#!/bin/bash
# Measures Ringside beside nginx, beside no proxy at all, and beside a proxy that does nothing on the same packages
# (floor/):
#
#   benches/side_by_side/run.sh HARNESS [ARGUMENT OF bench.py …]
#
# HARNESS is a folder with the load harness (bench.py, isolate.py, src/) that may be written to; it
# is built there. Further arguments go to `bench.py run`, for example `--tests chat_max --repeats 1`.
# RINGSIDE and FLOOR name programs that are built already. Needs nginx and python3; as root the run is in a network
# of its own and ahead of other work.
# What it wrote is in $RESULTS (default: a new folder, whose name is printed).
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
harness="$(cd "${1:?the folder of the load harness}" && pwd)"; shift
export PATH="$PATH:/usr/sbin:/sbin"
command -v nginx >/dev/null || { echo "nginx is missing: install Debian's nginx-light" >&2; exit 1; }

(cd "$harness" && CARGO_TARGET_DIR="$harness/target" cargo build --release --quiet)
source "$here/program.sh"
source "$here/floor.sh"

work="$(mktemp -d)"
results="${RESULTS:-$work/results}"
mkdir -p "$work/ringside/nginx" "$results"

# A first start makes the database, the tokens and a customer with a cap; the runs find them.
cd "$work/ringside"
RINGSIDE_LISTEN=127.0.0.1:9102 "$program" serve >first-start.log 2>&1 &
first=$!
for _ in $(seq 100); do [ -s ringside.token ] && break; sleep 0.1; done
token="$(grep -o 'ko_[a-z0-9]*' ringside.token | head -n 1)"
[ -n "$token" ] || { echo "no first start:" >&2; cat first-start.log >&2; exit 1; }
curl --silent --show-error --fail --retry 20 --retry-connrefused --retry-delay 1 --output /dev/null \
  -H "authorization: Bearer $token" -H 'content-type: application/json' \
  -d '{"external_id":"cus_42","monthly_budget_usd":1000000}' http://127.0.0.1:9102/v1/customers
kill "$first"; wait "$first" || true
python3 "$here/targets.py" "$program" "$floor" "$work/ringside" "$token" "$here/nginx.conf" >"$work/targets.json"

apart=(); [ "$(id -u)" = 0 ] && apart=(python3 "$harness/isolate.py")
ulimit -n "$(ulimit -H -n)"
cd "$harness"
"${apart[@]}" python3 bench.py run "$work/targets.json" --out "$results" "$@"
python3 bench.py table "$results"
echo "results: $results"
