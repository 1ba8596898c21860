"""A POS terminal that shares no code with Doorstep: pyiso8583 for messages, pycryptodome for keys.

Written from docs/door/terminal.md. Reads one JSON object from stdin:
{"address": [host, port], "terminal": "00000001", "merchant": 15 digits, "link_key": hex,
"card": {"pan": digits, "expiry": "YYMM", "pin": digits}, "sales": [[waybill, amount], ...]}
and lives a terminal's day: signs on, sells the first parcel with a PIN, repeats it, sells the second
and reverses it, tries a wrong MAC, takes the third in cash, voids the first, closes the batch. With
"master_key" instead of "link_key" it speaks UnionPay's dialect, and types no PIN.
Writes one JSON object to stdout: {"steps": [[what, response code], ...], "wrong": [complaints]}.
"""

import json
import socket
import struct
import sys
import time

import iso8583
from Crypto.Cipher import AES, DES, DES3
from Crypto.Hash import CMAC
from Crypto.Random import get_random_bytes


def fixed(digits_or_bytes, encoding="b", **more):
    return {"data_enc": encoding, "len_enc": "bcd", "len_type": 0, "max_len": digits_or_bytes, **more}


def counted(count_bytes, longest, encoding="ascii", **more):
    return {"data_enc": encoding, "len_enc": "bcd", "len_type": count_bytes, "max_len": longest, **more}


NIBBLES = {"len_count": "nibbles", "right_pad": "0"}
SPEC = {
    "h": fixed(0), "t": fixed(2), "p": fixed(8), "1": fixed(8),
    "2": counted(1, 19, "b", **NIBBLES),
    "3": fixed(3), "4": fixed(6), "11": fixed(3), "12": fixed(3), "13": fixed(2), "14": fixed(2),
    "22": fixed(3, **NIBBLES), "25": fixed(1), "26": fixed(1),
    "35": counted(1, 37, "b", **NIBBLES),
    "37": fixed(12, "ascii"), "38": fixed(6, "ascii"), "39": fixed(2, "ascii"),
    "41": fixed(8, "ascii"), "42": fixed(15, "ascii"), "44": counted(1, 25),
    "48": counted(2, 322, "b", **NIBBLES), "49": fixed(3, "ascii"),
    "52": fixed(8), "53": fixed(8), "54": counted(2, 20), "55": counted(2, 255, "b"),
    "58": counted(2, 100), "60": counted(2, 17, "b", **NIBBLES), "61": counted(2, 29, "b", **NIBBLES),
    "62": counted(2, 512, "b"), "63": counted(2, 163), "64": fixed(8),
}
# Doorstep's dialect: a longer PIN block, and the card is a message of its own.
DOORSTEP_SPEC = {
    **{field: spec for field, spec in SPEC.items() if field not in ("2", "14", "35", "53")},
    "52": fixed(16), "57": counted(2, 512, "b"),
}
CARD_SPEC = {field: SPEC[field] for field in ("h", "t", "p", "1", "2", "14", "35", "55")}
TPDU, HEADER = bytes.fromhex("6000030000"), bytes.fromhex("603100311301")


def cmac(key, data):
    return CMAC.new(key, msg=data, ciphermod=AES).digest()


def kdf(key, label, context, length):
    blocks = b"".join(
        cmac(key, struct.pack(">I", number) + label + b"\0" + context + struct.pack(">I", 8 * length))
        for number in range(1, (length + 15) // 16 + 1)
    )
    return blocks[:length]


def pin_block_4(key, pin, pan):
    """ISO 9564-1 format 4."""
    def block(text, fill):
        return bytes.fromhex(text + fill)

    plain = f"4{len(pin):x}{pin}".ljust(16, "A")
    plain = block(plain, get_random_bytes(8).hex())
    account = block(f"{max(len(pan) - 12, 0)}{pan.rjust(12, '0')}".ljust(32, "0"), "")
    cipher = AES.new(key, AES.MODE_ECB)
    first = cipher.encrypt(plain)
    return cipher.encrypt(bytes(a ^ b for a, b in zip(first, account)))


class DoorstepLine:
    """Keys of Doorstep's own dialect."""

    spec = DOORSTEP_SPEC

    def __init__(self, plan):
        self.link = bytes.fromhex(plan["link_key"])
        self.terminal = struct.pack(">Q", int(plan["terminal"]))
        self.random = b""
        self.keys = None

    def covered(self, header, message):
        return header + message

    def mac(self, data):
        return cmac(self.keys[0], data)[:8]

    def host_mac(self, data):
        return cmac(self.keys[1], data)[:8]

    def sign_on_field(self):
        self.random = get_random_bytes(16)
        return self.random.hex()

    def sign_on_mac(self, data):
        key = kdf(self.link, b"doorstep sign-on", self.terminal, 16)
        return cmac(key, data)[:8]

    def begin(self, field, complain):
        complain(len(field) == 16, "field 62 has 16 bytes")
        context = self.terminal + self.random + field
        keys = kdf(self.link, b"doorstep session", context, 64)
        self.keys = [keys[at:at + 16] for at in range(0, 64, 16)]

    def card(self, mti, fields):
        plain = bytes(iso8583.encode({"t": mti, **fields}, CARD_SPEC)[0])
        nonce = get_random_bytes(12)
        sealed, tag = AES.new(self.keys[3], AES.MODE_GCM, nonce=nonce).encrypt_and_digest(plain)
        return {"57": (nonce + sealed + tag).hex()}

    def pin(self, pin, pan):
        return {"22": "021", "26": "12", "52": pin_block_4(self.keys[2], pin, pan).hex()}


class UnionPayLine:
    """Keys of UnionPay's dialect."""

    spec = SPEC

    def __init__(self, plan):
        self.master = bytes.fromhex(plan["master_key"])
        self.mac_key = None

    @property
    def keys(self):
        return self.mac_key

    def covered(self, header, message):
        return message

    def mac(self, message):
        padded = message + bytes(-len(message) % 8)
        block = bytes(8)
        for at in range(0, len(padded), 8):
            block = bytes(a ^ b for a, b in zip(block, padded[at:at + 8]))
        text = block.hex().upper().encode()
        cipher = DES.new(self.mac_key, DES.MODE_ECB)
        first = cipher.encrypt(text[:8])
        second = cipher.encrypt(bytes(a ^ b for a, b in zip(first, text[8:])))
        return second.hex().upper().encode()[:8]

    host_mac = mac

    def sign_on_field(self):
        return None

    def begin(self, keys, complain):
        complain(len(keys) == 40, "field 62 has 40 bytes")
        master = DES3.new(self.master, DES3.MODE_ECB)
        pin_key, mac_key = master.decrypt(keys[:16]), master.decrypt(keys[20:28])
        zeros = bytes(8)
        check = DES3.new(pin_key, DES3.MODE_ECB).encrypt(zeros)[:4]
        complain(check == keys[16:20], "the PIN key's check value is wrong")
        check = DES.new(mac_key, DES.MODE_ECB).encrypt(zeros)[:4]
        complain(check == keys[36:40], "the MAC key's check value is wrong")
        self.mac_key = mac_key

    def card(self, mti, fields):
        return fields

    def pin(self, pin, pan):
        return {}


class Terminal:
    def __init__(self, plan):
        self.plan = plan
        self.socket = socket.create_connection(tuple(plan["address"]), timeout=30)
        self.stan = 0
        self.batch = 0
        self.line = DoorstepLine(plan) if "link_key" in plan else UnionPayLine(plan)
        self.steps, self.wrong = [], []

    def complain(self, condition, text):
        if not condition:
            self.wrong.append(text)

    def encode(self, fields, mac="session"):
        document = {"t": fields.pop("t"), **fields}
        if mac is None:
            return bytes(iso8583.encode(document, self.line.spec)[0])
        document["64"] = "00" * 8
        message = bytes(iso8583.encode(document, self.line.spec)[0])[:-8]
        covered = self.line.covered(HEADER, message)
        made = self.line.sign_on_mac(covered) if mac == "sign-on" else self.line.mac(covered)
        return message + made

    def exchange(self, message):
        body = TPDU + HEADER + message
        self.socket.sendall(struct.pack(">H", len(body)) + body)
        length = struct.unpack(">H", self.exactly(2))[0]
        body = self.exactly(length)
        self.complain(body[:5] == bytes.fromhex("6000000003"), "the TPDU is not turned round")
        answer = body[11:]
        decoded, encoded = iso8583.decode(answer, self.line.spec)
        if decoded["t"] == "0810" and decoded["60"].endswith("003") and decoded["39"] == "00":
            self.line.begin(bytes.fromhex(decoded["62"]), self.complain)
        if self.line.keys and "64" in decoded:
            right = self.line.host_mac(self.line.covered(body[5:11], answer[:-8]))
            self.complain(bytes.fromhex(decoded["64"]) == right, "the answer's MAC is wrong")
        return decoded, answer

    def exactly(self, count):
        got = b""
        while len(got) < count:
            part = self.socket.recv(count - len(got))
            if not part:
                raise SystemExit("the switch closed the connection")
            got += part
        return got

    def heading(self, mti, kind, management="000", stan=None):
        if stan is None:
            self.stan += 1
            stan = self.stan
        return {
            "t": mti, "11": f"{stan:06}", "41": self.plan["terminal"], "42": self.plan["merchant"],
            "60": f"{kind}{self.batch:06}{management}",
        }

    def payment(self, processing, kind, amount, **more):
        local = time.localtime()
        return {
            **self.heading("0200", kind), "3": processing, "4": f"{amount:012}",
            "12": time.strftime("%H%M%S", local), "13": time.strftime("%m%d", local),
            "25": "00", "49": "156", **more,
        }

    def step(self, what, decoded):
        self.steps.append([what, decoded["39"]])
        return decoded["39"]

    def sign_on(self):
        fields, field = self.heading("0800", "00", "003"), self.line.sign_on_field()
        if field is None:
            message = self.encode(fields, mac=None)
        else:
            message = self.encode({**fields, "62": field}, mac="sign-on")
        decoded, _ = self.exchange(message)
        if self.step("sign-on", decoded) != "00":
            return
        self.complain(field is None or "64" in decoded, "the host does not prove its key")
        self.batch = int(decoded["60"][2:8])

    def sale(self, waybill, amount, pin=None):
        card = self.plan["card"]
        track = f"{card['pan']}D{card['expiry']}2010000000000"[:37]
        fields = self.payment("000000", "22", amount, **{"22": "022", "58": waybill})
        fields |= self.line.card("0200", {"35": track})
        if pin is not None:
            fields |= self.line.pin(pin, card["pan"])
        return self.encode(fields)

    def day(self):
        (first, paid), (second, taken_back), (third, cash) = self.plan["sales"]
        self.sign_on()
        message = self.sale(first, paid, self.plan["card"]["pin"])
        stan = self.stan
        decoded, answer = self.exchange(message)
        self.step("sale", decoded)
        authorisation, rrn = decoded.get("38", ""), decoded.get("37", "")
        self.complain(len(rrn) == 12, "a sale's answer has an RRN")

        again, _ = self.exchange(message)
        self.step("repeat", again)
        same = [again.get(field) for field in ("37", "38", "39")]
        self.complain(same == [rrn, authorisation, "00"], "a repeat has another answer")

        message = self.sale(second, taken_back)
        reversed_stan = self.stan
        decoded, _ = self.exchange(message)
        self.step("second sale", decoded)
        fields = self.heading("0400", "22", stan=reversed_stan)
        fields |= {"3": "000000", "4": f"{taken_back:012}", "25": "00", "39": "98", "49": "156"}
        message = self.encode(dict(fields))
        decoded, _ = self.exchange(message)
        self.step("reversal", decoded)
        decoded, _ = self.exchange(self.encode({**fields, "t": "0401"}))
        self.step("reversal again", decoded)

        message = self.sale(third, cash)
        decoded, _ = self.exchange(message[:-1] + bytes([message[-1] ^ 1]))
        self.step("wrong MAC", decoded)

        given = cash + 500
        private = f"DF1106{given:012}DF1206{given - cash:012}"
        fields = self.payment("000000", "80", cash, **{"58": third, "62": private})
        decoded, _ = self.exchange(self.encode(fields))
        self.step("cash", decoded)

        original = {"37": rrn, "38": authorisation, "61": f"{self.batch:06}{stan:06}"}
        decoded, _ = self.exchange(self.encode(self.payment("200000", "23", paid, **original)))
        self.step("void", decoded)

        def group(debits, credits):
            return "".join(f"{amount:012}{count:03}" for count, amount in (debits, credits))

        groups = [group((1, paid), (1, paid)), group((0, 0), (0, 0)), group((1, cash), (0, 0))]
        totals = "".join(one + "0" for one in groups)
        fields = {**self.heading("0500", "00", "201"), "48": totals, "49": "156"}
        decoded, _ = self.exchange(self.encode(fields))
        self.step("totals", decoded)
        answered = decoded.get("48", "")
        self.complain(answered == "".join(one + "1" for one in groups), "the totals differ")


def main():
    terminal = Terminal(json.load(sys.stdin))
    terminal.day()
    json.dump({"steps": terminal.steps, "wrong": terminal.wrong}, sys.stdout)


main()
