"""Recomputes `doorstep costs` from the SQL views and the log, which another program can read.

    python3 costs.py views.sqlite log.jsonl costs.toml FROM UNTIL reports.json

`reports.json` has what the command printed: a report for each way to group, and the list of
collections. Shares no code with Doorstep. Prints what it compared.
"""

import json
import sqlite3
import sys
import tomllib
from collections import Counter, defaultdict
from fractions import Fraction

VIEWS, LOG, SETTINGS, FIRST, LAST, REPORTS = sys.argv[1:]
STILL = 9223372036854775807
FEES = {
    "income:issuer-fees": "issuer",
    "income:network-fees": "network",
    "income:acquirer-fees": "acquirer",
    "income:wallet-fees": "wallet",
    "liabilities:vat-payable": "vat",
}
TAKEN = ("CardCollected", "QrCollected", "CashCollected")
MONEY = """
    SELECT p.batch, p.command, p.entry, d.name, c.name, p.amount, hex(p.parcel), p.payment,
           m.method, g.name, r.reference, p.date
    FROM postings p
    JOIN accounts d ON d.account = p.debit
    JOIN accounts c ON c.account = p.credit
    JOIN commands g ON g.batch = p.batch AND g.command = p.command
    LEFT JOIN payments m ON m.parcel = p.parcel AND m.payment = p.payment AND m.until_batch = ?
    LEFT JOIN orders o ON o.parcel = p.parcel
    LEFT JOIN sellers r ON r.seller = o.seller AND r.until_batch = ?
    WHERE p.stage LIKE 'posted%' AND p.parcel IS NOT NULL AND p.date BETWEEN ? AND ?
    ORDER BY p.posting
"""


def agree(what, ours, theirs):
    if ours != theirs:
        sys.exit(f"{what}: recomputed {ours}, the report says {theirs}")
    COMPARED[what.split(" ")[0]] += 1


def half_up(value):
    return int(value + Fraction(1, 2)) if value >= 0 else -half_up(-value)


def component(entry, debit, credit, method, command):
    """The component of a posting, and its sign; None if it costs nothing."""
    at_door = "cash_handling" if method == "cash" else "door"

    def of(account):
        if account.startswith("income:cod-fees"):
            return at_door
        found = [name for prefix, name in FEES.items() if account.startswith(prefix)]
        return found[0] if found else None

    if entry == "FeeCharged":
        return of(credit), 1
    if entry == "FeeReversed":
        return of(debit), -1
    if entry == "CommissionEarned":
        return at_door, 1
    if entry == "CommissionReversed":
        return at_door, -1
    if entry == "ReturnCharged":
        return "returns", 1
    if entry == "FreightCharged":
        return ("returns" if command == "ReturnParcel" else "freight"), 1
    if entry == "VatCharged":
        return "vat", 1
    if entry == "FreightReversed":
        return ("vat" if debit.startswith("liabilities:vat") else "freight"), -1
    return None, 0


def taken(entry, debit, credit):
    held = "liabilities:seller-held"
    if entry in TAKEN or (entry == "SuspendedSaleBooked" and credit.startswith(held)):
        return 1
    if entry == "CollectionReversed":
        return -1
    return -1 if entry == "OfflineSaleRejected" and debit.startswith(held) else 0


COMPARED = Counter()
with open(REPORTS) as file:
    reports = json.load(file)
with open(SETTINGS, "rb") as file:
    settings = tomllib.load(file)
database = sqlite3.connect(f"file:{VIEWS}?mode=ro", uri=True)

# Booked: postings by payment.
rows = defaultdict(lambda: {"amount": 0, "costs": Counter(), "seller": None, "method": None})
for _, _, entry, debit, credit, amount, parcel, payment, method, command, seller, day in (
    database.execute(MONEY, (STILL, STILL, FIRST, LAST))
):
    row = rows[parcel.lower(), payment]
    sign = taken(entry, debit, credit)
    name, cost_sign = component(entry, debit, credit, method, command)
    if sign or name:
        row["seller"], row["method"] = seller, method
        row.setdefault("day", day)
    row["amount"] += sign * amount
    if name:
        row["costs"][name] += cost_sign * amount
rows = {
    key: row for key, row in rows.items() if row["amount"] or any(row["costs"].values())
}

# Terminals and routes: the log.
terminal_of, route_of, used, registered, default = {}, {}, defaultdict(set), {}, None
with open(LOG) as file:
    for line in file:
        one = json.loads(line)
        fields, day = one["fields"], one["date"]
        if one["command"] == "RegisterNetwork" and default is None:
            default = fields["network"]
        if one["command"] == "RegisterTerminal":
            registered[fields["terminal"]] = day
        if one["command"] not in (
            "BeginPurchase", "TakeCash", "RecordOfflineSale", "BeginCompletion"
        ):
            continue
        terminal = fields["trace"]["terminal"]
        if FIRST <= day <= LAST:
            used[terminal].add(day)
        named = [event["payment"] for event in one["events"] if "payment" in event]
        if not named:
            continue
        key = named[0]["parcel"], named[0]["number"]
        terminal_of[key] = terminal
        if fields.get("route_candidates"):
            route_of[key] = fields["route_candidates"]


def routing(keys):
    sums = Counter(routed=0, compared=0, saved=0, regret=0, forgone=0)
    for key in keys:
        if key not in route_of or rows[key]["amount"] <= 0:
            continue
        takes = [
            one for one in route_of[key]
            if one["verdict"] not in ("CardNotAccepted", "WrongCurrency")
        ]
        cost = next(one["cost"] for one in takes if one["verdict"] == "Chosen")
        up = [one["cost"] for one in takes if one["verdict"] in ("Chosen", "MoreExpensive")]
        usual = [one["cost"] for one in takes if one["network"] == default]
        sums["routed"] += 1
        sums["compared"] += len(usual)
        sums["saved"] += sum(usual) - cost if usual else 0
        sums["regret"] += cost - min(up)
        sums["forgone"] += cost - min(one["cost"] for one in takes)
    return dict(sums)


def minor(text):
    return int(Fraction(text) * 100)


# Estimated: the days of a terminal, in fractions.
terminal_settings = settings["terminal"]
estimates = {}
for terminal, since in registered.items():
    first = max(since, FIRST)
    if first > LAST:
        continue
    length = (
        database.execute("SELECT julianday(?) - julianday(?) + 1", (LAST, first)).fetchone()[0]
    )
    part = Fraction(int(length)) * 12 / 365
    estimates[terminal] = (
        half_up(minor(terminal_settings["price"]) * part / terminal_settings["life_months"]),
        half_up(minor(terminal_settings["communications_month"]) * part),
        half_up(minor(terminal_settings["repairs_month"]) * part)
        + sum(
            minor(one["amount"])
            for one in settings.get("repair", [])
            if str(one["terminal"]) == terminal and FIRST <= one["day"] <= LAST
        ),
    )

total = reports["seller"]["totals"][0]
sums = Counter()
for row in rows.values():
    sums.update(row["costs"])
for name, theirs in total["costs"].items():
    if name == "terminals":
        agree("component terminals", sum(map(sum, estimates.values())), theirs)
    elif name != "cash_estimate":
        agree(f"component {name}", sums[name], theirs)
agree("collected", sum(row["amount"] for row in rows.values()), total["collected"])
count = sum((row["amount"] > 0) - (row["amount"] < 0) for row in rows.values())
agree("collections", count, total["collections"])
agree("parcels", len({parcel for parcel, _ in rows}), total["parcels"])
agree("routing", routing(rows), total["routing"])

for group in reports["seller"]["groups"]:
    own = [key for key, row in rows.items() if (row["seller"] or "") == group["key"]]
    if not group["key"]:
        continue
    agree(f"seller {group['key']}", sum(rows[key]["amount"] for key in own), group["collected"])
    agree("seller routing", routing(own), group["routing"])
    booked = sum(sum(rows[key]["costs"].values()) for key in own)
    estimated = group["costs"]["terminals"] + group["costs"]["cash_estimate"]
    agree("seller cost", booked, group["total"] - estimated)

# Each way to group has the same sum, and so has the list.
for by, report in reports.items():
    if by == "list":
        continue
    agree(f"sum {by}", sum(group["total"] for group in report["groups"]), total["total"])
listed = reports["list"]
idle = sum(group["total"] for group in reports["seller"]["groups"] if not group["key"])
agree("listed", sum(one["amount"] for one in listed), total["collected"])
agree("listed rows", len(rows), len(listed))
booked = sum(
    cost
    for one in listed
    for name, cost in one["costs"].items()
    if name not in ("terminals", "cash_estimate")
)
agree("listed costs", sum(sum(row["costs"].values()) for row in rows.values()), booked)
agree("listed total", total["total"] - idle, sum(one["total"] for one in listed))

collections = Counter(terminal_of.get(key) for key, row in rows.items() if row["amount"] > 0)
for one in reports["seller"]["terminals"]:
    terminal = str(one["terminal"])
    agree(f"terminal {terminal}", collections[terminal], one["collections"])
    agree("terminal days", len(used[terminal]), one["active_days"])
    agree("terminal idle", collections[terminal] == 0, one["idle"])
    costs = one["depreciation"], one["communications"], one["repairs"]
    agree("terminal cost", estimates[terminal], costs)

# What files kept back: the lines, and the postings of the difference.
FILES = """
    SELECT n.reference, count(*), sum(l.deducted) FROM clearing_lines l
    JOIN (SELECT network AS id, 'network' AS kind, reference FROM networks WHERE until_batch = :still
          UNION ALL SELECT wallet, 'wallet', reference FROM wallets) n
      ON n.id = l.rail AND n.kind = l.rail_kind
    WHERE (SELECT min(g.date) FROM commands g WHERE g.batch = l.batch) BETWEEN :first AND :last
    GROUP BY n.reference
"""
kept = {
    name: (lines, deducted)
    for name, lines, deducted in database.execute(
        FILES, {"still": STILL, "first": FIRST, "last": LAST}
    )
}
DRIFT = """
    SELECT coalesce(sum(CASE p.entry WHEN 'DeductedTooMuch' THEN p.amount END), 0),
           coalesce(sum(CASE p.entry WHEN 'DeductedTooLittle' THEN p.amount END), 0)
    FROM postings p JOIN accounts a ON a.account IN (p.debit, p.credit)
    JOIN commands g ON g.batch = p.batch AND g.command = p.command
    WHERE g.name = 'ClearLine' AND p.stage LIKE 'posted%' AND g.date BETWEEN ? AND ?
      AND a.reference = ?
"""
for one in reports["seller"]["drift"]:
    agree("kept", kept[one["name"]], (one["lines"], one["kept"]))
    much, little = database.execute(DRIFT, (FIRST, LAST, one["name"])).fetchone()
    agree("drift", (much, little), (one["too_much"], one["too_little"]))
    agree("expected", one["kept"] - much + little, one["expected"])
print(json.dumps(COMPARED))
