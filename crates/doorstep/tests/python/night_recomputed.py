"""Prices the orders of the demonstration's night again, from what the shop announces and the units
that were sold, with DuckDB: a flash price that Doorstep pays half of; of two teas the cheaper one
at half price, which the seller pays; a coupon over 20.00 that Doorstep pays; 50.00 off from 300.00
on and 120.00 from 600.00 on, of which Doorstep pays 30 %; 8.00 for each parcel. What was collected
at the door, with what was refunded later, is what each delivered parcel asked. What Doorstep pays of
the discounts on the units that buyers kept of delivered parcels is posted, parcel by parcel.

Arguments: the directory with one CSV of each view. Prints one JSON object."""

import json
import sys
from fractions import Fraction

import duckdb

directory = sys.argv[1]
duckdb.execute("SET enable_progress_bar = false")
for view in ["market_orders", "market_parcels", "order_units", "order_discounts", "variants",
             "parcels", "refunds", "postings"]:
    duckdb.execute(f"CREATE TABLE {view} AS SELECT * FROM read_csv('{directory}/{view}.csv')")

faults = []


def rounded(value):
    """Half up."""
    return int(value + Fraction(1, 2))


units = {}
for order, seller, sku, flash, price in duckdb.execute("""
        SELECT market_order, u.seller, sku, flash, u.price
        FROM order_units u JOIN variants USING (variant)""").fetchall():
    units.setdefault(order, []).append((seller, sku, flash, price))
used = {}
for order, promotion, platform, sellers in duckdb.execute("""
        SELECT market_order, promotion, by_platform, by_sellers FROM order_discounts""").fetchall():
    used.setdefault(order, {})[promotion] = (platform, sellers)

TEA = {"250g", "220ml"}
FLASH, SECOND, COUPON, THRESHOLD = "pro_1", "pro_2", "pro_3", "pro_4"
sums = {"platform": 0, "sellers": 0}
flash_units = 0
for order, ordered in duckdb.execute("SELECT market_order, ordered FROM market_orders").fetchall():
    own, took = units[order], used.get(order, {})
    flash = [price - 29_900 for _, _, is_flash, price in own if is_flash]
    flash_units += len(flash)
    left = [29_900 if is_flash else price for _, _, is_flash, price in own]
    teas = sorted((price for _, sku, _, price in own if sku in TEA), reverse=True)
    half = rounded(Fraction(sum(teas[1::2]), 2))
    rest = sum(left) - half
    coupon = min(2_000, rest) if COUPON in took else 0
    rest -= coupon
    saved = 12_000 if rest >= 60_000 else 5_000 if rest >= 30_000 else 0
    total = rest - saved + 800 * len({seller for seller, _, _, _ in own})
    if total != ordered:
        faults.append(["what is asked", order, ordered, total])
    if len(flash) > 1:
        faults.append(["one of a flash price for each buyer", order])
    for promotion, whole, share in [(FLASH, sum(flash), Fraction(1, 2)), (SECOND, half, 0),
                                    (COUPON, coupon, 1), (THRESHOLD, saved, Fraction(3, 10))]:
        platform, sellers = took.get(promotion, (0, 0))
        sums["platform"] += platform
        sums["sellers"] += sellers
        if (platform + sellers, platform) != (whole, rounded(whole * Fraction(share))):
            faults.append(["who pays", order, promotion, platform, sellers, whole])
for row in duckdb.execute("""
        SELECT parcel, m.due, p.collected, refunded
        FROM market_parcels m JOIN parcels p USING (parcel)
        LEFT JOIN (SELECT parcel, sum(amount) AS refunded FROM refunds GROUP BY parcel)
        USING (parcel)
        WHERE m.state = 'delivered' AND m.due <> p.collected + coalesce(refunded, 0)
        OR m.state = 'returned' AND p.collected <> 0""").fetchall():
    faults.append(["what was collected at the door", *map(str, row)])
for row in duckdb.execute("""
        SELECT coalesce(o.parcel, p.parcel), owed, posted
        FROM (SELECT u.parcel, sum(by_platform) AS owed
              FROM order_units u JOIN market_parcels m USING (parcel)
              WHERE u.state = 'kept' AND m.state = 'delivered'
              GROUP BY u.parcel HAVING owed > 0) o
        FULL JOIN (SELECT parcel, sum(CASE entry WHEN 'DiscountPaid' THEN amount ELSE -amount END)
                   AS posted FROM postings WHERE entry IN ('DiscountPaid', 'DiscountTakenBack')
                   GROUP BY parcel HAVING posted <> 0) p ON o.parcel = p.parcel
        WHERE owed IS DISTINCT FROM posted""").fetchall():
    faults.append(["what Doorstep pays of the discounts", *map(str, row)])
posted = duckdb.execute("""
    SELECT sum(CASE entry WHEN 'DiscountPaid' THEN amount WHEN 'DiscountTakenBack' THEN -amount END)
    FROM postings""").fetchone()[0]
buyers = duckdb.execute("""
    SELECT count(*) FROM (SELECT buyer FROM market_orders JOIN order_discounts USING (market_order)
    WHERE promotion IN ('pro_1', 'pro_3') GROUP BY buyer, promotion HAVING count(*) > 1)""")
if buyers.fetchone()[0]:
    faults.append(["a buyer has a flash price or the coupon twice"])
for row in duckdb.execute("SELECT sku, sold, granted FROM variants WHERE sold > granted").fetchall():
    faults.append(["oversold", *map(str, row)])
one = "SELECT count(*) FILTER (state = 'delivered'), count(*) FILTER (state = 'returned'), sum(owed)"
delivered, returned, owed = duckdb.execute(one + " FROM market_parcels").fetchone()
print(json.dumps({
    "faults": faults, "orders": len(units), "units": sum(map(len, units.values())),
    "flash_units": flash_units, "delivered": delivered, "returned": returned, "owed": int(owed),
    "posted": int(posted or 0),
    **sums,
}))
