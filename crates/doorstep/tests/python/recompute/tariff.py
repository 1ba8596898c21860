"""The fees of payments by docs/files/tariff.md, from a tariff file."""

import tomllib
from datetime import date
from decimal import Decimal

from money import minor_units, of_minor, rounded

# In the order in which they are taken from a payment.
FEES = ("issuer", "network", "acquirer", "wallet", "commission", "cod", "vat")
# Those that the service itself charges, which bear VAT.
BEAR_VAT = ("commission", "cod")
CARDS = {"debit card": "debit", "credit card": "credit"}


def rate(text):
    """`0.55%` as a fraction."""
    return Decimal(text.removesuffix("%")) / 100


class Tariff:
    """The versions of a tariff file, in one currency."""

    def __init__(self, path, currency):
        with open(path, "rb") as file:
            table = tomllib.load(file)
        self.name = table["name"]
        self.versions = [Version(version, currency) for version in table["version"]]

    def in_force(self, day):
        """The version of a day; an error if there is none."""
        for version in self.versions:
            if version.first <= day and (version.end is None or day < version.end):
                return version
        raise LookupError(f"tariff {self.name} has no version in force on {day}")


class Version:
    def __init__(self, table, currency):
        self.currency = currency
        self.number = table["number"]
        self.first = date.fromisoformat(table["from"])
        self.end = date.fromisoformat(table["until"]) if "until" in table else None
        self.return_fee = self.sum(table.get("return_fee"))
        self.freight = self.sum(table.get("freight"))
        self.vat = rate(table.get("vat", "0%"))
        self.once = {
            kind: {
                method: (self.sum(fee.get("fixed")), rate(fee.get("share", "0%")))
                for method, fee in table.get(kind, {}).items()
            }
            for kind in BEAR_VAT
        }
        self.classes = table["class"]

    def sum(self, value):
        """A sum is text in the file's only currency, or a table with a value in each."""
        if value is None:
            return Decimal(0)
        return Decimal(value[self.currency] if isinstance(value, dict) else value)

    def share(self, value, amount):
        """A rate of an amount, rounded once, at most its cap. A rate is text or a table."""
        if value is None:
            return Decimal(0)
        table = value if isinstance(value, dict) else {"rate": value}
        fee = rounded(rate(table["rate"]) * amount, self.currency)
        return min(fee, self.sum(table["cap"])) if "cap" in table else fee

    def card_fees(self, rates, amount):
        parts = [self.share(rates.get(kind), amount) for kind in FEES[:3]]
        cap = self.sum(rates["cap"]) if "cap" in rates else sum(parts)
        if sum(parts) <= cap:
            return parts
        # Each part by its share, rounded down; what is left goes to the largest remainders.
        units = [minor_units(part, self.currency) for part in parts]
        whole, total = minor_units(cap, self.currency), sum(units)
        split = [whole * part // total for part in units]
        order = sorted(range(3), key=lambda place: -(whole * units[place] % total))
        for place in order[: whole - sum(split)]:
            split[place] += 1
        return [of_minor(part, self.currency) for part in split]

    def once_for(self, kind, method):
        """Fixed fee and share of a commission or COD fee; None if the method has neither."""
        name = {"QR": "qr", "cash": "cash"}.get(method, "card")
        return self.once[kind].get(name)

    def exact_share(self, kind, method, amount):
        fixed_and_share = self.once_for(kind, method)
        return fixed_and_share[1] * amount if fixed_and_share else Decimal(0)

    def fees(self, place, method, amount, others):
        """The fees of a payment by a seller of the class at `place`, by kind.

        `others` are the parcel's other payments whose fees are posted: version, method, amount
        and fees of each.
        """
        seller_class = self.classes[place]
        wanted = dict.fromkeys(FEES, Decimal(0))
        if method in CARDS:
            rates = seller_class.get(CARDS[method], seller_class.get("card", {}))
            wanted.update(zip(FEES[:3], self.card_fees(rates, amount)))
        elif method == "QR":
            wanted["wallet"] = self.share(seller_class.get("wallet"), amount)
        for kind in BEAR_VAT:
            if self.once_for(kind, method) is None:
                continue
            shares = self.exact_share(kind, method, amount) + sum(
                version.exact_share(kind, other, sum_) for version, other, sum_, _ in others
            )
            parcel_fee = max(rounded(shares, self.currency), self.once_for(kind, method)[0])
            borne = sum(fees[kind] for _, _, _, fees in others)
            wanted[kind] = max(parcel_fee - borne, Decimal(0))
        left = amount
        for kind in FEES[:-1]:
            wanted[kind] = min(wanted[kind], left)
            left -= wanted[kind]
        if self.vat:
            shares = self.exact_vat(wanted) + sum(
                version.exact_vat(fees) for version, _, _, fees in others
            )
            borne = sum(fees["vat"] for _, _, _, fees in others)
            wanted["vat"] = min(max(rounded(shares, self.currency) - borne, Decimal(0)), left)
        return wanted

    def exact_vat(self, fees):
        return self.vat * sum(fees[kind] for kind in BEAR_VAT)

    def vat_of(self, charge):
        """VAT on freight or a return fee."""
        return rounded(self.vat * charge, self.currency)
