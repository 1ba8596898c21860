"""How SQLite computes the figures that come with Doorstep: `figure_plans.py VIEWS FIGURES`.

A figure of a day must not read all rows of a view that grows by the day, or the report of a day in
its tenth year takes as long as one of ten years.
"""

import pathlib
import sqlite3
import sys
import tomllib

GROWING = {
    "postings", "payments", "parcels", "orders", "commands", "refunds", "payouts", "text_decisions",
    "market_orders", "market_parcels", "order_units", "order_discounts",
}
views, figures = sys.argv[1:]
base = sqlite3.connect(f"file:{views}?mode=ro", uri=True)
asked = {"from": 1, "until": 2, "position": 2, "day": "2026-01-01"}
count, wrong = 0, []
for path in sorted(pathlib.Path(figures).glob("*.toml")):
    with open(path, "rb") as file:
        read = tomllib.load(file)
    for figure in read["figure"]:
        named = ", ".join(f"{name} AS ({read['with'][name]})" for name in figure.get("with", []))
        statement = (f"WITH {named} " if named else "") + figure["sql"]
        steps = base.execute(f"EXPLAIN QUERY PLAN {statement}", asked).fetchall()
        scans = [step[3] for step in steps if step[3].startswith("SCAN ")]
        wrong += [f"{figure['id']}: {scan}" for scan in scans if scan.split()[1] in GROWING]
        count += 1
print("\n".join(wrong), file=sys.stderr)
print(f"{count} figures")
sys.exit(1 if wrong or count == 0 else 0)
