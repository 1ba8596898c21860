"""A POS terminal that shares no code with Doorstep: pyiso8583 for messages, pycryptodome for keys.

Written from docs/door/terminal.md. Reads one JSON object from stdin:
{"address": [host, port], "terminal": "00000001", "merchant": 15 digits, "master_key": hex,
"card": {"pan": digits, "expiry": "YYMM"}, "sales": [[waybill, amount], ...]}
and lives a terminal's day: signs on, sells the first parcel, repeats it, sells the second and
reverses it, tries a wrong MAC, takes the third in cash, voids the first, closes the batch.
Writes one JSON object to stdout: {"steps": [[what, response code], ...], "wrong": [complaints]}.
"""

import json
import socket
import struct
import sys
import time

import iso8583
from Crypto.Cipher import DES, DES3


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
TPDU, HEADER = bytes.fromhex("6000030000"), bytes.fromhex("603100311301")


class Terminal:
    def __init__(self, plan):
        self.plan = plan
        self.socket = socket.create_connection(tuple(plan["address"]), timeout=30)
        self.stan = 0
        self.batch = 0
        self.mac_key = None
        self.steps, self.wrong = [], []

    def complain(self, condition, text):
        if not condition:
            self.wrong.append(text)

    # UnionPay's ECB MAC, as docs/door/terminal.md describes it.
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

    def encode(self, fields, with_mac=True):
        document = {"t": fields.pop("t"), **fields}
        if not with_mac:
            return bytes(iso8583.encode(document, SPEC)[0])
        document["64"] = "00" * 8
        message = bytes(iso8583.encode(document, SPEC)[0])
        return message[:-8] + self.mac(message[:-8])

    def exchange(self, message):
        body = TPDU + HEADER + message
        self.socket.sendall(struct.pack(">H", len(body)) + body)
        length = struct.unpack(">H", self.exactly(2))[0]
        body = self.exactly(length)
        self.complain(body[:5] == bytes.fromhex("6000000003"), "the TPDU is not turned round")
        answer = body[11:]
        decoded, encoded = iso8583.decode(answer, SPEC)
        if self.mac_key and "64" in decoded:
            right = self.mac(answer[:-8])
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
        message = self.encode(self.heading("0800", "00", "003"), with_mac=False)
        decoded, _ = self.exchange(message)
        if self.step("sign-on", decoded) != "00":
            return
        keys = bytes.fromhex(decoded["62"])
        self.complain(len(keys) == 40, "field 62 has 40 bytes")
        master = DES3.new(bytes.fromhex(self.plan["master_key"]), DES3.MODE_ECB)
        pin_key, mac_key = master.decrypt(keys[:16]), master.decrypt(keys[20:28])
        zeros = bytes(8)
        check = DES3.new(pin_key, DES3.MODE_ECB).encrypt(zeros)[:4]
        self.complain(check == keys[16:20], "the PIN key's check value is wrong")
        check = DES.new(mac_key, DES.MODE_ECB).encrypt(zeros)[:4]
        self.complain(check == keys[36:40], "the MAC key's check value is wrong")
        self.mac_key = mac_key
        self.batch = int(decoded["60"][2:8])

    def sale(self, waybill, amount):
        card = self.plan["card"]
        track = f"{card['pan']}D{card['expiry']}2010000000000"[:37]
        fields = self.payment("000000", "22", amount, **{"22": "022", "35": track, "58": waybill})
        return self.encode(fields)

    def day(self):
        (first, paid), (second, taken_back), (third, cash) = self.plan["sales"]
        self.sign_on()
        message = self.sale(first, paid)
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

        def part(debits, credits):
            return "".join(f"{count:03}{amount:012}" for count, amount in (debits, credits)) + "0"

        totals = part((1, paid), (1, paid)) + part((1, cash), (0, 0))
        fields = {**self.heading("0500", "00", "201"), "48": totals, "49": "156"}
        decoded, _ = self.exchange(self.encode(fields))
        self.step("totals", decoded)
        answered = decoded.get("48", "")
        self.complain(answered == totals[:30] + "1" + totals[31:61] + "1", "the totals differ")


def main():
    terminal = Terminal(json.load(sys.stdin))
    terminal.day()
    json.dump({"steps": terminal.steps, "wrong": terminal.wrong}, sys.stdout)


main()
