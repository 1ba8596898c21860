"""DuckDB's full outer join of a clearing file and the file that was expected, from CSV."""

import json
import resource
import sys
import time

import duckdb

COLUMNS = {
    "type": "VARCHAR",
    "rrn": "VARCHAR",
    "stan": "INTEGER",
    "sent": "TIMESTAMP",
    "terminal": "VARCHAR",
    "merchant": "VARCHAR",
    "kind": "VARCHAR",
    "amount": "DECIMAL(18, 2)",
    "kept_back": "DECIMAL(18, 2)",
    "net": "DECIMAL(18, 2)",
}
READ = """
    SELECT rrn, stan, sent, amount, kept_back
    FROM read_csv('{}', header = false, skip = 1, null_padding = true, columns = {},
        auto_detect = false, delim = ',', quote = '"', ignore_errors = true)
    WHERE type = 'I'
"""
JOIN = """
    WITH l AS ({}), i AS ({})
    SELECT
        count(*) FILTER (l.amount = i.amount AND l.kept_back = i.kept_back),
        count(*) FILTER (l.amount <> i.amount OR l.kept_back <> i.kept_back),
        count(*) FILTER (i.rrn IS NULL),
        count(*) FILTER (l.rrn IS NULL)
    FROM l FULL OUTER JOIN i ON l.rrn = i.rrn AND l.stan = i.stan AND l.sent = i.sent
"""

stated, expected = sys.argv[1:]
query = JOIN.format(READ.format(stated, COLUMNS), READ.format(expected, COLUMNS))
duckdb.execute("SET enable_progress_bar = false")
used, begun = time.process_time(), time.monotonic()
same, differ, lines_alone, items_alone = duckdb.execute(query).fetchone()
took, used = time.monotonic() - begun, time.process_time() - used
print(json.dumps({
    "version": duckdb.__version__,
    "join_s": round(took, 3),
    "cpu_s": round(used, 3),
    "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "same": same,
    "differ": differ,
    "lines_alone": lines_alone,
    "items_alone": items_alone,
}))
