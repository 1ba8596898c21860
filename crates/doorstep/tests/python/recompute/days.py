"""Runs simulated days of Doorstep and recomputes each from its files: see __main__.py.

    python3 -B days.py DOORSTEP SCRATCH --currencies CNY,JPY,KWD --seeds 1-20 \\
        --faults 0,100,400 --parcels 2000

Prints a line per day. The files of a day are in SCRATCH/CURRENCY-SEED-FAULTS; those of good days
are removed unless `--keep` is given. Exits with status 1 if a day differs.
"""

import argparse
import itertools
import random
import shutil
import subprocess
import sys
from pathlib import Path

from money import of_minor

HERE = Path(__file__).parent
TARIFF = HERE.parent.parent / "data" / "three-currencies.toml"
# A usual amount in minor units.
USUAL = {"CNY": 12_000, "JPY": 2_400, "KWD": 6_000}


def write_orders(path, currency, parcels, seed):
    """Orders of a few sellers: from the smallest amount to a hundred times the usual one."""
    chance = random.Random(f"{currency} {seed}")
    with open(path, "w", encoding="utf-8") as file:
        print("order,seller,currency,amount_due", file=file)
        for number in range(1, parcels + 1):
            minor = max(int(USUAL[currency] * 10 ** chance.gauss(0, 0.5)), 1)
            due = of_minor(minor, currency)
            seller = f"S-{chance.randrange(max(parcels // 5, 1)):04}"
            print(f"O-{number:06},{seller},{currency},{due}", file=file)


def run(command, out):
    with open(out, "w", encoding="utf-8") as file:
        return subprocess.run(command, stdout=file, stderr=subprocess.STDOUT).returncode == 0


def one_day(args, currency, seed, faults, folder):
    """Whether the day and its recomputation agree. Its files are written to `folder`."""
    if folder.exists():
        sys.exit(f"{folder} is there already: remove it, or give another directory")
    folder.mkdir(parents=True)
    orders, books = folder / "orders.csv", folder / "books"
    write_orders(orders, currency, args.parcels, seed)
    doorstep, read = [args.doorstep], ["--data", str(books)]
    day = ["day", "--orders", str(orders), "--profile", "doorstep", "--tariff", str(TARIFF),
           "--class", "capped", "--seed", str(seed), "--faults", str(faults), *read]
    steps = [
        ("day.txt", doorstep + day),
        ("log.jsonl", doorstep + ["log", "--json", *read]),
        ("postings.csv", doorstep + ["export", "--format", "csv", *read]),
        ("balances.jsonl", doorstep + ["balances", "--all", "--json", *read]),
        ("recomputed.txt", [sys.executable, "-B", str(HERE), *recompute_flags(folder)]),
    ]
    for name, command in steps:
        good = run(command, folder / name)
        if not good or name == "recomputed.txt":
            lines = (folder / name).read_text(encoding="utf-8").splitlines() or ["no output"]
            return good, lines[-1] if good or name == "recomputed.txt" else f"{name}: {lines}"


def recompute_flags(folder):
    return ["--orders", str(folder / "orders.csv"), "--tariff", str(TARIFF),
            "--day", str(folder / "books"), "--log", str(folder / "log.jsonl"),
            "--postings", str(folder / "postings.csv"),
            "--balances", str(folder / "balances.jsonl")]


def numbers(text):
    """`1-3` or `0,100,400`."""
    if "-" in text:
        first, last = map(int, text.split("-"))
        return range(first, last + 1)
    return [int(number) for number in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("doorstep")
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--currencies", type=lambda text: text.split(","), default=["CNY"])
    parser.add_argument("--seeds", type=numbers, default=[1])
    parser.add_argument("--faults", type=numbers, default=[100])
    parser.add_argument("--parcels", type=int, default=100)
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    wrong = 0
    for currency, seed, faults in itertools.product(args.currencies, args.seeds, args.faults):
        folder = args.scratch / f"{currency}-{seed}-{faults}"
        good, said = one_day(args, currency, seed, faults, folder)
        print(f"{currency}, seed {seed}, faults {faults}: {said}", flush=True)
        wrong += not good
        if good and not args.keep:
            shutil.rmtree(folder)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
