"""Measures the claims, as ratios: ours and the baseline interleaved in one run.

    make bench            all of them          make bench ONLY=B3      one

Prints a table and writes bench/results.json. What falls short is reported as it is.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from bench import edge, health, learning, matrix, memory, page, start, teams, throughput, weight
from bench.result import Result

RESULTS = Path(__file__).with_name("results.json")

BENCHES = {
    "B1": matrix.first_reply,
    "B2": matrix.declare_done,
    "B3": throughput.durable_commands,
    "B4a": teams.turn,
    "B4b": teams.turn_100ms,
    "B5": throughput.reminder_burst,
    "B6": memory.per_incident,
    "B7": start.cold_start,
    "B8": start.restart_recovery,
    "B10": health.under_load,
    "B11": weight.of_the_installation,
    "B12": learning.linting,
    "B13": learning.drafted,
    "B14": learning.tickets,
    "B15": page.readers,
    "B16": edge.beside_forgeries,
}


def main(only: list[str]) -> None:
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    names = [n for n in BENCHES if not only or n in only]
    if only and not names:
        sys.exit(f"no bench {' '.join(only)}; there are {' '.join(BENCHES)}")
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        known[name] = BENCHES[name]().entry()
        ordered = {name: known[name] for name in BENCHES if name in known}
        RESULTS.write_text(json.dumps(ordered, indent=2) + "\n")
    show(known)


def show(results: dict[str, dict]) -> None:
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}; medians, ratio = ours / baseline")
    print(f"{'':7}{'ratio':>8}{'aim':>9}{'ours':>12}{'baseline':>12}  unit   rounds  range")
    for name, each in results.items():
        low, high = each["range"]
        print(
            f"{name:7}{each['ratio']:8.3f}{each['aim']:>9}{each['ours']:12.4g}"
            f"{each['baseline']:12.4g}  {each['unit']:7}{each['rounds']:5}  {low:.2f}-{high:.2f}"
        )
        more = {k: v for k, v in each.items() if k not in Result.KEYS}
        for key, value in more.items():
            print(f"{'':9}{key}: {value}")
        print(f"{'':9}{each['note']}")


if __name__ == "__main__":
    main(sys.argv[1:])
