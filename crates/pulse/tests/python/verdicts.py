"""Verdicts on claims, computed from docs/claims.md with fractions.

Reads files of claims, separated by NUL, and prints the verdicts of each on a line.
"""

import sys
import tomllib
from decimal import Decimal
from fractions import Fraction

POWER = {"": 0, "thousand": 3, "万": 4, "mn": 6, "亿": 8, "bn": 9, "万亿": 12, "tn": 12}
HUNDRED = Fraction(100)


def rounded(text):
    """All numbers that are rounded to these digits, ends included."""
    figure = Decimal(text)
    half = Fraction(Decimal(1).scaleb(figure.as_tuple().exponent)) / 2
    return Fraction(figure) - half, Fraction(figure) + half


def above_zero(interval):
    return max(interval[0], Fraction(0)), interval[1]


def meet(a, b):
    return a[0] <= b[1] and b[0] <= a[1]


def times(a, b):
    return a[0] * b[0], a[1] * b[1]


def divided(a, b):
    return a[0] / b[1], a[1] / b[0]


def add(intervals):
    return sum(low for low, _ in intervals), sum(high for _, high in intervals)


class Judged:
    def __init__(self, claim):
        self.claim = claim
        self.failed = self.held = self.unclear = 0
        self.given, self.known, self.rates, self.computed_by = {}, {}, {}, []
        for value in claim.get("values", []):
            low, high = above_zero(rounded(value["amount"]))
            unit = 10 ** POWER[value.get("scale", "")]
            self.given[value["name"], value.get("currency", "")] = low * unit, high * unit
        self.known.update(self.given)
        for rate in claim.get("rates", []):
            interval = rounded(rate["value"])
            self.rates[rate["from"], rate["to"]] = interval
            self.rates[rate["to"], rate["from"]] = divided((1, 1), interval)
        self.currencies = sorted({c for _, c in self.given} | {c for c, _ in self.rates})
        self.shares = {
            (share["part"], share["whole"]): above_zero(rounded(share["percent"]))
            for share in claim.get("shares", [])
        }
        self.parts = [(parts["whole"], parts["of"]) for parts in claim.get("parts", [])]

    def check(self, holds):
        if holds:
            self.held += 1
        else:
            self.failed += 1

    def value(self, name, currency):
        if (name, currency) in self.known:
            return self.known[name, currency]
        for other in self.currencies:
            if (name, other) in self.known and (other, currency) in self.rates:
                return times(self.known[name, other], self.rates[other, currency])
        return None

    def currency(self, names):
        """Where most is known, then where most can be converted to; the first of equals."""
        best, best_rank = None, (0, 0)
        for currency in self.currencies:
            direct = sum((name, currency) in self.known for name in names)
            all_of = sum(self.value(name, currency) is not None for name in names)
            if all_of and (direct, all_of) > best_rank:
                best, best_rank = currency, (direct, all_of)
        return best

    def relations(self):
        for whole, of in self.parts:
            yield "parts", whole, of
        for part, whole in self.shares:
            yield "share", whole, [part]

    def compute_missing(self):
        while True:
            ways = {}
            for kind, whole, of in self.relations():
                currency = self.currency(of + [whole])
                if currency is None:
                    continue
                missing = [n for n in of + [whole] if self.value(n, currency) is None]
                if len(missing) != 1:
                    continue
                name = missing[0]
                if any((name, other) in self.known for other in self.currencies):
                    continue
                rest = [self.value(part, currency) for part in of if part != name]
                if kind == "share":
                    share = tuple(end / HUNDRED for end in self.shares[of[0], whole])
                    if name != whole:
                        interval = times(self.value(whole, currency), share)
                    elif share[0] == 0:
                        continue
                    else:
                        interval = divided(rest[0], share)
                elif name == whole:
                    interval = add(rest)
                else:
                    low, high = self.value(whole, currency)
                    others = add(rest) if rest else (0, 0)
                    if high - others[0] < 0:
                        continue
                    interval = above_zero((low - others[1], high - others[0]))
                way = (kind == "share", currency, *interval)
                if name not in ways or way < ways[name][0]:
                    ways[name] = way, (kind, whole, tuple(of))
            if not ways:
                return
            for name, ((_, currency, low, high), relation) in ways.items():
                self.known[name, currency] = low, high
                self.computed_by.append(relation)

    def added_up(self, whole, of):
        shares = [self.shares[part, whole] for part in of if (part, whole) in self.shares]
        return shares if len(shares) > 1 or len(shares) == len(of) else None

    def growth_of(self, name, over):
        for growth in self.claim.get("growth", []):
            if growth["value"] == name and growth["over"] == over:
                low, high = rounded(growth["percent"])
                return above_zero((1 + low / 100, 1 + high / 100))
        return None

    def growth_of_all(self, whole, of, over):
        all_of = [self.growth_of(name, over) for name in of + [whole]]
        return None if None in all_of else all_of

    def judge(self, levels):
        for rate in self.claim.get("rates", []):
            for name in {name for name, _ in self.given}:
                a, b = (name, rate["from"]), (name, rate["to"])
                if a in self.given and b in self.given:
                    converted = times(self.given[a], self.rates[rate["from"], rate["to"]])
                    self.check(meet(converted, self.given[b]))
        for name in {name for name, _ in self.given}:
            mine = sorted(c for n, c in self.given if n == name)
            self.unclear += any((mine[0], other) not in self.rates for other in mine[1:])
        self.failed += sum(share[0] > 100 for share in self.shares.values())
        for whole, of in self.parts:
            shares = self.added_up(whole, of)
            if shares:
                low, high = add(shares)
                self.check(low <= 100 and (len(shares) < len(of) or high >= 100))
        self.compute_missing()
        for kind, whole, of in self.relations():
            self.check_relation(kind, whole, of)
        for growth in self.claim.get("growth", []):
            self.check_growth(growth, levels)
        for whole, of in self.parts:
            for growth in self.claim.get("growth", []):
                if growth["value"] == whole:
                    self.check_growth_of_parts(whole, of, growth["over"])
        if self.failed:
            return "cannot hold"
        return "holds" if self.held and not self.unclear else "needs a definition"

    def check_relation(self, kind, whole, of):
        names = of + [whole]
        complete = [c for c in self.currencies if all((n, c) in self.given for n in names)]
        for currency in complete:
            self.compare(kind, whole, of, currency)
        if complete:
            return
        currency = self.currency(names)
        missing = [n for n in names if currency is None or self.value(n, currency) is None]
        elsewhere = [n for n in missing if any((n, c) in self.known for c in self.currencies)]
        if elsewhere:
            self.unclear += 1
        elif not missing:
            if (kind, whole, tuple(of)) not in self.computed_by:
                self.compare(kind, whole, of, currency)
        elif kind == "parts" and whole not in missing and len(missing) < len(of):
            known = [self.value(part, currency) for part in of if part not in missing]
            self.check(add(known)[0] <= self.value(whole, currency)[1])
        elif kind == "parts":
            overs = {growth["over"] for growth in self.claim.get("growth", [])}
            grown = any(self.growth_of_all(whole, of, over) for over in overs)
            self.unclear += not (self.added_up(whole, of) or grown)
        else:
            self.unclear += not any(
                other == whole and of[0] in parts and self.added_up(whole, parts)
                for other, parts in self.parts
            )

    def compare(self, kind, whole, of, currency):
        total = self.value(whole, currency)
        if kind == "parts":
            self.check(meet(add([self.value(part, currency) for part in of]), total))
        elif total[0] == 0:
            self.unclear += 1
        else:
            low, high = divided(self.value(of[0], currency), total)
            self.check(meet((low * 100, high * 100), self.shares[of[0], whole]))

    def check_growth(self, growth, levels):
        name = growth["value"]
        before = {c: v for (n, c), v in levels.get(growth["over"], {}).items() if n == name}
        both = [c for c in before if (name, c) in self.known]
        for currency in both:
            if before[currency][0] == 0:
                self.unclear += 1
                continue
            grown = divided(self.known[name, currency], before[currency])
            self.check(meet(grown, self.growth_of(name, growth["over"])))
        of_parts = any(
            name in of + [whole] and self.growth_of_all(whole, of, growth["over"])
            for whole, of in self.parts
        )
        if not both and (before or not of_parts):
            self.unclear += 1

    def check_growth_of_parts(self, whole, of, over):
        all_of = self.growth_of_all(whole, of, over)
        if not all_of:
            return
        *parts, claimed = all_of
        currency = self.currency(of + [whole])
        values = [currency is not None and self.value(n, currency) for n in of + [whole]]
        if all(values) and all(low > 0 for low, _ in parts):
            before = add([divided(now, grown) for now, grown in zip(values, parts)])
            if before[0] > 0:
                self.check(meet(divided(values[-1], before), claimed))
                return
        self.check(meet((min(p[0] for p in parts), max(p[1] for p in parts)), claimed))


def verdicts(text):
    judged = [Judged(claim) for claim in tomllib.loads(text)["claim"]]
    levels = {}
    for it in judged:
        before = Judged(it.claim)
        before.compute_missing()
        levels[it.claim["period"]] = before.known
    found = {it.claim["id"]: it.judge(levels) for it in judged}
    for it in judged:
        # A level that nothing else is said about holds if the growth over it does.
        silent = it.held + it.failed + it.unclear == 0
        over = [o for o in judged if any(g["over"] == it.claim["period"] for g in o.claim.get("growth", []))]
        if silent and any(agrees(o, it, levels) for o in over):
            found[it.claim["id"]] = "holds"
    return [found[it.claim["id"]] for it in judged]


def agrees(judged, level, levels):
    """Growth over this level is compared, and none of the claim's growth fails."""
    names = {name for name, _ in levels[level.claim["period"]]}
    growth = judged.claim.get("growth", [])
    alone = Judged(judged.claim)
    alone.compute_missing()
    for each in growth:
        alone.check_growth(each, levels)
    compared = any(each["value"] in names for each in growth)
    return compared and not alone.failed


for file in sys.stdin.buffer.read().decode().split("\0"):
    print(",".join(verdicts(file)))
