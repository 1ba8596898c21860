"""Compares what was recomputed with what the books say: the export, the balances, the payouts."""

import csv
import json
import re
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import zip_longest

import clearing
from money import DECIMALS, Differs, agree, of_minor
from tariff import FEES

ZERO = Decimal(0)
COLLECTED = {"CardCollected": 1, "QrCollected": 1, "CashCollected": 1, "CollectionReversed": -1}
CHARGED = {"FeeCharged": 1, "CommissionEarned": 1, "FeeReversed": -1, "CommissionReversed": -1}


def part(reference, number):
    """The end of an account's name by docs/files/export.md."""
    if re.fullmatch(r"[A-Za-z0-9_.-]*", reference) and not re.search(
            r"-[0-9A-Fa-f]{16}$", reference):
        return reference
    return re.sub(r"[^A-Za-z0-9_.-]", "-", reference) + f"-{int(number):016x}"


def fee_of(account):
    """The fee that an account is for, if it is for one."""
    if account.startswith("liabilities:firm-commission:"):
        return "commission"
    if account.startswith("liabilities:vat-payable:"):
        return "vat"
    found = re.match(r"income:([a-z]+)-fees:", account)
    return found and found[1]


class Postings:
    """The export's postings, added up."""

    def __init__(self, rows):
        self.rows = rows
        self.sums = defaultdict(lambda: ZERO)
        self.paid = defaultdict(lambda: ZERO)
        self.collections = defaultdict(lambda: defaultdict(lambda: ZERO))
        self.fees = defaultdict(lambda: defaultdict(lambda: ZERO))
        self.charges = defaultdict(lambda: ZERO)
        self.told = defaultdict(set)
        for row in self.rows:
            self.add(row)

    def add(self, row):
        amount, currency = Decimal(row["amount"]), row["currency"]
        if amount <= 0 or -amount.as_tuple().exponent != DECIMALS[currency]:
            raise Differs(f"{row['position']}: {row['amount']} {currency} is not an amount")
        debit, credit = row["debit"], row["credit"]
        self.sums[debit, currency] += amount
        self.sums[credit, currency] -= amount
        payment = (row["parcel"], int(row["payment"] or 0))
        entry = row["entry"]
        rejected = entry == "OfflineSaleRejected" and debit.startswith("liabilities:seller-")
        booked = entry == "SuspendedSaleBooked" and credit.startswith("liabilities:seller-")
        if booked:
            self.collections[payment][debit, credit.split(":")[-1]] += amount
            self.told[payment].add((row["order"], row["method"], row["reference"]))
        elif entry in COLLECTED or rejected:
            sign = COLLECTED.get(entry, -1)
            sides = (debit, credit) if sign > 0 else (credit, debit)
            sides = (sides[0], sides[1].split(":")[-1])
            self.collections[payment][sides] += sign * amount
            self.told[payment].add((row["order"], row["method"], row["reference"]))
        elif entry in CHARGED:
            sign = CHARGED[entry]
            seller, account = (debit, credit) if sign > 0 else (credit, debit)
            self.fees[payment][fee_of(account), account, seller.split(":")[-1]] += sign * amount
        elif entry in ("ReturnCharged", "FreightCharged", "VatCharged"):
            self.charges[row["parcel"], debit, credit] += amount
        elif entry == "FreightReversed":
            self.charges[row["parcel"], credit, debit] -= amount
        elif entry == "PayoutSent":
            self.paid[debit, currency] += amount
        elif entry == "PayoutReturned":
            self.paid[credit, currency] -= amount


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Books:
    """The books' own words, to be compared with the facts."""

    def __init__(self, facts, postings):
        self.facts, self.postings = facts, postings
        self.counted = defaultdict(int)

    def account(self, kind, of, number):
        return f"{kind}:{part(self.facts.name(of, number), number)}"

    def balance(self, kind, of, number, currency):
        return self.postings.sums[self.account(kind, of, number), currency]

    def check_orders(self):
        for (order, seller), line in self.facts.orders.items():
            if "announced" not in line:
                raise Differs(f"order {order} of {seller}: the books have no parcel for it")

    def check_payments(self):
        """Each payment: amount, accounts, reference, and every fee."""
        known = set()
        for number, parcel in self.facts.parcels.items():
            seller = part(parcel.seller.reference, parcel.seller.id)
            for payment in parcel.payments.values():
                key = (number, payment.number)
                known.add(key)
                if payment.ever_collected:
                    self.check_collection(payment, key, seller)
                    self.check_fees(payment, key, seller)
            for (what, payer, payee), amount in parcel.charges.items():
                payee = payee if isinstance(payee, str) else self.account(*payee)
                theirs = self.postings.charges.pop((number, self.account(*payer), payee), ZERO)
                agree(f"{what} of order {parcel.order}", amount, theirs, "the export")
        for key, amount in self.postings.charges.items():
            if amount:
                raise Differs(f"the export charges {amount} that nobody owes: {key}")
        for key in (*self.postings.collections, *self.postings.fees):
            if key not in known:
                raise Differs(f"the export has a payment that was never requested: {key}")

    def check_collection(self, payment, key, seller):
        parcel = payment.parcel
        if payment.method == "cash":
            taker = self.account("assets:courier-cash", "courier", payment.courier)
        elif payment.booked:
            taker = f"assets:suspense:{parcel.currency}"
        else:
            of, rail = payment.rail
            taker = self.account(f"assets:{of}-receivable", of, rail)
        ours = {(taker, seller): payment.sold} if payment.stands else {}
        theirs = {sides: amount for sides, amount in self.postings.collections[key].items()
                  if amount}
        agree(str(payment), ours, theirs, "the export")
        agree(f"{payment}, order, method and reference",
              {(parcel.order, payment.method, payment.reference)}, self.postings.told[key],
              "the export")
        self.counted["payments"] += 1

    def check_fees(self, payment, key, seller):
        theirs = dict.fromkeys(FEES, ZERO)
        for (fee, account, payer), amount in self.postings.fees[key].items():
            agree(f"{payment}, {fee} fee, paid by", seller, payer, "the export")
            firm = self.facts.firm_of[payment.courier]
            expected = {
                "commission": self.account("liabilities:firm-commission", "firm", firm),
                "vat": f"liabilities:vat-payable:{payment.parcel.currency}",
            }.get(fee, f"income:{fee}-fees:{payment.parcel.currency}")
            agree(f"{payment}, {fee} fee, earned by", expected, account, "the export")
            theirs[fee] += amount
        for fee in FEES:
            ours = payment.fees[fee] if payment.stands else ZERO
            agree(f"{payment}, {fee} fee", ours, theirs[fee], "the export")
            self.counted["fees"] += 1 if ours else 0

    def check_sellers(self):
        """Paid and held and payable of each seller, by what was collected for it."""
        for seller in self.facts.sellers.values():
            for currency in {"", *seller.collected, *seller.fees} - {""}:
                sent = self.postings.paid[
                    self.account("liabilities:seller-payable", "seller", seller.id), currency]
                agree(f"seller {seller.reference}, paid {currency}", seller.sent[currency], sent,
                      "the export")
                left = -sum(self.balance(f"liabilities:seller-{kind}", "seller", seller.id,
                                         currency) for kind in ("held", "payable"))
                agree(f"seller {seller.reference}, held and payable {currency}",
                      seller.due(currency), left, "the export")
                self.counted["sellers"] += 1

    def check_custody(self):
        """Cash of each courier and firm, shortages, and commission."""
        for courier in self.facts.firm_of:
            for kind, what in ((self.facts.in_hand, "cash"), (self.facts.short, "shortage")):
                self.compare(kind, f"assets:courier-{what}", "courier", courier)
        for firm in dict.fromkeys(self.facts.firm_of.values()):
            self.compare(self.facts.counted, "assets:firm-cash", "firm", firm)
            self.compare(self.facts.commission, "liabilities:firm-commission", "firm", firm, -1)

    def compare(self, ours, kind, of, number, sign=1):
        name = self.account(kind, of, number)
        theirs = {currency for account, currency in self.postings.sums if account == name}
        for currency in theirs | {currency for owner, currency in ours if owner == number}:
            agree(f"{name} {currency}", ours[number, currency],
                  sign * self.postings.sums[name, currency], "the export")
            self.counted[kind.split(":")[1]] += 1

    def check_receivables(self, folder):
        """What each network and wallet owes: claims less what its files settle."""
        files = defaultdict(list)
        for name, currency, lines in clearing.files_of_day(folder):
            rail = self.rail(name)
            files[rail] += [(line.kind, self.facts.by_reference.get((rail, line.reference)),
                             line.amount, line.kept_back, currency) for line in lines]
        settled = defaultdict(lambda: ZERO)
        for rail in {**self.facts.lines, **files}:
            # The books tell the lines of a wallet that sends no file.
            booked = self.facts.lines[rail]
            lines = files.get(rail, booked)
            for number, (line, told) in enumerate(zip_longest(lines, booked), start=1):
                what = f"line {number} of {self.facts.name(*rail)}"
                agree(what, *map(clearing.text, (line, told)), "the log")
                kind, payment, amount, kept_back, currency = line
                settled[rail, currency] += clearing.settled(payment, kind, amount, kept_back)
                self.counted["clearing_lines"] += 1
        for (rail, currency), claim in self.facts.claims.items():
            of, number = rail
            agree(f"receivable of {self.facts.name(*rail)} {currency}",
                  claim - settled[rail, currency],
                  self.balance(f"assets:{of}-receivable", of, number, currency), "the export")
            self.counted["receivables"] += 1

    def rail(self, name):
        """The network or wallet of a name."""
        for (of, number), known in self.facts.names.items():
            if of in ("network", "wallet") and known == name:
                return of, number
        raise Differs(f"clearing file of {name}: the books do not know it")

    def check_balances(self, path):
        """The balances of `doorstep balances` are the sums of the export."""
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        theirs = {(line["account"], line["currency"]): of_minor(line["amount"], line["currency"])
                  for line in lines}
        for key in sorted({*theirs, *self.postings.sums}):
            agree(f"balance of {' '.join(key)}", self.postings.sums[key], theirs.get(key, ZERO),
                  "`doorstep balances`")

    def check_payouts(self, path):
        """Each payout of payouts.csv was executed, and is of that amount and seller."""
        with open(path, newline="", encoding="utf-8") as file:
            lines = {line["payout"].removeprefix("'"): line for line in csv.DictReader(file)}
        agree("payouts", sorted(self.facts.payouts, key=int), sorted(lines, key=int),
              "payouts.csv")
        for number, payout in self.facts.payouts.items():
            line, currency = lines[number], payout["currency"]
            agree(f"payout {number}, seller", self.facts.sellers[payout["seller"]].reference,
                  line["seller"].removeprefix("'"), "payouts.csv")
            for column, key in (("gross", "gross"), ("fees", "fees"), ("net", "net"),
                                ("given_back", "refunded"), ("returned", "returned"),
                                ("invoiced", "invoiced"), ("compensated", "compensated")):
                agree(f"payout {number}, {column}", of_minor(payout[key], currency),
                      Decimal(line[column]), "payouts.csv")
            added = sum(Decimal(line[column]) for column in
                        ("gross", "returned", "invoiced", "compensated"))
            taken = sum(Decimal(line[column]) for column in ("fees", "given_back"))
            agree(f"payout {number}, sum of its columns", added - taken, Decimal(line["net"]),
                  "payouts.csv")
            self.counted["payouts"] += 1

    def check_journal(self, lines):
        """The export has every posting of the journal, in its order."""
        rows = iter(self.postings.rows)
        for line in lines:
            for posting in line["postings"]:
                row = next(rows, None)
                ours = (line["position"], line["date"], posting["entry"], posting["debit"],
                        posting["credit"], of_minor(posting["amount"], posting["currency"]))
                theirs = row and (row["position"], row["date"], row["entry"], row["debit"],
                                  row["credit"], Decimal(row["amount"]))
                agree(f"posting of {line['command']} at {line['position']}", ours, theirs,
                      "the export")
                self.check_time(row, line)
        if next(rows, None):
            raise Differs("the export has more postings than the journal")

    def check_time(self, row, line):
        at = datetime.fromisoformat(line["at"])
        ours = (at - datetime.fromtimestamp(0, at.tzinfo)) // timedelta(milliseconds=1)
        agree(f"time of {row['position']}", ours, int(row["at_ms"]), "the export")
