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


def at_most_all(share):
    """A part is not more than its whole."""
    return share if share[0] > 100 else (share[0], min(share[1], HUNDRED))


def possible(rows):
    """Numbers of zero or more satisfy rows of (coefficients, bound): a sum is at most its bound.

    The simplex method in its textbook form: a whole table of fractions, with one artificial number
    for each row that zeros do not satisfy, which are all lowered to zero.
    """
    names = sorted({name for row, _ in rows for name in row}, key=str)
    columns, count = {name: at for at, name in enumerate(names)}, len(rows)
    width = len(names) + count
    short = [at for at, (_, bound) in enumerate(rows) if bound < 0]
    table, basis = [], []
    for at, (row, bound) in enumerate(rows):
        line = [Fraction(0)] * (width + len(short))
        for name, times in row.items():
            line[columns[name]] = Fraction(times)
        line[len(names) + at] = Fraction(1)
        if bound < 0:
            line, bound = [-it for it in line], -bound
            basis.append(width + short.index(at))
            line[basis[-1]] = Fraction(1)
        else:
            basis.append(len(names) + at)
        table.append(line + [Fraction(bound)])
    cost = [sum(table[at][it] for at in short) for it in range(width)]
    missing = sum((table[at][-1] for at in short), Fraction(0))
    while missing > 0:
        enters = next((it for it, by in enumerate(cost) if by > 0), None)
        if enters is None:
            return False
        rising = [at for at, line in enumerate(table) if line[enters] > 0]
        at = min(rising, key=lambda at: (table[at][-1] / table[at][enters], basis[at]))
        pivot = table[at][enters]
        line = table[at] = [it / pivot for it in table[at]]
        for other, old in enumerate(table):
            if other != at and old[enters]:
                times = old[enters]
                table[other] = [a - times * b if b else a for a, b in zip(old, line)]
        times = cost[enters]
        cost = [a - times * b for a, b in zip(cost, line)]
        missing -= times * line[-1]
        basis[at] = enters
    return True


class Judged:
    def __init__(self, claim):
        self.claim = claim
        self.failed = self.held = self.unclear = 0
        self.given, self.known, self.rates, self.computed_by = {}, {}, {}, []
        self.computed_in, self.compared = [], False
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
            (share["part"], share["whole"]): at_most_all(above_zero(rounded(share["percent"])))
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
                self.computed_in.append((relation, currency))

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
                    self.check_growth_of_parts(whole, of, growth["over"], levels)
        if not self.failed and not self.together(levels):
            self.failed += 1
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
            self.compared = True
            grown = divided(self.known[name, currency], before[currency])
            self.check(meet(grown, self.growth_of(name, growth["over"])))
        of_parts = any(
            name in of + [whole] and self.growth_of_all(whole, of, growth["over"])
            for whole, of in self.parts
        )
        if not both and not of_parts:
            self.unclear += 1

    def check_growth_of_parts(self, whole, of, over, levels):
        """It is checked with everything else."""
        if self.growth_of_all(whole, of, over):
            self.held += 1
            then = self.then(whole, of, over, levels)
            before = levels.get(over, {})
            self.compared |= any((name, then) in before for name in of + [whole])

    def then(self, whole, of, over, levels):
        """The currency of what a whole and its parts were: that of now, or where most is known."""
        currency = self.currency(of + [whole])
        if currency is not None:
            return currency
        known = [c for n, c in levels.get(over, {}) if n in of]
        return min(known, key=lambda c: (-known.count(c), c), default="")

    def together(self, levels):
        """True values satisfy everything at once. Each is a number; `one` stands for 1."""
        rows = []

        def between(above, low, high, below):
            for times, sign in [(low, -1), (high, 1)]:
                row = {above: Fraction(sign)}
                bound = Fraction(0)
                if below == "one":
                    bound = sign * times
                else:
                    row[below] = -sign * times
                rows.append((row, bound))

        def add_up(whole, of, place):
            for sign in (1, -1):
                row = {place(part): Fraction(sign) for part in of}
                rows.append(({**row, place(whole): Fraction(-sign)}, Fraction(0)))

        for value, (low, high) in self.given.items():
            between(("now", *value), low, high, "one")
        names = {n for n, _ in self.given} | {n for _, w, of in self.relations() for n in [w, *of]}
        for rate in self.claim.get("rates", []):
            low, high = self.rates[rate["from"], rate["to"]]
            for name in names:
                between(("now", name, rate["to"]), low, high, ("now", name, rate["from"]))
        where = list(self.computed_in)
        for kind, whole, of in self.relations():
            if (kind, whole, tuple(of)) not in self.computed_by:
                all_of = of + [whole]
                given = [c for c in self.currencies if all((n, c) in self.given for n in all_of)]
                best = [c for c in [self.currency(all_of)] if c is not None]
                where += [((kind, whole, of), c) for c in given or best]
        for (kind, whole, of), currency in where:
            if kind == "parts":
                add_up(whole, list(of), lambda name: ("now", name, currency))
            else:
                low, high = self.shares[of[0], whole]
                now = [("now", name, currency) for name in (of[0], whole)]
                between(now[0], low / 100, high / 100, now[1])
        for growth in self.claim.get("growth", []):
            name, over = growth["value"], growth["over"]
            before = levels.get(over, {})
            factor = self.growth_of(name, over)
            for currency in self.currencies:
                if (name, currency) in before and (name, currency) in self.known:
                    if before[name, currency][0] == 0:
                        continue
                    between(("then", name, currency), *before[name, currency], "one")
                    between(("now", name, currency), *factor, ("then", name, currency))
            for whole, of in self.parts:
                if whole != name or not self.growth_of_all(whole, of, over):
                    continue
                then, now = self.then(whole, of, over, levels), self.currency(of + [whole])
                for one in of + [whole]:
                    between(("now", one, now), *self.growth_of(one, over), ("then", one, then))
                    if (one, then) in before:
                        between(("then", one, then), *before[one, then], "one")
                add_up(whole, of, lambda name: ("now", name, now))
                add_up(whole, of, lambda name: ("then", name, then))
        return possible(rows)


def verdicts(text):
    judged = [Judged(claim) for claim in tomllib.loads(text)["claim"]]
    levels = {}
    for it in judged:
        before = Judged(it.claim)
        before.compute_missing()
        if "publisher" in it.claim:
            levels[it.claim["period"]] = before.known
    found = {it.claim["id"]: it.judge(levels) for it in judged}
    for it in judged:
        # A level that nothing else is said about holds if the growth over it does.
        silent = it.held + it.failed + it.unclear == 0
        grown = [o for o in judged if o.compared and not o.failed]
        overs = {growth["over"] for o in grown for growth in o.claim["growth"]}
        if silent and it.claim["period"] in overs:
            found[it.claim["id"]] = "holds"
    return [found[it.claim["id"]] for it in judged]


for file in sys.stdin.buffer.read().decode().split("\0"):
    print(",".join(verdicts(file)))
