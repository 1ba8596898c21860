"""Computes the figures of the market of a day again with DuckDB, and compares.

market_figures.py REPORT.json DIRECTORY

REPORT.json is what `pulse run --json` prints of a day on which all orders were placed. DIRECTORY has
the views as they are, as CSV. It shares no statement with Doorstep: a unit's fate is read from its
parcel in the books and from its own state, where Doorstep reads the history.
"""

import json
import sys

import duckdb

report, directory = json.load(open(sys.argv[1])), sys.argv[2]
report = report.get("report", report)
base = duckdb.connect()
for view in ["market_orders", "market_parcels", "order_units", "variants", "offers", "orders",
             "parcels"]:
    base.execute(f"CREATE TABLE {view} AS SELECT * FROM read_csv('{directory}/{view}.csv')")
base.execute("""CREATE VIEW units AS
    SELECT u.*, CASE
        WHEN p.state = 'cancelled' THEN 'cancelled'
        WHEN p.state = 'lost' THEN 'lost'
        WHEN p.state IN ('refused', 'returned') OR u.state = 'refused' THEN 'refused'
        WHEN u.state = 'kept' THEN 'kept'
        ELSE 'returned' END AS fate
    FROM order_units u JOIN parcels p USING (parcel)""")

BY_KIND = "seller_kind AS by, currency"
FIGURES = {
    "market_orders": "SELECT NULL AS by, NULL AS currency, count(*) AS value FROM market_orders",
    "market_gross": f"SELECT {BY_KIND}, sum(price) AS value FROM units GROUP BY ALL",
    "market_gross_c2c": """SELECT NULL AS by, currency, sum(price) AS value FROM units
        WHERE seller_kind = 'individual' GROUP BY ALL""",
    "market_gross_b2c": """SELECT NULL AS by, currency, sum(price) AS value FROM units
        WHERE seller_kind = 'business' GROUP BY ALL""",
    "market_gross_category": """SELECT o.category AS by, u.currency, sum(u.price) AS value
        FROM units u JOIN offers o USING (offer) GROUP BY ALL""",
    "market_gross_day": f"""SELECT '{report["span"]["day"]}' AS by, currency, sum(goods) AS value
        FROM market_orders GROUP BY ALL""",
    "market_discounts": """SELECT 'platform' AS by, currency, sum(by_platform) AS value
        FROM market_orders GROUP BY ALL UNION ALL
        SELECT 'sellers', currency, sum(discounts - by_platform) FROM market_orders GROUP BY ALL""",
    "market_asked": f"SELECT {BY_KIND}, sum(price - by_platform - by_seller) AS value FROM units"
                    " GROUP BY ALL",
    "market_delivery": "SELECT NULL AS by, currency, sum(delivery) AS value FROM market_orders"
                       " GROUP BY ALL",
    "market_due": """SELECT NULL AS by, o.currency, sum(o.due) AS value FROM orders o
        WHERE o.parcel IN (SELECT parcel FROM market_parcels) GROUP BY ALL""",
    "market_net": f"SELECT {BY_KIND}, sum(asked) AS value FROM units WHERE fate = 'kept' GROUP BY ALL",
    "market_gone": "SELECT fate AS by, currency, sum(asked) AS value FROM units"
                   " WHERE fate <> 'kept' GROUP BY ALL",
    "market_units": "SELECT seller_kind AS by, NULL AS currency, count(*) AS value FROM units"
                    " GROUP BY ALL",
    "market_units_fate": "SELECT fate AS by, NULL AS currency, count(*) AS value FROM units"
                         " GROUP BY ALL",
    "market_refused": """SELECT seller_kind AS by, NULL AS currency, count(*) AS value FROM units
        WHERE fate = 'refused' GROUP BY ALL""",
    "market_returned": """SELECT seller_kind AS by, NULL AS currency, count(*) AS value FROM units
        WHERE fate = 'returned' GROUP BY ALL""",
    "market_flash_units": """SELECT NULL AS by, NULL AS currency, count(*) AS value FROM units
        WHERE flash = 'true'""",
    "market_nothing_left": """SELECT NULL AS by, NULL AS currency, count(*) AS value FROM variants v
        JOIN offers o USING (offer) WHERE o.state = 'listed' AND v.units_left = 0""",
    "market_reserved_long": "SELECT NULL AS by, NULL AS currency, 0 AS value",
    "market_running_out": """SELECT NULL AS by, NULL AS currency, count(*) AS value FROM variants v
        JOIN offers o USING (offer) WHERE o.state = 'listed' AND v.units_left > 0
        AND v.units_left < (SELECT count(*) FROM units u WHERE u.variant = v.variant)""",
}

found = {run["figure"]: run["values"] for run in report["figures"]}
wrong = []
for figure, sql in FIGURES.items():
    ours = {(v.get("by"), v.get("currency")): v["value"] for v in found[figure]}
    theirs = {(by, currency): int(value) for by, currency, value in base.execute(sql).fetchall()
              if value}
    if ours != theirs:
        wrong.append(f"{figure}: {ours} is not {theirs}")
for identity in report["identities"]:
    if identity["difference"] != 0:
        wrong.append(f"{identity['identity']}: {identity['difference']}")
if wrong:
    sys.exit("\n".join(wrong))
print(f"{len(FIGURES)} figures recomputed")
