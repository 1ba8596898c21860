"""An authenticator with one passkey, from Yubico's fido2 and cryptography. It shares no code with
Doorstep, and keeps its key and count in a file.

    authenticator.py create|get FILE ORIGIN < what the server answered > what a browser sends
"""

import hashlib
import json
import os
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestedCredentialData, AuthenticatorData, CollectedClientData

FLAG = AuthenticatorData.FLAG


def main(act, file, origin):
    asked = json.load(sys.stdin)
    party = hashlib.sha256(asked["relying_party"].encode()).digest()
    client = CollectedClientData.create(
        type=f"webauthn.{act}", challenge=websafe_decode(asked["challenge"]), origin=origin
    )
    if act == "create":
        private = ec.generate_private_key(ec.SECP256R1())
        key = ES256.from_cryptography_key(private.public_key())
        made = AttestedCredentialData.create(bytes(16), os.urandom(32), key)
        data = AuthenticatorData.create(party, FLAG.UP | FLAG.UV | FLAG.AT, 1, made)
        kept = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        save(file, {"id": websafe_encode(made.credential_id), "key": kept, "count": 1})
        sent = {"client_data": client, "authenticator_data": data}
    else:
        with open(file) as text:
            own = json.load(text)
        own["count"] += 1
        save(file, own)
        data = AuthenticatorData.create(party, FLAG.UP | FLAG.UV, own["count"])
        private = serialization.load_pem_private_key(own["key"].encode(), None)
        signature = private.sign(bytes(data) + client.hash, ec.ECDSA(hashes.SHA256()))
        sent = {
            "passkey": websafe_decode(own["id"]),
            "client_data": client,
            "authenticator_data": data,
            "signature": signature,
        }
    print(json.dumps({name: websafe_encode(bytes(part)) for name, part in sent.items()}))


def save(file, own):
    with open(file, "w") as text:
        json.dump(own, text)


main(*sys.argv[1:])
