"""Computes the figures of a day's report again with DuckDB and hledger, and compares.

report_recomputed.py REPORT.json BEFORE AFTER BOOKS.journal

REPORT.json is what `pulse run --json` prints. BEFORE and AFTER are directories with the views as they
were at the end of the day before and of the day (`get VIEW --at N --format csv`), BOOKS.journal is
`export --format hledger`. It shares no statement with Doorstep: a change of the day is the difference
between two states, where Doorstep reads the history, and money comes from postings and from hledger.
"""

import collections
import datetime
import json
import subprocess
import sys

import duckdb

STANDS = "('approved', 'held', 'released', 'void pending', 'reversal pending', 'expiry pending')"
WAITS = ("('unknown', 'completion unknown', 'void pending', 'reversal pending', 'expiry pending',"
         " 'reversal of void pending')")
# Decisions of the day: those that there were not before.
STOPPED = ("(SELECT * FROM after.text_decisions ANTI JOIN before.text_decisions"
           " USING (offer, decision) WHERE verdict <> 'published')")
VIEWS = ["accounts", "postings", "orders", "parcels", "payments", "refunds", "payouts", "breaks",
         "custody", "text_decisions", "text_rules", "text_appeals"]


def connect(before, after, first, last):
    base = duckdb.connect()
    for name, directory in (("before", before), ("after", after)):
        base.execute(f"CREATE SCHEMA {name}")
        for view in VIEWS:
            base.execute(f"CREATE TABLE {name}.{view} AS SELECT * FROM"
                         f" read_csv('{directory}/{view}.csv', header = true, all_varchar = true)")
    base.execute(f"""CREATE VIEW moved AS
        SELECT a.code, p.currency, p.entry, p.parcel, p.payment,
            CAST(p.amount AS BIGINT) AS amount FROM after.postings p
        JOIN after.accounts a ON a.account = p.debit
        WHERE CAST(p.batch AS BIGINT) BETWEEN {first} AND {last} AND p.stage LIKE 'posted%'
        UNION ALL
        SELECT a.code, p.currency, p.entry, p.parcel, p.payment,
            -CAST(p.amount AS BIGINT) FROM after.postings p
        JOIN after.accounts a ON a.account = p.credit
        WHERE CAST(p.batch AS BIGINT) BETWEEN {first} AND {last} AND p.stage LIKE 'posted%'""")
    base.execute(f"""CREATE VIEW collected AS
        SELECT parcel, payment, currency, sum(CAST(amount AS BIGINT)) AS amount
        FROM after.postings WHERE CAST(batch AS BIGINT) BETWEEN {first} AND {last}
            AND stage LIKE 'posted%' AND entry IN ('CardCollected', 'QrCollected', 'CashCollected')
        GROUP BY ALL""")
    base.execute(f"""CREATE VIEW announced AS
        SELECT o.*, p.state, p.due AS now_due FROM after.orders o
        JOIN after.parcels p ON p.parcel = o.parcel
        WHERE CAST(o.batch AS BIGINT) BETWEEN {first} AND {last}""")
    return base


def change(sql):
    """What a sum is after the day, less what it was before."""
    return (f"SELECT currency, sum(value) AS value FROM ("
            f"{sql.format(at='after', sign='')} UNION ALL {sql.format(at='before', sign='-')}"
            f") GROUP BY ALL")


def total(sql):
    return sql.format(at="after", sign="")


STANDING = ("SELECT currency, {sign}sum(CAST(amount AS BIGINT)) AS value FROM {at}.payments"
            f" WHERE state IN {STANDS} GROUP BY ALL")
KEPT_ALL = ("SELECT currency, {sign}sum(CAST(amount AS BIGINT) - CAST(refunded AS BIGINT)) AS value"
            f" FROM {{at}}.payments WHERE state IN {STANDS} GROUP BY ALL")
COLLECTED = ("SELECT currency, {sign}sum(CAST(collected AS BIGINT)) AS value FROM {at}.parcels"
             " GROUP BY ALL")
HELD = ("SELECT currency, {sign}sum(greatest(0, CAST(amount AS BIGINT) - CAST(fees AS BIGINT)"
        " - CAST(refunded AS BIGINT))) AS value FROM {at}.payments WHERE state IN"
        " ('approved', 'held', 'void pending', 'reversal pending', 'expiry pending') GROUP BY ALL")
FEES = ("SELECT currency, {sign}sum(CAST(fees AS BIGINT)) AS value FROM {at}.payments"
        f" WHERE state IN {STANDS} GROUP BY ALL")
PAID = ("SELECT currency, {sign}sum(CAST(net AS BIGINT)) AS value FROM {at}.payouts"
        " WHERE state = 'confirmed' GROUP BY ALL")
FATE = """CASE state WHEN 'delivered' THEN 'collected' WHEN 'refused' THEN 'refused' WHEN 'returned'
    THEN 'refused' WHEN 'lost' THEN 'lost' WHEN 'cancelled' THEN 'cancelled' ELSE 'under way' END"""
# What was taken and still counts at the end of the day.
KEPT = f"""FROM collected c JOIN after.payments p ON p.parcel = c.parcel AND p.payment = c.payment
    WHERE p.state IN {STANDS}"""
FEE_ENTRIES = "('FeeCharged', 'FeeReversed', 'CommissionEarned', 'CommissionReversed')"

FIGURES = {
    "taken": """SELECT p.method AS by, c.currency, sum(c.amount) AS value FROM collected c
        JOIN after.payments p ON p.parcel = c.parcel AND p.payment = c.payment GROUP BY ALL""",
    "taken_kept": "SELECT c.currency, sum(c.amount - CAST(p.refunded AS BIGINT)) AS value"
                  f" {KEPT} GROUP BY ALL",
    "taken_refunded": "SELECT c.currency, sum(CAST(p.refunded AS BIGINT)) AS value"
                      f" {KEPT} GROUP BY ALL",
    "taken_refund_records": f"""SELECT c.currency, sum(CAST(r.amount AS BIGINT)) AS value
        FROM collected c JOIN after.payments p ON p.parcel = c.parcel AND p.payment = c.payment
        JOIN after.refunds r ON r.parcel = c.parcel AND r.payment = c.payment
        WHERE p.state IN {STANDS} AND r.state <> 'won' GROUP BY ALL""",
    "taken_reversed": f"""SELECT c.currency, sum(c.amount) AS value FROM collected c
        JOIN after.payments p ON p.parcel = c.parcel AND p.payment = c.payment
        WHERE p.state NOT IN {STANDS} GROUP BY ALL""",
    "taken_net": change(STANDING),
    "taken_kept_net": change(KEPT_ALL),
    "parcels_collected": change(COLLECTED),
    # What is owed to buyers from the start is in no record of a refund.
    "taken_excess": f"""SELECT c.currency, sum(CAST(p.refunded AS BIGINT)) - coalesce(sum(r.sum), 0)
        AS value FROM collected c
        JOIN after.payments p ON p.parcel = c.parcel AND p.payment = c.payment
        LEFT JOIN (SELECT parcel, payment, sum(CAST(amount AS BIGINT)) AS sum FROM after.refunds
            WHERE state <> 'won' GROUP BY ALL) r ON r.parcel = c.parcel AND r.payment = c.payment
        WHERE p.state IN {STANDS} GROUP BY ALL""",
    "taken_by_postings": """SELECT currency, sum(CASE code WHEN '2110' THEN -amount ELSE amount END)
        AS value FROM moved WHERE code IN ('1110', '1120', '1210') AND entry IN ('CardCollected',
            'QrCollected', 'CashCollected', 'CollectionReversed', 'OfflineSaleRejected')
        OR code = '2110' AND entry = 'SuspendedSaleBooked' GROUP BY ALL""",
    "delivered": """SELECT NULL AS currency, count(*) AS value FROM after.parcels a
        LEFT JOIN before.parcels b ON b.parcel = a.parcel
        WHERE a.state = 'delivered' AND coalesce(b.state, '') <> 'delivered'""",
    "not_delivered": """SELECT a.state AS by, NULL AS currency, count(*) AS value
        FROM after.parcels a LEFT JOIN before.parcels b ON b.parcel = a.parcel
        WHERE a.state IN ('refused', 'returned', 'lost', 'cancelled')
            AND coalesce(b.state, '') <> a.state GROUP BY ALL""",
    "announced": "SELECT NULL AS currency, count(*) AS value FROM announced",
    "announced_fate": f"SELECT {FATE} AS by, NULL AS currency, count(*) AS value FROM announced"
                      " GROUP BY ALL",
    "announced_due": "SELECT currency, sum(CAST(due AS BIGINT)) AS value FROM announced GROUP BY ALL",
    "payment_fees": change(FEES),
    "seller_fees": f"""SELECT code AS by, currency, -sum(amount) AS value FROM moved
        WHERE entry IN {FEE_ENTRIES} AND code NOT IN ('2110', '2120') GROUP BY ALL""",
    "rail_costs": """SELECT currency, sum(amount) AS value FROM moved WHERE code = '5010'
        AND entry LIKE 'ClearingFee%' GROUP BY ALL""",
    "other_costs": """SELECT code AS by, currency, sum(amount) AS value FROM moved
        WHERE code LIKE '5%' AND entry NOT LIKE 'ClearingFee%' GROUP BY ALL""",
    "freight": """SELECT currency, -sum(amount) AS value FROM moved WHERE code = '2210'
        AND entry LIKE 'Freight%' GROUP BY ALL""",
    "held_by_payments": change(HELD),
    "held_of_discounts": """SELECT currency, -sum(amount) AS value FROM moved
        WHERE code = '2110' AND payment = '0' GROUP BY ALL""",
    "paid": change(PAID),
    "paid_by_postings": """SELECT currency, sum(amount) AS value FROM moved WHERE code = '2130'
        AND entry = 'PayoutConfirmed' GROUP BY ALL""",
    "payouts_sent_open": """SELECT currency, sum(CAST(net AS BIGINT)) AS value FROM after.payouts
        WHERE state = 'sent' GROUP BY ALL""",
    "texts_stopped": f"""SELECT r.baseline AS by, NULL AS currency, count(*) AS value
        FROM {STOPPED} JOIN after.text_rules r USING (offer, decision)
        WHERE r.place = '1' GROUP BY ALL""",
    "texts_by_automation": f"""SELECT automation AS by, NULL AS currency, count(*) AS value
        FROM {STOPPED} GROUP BY ALL""",
    "texts_by_verdict": f"""SELECT verdict AS by, NULL AS currency, count(*) AS value
        FROM {STOPPED} GROUP BY ALL""",
    "appeals_received": """SELECT NULL AS currency, count(*) AS value
        FROM after.text_appeals ANTI JOIN before.text_appeals USING (offer, decision)""",
    "appeals_judged": """SELECT state AS by, NULL AS currency, count(*) AS value
        FROM (SELECT * FROM after.text_appeals WHERE state <> 'open') ANTI JOIN
        (SELECT * FROM before.text_appeals WHERE state <> 'open') USING (offer, decision)
        GROUP BY ALL""",
    "appeals_open": """SELECT NULL AS currency, count(*) AS value FROM after.text_appeals
        WHERE state = 'open'""",
    "appeals_open_before": """SELECT NULL AS currency, count(*) AS value
        FROM before.text_appeals WHERE state = 'open'""",
    "unknown_payments": f"""SELECT NULL AS currency, count(*) AS value FROM after.payments
        WHERE state IN {WAITS}""",
    "unknown_amount": f"""SELECT currency, sum(CAST(amount AS BIGINT)) AS value FROM after.payments
        WHERE state IN {WAITS} GROUP BY ALL""",
    "breaks_open": """SELECT subject_kind AS by, NULL AS currency, count(*) AS value
        FROM after.breaks WHERE state IN ('open', 'proposed') GROUP BY ALL""",
    "breaks_net": """SELECT currency, sum(CASE side WHEN 'shortfall' THEN 1 ELSE -1 END
        * CAST(amount AS BIGINT)) AS value FROM after.breaks
        WHERE state IN ('open', 'proposed') GROUP BY ALL""",
    "courier_cash": """SELECT 'in hand' AS by, currency, sum(CAST(in_hand AS BIGINT)) AS value
        FROM after.custody GROUP BY ALL UNION ALL
        SELECT 'short', currency, sum(CAST(shortage AS BIGINT)) FROM after.custody GROUP BY ALL""",
    "balance_jumps": "SELECT NULL AS currency, 0 AS value",
}

# What hledger calls the accounts of each money figure; liabilities and income have a minus there.
ACCOUNTS = {
    "held": ("liabilities:seller-held", -1),
    "payable": ("liabilities:seller-payable", -1),
    "payouts_under_way": ("liabilities:payout-in-flight", -1),
    "owed": ("liabilities", -1),
    "owed_to_others": (
        "liabilities:(firm-commission|buyer-refunds|vat-payable|withholding-payable)", -1),
    "assets": ("assets", 1),
    "suspense": ("assets:suspense", 1),
    "courier_cash_accounts": ("assets:courier-(cash|shortage)", 1),
    "earned": ("(income|expenses)", -1),
}
CHANGES = {"held_moved": ("liabilities:seller-held", -1), "assets_moved": ("assets", 1),
           "owed_moved": ("liabilities", -1)}
OPENINGS = {"assets_before": ("assets", 1), "owed_before": ("liabilities", -1)}
# What was due before a parcel was closed is in no state at the end of a day; an identity has both.
LEFT_OUT = {"announced_due_changed", "announced_due_fate"}


def hledger(journal, accounts, until):
    """Sums in minor units by currency, of all postings before a day."""
    command = ["hledger", "-f", journal, "balance", f"^{accounts}(:|$)", "-e", until, "-N",
               "--depth", "0", "-O", "json"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows, amounts = json.loads(found)
    sums = collections.Counter()
    for amount in [part for row in rows for part in row[3]]:
        quantity = amount["aquantity"]
        decimals = {"JPY": 0, "KWD": 3}.get(amount["acommodity"], 2)
        minor = quantity["decimalMantissa"] * 10**decimals // 10 ** quantity["decimalPlaces"]
        sums[amount["acommodity"]] += minor
    return sums


def nonzero(values):
    return {key: value for key, value in values.items() if value}


def main(report, before, after, journal):
    with open(report, encoding="utf-8") as file:
        report = json.load(file)["report"]
    span = report["span"]
    base = connect(before, after, span["from"], span["until"])
    day = datetime.date.fromisoformat(span["day"])
    next_day = (day + datetime.timedelta(days=1)).isoformat()
    wrong, seen = [], set()
    for run in report["figures"]:
        name = run["figure"]
        stated = collections.Counter()
        for one in run["values"]:
            stated[one.get("by"), one.get("currency")] += one["value"]
        if name in FIGURES:
            table = base.execute(FIGURES[name])
            columns = [column[0] for column in table.description]
            found = collections.Counter()
            for row in table.fetchall():
                row = dict(zip(columns, row))
                found[row.get("by"), row["currency"]] += int(row["value"] or 0)
        elif name in ACCOUNTS | CHANGES | OPENINGS:
            accounts, sign = (ACCOUNTS | CHANGES | OPENINGS)[name]
            sums = collections.Counter()
            if name not in OPENINGS:
                sums.update(hledger(journal, accounts, next_day))
            else:
                sums.update(hledger(journal, accounts, day.isoformat()))
            if name in CHANGES:
                sums.subtract(hledger(journal, accounts, day.isoformat()))
            found = {(None, currency): sign * value for currency, value in sums.items()}
            by_currency = collections.Counter()
            for (_, currency), value in stated.items():
                by_currency[None, currency] += value
            stated = by_currency
        elif name in LEFT_OUT or name.startswith("market_"):
            # Those of the market are recomputed by market_figures.py.
            continue
        else:
            wrong.append(f"{name}: nobody computes it again")
            continue
        seen.add(name)
        if nonzero(stated) != nonzero(found):
            wrong.append(f"{name}: {nonzero(stated)}, recomputed {nonzero(found)}")
    if wrong:
        sys.exit(f"{span['day']}: " + "; ".join(wrong))
    print(f"{span['day']}: {len(seen)} figures recomputed")


if __name__ == "__main__":
    main(*sys.argv[1:])
