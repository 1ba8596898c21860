"""Reads feeds and pages with other people's programs: `read.py FILE...`. Prints one JSON object.

*.atom and *.json are feeds, *.html is a page with JSON-LD, *.txt the plain text of a report.
"""

import datetime
import json
import sys

import extruct
import feedparser

read = {}
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        content = file.read()
    if path.endswith(".atom"):
        feed = feedparser.parse(content)
        read["atom"] = {
            "version": feed.version,
            "wrong": str(feed.get("bozo_exception", "")),
            "id": feed.feed.get("id"),
            "links": [link.href for link in feed.feed.links],
            "entries": [
                {"id": one.id, "title": one.title, "updated": one.updated, "link": one.link,
                 "html": one.content[0].value, "kind": one.content[0].type}
                for one in feed.entries
            ],
        }
    elif path.endswith(".json"):
        # By the text of JSON Feed 1.1: feedparser reads Atom and RSS only.
        raw = json.loads(content)
        assert raw["version"] == "https://jsonfeed.org/version/1.1", raw["version"]
        assert isinstance(raw["title"], str) and raw["feed_url"].startswith("http"), raw
        ids = [one["id"] for one in raw["items"]]
        assert len(set(ids)) == len(ids) and all(isinstance(one, str) for one in ids), ids
        for one in raw["items"]:
            assert one["content_html"] and one["content_text"], one
            datetime.datetime.fromisoformat(one["date_published"])
        read["json"] = {
            "version": raw["version"],
            "wrong": "",
            "entries": [{"id": one["id"], "title": one["title"], "link": one["url"]}
                        for one in raw["items"]],
            "texts": [one["content_text"] for one in raw["items"]],
        }
    else:
        read["json-ld"] = extruct.extract(content.decode(), syntaxes=["json-ld"])["json-ld"]
print(json.dumps(read))
