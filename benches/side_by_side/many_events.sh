#!/bin/bash
# Whether a large database slows calls:
#
#   benches/side_by_side/many_events.sh HARNESS [EVENTS] [SECONDS]
#
# Calls as fast as they go for SECONDS (10) with an empty database, then with EVENTS (10,000,000) usage events
# of the last thirty days in it, three times each and by turns; prints calls a second and how long the start
# took. RINGSIDE names a program that is built already. Needs python3, and about a kilobyte of disk an event.
source "$(dirname "$0")/gateway.sh"
events="${1:-10000000}" seconds="${2:-10}"
run() {
    $load http://127.0.0.1:9102/v1/chat/completions -b chat.json -c 64 -d "$seconds" -w 1 --expect choices \
        -H "authorization: Bearer $token" -H 'fc-customer: cus_42' >"$work/load-$1.json"
}
stop() {
    kill "$gateway"
    wait "$gateway" || true
}
start() {
    cd "$1"
    local begun; begun="$(date +%s.%N)"
    OPENAI_API_KEY=sk-of-openai RINGSIDE_OPENAI_BASE_URL=http://127.0.0.1:9100 RINGSIDE_LISTEN=127.0.0.1:9102 \
        RINGSIDE_LOG=warn taskset -c 0 "$program" serve >gateway.log 2>&1 &
    gateway=$!
    until curl --silent --fail --output /dev/null http://127.0.0.1:9102/readyz; do sleep 0.05; done
    python3 -c "import sys; print(f'{sys.argv[1]}: ready after {float(sys.argv[3]) - float(sys.argv[2]):.1f} s')" \
        "$(basename "$1")" "$begun" "$(date +%s.%N)"
    cd "$work"
}
# One call, whose event all the others are made of.
curl --silent --show-error --fail --output /dev/null -H "authorization: Bearer $token" -H 'fc-customer: cus_42' \
    -H 'content-type: application/json' -d @chat.json http://127.0.0.1:9102/v1/chat/completions
stop
mkdir empty full
find . -maxdepth 1 -mindepth 1 \( -name 'ringside*' -o -name 'journal*' -o -name '*.yaml' \) -exec cp -r {} empty/ \; \
    -exec cp -r {} full/ \;
python3 - "$events" <<'PYTHON'
import glob, sqlite3, sys, time
begun, events = time.time(), int(sys.argv[1])
(path,) = glob.glob("full/*.db")
base = sqlite3.connect(path, isolation_level=None)
base.execute("PRAGMA journal_mode = WAL"); base.execute("PRAGMA synchronous = OFF")
columns = [row[1] for row in base.execute("PRAGMA table_info(usage_events)")]
made = {
    "id": "printf('use_0%025d', n)", "request_id": "printf('req_0%025d', n)",
    # The eldest first, a month back to a second ago.
    "created": f"created - 1000 - CAST(({events} - n) * (2592000000.0 / {events}) AS INTEGER)",
    "customer": "'cus_' || (n % 10000)", "customer_id": "printf('cust_%026d', n % 10000)",
}
wanted = ", ".join(made.get(column, column) for column in columns)
for first in range(0, events, 500_000):
    base.execute(f"""
        WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {min(first + 500_000, events)})
        INSERT INTO usage_events ({", ".join(columns)})
        SELECT {wanted} FROM numbers, (SELECT * FROM usage_events ORDER BY id DESC LIMIT 1)""")
sums = ["prompt_tokens", "completion_tokens", "cached_input_tokens", "cost_nano_usd", "list_cost_nano_usd"]
of_events = "COUNT(*), 0, " + ", ".join(f"SUM({column})" for column in sums) + ", 0"
month = "CAST(strftime('%s', created / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000"
for table, names in [("usage_by_account", "provider, model"), ("usage_by_customer", "provider, model, customer")]:
    columns = f"account_id, span, start, {names}, calls, errors, {', '.join(sums)}, billable_nano_usd"
    base.execute(f"DELETE FROM {table}")
    for span, start in [("hour", "created / 3600000 * 3600000"), ("day", "created / 86400000 * 86400000"), ("month", month)]:
        base.execute(f"""
            INSERT INTO {table} ({columns})
            SELECT account_id, '{span}', {start} AS begun, {names}, {of_events} FROM usage_events
            GROUP BY account_id, begun, {names}""")
(count,) = base.execute("SELECT COUNT(*) FROM usage_events").fetchone()
base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
print(f"{count:,} events in {path}, made in {time.time() - begun:.0f} s")
PYTHON
ls -lh full/*.db
for turn in 1 2 3; do
    for kind in empty full; do
        start "$work/$kind"
        run "$kind-$turn"
        stop
    done
done
gateway=''
python3 "$here/medians.py" empty full
