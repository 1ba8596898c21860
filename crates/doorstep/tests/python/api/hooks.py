"""What schemathesis cannot know: each request has an Idempotency-Key of its own, a cursor is the
server's, and a position that has not come is answered with 503. What a test case is about stays as
it is: a key that is too long, a cursor of another form. A currency is one of the books, so that
some commands are carried out and their links lead on. JSON Schema counts characters: where the API
counts bytes, a text is cut to as many as fit whatever they are. To JSON Schema 1e17 is an integer,
to the API a number that may have lost digits. A common password is refused, and no schema can list
those. Whoever is told to wait for a second waits and asks again."""

import re
import time
import uuid

import requests.sessions
import schemathesis
from requests.adapters import HTTPAdapter

KEY = "idempotency-key"
SOUND_KEY = re.compile("[!#-~]{1,255}")
# As the server writes it: a seal, then a JSON object, both in hexadecimal digits.
OWN_CURSOR = re.compile("^[0-9a-f]{32}7b22[0-9a-f]+$")

# Of a reference.
BYTES_MAX = 64
CHARACTER_BYTES_MAX = 4
PASSWORD_LENGTHS = range(12, 129)
# Below the limit of 10 s for an answer.
TRIES_MAX = 5


def cut(value):
    if isinstance(value, dict):
        return {name: cut(one) for name, one in value.items()}
    if isinstance(value, list):
        return [cut(one) for one in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) <= BYTES_MAX < len(value.encode("utf-8", "replace")):
        return value[: BYTES_MAX // CHARACTER_BYTES_MAX]
    return value


class PatientAdapter(HTTPAdapter):
    """Without a sign-in an address has few requests a second."""

    def send(self, request, *args, **kwargs):
        response = super().send(request, *args, **kwargs)
        for _ in range(TRIES_MAX):
            if response.status_code != 429 or response.headers.get("retry-after") != "1":
                break
            # The connection is free once the body was read.
            _ = response.content
            time.sleep(1)
            response = super().send(request, *args, **kwargs)
        return response


requests.sessions.HTTPAdapter = PatientAdapter


@schemathesis.hook
def before_call(context, case, kwargs):
    data = case.meta.phase.data if case.meta else None
    about = (getattr(data, "parameter", None) or "").lower()
    for name, value in list((case.headers or {}).items()):
        if name.lower() != KEY:
            continue
        # HTTP drops spaces around a value, and the API drops quotes: what is sound without them is
        # no wrong key.
        bare = value.strip().replace('"', "")
        if SOUND_KEY.fullmatch(value):
            case.headers[name] = uuid.uuid4().hex
        elif SOUND_KEY.fullmatch(bare):
            case.headers[name] = "two words"
    query = case.query or {}
    if about != "min_position":
        query.pop("min_position", None)
    if about != "cursor" and not OWN_CURSOR.match(str(query.get("cursor"))):
        query.pop("cursor", None)
    case.body = cut(case.body)
    if isinstance(case.body, dict) and re.fullmatch("[A-Z]{3}", str(case.body.get("currency"))):
        case.body["currency"] = "CNY"
    if isinstance(case.body, dict) and len(str(case.body.get("password", ""))) in PASSWORD_LENGTHS:
        case.body["password"] = (uuid.uuid4().hex * 4)[: len(case.body["password"])]
