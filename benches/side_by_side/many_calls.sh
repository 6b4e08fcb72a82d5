#!/bin/bash
# Whether memory stays flat:
#
#   benches/side_by_side/many_calls.sh HARNESS [SECONDS]
#
# calls as fast as it goes for SECONDS (300) and prints the gateway's memory as it goes, and in the
# end how many calls there were. RINGSIDE names a program that is built already.
source "$(dirname "$0")/gateway.sh"
seconds="${1:-300}"
$load http://127.0.0.1:9102/v1/chat/completions -b "chat.json" -c 64 -d "$seconds" -w 1 \
    -H "authorization: Bearer $token" -H 'fc-customer: cus_42' >load.json &
running=$!
while kill -0 "$running" 2>/dev/null; do
    sleep $((seconds / 30 > 0 ? seconds / 30 : 1))
    now="$(($(resident) / 1024))"
    printf '%4d s %4d MiB %s\n' "$SECONDS" "$now" "$(printf '%*s' "$((now / 4))" '' | tr ' ' '#')"
done
wait "$running" || true
python3 - <<'PYTHON'
import json
load = json.load(open("load.json"))
print({key: load[key] for key in load if key in ("rps", "requests", "completed", "error_count")})
PYTHON
