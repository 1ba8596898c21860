"""Recomputes a day of Doorstep from its files, by the documents in docs/files alone.

    python3 recompute --orders orders.csv --tariff tariff.toml --day DATA_DIRECTORY \\
        --log log.jsonl --postings postings.csv --balances balances.jsonl

`--day` has the clearing files and payouts.csv. The others are written by `doorstep log --json`,
`doorstep export --format csv` and `doorstep balances --all --json`. Prints one JSON object that
counts what was compared. At the first difference it prints that one, and exits with status 1.
"""

import argparse
import json
import sys
from pathlib import Path

from checks import Books, Postings, rows_of
from facts import Facts
from money import Differs
from running import Running


def recompute(args):
    with open(args.log, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    facts = Facts(args.orders, args.tariff)
    for line in lines:
        facts.read(line)
    rows = rows_of(args.postings)
    books = Books(facts, Postings(rows))
    books.check_orders()
    books.check_payments()
    books.check_sellers()
    books.check_custody()
    books.check_receivables(args.day)
    books.check_payouts(Path(args.day) / "payouts.csv")
    books.check_journal(lines)
    books.check_balances(args.balances)
    running = Running(Facts(args.orders, args.tariff), rows)
    for line in lines:
        running.check(line)
    return {**books.counted, "running_balances": running.count}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("orders", "tariff", "day", "log", "postings", "balances"):
        parser.add_argument(f"--{name}", required=True)
    try:
        print(json.dumps(recompute(parser.parse_args())))
    except Differs as difference:
        print(f"DIFFERS: {difference}")
        sys.exit(1)


if __name__ == "__main__":
    main()
