"""Adds the exported views of the market up again, with DuckDB, from their definitions in
docs/views.md: units less discounts and with delivery are what was asked, what is kept is what was
asked less what went back, each discount is split to the cent by who pays it, and stock is whole.

Arguments: the directory with one CSV of each view, and the threshold `spend save` of the one
promotion that is clawed back. Prints one JSON object."""

import json
import sys

import duckdb

directory, spend, save = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
duckdb.execute("SET enable_progress_bar = false")
for view in ["market_orders", "market_parcels", "order_units", "order_discounts", "variants",
             "promotions"]:
    duckdb.execute(f"CREATE TABLE {view} AS SELECT * FROM read_csv('{directory}/{view}.csv')")

faults = []


def expect_none(what, query):
    for row in duckdb.execute(query).fetchall():
        faults.append([what, [str(value) for value in row]])


expect_none("the units and the delivery are what was asked", """
    SELECT o.market_order, o.ordered, sum(u.price - u.by_platform - u.by_seller), o.delivery
    FROM market_orders o JOIN order_units u USING (market_order)
    GROUP BY ALL
    HAVING o.ordered <> sum(u.price - u.by_platform - u.by_seller) + o.delivery""")
expect_none("what is asked is price less discounts", """
    SELECT * FROM order_units WHERE asked <> price - by_platform - by_seller OR asked < 0""")
expect_none("the parcels add up to the order", """
    SELECT o.market_order, o.ordered, o.kept, o.owed
    FROM market_orders o JOIN market_parcels p USING (market_order) GROUP BY ALL
    HAVING o.ordered <> sum(p.ordered) OR o.kept <> sum(p.kept) OR o.owed <> sum(p.owed)""")
expect_none("what is asked and not kept is owed", """
    SELECT * FROM market_parcels WHERE due <> kept + owed""")
expect_none("each discount is split to the cent over the units", """
    SELECT market_order, platform, sellers, units_platform, units_seller
    FROM (SELECT market_order, sum(by_platform) platform, sum(by_sellers) sellers
          FROM order_discounts GROUP BY ALL)
    JOIN (SELECT market_order, sum(by_platform) units_platform, sum(by_seller) units_seller
          FROM order_units GROUP BY ALL) USING (market_order)
    JOIN market_orders USING (market_order)
    WHERE delivery = 0 AND (platform <> units_platform OR sellers <> units_seller)""")
expect_none("stock is whole", """
    SELECT variant, granted, units_left, allotted, reserved, sold FROM variants
    WHERE granted <> units_left + allotted + reserved + sold OR least(units_left, sold) < 0""")
expect_none("what is sold is in orders", """
    SELECT v.variant, v.sold, count(u.unit) FROM variants v
    LEFT JOIN order_units u
    ON u.variant = v.variant AND u.state IN ('kept', 'refused', 'lost')
    GROUP BY ALL HAVING v.sold <> count(u.unit)""")
expect_none("no cap is passed", """
    SELECT promotion, uses, spent FROM (
        SELECT *, try_cast(budget AS BIGINT) AS cap, try_cast(uses_max AS BIGINT) AS most,
               try_cast(budget_left AS BIGINT) AS rest FROM promotions)
    WHERE spent > cap OR uses > most OR rest <> cap - spent OR flash_left > flash_granted""")

# What the buyer pays for what is kept, from the rule of the shop: an order whose kept units still
# reach the threshold, or that lost none, keeps its discount; else what it saved is taken back.
orders = duckdb.execute("""
    SELECT o.market_order, o.ordered, o.kept, o.delivery,
           coalesce(sum(u.price) FILTER (u.state = 'kept'), 0) AS kept_price,
           coalesce(sum(u.asked) FILTER (u.state = 'kept'), 0) AS kept_net,
           count(*) FILTER (u.state <> 'kept') AS gone,
           (SELECT count(*) FROM order_discounts d WHERE d.market_order = o.market_order) AS of
    FROM market_orders o JOIN order_units u USING (market_order) GROUP BY ALL""").fetchall()
for order, ordered, kept, delivery, price, net, gone, promotions in orders:
    if gone == 0:
        expected = ordered
    elif price == 0:
        expected = 0
    elif promotions == 1 and price < spend:
        expected = price + delivery
    else:
        expected = net + delivery
    if kept != expected:
        faults.append(["what is kept", [str(order), str(kept), str(expected)]])

counts = {
    "orders": len(orders),
    "units": duckdb.execute("SELECT count(*) FROM order_units").fetchone()[0],
    "partly_kept": sum(1 for one in orders if one[6] and one[4]),
}
print(json.dumps({"faults": faults, **counts}))
