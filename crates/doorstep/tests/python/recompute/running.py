"""Compares the books after each command: a day that ends well can have been wrong at noon."""

from collections import defaultdict
from decimal import Decimal

import clearing
from checks import Books, Postings
from money import agree

ZERO = Decimal(0)
SELLER = "liabilities:seller-held", "liabilities:seller-payable"
OWNERS = {
    "assets:network-receivable": "network",
    "assets:wallet-receivable": "wallet",
    "assets:courier-cash": "courier",
    "assets:courier-shortage": "courier",
    "assets:firm-cash": "firm",
    "liabilities:firm-commission": "firm",
    **dict.fromkeys(SELLER, "seller"),
}


class Running:
    def __init__(self, facts, rows):
        self.facts = facts
        self.books = Books(facts, Postings([]))
        self.rows = defaultdict(list)
        for row in rows:
            self.rows[row["position"]].append(row)
        self.owners = {}
        self.settled = defaultdict(lambda: ZERO)
        self.count = 0

    def check(self, line):
        """Takes a command and its postings, and compares every account that they touch."""
        before = {rail: len(told) for rail, told in self.facts.lines.items()}
        self.facts.read(line)
        for rail, told in self.facts.lines.items():
            for kind, payment, amount, kept_back, currency in told[before.get(rail, 0):]:
                self.settled[rail, currency] += clearing.settled(payment, kind, amount, kept_back)
        touched = {}
        for row in self.rows[line["position"]]:
            self.books.postings.add(row)
            touched.update(dict.fromkeys(
                (row[side], row["currency"]) for side in ("debit", "credit")))
        for account, currency in touched:
            self.check_account(account, currency, line)

    def check_account(self, account, currency, line):
        kind = ":".join(account.split(":")[:2])
        if kind not in OWNERS:
            return
        number = self.owner(kind, account)
        sums = self.books.postings.sums
        theirs = sums[account, currency]
        if kind in SELLER:
            ours = -self.facts.sellers[number].due(currency)
            theirs = sum(self.books.balance(part, "seller", number, currency) for part in SELLER)
        else:
            ours = self.expected(kind, number, currency)
        agree(f"{account} {currency} after {line['command']} at {line['position']}", ours, theirs,
              "the export")
        self.count += 1

    def owner(self, kind, account):
        """The id of an account's owner."""
        if account not in self.owners:
            for of, number in self.facts.names:
                if of == OWNERS[kind]:
                    self.owners[self.books.account(kind, of, number)] = number
        return self.owners.get(account)

    def expected(self, kind, number, currency):
        facts = self.facts
        if kind.endswith("-receivable"):
            rail = OWNERS[kind], number
            return facts.claims[rail, currency] - self.settled[rail, currency]
        if kind == "liabilities:firm-commission":
            return -facts.commission[number, currency]
        held = {
            "assets:courier-cash": facts.in_hand,
            "assets:courier-shortage": facts.short,
            "assets:firm-cash": facts.counted,
        }
        return held[kind][number, currency]
