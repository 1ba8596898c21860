"""A mail server (aiosmtpd) whose behaviour the recipient's name chooses. A line of JSON for each
mail, and for each connection that begins.

smtpd.py CERTIFICATE KEY [without-8bitmime] [without-starttls] [tls]
"""

import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

certificate, key, *flags = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
counts = {}


def said(**what):
    print(json.dumps(what), flush=True)


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        said(ehlo=hostname, tls=session.ssl is not None or "tls" in flags)
        if "without-8bitmime" in flags:
            responses = [line for line in responses if "8BITMIME" not in line]
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        counts[name] = counts.get(name, 0) + 1
        if name == "unknown":
            return f"550 5.1.1 <{address}>: no such mailbox"
        if name == "greylisted" and counts[name] == 1:
            return "451 4.7.1 come back later"
        if name == "cut":
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        name = envelope.rcpt_tos[0].split("@")[0]
        said(
            mail_from=envelope.mail_from,
            to=envelope.rcpt_tos,
            options=envelope.mail_options,
            tls=session.ssl is not None or "tls" in flags,
            login=session.auth_data and session.auth_data.login.decode(),
            content=base64.b64encode(envelope.original_content).decode(),
        )
        if name == "lost":
            server.transport.abort()
        if name == "spam":
            return "554 5.7.1 not wanted"
        if name == "full":
            return "452 4.2.2 mailbox full"
        return "250 2.0.0 Ok: queued as 4XHk3"


def authenticator(server, session, envelope, mechanism, given):
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (
        b"doorstep",
        b"correct horse",
    )
    return AuthResult(success=right, handled=False, auth_data=given)


starttls = "without-starttls" not in flags and "tls" not in flags
options = dict(
    tls_context=context if starttls else None,
    require_starttls=starttls,
    authenticator=authenticator,
    auth_require_tls=starttls,
    enable_SMTPUTF8=True,
    hostname="mail.test",
)
loop = asyncio.new_event_loop()
serving = loop.create_server(
    lambda: SMTP(Handler(), loop=loop, **options),
    host="127.0.0.1",
    port=0,
    ssl=context if "tls" in flags else None,
)
server = loop.run_until_complete(serving)
said(port=server.sockets[0].getsockname()[1])
loop.run_forever()
