"""What schemathesis cannot know: each request has an Idempotency-Key of its own, a cursor is the
server's, and a position that has not come is answered with 503. What a test case is about stays as
it is: a key that is too long, a cursor of another form. A currency is one of the books, so that
some commands are carried out and their links lead on."""

import re
import uuid

import schemathesis

KEY = "idempotency-key"
# As the server writes it: a seal, then a JSON object, both in hexadecimal digits.
OWN_CURSOR = re.compile("^[0-9a-f]{32}7b22[0-9a-f]+$")


@schemathesis.hook
def before_call(context, case, kwargs):
    data = case.meta.phase.data if case.meta else None
    about = (getattr(data, "parameter", None) or "").lower()
    for name in list(case.headers or {}):
        if name.lower() == KEY != about:
            case.headers[name] = uuid.uuid4().hex
    query = case.query or {}
    if about != "min_position":
        query.pop("min_position", None)
    if about != "cursor" and not OWN_CURSOR.match(str(query.get("cursor"))):
        query.pop("cursor", None)
    if isinstance(case.body, dict) and re.fullmatch("[A-Z]{3}", str(case.body.get("currency"))):
        case.body["currency"] = "CNY"
