"""Reads mails in base64 from standard input with Python's own `email`. A line of JSON for each."""

import base64
import email
import email.policy
import json
import sys



def body(mail, kind):
    part = mail.get_body((kind,))
    return part.get_content().replace("\r\n", "\n") if part else None


print(json.dumps({"port": 0}), flush=True)
for line in sys.stdin:
    mail = email.message_from_bytes(base64.b64decode(line), policy=email.policy.default)
    read = {
        "subject": mail["subject"],
        "from": mail["from"],
        "text": body(mail, "plain"),
        "html": body(mail, "html"),
        "headers": dict(mail.items()),
        "kind": mail.get_content_type(),
        "defects": [str(defect) for part in mail.walk() for defect in part.defects],
    }
    print(json.dumps(read), flush=True)
