"""Compares Doorstep's codec with pyiso8583, in both directions.

Reads one JSON object from stdin: {"packager": name, "count": how many to make,
"messages": [{"bytes": hex, "fields": {"t": type, "2": value, ...}}, ...]}.
Writes one to stdout: {"wrong": [what differs], "messages": [as above]}: what is wrong with the
messages that came in, and as many new ones as were asked for, made from the tables below with a
fixed seed. Values are text; those of BCD and of bytes are hexadecimal digits.

The tables are in the notation of ISO 8583:1987 and of UnionPay's specification, and know nothing
of the ones in Rust.
"""

import json
import random
import re
import sys

import iso8583

SEED = 8583

ISO87 = """
2 n..19; 3 n6; 4 n12; 5 n12; 6 n12; 7 n10; 8 n8; 9 n8; 10 n8; 11 n6; 12 n6; 13 n4; 14 n4; 15 n4;
16 n4; 17 n4; 18 n4; 19 n3; 20 n3; 21 n3; 22 n3; 23 n3; 24 n3; 25 n2; 26 n2; 27 n1; 28 x+n8;
29 x+n8; 30 x+n8; 31 x+n8; 32 n..11; 33 n..11; 34 ans..28; 35 z..37; 36 z...104; 37 an12; 38 an6;
39 an2; 40 an3; 41 ans8; 42 ans15; 43 ans40; 44 ans..25; 45 ans..76; 46 ans...999; 47 ans...999;
48 ans...999; 49 an3; 50 an3; 51 an3; 52 b64; 53 n16; 54 ans...120; 55 ans...999; 56 ans...999;
57 ans...999; 58 ans...999; 59 ans...999; 60 ans...999; 61 ans...999; 62 ans...999; 63 ans...999;
64 b64; 66 n1; 67 n2; 68 n3; 69 n3; 70 n3; 71 n4; 72 n4; 73 n6; 74 n10; 75 n10; 76 n10; 77 n10;
78 n10; 79 n10; 80 n10; 81 n10; 82 n12; 83 n12; 84 n12; 85 n12; 86 n16; 87 n16; 88 n16; 89 n16;
90 n42; 91 an1; 92 an2; 93 an5; 94 an7; 95 an42; 96 b64; 97 x+n16; 98 ans25; 99 n..11; 100 n..11;
101 ans..17; 102 ans..28; 103 ans..28; 104 ans...100; 105 ans...999; 106 ans...999; 107 ans...999;
108 ans...999; 109 ans...999; 110 ans...999; 111 ans...999; 112 ans...999; 113 ans...999;
114 ans...999; 115 ans...999; 116 ans...999; 117 ans...999; 118 ans...999; 119 ans...999;
120 ans...999; 121 ans...999; 122 ans...999; 123 ans...999; 124 ans...999; 125 ans...999;
126 ans...999; 127 ans...999; 128 b64
"""

# Field 65 is left out: pyiso8583 reads a third bitmap there.

UNIONPAY = """
2 n..19; 3 n6; 4 n12; 11 n6; 12 n6; 13 n4; 14 n4; 15 n4; 22 n3; 23 n3; 25 n2; 26 n2; 32 n..11;
35 z..37; 36 z...104; 37 an12; 38 an6; 39 an2; 40 an3; 41 ans8; 42 ans15; 43 ans40; 44 ans..25;
46 ans...999; 47 ans...999; 48 n...322; 49 an3; 51 an3; 52 b64; 53 n16; 54 ans...20; 55 b...255;
56 ans...999; 57 ans...999; 58 ans...100; 59 ans...600; 60 n...17; 61 n...29; 62 b...512;
63 ans...163; 64 b64
"""

# A packager of the tests, all of it in EBCDIC.
MAINFRAME = """
2 n..19; 4 n12; 28 x+n8; 35 z..37; 43 ans10; 63 ans...999; 70 n3
"""

FORMAT = re.compile(r"(\d+) (x\+n|n|an|ans|z|b)(\.*)(\d+)")


def table(text):
    """Field number -> (content, digits of the count, length)."""
    fields = {}
    for entry in text.replace("\n", " ").split(";"):
        number, content, dots, length = FORMAT.fullmatch(entry.strip()).groups()
        length = int(length) // 8 if content == "b" and not dots else int(length)
        fields[number] = (content, len(dots), length)
    return fields


def text_field(content, dots, length, encoding):
    if content == "b":
        content, length = "hex", length * 2
    elif content == "x+n":
        length += 1
    return {"data_enc": encoding, "len_enc": encoding, "len_type": dots, "max_len": length,
            "content": content}


def packed_field(content, dots, length, pad):
    """Numbers and tracks in nibbles, counts in BCD, bytes as they are."""
    count = {"len_enc": "bcd", "len_type": (dots + 1) // 2, "content": content}
    if content in ("n", "z"):
        return {**count, **pad, "data_enc": "b", "len_count": "nibbles", "max_len": length}
    if content == "x+n":
        return {**count, "data_enc": "b", "max_len": 1 + length // 2}
    if content == "b":
        return {**count, "data_enc": "b", "max_len": length}
    return {**count, "data_enc": "ascii", "max_len": length}


def spec(name):
    if name in ("iso87_ascii", "mainframe"):
        text, encoding = (ISO87, "ascii") if name == "iso87_ascii" else (MAINFRAME, "cp037")
        head = {"data_enc": encoding, "len_enc": encoding, "len_type": 0}
        fields = {n: text_field(*f, encoding) for n, f in table(text).items()}
        bitmap = 16
    else:
        head = {"data_enc": "b", "len_enc": "bcd", "len_type": 0}
        left, right = {"left_pad": "0"}, {"right_pad": "0"}
        if name == "iso87_binary":
            fields = {n: packed_field(*f, left) for n, f in table(ISO87).items()}
            fields["55"] = packed_field("b", 3, 999, left)
        else:
            fields = {n: packed_field(*f, right) for n, f in table(UNIONPAY).items()}
            fields["23"] = packed_field("n", 0, 3, left)
        bitmap = 8
    fields["h"] = {**head, "max_len": 0}
    fields["t"] = {**head, "max_len": 4 if bitmap == 16 else 2}
    fields["p"] = fields["1"] = {**head, "max_len": bitmap}
    return fields


def value(field, rng):
    """Any value of the field."""
    content, packed = field["content"], field["data_enc"] == "b"
    length = field["max_len"]
    if field["len_type"]:
        length = rng.choice([0, 1, length, rng.randint(0, length), rng.randint(0, min(length, 40))])

    def pick(alphabet, count):
        return "".join(rng.choice(alphabet) for _ in range(count))

    digits, nibbles = "0123456789", "0123456789ABCDEF"
    if content == "n":
        return pick(digits, length)
    if content == "z":
        return pick(nibbles if packed else "0123456789:;<=>?", length)
    if content == "x+n":
        sign = rng.choice(["43", "44"] if packed else ["C", "D"])
        return sign + pick(digits, (length - 1) * 2 if packed else length - 1)
    if content == "b":
        return pick(nibbles, length * 2)
    if content == "hex":
        return pick(nibbles, length)
    if content == "an":
        return pick("0123456789ABCXYZabcxyz ", length)
    return pick([chr(code) for code in range(0x20, 0x7F)], length)


def check(message, fields):
    """What is wrong with a message of the other side, or None."""
    received = bytes.fromhex(message["bytes"])
    try:
        decoded, _ = iso8583.decode(received, fields)
    except iso8583.DecodeError as error:
        return str(error)
    values = {n: v for n, v in decoded.items() if n not in ("p", "1", "h")}
    if values != message["fields"]:
        differ = [n for n in values.keys() | message["fields"].keys()
                  if values.get(n) != message["fields"].get(n)]
        return "fields differ: " + ", ".join(
            f"{n}: {values.get(n)!r} against {message['fields'].get(n)!r}" for n in sorted(differ))
    again, _ = iso8583.encode(decoded, fields)
    return None if bytes(again) == received else "encoded again it is " + again.hex()


def make(fields, rng):
    numbers = sorted((n for n in fields if n not in ("h", "t", "p", "1")), key=int)
    chosen = rng.sample(numbers, rng.randint(0, min(len(numbers), 40)))
    document = {n: value(fields[n], rng) for n in chosen}
    document["t"] = "".join(rng.choice("0123456789") for _ in range(4))
    encoded, _ = iso8583.encode(dict(document), fields)
    return {"bytes": bytes(encoded).hex().upper(), "fields": document}


def main():
    asked = json.load(sys.stdin)
    fields = spec(asked["packager"])
    wrong = []
    for index, message in enumerate(asked["messages"]):
        complaint = check(message, fields)
        if complaint:
            wrong.append(f"message {index}: {complaint}")
    rng = random.Random(f"{SEED} {asked['packager']}")
    made = [make(fields, rng) for _ in range(asked["count"])]
    json.dump({"wrong": wrong, "messages": made}, sys.stdout)


main()
