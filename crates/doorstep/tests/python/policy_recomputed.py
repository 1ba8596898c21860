"""Recomputes the transparency report from the exported views, from its meaning.

usage: policy_recomputed.py DIRECTORY FROM UNTIL

DIRECTORY has text_decisions.csv, text_rules.csv, text_appeals.csv, report.json and the report's
CSV files. Prints the counts and every fault as JSON.
"""
import csv
import json
import sys

import duckdb

directory, first, last = sys.argv[1], sys.argv[2], sys.argv[3]
db = duckdb.connect()
for view in ["text_decisions", "text_rules", "text_appeals"]:
    db.execute(
        f"CREATE TABLE {view} AS SELECT * FROM read_csv('{directory}/{view}.csv', header = true, "
        "all_varchar = true, nullstr = '')"
    )
# A decision is of the report if its day is.
db.execute(
    f"CREATE VIEW ours AS SELECT * FROM text_decisions WHERE day BETWEEN '{first}' AND '{last}'"
)
# Minutes between two times, begun ones not counted.
db.execute("CREATE MACRO minutes(a, b) AS floor(epoch(b::TIMESTAMPTZ - a::TIMESTAMPTZ) / 60)::BIGINT")
report = json.load(open(f"{directory}/report.json"))
faults = []


def one(sql):
    return db.execute(sql).fetchone()[0]


def same(name, found, said):
    if found != said:
        faults.append(f"{name}: recomputed {found}, reported {said}")


def middle(sql):
    """The middle value; of two the later one."""
    values = sorted(row[0] for row in db.execute(sql).fetchall())
    return values[len(values) // 2] if values else None


for name, verdict in [
    ("passed", "published"), ("labelled", "labelled"), ("held", "held"), ("refused", "refused"),
]:
    same(name, one(f"SELECT count(*) FROM ours WHERE verdict = '{verdict}'"), report[name])

restricted = "FROM ours WHERE verdict IN ('labelled', 'refused')"
for name, how in [("fully", "fully"), ("partially", "partially"), ("not", "not")]:
    found = one(f"SELECT count(*) {restricted} AND automation = '{how}'")
    same(f"automation {name}", found, report["automation"][name])
# Without a person it is the rules alone, and the other way round.
same("rules alone", one("SELECT count(*) FROM ours WHERE (decided_by IS NULL) <> (automation = 'fully')"), 0)

same("holds", one("SELECT count(*) FROM ours WHERE held_since IS NOT NULL"), report["holds_decided"])
same(
    "hold minutes",
    middle("SELECT minutes(held_since, decided) FROM ours WHERE held_since IS NOT NULL"),
    report["hold_minutes_median"],
)

db.execute(
    "CREATE VIEW contested AS SELECT a.* FROM text_appeals a JOIN ours USING (offer, decision)"
)
appeals = report["appeals"]
same("appeals", one("SELECT count(*) FROM contested"), appeals["received"])
same("judged", one("SELECT count(*) FROM contested WHERE state <> 'open'"), appeals["judged"])
same("reversed", one("SELECT count(*) FROM contested WHERE state = 'reversed'"), appeals["reversed"])
same("open", one("SELECT count(*) FROM contested WHERE state = 'open'"), appeals["open"])
same(
    "overdue",
    one(f"SELECT count(*) FROM contested WHERE state = 'open' AND due < '{last}'"),
    appeals["overdue"],
)
same(
    "appeal minutes",
    middle("SELECT minutes(appealed_at, judged_at) FROM contested WHERE judged_at IS NOT NULL"),
    appeals["minutes_median"],
)
# An appeal is judged by another person than the first.
same(
    "own judgements",
    one("SELECT count(*) FROM contested a JOIN ours d USING (offer, decision) "
        "WHERE a.judged_by = d.decided_by"),
    0,
)

BASELINES = {
    "laws and regulations": "laws_and_regulations",
    "socialist system": "socialist_system",
    "national interests": "national_interests",
    "citizens' rights": "citizens_rights",
    "public order": "public_order",
    "morality": "morality",
    "accuracy": "accuracy",
}
grouped = """
    SELECT {of}, count(*) FILTER (r.verdict = 'labelled'), count(*) FILTER (r.verdict = 'held'),
        count(*) FILTER (r.verdict = 'refused'), count(a.state), count(*) FILTER (a.state = 'reversed')
    FROM text_rules r JOIN ours USING (offer, decision)
    LEFT JOIN text_appeals a USING (offer, decision) GROUP BY ALL
"""
counts = ["labelled", "held", "refused", "appealed", "reversed"]
found = {BASELINES[row[0]]: list(row[1:]) for row in db.execute(grouped.format(of="r.baseline")).fetchall()}
same("seven baselines", [it["baseline"] for it in report["baselines"]], list(BASELINES.values()))
for said in report["baselines"]:
    same(said["baseline"], found.get(said["baseline"], [0] * 5), [said[name] for name in counts])
found = {
    (int(row[0]), row[1]): list(row[2:])
    for row in db.execute(grouped.format(of="r.version, r.rule")).fetchall()
}
said = {(it["version"], it["rule"]): [it[name] for name in counts] for it in report["rules"]}
same("rules", found, said)

# The templates of Regulation (EU) 2024/2835.


def template(name):
    return list(csv.DictReader(open(f"{directory}/{name}", newline="", encoding="utf-8")))


own = "AND origin = 'own initiative'"
total = {"Visibility restriction Removal": 0, "Visibility restriction Labelled ": 0}
solely = 0
for part in ["5_own_initiative_illegal.csv", "6_own_initiative_TC.csv"]:
    rows = template(part)
    category = list(rows[0])[3]
    whole = rows[0]
    same(f"{part} columns", len(whole), 37)
    same(f"{part} first row", (whole["Applicability"], whole[category]), ("All", "TOTAL"))
    measures = "Number of measures taken at the provider's own initiative "
    parts = sum(int(row[measures]) for row in rows if row[category].startswith("STATEMENT_CATEGORY_"))
    lacking = whole["Contextual Information on " + measures]
    lacking = int(lacking.split()[0]) if lacking else 0
    same(f"{part} categories", parts + lacking, int(whole[measures]))
    for name in total:
        total[name] += int(whole[name])
    solely += int(whole["Number of measures taken after detection with solely automated means "])
same("removed", one(f"SELECT count(*) FROM ours WHERE verdict = 'refused' {own}"), total["Visibility restriction Removal"])
same("labels", one(f"SELECT count(*) FROM ours WHERE verdict = 'labelled' {own}"), total["Visibility restriction Labelled "])
same("solely automated", one(f"SELECT count(*) {restricted} {own} AND decided_by IS NULL"), solely)
complaints = {(row["Indicator"], row["Scope"]): row["Value"] for row in template("7_appeals_and_recidivism.csv")}
all_of = "Number of complaints submitted to the internal-complaints mechanism"
same("complaints", complaints[all_of, "Total number"], str(appeals["received"]))
same("upheld", one("SELECT count(*) FROM contested WHERE state = 'upheld'"), int(complaints[all_of, "Decisions upheld"]))
same(
    "whole and partial reversals",
    int(complaints[all_of, "Decisions reversed"]) + int(complaints[all_of, "Decisions partially reversed"]),
    appeals["reversed"],
)
means = {(row["Indicator"], row["Scope"]): int(row["Value"]) for row in template("8_automated_means.csv")}
same("by automated means", means["Number of measures solely taken by automated means ", "Total number"], report["automation"]["fully"])

# The daily report of one day.
daily = json.load(open(f"{directory}/figures.json"))["report"]
day = daily["span"]["day"]
daily = {
    run["figure"]: {one.get("by"): one["value"] for one in run["values"] if one["value"]}
    for run in daily["figures"]
}
stopped = f"FROM text_decisions WHERE day = '{day}' AND verdict <> 'published'"
same(
    "figure texts_stopped",
    dict(db.execute(
        "SELECT r.baseline, count(*) FROM text_rules r SEMI JOIN "
        f"(SELECT * {stopped}) USING (offer, decision) WHERE r.place = '1' GROUP BY ALL"
    ).fetchall()),
    daily["texts_stopped"],
)
for column in ["verdict", "automation"]:
    found = dict(db.execute(f"SELECT {column}, count(*) {stopped} GROUP BY ALL").fetchall())
    same(f"figure texts_by_{column}", found, daily[f"texts_by_{column}"])

print(json.dumps({
    "of_a_day": one(f"SELECT count(*) {stopped}"),
    "faults": faults,
    "decisions": one("SELECT count(*) FROM ours"),
    "by_people": one("SELECT count(*) FROM ours WHERE decided_by IS NOT NULL"),
    "appeals": one("SELECT count(*) FROM contested"),
    "reversed": one("SELECT count(*) FROM contested WHERE state = 'reversed'"),
    "paused": one("SELECT count(*) FROM ours WHERE paused = 'true'"),
}))
