"""Receives webhooks and verifies them with other people's code. A line of JSON for each request.

webhooks.py HMAC_SECRET HMAC_SECRET_OF_THE_ROTATION ED25519_PUBLIC_KEY [CERTIFICATE KEY]
"""

import base64
import json
import ssl
import sys
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
import standardwebhooks
import svix.webhooks

SECRETS = sys.argv[1:3]
PUBLIC = Ed25519PublicKey.from_public_bytes(base64.b64decode(sys.argv[3].removeprefix("whpk_")))


def verified_by(library, secret, body, headers):
    try:
        library(secret).verify(body, headers)
        return True
    except Exception:
        return False


def verified_by_ed25519(body, headers):
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for signature in headers["webhook-signature"].split(" "):
        version, text = signature.split(",")
        if version == "v1a":
            try:
                PUBLIC.verify(base64.b64decode(text), signed)
                return True
            except InvalidSignature:
                pass
    return False


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        text = body.decode()
        forged = text.replace("100", "999")
        seen = {
            "path": self.path,
            "id": headers["webhook-id"],
            "body": text,
            "content_type": headers["content-type"],
            "connection": self.client_address[1],
            "standardwebhooks": [
                verified_by(standardwebhooks.Webhook, secret, text, headers) for secret in SECRETS
            ],
            "svix": [verified_by(svix.webhooks.Webhook, secret, text, headers) for secret in SECRETS],
            "ed25519": verified_by_ed25519(body, headers),
            "forged": [
                verified_by(standardwebhooks.Webhook, SECRETS[0], forged, headers),
                verified_by_ed25519(forged.encode(), headers),
            ],
        }
        print(json.dumps(seen), flush=True)
        answer = getattr(self, "answer_" + self.path.strip("/"), self.answer_ok)
        answer()

    def say(self, status, body=b"", **headers):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def answer_ok(self):
        self.say(200, b"ok")

    def answer_gone(self):
        self.say(410)

    def answer_redirect(self):
        self.say(302, location="/ok")

    def answer_busy(self):
        self.say(429, retry_after="7")

    def answer_dated(self):
        self.say(503, retry_after=formatdate(time.time() + 3600, usegmt=True))

    def answer_broken(self):
        self.say(500, b"x" * 100)

    def answer_long(self):
        self.say(200, b"x" * (1 << 20))

    def answer_nothing(self):
        self.close_connection = True

    def answer_garbage(self):
        self.wfile.write(b"\0" * 1000)
        self.close_connection = True

    def answer_head(self):
        """A head that never ends."""
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(b"x-more: " + b"x" * 1000 + b"\r\n")
        except OSError:
            self.close_connection = True

    def answer_slow(self):
        """A byte now and then, for longer than any limit of the test."""
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
        except OSError:
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Receiver)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[4:6])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
