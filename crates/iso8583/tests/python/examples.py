"""Checks the worked examples of Doorstep's terminal protocol, as a newcomer would build them.

Reads one JSON object from stdin: {"fields": the page with the formats of the fields,
"examples": the page with the messages}, both as text. It knows no format and no key but what these
pages say. Writes one to stdout: {"wrong": [complaints], "checked": [names of messages]}.
"""

import json
import re
import struct
import sys

import iso8583
from Crypto.Cipher import AES, DES, DES3
from Crypto.Hash import CMAC

FORMAT = re.compile(r"(n|z|an|ans|b)(\.*)(\d+)")
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U"


def field(number, text):
    """The field of a format like `n6`, `ans..25` or `b64`."""
    content, dots, length = FORMAT.fullmatch(text).groups()
    length = int(length)
    spec = {"len_enc": "bcd", "len_type": {0: 0, 2: 1, 3: 2}[len(dots)], "max_len": length}
    if content == "b":
        return {**spec, "data_enc": "b", "max_len": length if dots else length // 8}
    if content in ("an", "ans"):
        return {**spec, "data_enc": "ascii"}
    pad = {"left_pad": "0"} if number == "23" else {"right_pad": "0"}
    return {**spec, **pad, "data_enc": "b", "len_count": "nibbles"}


def formats(page):
    """The two dialects' fields, from the rows of the table of fields."""
    doorstep = {"h": field("", "b0"), "t": field("", "b16"), "p": field("", "b64")}
    doorstep["1"] = doorstep["p"]
    rows = re.findall(r"^\| (\d+) \| (\S+) \| ([\d +]+) \| (.*) \|$", page, re.M)
    unionpay = dict(doorstep)
    for number, text, size, meaning in rows:
        doorstep[number] = unionpay[number] = field(number, text)
        check_size(number, doorstep[number], size)
        other = re.search(r"UnionPay's dialect: ([a-z]+\.*\d+)", meaning)
        if other:
            unionpay[number] = field(number, other.group(1))
    return doorstep, unionpay


def check_size(number, spec, size):
    length = spec["max_len"]
    if spec.get("len_count") == "nibbles":
        length = (length + 1) // 2
    expected = f"{spec['len_type']} + {length}" if spec["len_type"] else str(length)
    complain(size == expected, f"field {number} has {expected} bytes, the page says {size}")


def blocks(page):
    """The values of the page, its messages as bytes, and what they say of their fields."""
    values, messages, said = {}, {}, {}
    for info, body in re.findall(r"^```(\S.*)\n((?:.*\n)*?)```$", page, re.M):
        lines = body.splitlines()
        if info == "values":
            values |= dict(line.split(" = ", 1) for line in lines)
        else:
            name = info.removeprefix("hex ")
            messages[name] = bytes.fromhex("".join(line.split("  ")[0] for line in lines))
            said[name] = dict(re.findall(r"  (\d+) [^:\n]*: (.*)", body))
    return values, messages, said


WRONG = []


def complain(good, text):
    if not good:
        WRONG.append(text)


def equal(made, said, what):
    complain(made == said, f"{what}: {made!r} is made, the page says {said!r}")


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


def cmac(key, data):
    return CMAC.new(key, msg=data, ciphermod=AES).digest()


def kdf(key, label, context, length):
    parts = []
    for number in range(1, length // 16 + 1):
        count = struct.pack(">I", number)
        parts.append(cmac(key, count + label + b"\0" + context + struct.pack(">I", 8 * length)))
    return b"".join(parts)


def luhn(number):
    """Whether the last digit of a card number is its check digit."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(digit // 10 + digit % 10 for digit in doubled) % 10 == 0


def waybill(parcel):
    digits = [parcel >> 5 * place & 31 for place in reversed(range(26))]
    return "".join(ALPHABET[digit] for digit in digits) + ALPHABET[parcel % 37]


class Example:
    """A message of the page: its parts, and what is encoded again from them."""

    def __init__(self, name, pages, spec, covers_header):
        _, messages, said = pages
        block = messages[name]
        length, frame = struct.unpack(">H", block[:2])[0], block[2:]
        complain(length == len(frame), f"{name}: the length is {len(frame)}")
        self.tpdu, self.header, message = frame[:5], frame[5:11], frame[11:]
        self.fields, _ = iso8583.decode(message, spec)
        again, _ = iso8583.encode(dict(self.fields), spec)
        equal(bytes(again).hex(), message.hex(), f"{name} encoded again")
        for number, value in said[name].items():
            equal(self.fields[number].strip(), value.strip(), f"{name}: field {number}")
        self.covered = (self.header if covers_header else b"") + message[:-8]
        self.mac = message[-8:] if "64" in self.fields else None


def common(values, examples):
    for name, example in examples.items():
        answer = "answer" in name
        equal(example.tpdu.hex(), "6000000003" if answer else "6000030000", f"{name}: TPDU")
        equal(example.header.hex(), "603100310000", f"{name}: header")
        equal(example.fields["41"], values["terminal"], f"{name}: terminal")
        equal(example.fields["42"], values["merchant"], f"{name}: merchant")
        if answer:
            request = examples[name.replace("answer to the ", "")].fields
            equal(example.fields["t"], f"{int(request['t']) + 10:04}", f"{name}: MTI")
            equal(example.fields["11"], request["11"], f"{name}: STAN")
            if "48" in request:
                totals = request["48"]
                agreed = [totals[at:at + 30] + "1" for at in range(0, len(totals), 31)]
                equal(example.fields["48"], "".join(agreed), f"{name}: totals")
                complain(set(totals[30::31]) == {"0"}, f"{name}: results of the request")
    sale = next(e for name, e in examples.items() if name.endswith(": sale"))
    complain(luhn(values["card number"]), "the card number has a wrong check digit")
    equal(sale.fields["58"], waybill(int(values["parcel"], 16)), "waybill")
    equal(values["waybill"], sale.fields["58"], "waybill of the page")
    return sale


def doorstep(pages, spec):
    values, messages, _ = pages
    names = [name for name in messages if name.startswith("doorstep: ") and "card" not in name]
    examples = {name: Example(name, pages, spec, True) for name in names}
    sale = common(values, examples)
    secret = {name: bytes.fromhex(values[name]) for name in values if re.search("key|random", name)}
    terminal = struct.pack(">Q", int(values["terminal"]))
    link = secret["link key"]
    sign_on = kdf(link, b"doorstep sign-on", terminal, 16)
    context = terminal + secret["terminal's random"] + secret["host's random"]
    session = kdf(link, b"doorstep session", context, 64)
    keys = [session[at:at + 16] for at in range(0, 64, 16)]
    said = ["terminal's MAC key", "host's MAC key", "PIN key", "card data key"]
    equal(sign_on.hex(), secret["sign-on key"].hex(), "sign-on key")
    equal([key.hex() for key in keys], [secret[name].hex() for name in said], "session keys")
    for name, example in examples.items():
        key = keys[1] if "answer" in name else keys[0]
        key = sign_on if name.endswith(": sign-on") else key
        equal(cmac(key, example.covered)[:8].hex(), example.mac.hex(), f"{name}: MAC")
    equal(bytes.fromhex(examples["doorstep: sign-on"].fields["62"]), secret["terminal's random"],
          "random value of the terminal")
    nonce = bytes.fromhex(values["doorstep: nonce"])
    card = messages["doorstep: card data"]
    sealed, tag = AES.new(keys[3], AES.MODE_GCM, nonce=nonce).encrypt_and_digest(card)
    equal((nonce + sealed + tag).hex().upper(), sale.fields["57"], "sealed card data")
    equal(sealed.hex().upper(), values["doorstep: encrypted card data"], "encrypted card data")
    equal(tag.hex().upper(), values["doorstep: tag"], "tag")
    equal(sale.fields["52"], values["doorstep: PIN block"], "PIN block of the sale")
    fields, _ = iso8583.decode(card, spec)
    equal(fields["35"], values["track 2"].replace("=", "D"), "track 2")
    equal(fields["t"], sale.fields["t"], "MTI of the card data")
    pin, pan = values["PIN"], values["card number"]
    half = bytes.fromhex(values["doorstep: PIN's half"])
    equal(half[:8].hex().upper(), f"4{len(pin)}{pin}".ljust(16, "A"), "the PIN's half")
    account = bytes.fromhex(f"{len(pan) - 12}{pan}".ljust(32, "0"))
    cipher = AES.new(keys[2], AES.MODE_ECB)
    once = cipher.encrypt(half)
    equal(once.hex().upper(), values["doorstep: encrypted once"], "the PIN's half encrypted")
    equal(account.hex().upper(), values["doorstep: card's half"], "the card's half")
    equal(cipher.encrypt(xor(once, account)).hex().upper(), sale.fields["52"], "PIN block")
    return list(examples)


def unionpay(pages, spec):
    values, messages, _ = pages
    names = [name for name in messages if name.startswith("unionpay: ") and "field" not in name]
    examples = {name: Example(name, pages, spec, False) for name in names}
    sale = common(values, examples)
    field_62 = bytes.fromhex(examples["unionpay: answer to the sign-on"].fields["62"])
    equal(field_62, messages["unionpay: field 62"], "field 62")
    master = DES3.new(bytes.fromhex(values["master key"]), DES3.MODE_ECB)
    pin_key, mac_key = master.decrypt(field_62[:16]), master.decrypt(field_62[20:28])
    equal(pin_key.hex().upper(), values["working PIN key"], "PIN key")
    equal(mac_key.hex().upper(), values["working MAC key"], "MAC key")
    pin_cipher, mac_cipher = DES3.new(pin_key, DES3.MODE_ECB), DES.new(mac_key, DES.MODE_ECB)
    equal(pin_cipher.encrypt(bytes(8))[:4], field_62[16:20], "check value of the PIN key")
    equal(mac_cipher.encrypt(bytes(8))[:4], field_62[36:], "check value of the MAC key")
    for name, example in examples.items():
        if example.mac is None:
            complain("sign-on" in name or "settlement" in name, f"{name} has no MAC")
            continue
        padded, total = example.covered + bytes(-len(example.covered) % 8), bytes(8)
        for at in range(0, len(padded), 8):
            total = xor(total, padded[at:at + 8])
        text = total.hex().upper().encode()
        once = mac_cipher.encrypt(text[:8])
        twice = mac_cipher.encrypt(xor(once, text[8:]))
        equal(twice.hex().upper().encode()[:8], example.mac, f"{name}: MAC")
        if example is sale:
            made = [part.hex().upper() for part in (total, text, once, twice)]
            steps = ["sum", "sum in ASCII", "encrypted once", "encrypted twice"]
            equal(made, [values[f"unionpay: {step}"] for step in steps], "steps of the MAC")
    pin, pan = values["PIN"], values["card number"]
    half = bytes.fromhex(f"0{len(pin)}{pin}".ljust(16, "F"))
    account = bytes.fromhex("0000" + pan[-13:-1])
    equal(half.hex().upper(), values["unionpay: PIN's half"], "the PIN's half")
    equal(account.hex().upper(), values["unionpay: card's half"], "the card's half")
    equal(pin_cipher.encrypt(xor(half, account)).hex().upper(), sale.fields["52"], "PIN block")
    equal(sale.fields["52"], values["unionpay: PIN block"], "PIN block of the sale")
    equal(sale.fields["35"], values["track 2"].replace("=", "D"), "track 2")
    return list(examples)


def main():
    pages = json.load(sys.stdin)
    ours, theirs = formats(pages["fields"])
    examples = blocks(pages["examples"])
    checked = doorstep(examples, ours) + unionpay(examples, theirs)
    json.dump({"wrong": WRONG, "checked": checked}, sys.stdout)


main()
