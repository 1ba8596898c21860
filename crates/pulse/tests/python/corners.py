"""Claims of parts whose sum is not stated, and the share of one, judged by every corner.

Prints a list of {"claim", "holds"}: the share is tried with the least and the greatest true value
of each part, in all combinations. A share rises with its own part and falls with every other one,
so it is least and greatest at a corner.
"""

import itertools
import json
import random
from fractions import Fraction

rng = random.Random(20130812)


def corners(figure, decimals):
    half = Fraction(1, 2 * 10**decimals)
    return [max(Fraction(figure) - half, Fraction(0)), Fraction(figure) + half]


def written(units, decimals):
    return f"{units / 10**decimals:.{decimals}f}"


claims = []
while len(claims) < 2000:
    decimals, shown = rng.choice([0, 1, 2]), rng.choice([0, 1, 2, 3])
    count = rng.choice([2, 2, 3, 4])
    parts = [written(rng.randrange(1, 200), decimals) for _ in range(count)]
    is_left = rng.random() < 0.3
    ends = [corners(part, decimals) for part in parts]
    ratios = [100 * each[0] / sum(each) for each in itertools.product(*ends) if sum(each)]
    if is_left:
        # The first part is not stated, the whole is: the first is what the others leave.
        whole = sum(Fraction(part) for part in parts)
        text = written(round(whole * 10**decimals), decimals)
        ends = [corners(text, decimals), *ends[1:]]
        if ends[0][0] == 0 or ends[0][0] < sum(end[1] for end in ends[1:]):
            continue
        ratios = [100 * (each[0] - sum(each[1:])) / each[0] for each in itertools.product(*ends)]
    near = rng.choice([min(ratios), max(ratios)])
    units = max(0, round(near * 10**shown) + rng.choice([-1, 0, 0, 1]))
    share = corners(written(units, shown), shown)
    if share[0] > 100:
        continue
    names = "abcd"[:count]
    lines = [f"{name} = {part}" for name, part in zip(names, parts)]
    if is_left:
        lines[0] = f"t = {text}"
    lines += ["t: " + " + ".join(names), f"a: {written(units, shown)}% of t"]
    holds = share[0] <= max(ratios) and min(ratios) <= share[1]
    claims.append({"claim": "\n".join(lines), "holds": holds})
print(json.dumps(claims))
