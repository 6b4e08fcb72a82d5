#!/bin/bash
# What a second core gives:
#
#   benches/side_by_side/two_cores.sh HARNESS [SECONDS]
#
# Calls as fast as they go for SECONDS (10), by turns with the gateway on one core and on both, three times. The
# load generator and the stand-in for the provider have the second core to themselves in the first case and
# share both in the second: what they take of it is printed, and is the gateway's loss. RINGSIDE names a program
# that is built already. Needs python3.
source "$(dirname "$0")/gateway.sh"
seconds="${1:-10}"
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
on() { # name, cores of the gateway, cores of the others
    kill "$gateway"; wait "$gateway" || true
    OPENAI_API_KEY=sk-of-openai RINGSIDE_OPENAI_BASE_URL=http://127.0.0.1:9100 RINGSIDE_LISTEN=127.0.0.1:9102 \
        RINGSIDE_LOG=warn taskset -c "$2" "$program" serve >gateway.log 2>&1 &
    gateway=$!
    until curl --silent --fail --output /dev/null http://127.0.0.1:9102/readyz; do sleep 0.05; done
    taskset -a -p -c "$3" "$upstream" >/dev/null
    local ours theirs; ours="$(ticks "$gateway")" theirs="$(ticks "$upstream")"
    taskset -c "$3" "$harness/target/release/loadgen" http://127.0.0.1:9102/v1/chat/completions -b chat.json -c 64 \
        -d "$seconds" -w 0 --expect choices -H "authorization: Bearer $token" -H 'fc-customer: cus_42' >"load-$1.json"
    python3 - "$1" "$seconds" $(($(ticks "$gateway") - ours)) $(($(ticks "$upstream") - theirs)) <<'PYTHON'
import json, sys
name, (seconds, ours, provider) = sys.argv[1], map(int, sys.argv[2:])
load = json.load(open(f"load-{name}.json"))
others = provider / 100 / seconds + load["loadgen_cpu_s"] / seconds
print(f"{name}: {load['rps']:.0f} a second, gateway {ours / 100 / seconds:.2f} cores, load and provider {others:.2f}")
PYTHON
}
for turn in 1 2 3; do
    on "one-$turn" 0 1
    on "both-$turn" 0,1 0,1
done
python3 "$here/medians.py" one both
