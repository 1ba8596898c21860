"""Holds what the books did with files of other parties against the truth about each line.

    files_clear.py LOG REPORTS TRUTH...

LOG is `doorstep log --json`, REPORTS the JSON lines of `doorstep file --json`, each TRUTH a
`truth.csv` of a simulated day. DuckDB adds up the lines; nothing here knows the rules of the books.
Prints one JSON object: what was matched right, wrong and not, by lane and fault, and the sums of
each file beside those that the books stored.
"""

import csv
import json
import sys

import duckdb

LINES = """
create table lines as
select lane, party, file, line, net, belongs_to,
       case when has_cause then net - in_suspense else 0 end as matched,
       case when has_cause then in_suspense else net end as broken
from clearing
"""

SUMS = """
select lane, party, file, count(*), sum(matched), sum(broken) from lines
group by all order by all
"""


def payment_of(fields):
    payment = fields["payment"]
    return payment and f"payment {payment['parcel']}/{payment['number']}"


def in_suspense(entry):
    """What the line left in suspense, in minor units: more than its cause above zero."""
    posted = 0
    for posting in entry["postings"]:
        if posting["credit"].startswith("assets:suspense"):
            posted += posting["amount"]
        if posting["debit"].startswith("assets:suspense"):
            posted -= posting["amount"]
    return posted


def read_log(path):
    """The lines of clearing files, and the entries of statements with what they are for."""
    clearing, entries, names, days = [], {}, {}, {}
    for text in open(path, encoding="utf-8"):
        entry = json.loads(text)
        fields = entry["fields"]
        for one in entry["references"]:
            names[one["id"]] = one["reference"]
        match entry["command"]:
            case "BeginFile":
                (lane, party), = fields["lane"].items()
                days[lane.lower(), names[party], fields["file"]] = fields["from"]
            case "ClearLine":
                (lane, party), = fields["rail"].items()
                net, left = fields["amount"] - fields["deducted"], in_suspense(entry)
                # A line is for a payment if the books gave the payment something of it.
                has_cause = fields["payment"] is not None and left != net
                place = (lane.lower(), names[party], fields["file"], fields["line"])
                clearing.append((*place, net, payment_of(fields) or "", has_cause, left))
            case "TakeEntry" | "MatchEntry":
                place = (fields["bank"], fields["file"], fields["line"])
                known = entries.setdefault(place, {"amount": fields.get("amount"), "parts": []})
                known["parts"] += fields["parts"]
                known["until"] = fields["expected_until"]
    return clearing, entries, names, days


def cause_of(part, names, days):
    (kind, what), = part["movement"].items()
    match kind:
        case "Deposit":
            return f"deposit {what}"
        case "ClearingFile":
            (lane, party), = what["rail"].items()
            name = names[party]
            return f"clearing {name} {days[lane.lower(), name, what['file']]}"
    return f"{kind} {what}"


def main():
    log, reports, *truths = sys.argv[1:]
    clearing, entries, names, days = read_log(log)
    base = duckdb.connect()
    base.execute(
        "create table clearing (lane text, party text, file int, line int, net bigint,"
        " belongs_to text, has_cause bool, in_suspense bigint)"
    )
    base.executemany("insert into clearing values (?, ?, ?, ?, ?, ?, ?, ?)", clearing)
    base.execute(LINES)
    computed = {(lane, party, file): sums for lane, party, file, *sums in
                base.execute(SUMS).fetchall()}

    # In which file of the books a file of the folder is, and the sums that the books stored.
    numbers, differing = {}, []
    for text in open(reports, encoding="utf-8"):
        path, report = text.rstrip("\n").split("\t", 1)
        for one in json.loads(report)["files"]:
            place = (one["source"], one["name"], one["file"])
            numbers[path] = place
            if one["source"] == "bank":
                continue
            lines, matched, broken = computed[place]
            parts = one["parts"]
            stored = (one["lines"], parts["matched"]["amount"], parts["breaks"]["amount"])
            if stored != (lines, int(matched), int(broken)) or parts["expected"]["amount"]:
                differing.append({"file": path, "stored": stored, "computed": str(computed[place])})

    found = {place[:4]: (place[5], place[6]) for place in clearing}
    banks = {}
    for (bank, file, line), entry in entries.items():
        causes = sorted({cause_of(part, names, days) for part in entry["parts"]})
        banks[names[bank], file, line] = causes
    counts, wrong = {}, []
    for truth in truths:
        folder = truth.rsplit("/", 1)[0]
        for row in csv.DictReader(open(truth, encoding="utf-8")):
            path = f"{folder}/{row['file']}"
            if not row["file"] or path not in numbers:
                continue
            lane, party, file = numbers[path]
            line = int(row["item"])
            if lane == "bank":
                causes = banks[party, file, line]
                is_matched, is_right = bool(causes), causes == [row["belongs_to"]]
            else:
                cause, is_matched = found[lane, party, file, line]
                is_right = cause == row["belongs_to"]
            key = f"{lane}/{row['kind']}" if lane == "bank" else lane
            key = f"{key} {row['fault'] or 'sound'}"
            count = counts.setdefault(key, {"lines": 0, "right": 0, "wrong": 0})
            count["lines"] += 1
            if is_matched:
                count["right" if is_right else "wrong"] += 1
                if not is_right:
                    wrong.append({"file": path, "item": line, "truth": row["belongs_to"]})
    total = {name: sum(one[name] for one in counts.values()) for name in ("lines", "right", "wrong")}
    matched = total["right"] + total["wrong"]
    print(json.dumps({
        "precision": total["right"] / matched,
        "recall": total["right"] / total["lines"],
        "wrong": wrong,
        "differing": differing,
        "counts": dict(sorted(counts.items())),
    }))


if __name__ == "__main__":
    main()
