"""Amounts are `Decimal` in the main unit: no floats, and no arithmetic that is Doorstep's."""

from decimal import ROUND_HALF_UP, Decimal

DECIMALS = {"BRL": 2, "CNY": 2, "JPY": 0, "KWD": 3}


def of_minor(minor, currency):
    return Decimal(minor).scaleb(-DECIMALS[currency])


def minor_units(amount, currency):
    return int(amount.scaleb(DECIMALS[currency]))


def rounded(amount, currency):
    return amount.quantize(Decimal(1).scaleb(-DECIMALS[currency]), ROUND_HALF_UP)


class Differs(Exception):
    """What was recomputed is not what the books say."""


def agree(what, ours, theirs, source):
    if ours != theirs:
        raise Differs(f"{what}: recomputed {ours}, {source} says {theirs}")
