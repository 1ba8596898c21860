"""Reads a page of metrics with the parser of Prometheus's own Python client, and prints it as JSON:
by family its type, its help and its samples. A family without help or type, and a sample that is
there twice, are complaints."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

page = sys.stdin.read()
families, complaints, seen = {}, [], set()
for family in text_string_to_metric_families(page):
    if not family.documentation or family.type == "unknown":
        complaints.append(f"{family.name}: no HELP or TYPE")
    if family.name in families:
        complaints.append(f"{family.name}: twice")
    samples = []
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        if key in seen:
            complaints.append(f"{key}: twice")
        seen.add(key)
        samples.append([sample.name, sample.labels, sample.value])
    families[family.name] = {"type": family.type, "help": family.documentation, "samples": samples}
json.dump({"complaints": complaints, "families": families}, sys.stdout)
