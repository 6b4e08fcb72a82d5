#!/bin/bash
# Counts the instructions of what the request path does on bytes (valgrind's callgrind), and compares
# them with those in benches/instructions.txt:
#
#   benches/instructions.sh            fails where a count is more than a tenth above what is written
#   benches/instructions.sh --write    writes what is counted
#
# They are those of an unoptimised build, the one that tests run on: what is told is a regression, not
# a speed. A count far below is said too, so that what was gained is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
known=benches/instructions.txt
command -v valgrind >/dev/null 2>&1 || { echo "SKIPPED: valgrind is not installed; instructions are not counted" >&2; exit 0; }

program="$(cargo build --locked --bench request_path --message-format json | python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("target", {}).get("name") == "request_path" and message.get("executable"):
        print(message["executable"])')"

# Instructions of CASE done TIMES times, with what the start takes.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" --count "$1" "$2" 2>&1 |
        awk '/Collected/ {print $4; found = 1} END {exit !found}'
}

counted="$(mktemp)"
for name in $("$program" --cases); do
    # Twice, so that the start is taken off; the first rounds fill what is made once.
    printf '%s %d\n' "$name" "$((($(count "$name" 60) - $(count "$name" 20)) / 40))" >>"$counted"
done
if [ "${1:-}" = --write ]; then cp "$counted" "$known"; cat "$known"; exit 0; fi

awk '
    FNR == NR {known[$1] = $2; next}
    !($1 in known) {printf "%-24s %9d  is not in the list: run benches/instructions.sh --write\n", $1, $2; failed = 1; next}
    {
        change = 100 * ($2 - known[$1]) / known[$1]
        note = change > 10 ? "  MORE than a tenth above what is written" : change < -10 ? "  far below: write it down" : ""
        printf "%-24s %9d %+6.1f %%%s\n", $1, $2, change, note
        if (change > 10) failed = 1
    }
    END {exit failed}
' "$known" "$counted"
