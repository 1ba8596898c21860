"""Reads mails in base64 from standard input with Python's own `email`. A line of JSON for each."""

import base64
import email
import email.policy
import json
import sys

print(json.dumps({"port": 0}), flush=True)
for line in sys.stdin:
    mail = email.message_from_bytes(base64.b64decode(line), policy=email.policy.default)
    read = {
        "subject": mail["subject"],
        "from": mail["from"],
        "text": mail.get_content().replace("\r\n", "\n"),
        "defects": [str(defect) for defect in mail.defects],
    }
    print(json.dumps(read), flush=True)
