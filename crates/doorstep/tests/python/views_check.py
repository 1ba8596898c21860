"""Checks views.sqlite by itself, and against what other commands print.

views_check.py VIEWS POSTINGS.csv BALANCES.jsonl PARCELS.json

It shares no code with Doorstep. The sums of the export's postings, batch after batch, are what the
views must say of each account as of each batch; the states must follow each other without a gap.
"""

import collections
import csv
import json
import sqlite3
import sys

STILL = 9223372036854775807


def stop(message):
    sys.exit(f"views_check: {message}")


def minor(text, decimals):
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(decimals, "0"))


def check_postings(views, path):
    """The export has each posting that moves money, and the views the same ones in that order."""
    with open(path, encoding="utf-8", newline="") as file:
        exported = list(csv.DictReader(file))
    names = dict(views.execute("SELECT account, name FROM accounts"))
    rows = views.execute(
        "SELECT batch, command, date, entry, debit, credit, amount, debit_balance, credit_balance,"
        " parcel, payment, stage FROM postings ORDER BY posting"
    ).fetchall()
    moved = [row for row in rows if row[11] in ("posted", "posted from reserve")]
    if len(moved) != len(exported):
        stop(f"{len(moved)} postings move money, the export has {len(exported)}")
    sums = collections.Counter()
    steps = collections.defaultdict(list)
    for line, row in zip(exported, moved):
        batch, command, date, entry, debit, credit, amount, debit_after, credit_after = row[:9]
        decimals = {"JPY": 0, "KWD": 3}.get(line["currency"], 2)
        expected = (line["position"], line["date"], line["entry"], line["debit"], line["credit"],
                    minor(line["amount"], decimals))
        found = (f"{batch}.{command}", date, entry, names[debit], names[credit], amount)
        if expected != found:
            stop(f"the export has {expected}, the views {found}")
        sums[debit] += amount
        sums[credit] -= amount
        if (sums[debit], sums[credit]) != (debit_after, credit_after):
            stop(f"after {found} the balances are {debit_after} and {credit_after}")
        steps[debit].append((batch, debit_after))
        steps[credit].append((batch, credit_after))
    return sums, steps, names


def check_balances(views, path, sums, names):
    """What `balances --all` prints: nonzero ones, debits positive."""
    printed = collections.Counter()
    with open(path, encoding="utf-8") as file:
        for line in map(json.loads, file):
            printed[line["account"], line["currency"]] += line["amount"]
    currencies = dict(views.execute("SELECT account, currency FROM accounts"))
    own = collections.Counter()
    for account, amount in sums.items():
        own[names[account], currencies[account]] += amount
    if +own != +printed or -own != -printed:
        stop(f"the views say {own - printed}, `balances` {printed - own}")


def check_as_of(views, steps, statement):
    """The statement of the product, as of every batch, for every account."""
    (last,) = views.execute("SELECT batch FROM checkpoint").fetchone()
    asked = 0
    for account, own in steps.items():
        at = dict(own)
        balance = None
        for batch in range(1, last + 1, max(1, last // 40)):
            known = [one for one in at if one <= batch]
            balance = at[max(known)] if known else 0
            row = views.execute(statement, (account, batch)).fetchone()
            # A reservation is a posting, too, and moves nothing.
            if (row[0] if row else 0) != balance:
                stop(f"account {account} as of batch {batch}: {row}, not {balance}")
            asked += 1
    return asked


def check_spans(views, table, key):
    """Each state begins where the one before ended; at most the last one still holds."""
    columns = f"{key}, from_batch, until_batch"
    before = None
    rows = 0
    for row in views.execute(f"SELECT {columns} FROM {table} ORDER BY {key}, from_batch"):
        own, begins, ends = row[:-2], row[-2], row[-1]
        if begins >= ends:
            stop(f"{table} {own}: from {begins} until {ends}")
        if before and before[0] == own and before[1] != begins:
            stop(f"{table} {own}: ended at {before[1]}, begins at {begins}")
        before = (own, ends)
        rows += 1
    return rows


def check_parcels(views, path):
    """What `parcels --json` prints is what still holds."""
    with open(path, encoding="utf-8") as file:
        printed = json.load(file)["parcels"]
    own = {}
    for parcel, *content in views.execute(
        "SELECT parcel, state, currency, due, collected, payments FROM parcels"
        " WHERE until_batch = ?", (STILL,)
    ):
        own[parcel.hex()] = content
    if len(own) != len(printed):
        stop(f"{len(own)} parcels hold still, `parcels` has {len(printed)}")
    for line in printed:
        expected = [line["state"], line["currency"], line["due"], line["collected"]]
        if own[line["parcel"]][:4] != expected:
            stop(f"parcel {line['parcel']}: {own[line['parcel']]}, not {expected}")
    payments = collections.Counter(
        parcel.hex() for (parcel,) in views.execute(
            "SELECT parcel FROM payments WHERE until_batch = ?", (STILL,))
    )
    for parcel, content in own.items():
        if payments[parcel] != content[4]:
            stop(f"parcel {parcel} has {content[4]} payments, {payments[parcel]} hold still")
    return len(own)


def check_money(views, sums):
    """What other views say of money is what its postings moved."""
    balances = collections.Counter()
    for account, code, owner in views.execute("SELECT account, code, owner FROM accounts"):
        balances[code, owner] += sums[account]
    couriers = views.execute(
        "SELECT courier, in_hand, shortage FROM custody WHERE until_batch = ?", (STILL,)).fetchall()
    for courier, in_hand, shortage in couriers:
        expected = (balances[1210, courier], balances[1220, courier])
        if (in_hand, shortage) != expected:
            stop(f"courier {courier} has {in_hand} and owes {shortage}, not {expected}")
    known = {owner for code, owner in balances if code == 1210}
    if known != {courier for courier, *_ in couriers}:
        stop("not each courier has a custody")
    (sent,) = views.execute(
        "SELECT coalesce(sum(net), 0) FROM payouts WHERE until_batch = ?"
        " AND state IN ('sent', 'confirmed', 'returned')", (STILL,)).fetchone()
    (posted,) = views.execute(
        "SELECT coalesce(sum(amount), 0) FROM postings"
        " WHERE entry = 'PayoutSent' AND stage LIKE 'posted%'").fetchone()
    if sent != posted:
        stop(f"payouts of {sent} were sent, {posted} were posted")
    (unexplained,) = views.execute(
        "SELECT coalesce(sum(CASE side WHEN 'excess' THEN -amount ELSE amount END), 0)"
        " FROM breaks WHERE until_batch = ?", (STILL,)).fetchone()
    if unexplained != balances[1900, 0]:
        stop(f"the breaks add up to {unexplained}, in suspense is {balances[1900, 0]}")


def histories(views):
    """The tables whose rows end, each with its key: the columns before `from_batch`."""
    for (table,) in views.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        columns = [row[1] for row in views.execute(f"PRAGMA table_info({table})")]
        if "until_batch" in columns:
            yield table, ", ".join(columns[:columns.index("from_batch")])


def main():
    path, postings, balances, parcels, statement = sys.argv[1:]
    views = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    if views.execute("PRAGMA integrity_check").fetchone() != ("ok",):
        stop("the file is damaged")
    sums, steps, names = check_postings(views, postings)
    check_balances(views, balances, sums, names)
    with open(statement, encoding="utf-8") as file:
        asked = check_as_of(views, steps, file.read())
    rows = sum(check_spans(views, table, key) for table, key in histories(views))
    check_money(views, sums)
    found = check_parcels(views, parcels)
    print(f"checked {len(steps)} accounts, {asked} balances, {rows} states, {found} parcels")


main()
