"""Calls a second of three runs of each kind by turns, out of load-KIND-TURN.json: medians.py KIND KIND"""
import json
import statistics
import sys

for kind in sys.argv[1:]:
    runs = [json.load(open(f"load-{kind}-{turn}.json")) for turn in (1, 2, 3)]
    rates = [run["rps"] for run in runs]
    errors = sum(run["error_count"] for run in runs)
    print(kind, [round(rate) for rate in rates], "median", round(statistics.median(rates)), "errors", errors)
