"""Clearing files by docs/files/clearing.md."""

import csv
import hashlib
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

from money import agree


class Line:
    def __init__(self, fields):
        (self.rrn, self.stan, sent, self.terminal, _, self.kind,
         amount, kept_back, net) = fields
        self.sent = int(datetime.fromisoformat(sent).replace(tzinfo=timezone.utc).timestamp())
        self.amount, self.kept_back, self.net = map(Decimal, (amount, kept_back, net))


def read(path):
    """The network or wallet of a file, its currency, and its lines. Checks the trailer."""
    content = Path(path).read_bytes()
    body = content[: content.rstrip(b"\n").rindex(b"\n") + 1]
    header, *items, trailer = csv.reader(content.decode().splitlines())
    name = Path(path).name
    agree(f"{name}, types", ["H", "T"], [header[0], trailer[0]], "the file")
    lines = [Line(fields[1:]) for fields in items]
    sums = [sum((getattr(line, key) for line in lines), Decimal(0))
            for key in ("amount", "kept_back", "net")]
    agree(f"{name}, trailer", [len(lines), *sums],
          [int(trailer[1]), *map(Decimal, trailer[2:5])], "the file")
    agree(f"{name}, digest", hashlib.sha256(body).hexdigest(), trailer[5], "the file")
    for line in lines:
        agree(f"{name}, {line.rrn}, net", line.amount - line.kept_back, line.net, "the file")
    return header[2], header[4], lines


def files_of_day(folder):
    """All clearing files of a data directory, by date."""
    return [read(path) for path in sorted(Path(folder).glob("clearing-*.txt"))]
