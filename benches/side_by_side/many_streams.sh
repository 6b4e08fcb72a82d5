#!/bin/bash
# How much memory slow streams take:
#
#   benches/side_by_side/many_streams.sh HARNESS [STREAMS]
#
# opens STREAMS (10,000) streams at once, each with a chunk a second, and prints what one of them
# costs. RINGSIDE names a program that is built already.
source "$(dirname "$0")/gateway.sh"
streams="${1:-10000}"
curl --silent --fail --output /dev/null -d '{"chunk_delay_ms":1000}' http://127.0.0.1:9100/control
sleep 3
idle="$(resident)"
$load http://127.0.0.1:9102/v1/chat/completions -b "chat-stream.json" -c "$streams" --ramp 30 -d 30 -w 40 \
    --timeout 120 -H "authorization: Bearer $token" -H 'fc-customer: cus_42' >load.json &
running=$!
peak=0
while kill -0 "$running" 2>/dev/null; do
    now="$(resident)"; [ "$now" -gt "$peak" ] && peak="$now"
    sleep 0.5
done
wait "$running" || true
python3 - "$idle" "$peak" "$streams" <<'PYTHON'
import json, sys
idle, peak, streams = map(int, sys.argv[1:])
load = json.load(open("load.json"))
print(f"idle {idle / 1024:.1f} MiB, peak {peak / 1024:.1f} MiB: {(peak - idle) * 1.024 / streams:.1f} kB a stream")
print(f"errors {load['error_count']} {load['errors']}")
PYTHON
