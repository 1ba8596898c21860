"""Clearing files by docs/files/clearing.md."""

import csv
import hashlib
from decimal import Decimal
from pathlib import Path

from money import agree

ZERO = Decimal(0)
SALES = ("sale", "completion", "offline")


class Line:
    def __init__(self, fields):
        self.reference, *_, kind, amount, kept_back, net = fields
        self.kind = kind.replace("-", "")
        self.amount, self.kept_back, self.net = map(Decimal, (amount, kept_back, net))


def text(line):
    """A line for people: `10.00 CNY, deducted 0.05: payment 1 of order O-1`."""
    if line is None:
        return "no line"
    _, payment, amount, kept_back, currency = line
    return f"{amount} {currency}, deducted {kept_back}: {payment or 'an unknown payment'}"


def settled(payment, kind, amount, kept_back):
    """What a line settles of what its network or wallet owes. The rest of the line is a break."""
    if payment is None or payment.rejected:
        return ZERO
    fee = ZERO
    if kind in ("chargeback", "representment", "feecorrection"):
        fee = max(ZERO, min(kept_back, payment.chargeback_fees))
        payment.chargeback_fees -= fee
    return settled_amount(payment, kind, amount) - fee


def settled_amount(payment, kind, amount):
    if kind in SALES:
        if payment.paid is not None or payment.declined:
            return ZERO
        payment.paid = payment.amount if payment.ever_collected else amount
        return payment.paid
    if kind == "reversal":
        if payment.stands or payment.paid is None:
            return ZERO
        back, payment.paid = payment.paid, None
        return -back
    if kind == "refund":
        back = min(-amount, payment.forwarded)
        payment.forwarded -= back
        return -back
    if kind == "chargeback":
        back = min(-amount, payment.charged)
        payment.charged -= back
        return -back
    if kind == "representment":
        back = min(amount, payment.won)
        payment.won -= back
        return back
    return ZERO


def read(path):
    """The network or wallet of a file, its currency, and its lines. Checks the trailer."""
    content = Path(path).read_bytes()
    body = content[: content.rstrip(b"\n").rindex(b"\n") + 1]
    header, *items, trailer = csv.reader(content.decode().splitlines())
    name = Path(path).name
    agree(f"{name}, types", ["H", "T"], [header[0], trailer[0]], "the file")
    lines = [Line(fields[1:]) for fields in items]
    sums = [sum((getattr(line, key) for line in lines), ZERO)
            for key in ("amount", "kept_back", "net")]
    agree(f"{name}, trailer", [len(lines), *sums],
          [int(trailer[1]), *map(Decimal, trailer[2:5])], "the file")
    agree(f"{name}, digest", hashlib.sha256(body).hexdigest(), trailer[5], "the file")
    for line in lines:
        agree(f"{name}, {line.reference}, net", line.amount - line.kept_back, line.net, "the file")
    return header[2], header[4], lines


def files_of_day(folder):
    """All clearing files of a data directory, by network, date and number."""
    def place(path):
        name, _, number = path.stem.partition(".")
        return name, int(number or 1)

    return [read(path) for path in sorted(Path(folder).glob("clearing-*.csv"), key=place)]
