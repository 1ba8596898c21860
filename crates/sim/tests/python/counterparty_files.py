"""Reads the files of simulated days with other programs, and compares each line with truth.csv.

Argument: a directory with a directory for each day, as `doorstep day --files` writes it. mt-940 and
bai2 read their forms; zipfile, csv and xml.etree the others; the fixed-width fields are cut as the
published layouts say. Prints what differs, and the number of lines of each form and fault.
"""

import collections
import csv
import decimal
import hashlib
import io
import pathlib
import sys
import xml.etree.ElementTree as xml
import zipfile

import bai2.bai2
import mt940

EXPONENTS = {"CNY": 2, "JPY": 0, "KWD": 3, "BRL": 2}
wrong = []
counts = collections.Counter()


def check(condition, what):
    if not condition:
        wrong.append(what)


def minor(text, currency):
    scaled = decimal.Decimal(text).scaleb(EXPONENTS[currency])
    check(scaled == int(scaled), f"{text} has too many decimals")
    return int(scaled)


def cut(line, widths):
    fields, at = [], 0
    for width in widths:
        fields.append(line[at : at + width].decode("gbk"))
        at += width
        check(line[at : at + 1] in (b" ", b""), f"no separator at byte {at} of {line!r}")
        at += 1
    return fields


def signed(field):
    return int(field[1:]) * (1 if field[0] == "C" else -1)


ACOM = [11, 11, 6, 10, 19, 12, 12, 12, 4, 6, 4, 8, 15, 12, 2, 6, 11, 6, 2, 3, 12, 12, 12, 1, 3, 1, 1,
        10, 11, 1, 2, 2, 12, 14]
ACOMA = ACOM + [11, 11, 1, 1, 4, 2, 40, 3, 9, 9, 11, 9] + [11, 9] * 9 + [9, 9, 9, 19, 280]
AERRA = [3, 11, 11, 6, 10, 19, 12, 4, 6, 4, 8, 12, 2, 6, 11, 11, 6, 2, 3, 12, 12, 12, 12, 12, 12, 4, 11,
         19, 11, 19, 10]
ALFEE = [11, 1, 2, 2, 1, 1, 4, 11, 11, 11, 11, 11, 11, 4, 6, 2, 6, 10, 19, 28, 28, 42, 8, 15, 12, 12,
         12, 12, 12, 13, 1, 99]
ZSUM = [15, 80, 13, 13, 13, 200]
ZM = [3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15,
      1, 15, 32, 13, 13, 8, 32, 13, 13, 12, 2, 1]


def is_luhn(digits):
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def clearing(path, currency):
    text = path.read_bytes()
    body, last = text[: text.rindex(b"T,")], text[text.rindex(b"T,") :].decode().strip().split(",")
    check(hashlib.sha256(body).hexdigest() == last[5], f"{path}: digest")
    rows = [row for row in csv.reader(io.StringIO(body.decode())) if row[0] == "I"]
    check(len(rows) == int(last[1]), f"{path}: count")
    items = []
    for row in rows:
        kind, amount, kept, net = row[-4:]
        amounts = [minor(value, currency) for value in (amount, kept, net)]
        check(amounts[0] - amounts[1] == amounts[2], f"{path}: {row}")
        by = row[1]
        if len(row) == 10:
            sent = row[3][5:].translate({ord(mark): None for mark in "-:TZ"})
            by = f"{row[1]}/{row[2]}/{sent}"
        items.append(dict(amount=amounts[0], deducted=amounts[1], reference=by, kind=kind))
    sums = [minor(value, currency) for value in last[2:5]]
    check(sums[0] == sum(item["amount"] for item in items), f"{path}: sum")
    check(sums[1] == sum(item["deducted"] for item in items), f"{path}: kept back")
    return items


def bank_csv(path, currency):
    rows = list(csv.DictReader(path.open(newline="")))
    amounts = [minor(row["amount"], currency) for row in rows]
    check(sum(amounts[:-1]) == amounts[-1], f"{path}: the balances do not add up")
    check(len({row["bank_reference"] for row in rows[1:-1]}) == len(rows) - 2, f"{path}: references")
    entries = zip(rows[1:-1], amounts[1:-1])
    return [dict(amount=amount, reference=row["our_reference"]) for row, amount in entries]


def fixed(path, widths):
    return [cut(line, widths) for line in path.read_bytes().split(b"\r\n")[:-1]]


def of_card(row, places, path):
    stan, sent, pan, rrn = (row[place] for place in places)
    check(is_luhn(pan.strip()) and len(pan.strip()) == 16, f"{path}: a card number")
    return f"{rrn}/{stan}/{sent}"


def acom(path, widths):
    items = []
    for row in fixed(path, widths):
        amount = int(row[5]) * (-1 if row[8] == "0420" or row[9] == "200000" else 1)
        fee = signed(row[20]) + signed(row[21]) + signed(row[22])
        reference = of_card(row, (2, 3, 4, 13), path)
        items.append(dict(amount=amount, deducted=-fee, reference=reference))
    return items


def alfee(path):
    items = []
    for row in fixed(path, ALFEE):
        amount = int(row[25]) * (-1 if row[13] == "0420" or row[14] == "200000" else 1)
        fee = signed(row[26]) + signed(row[27])
        check(amount + fee == signed(row[29]), f"{path}: net of {row}")
        reference = of_card(row, (16, 17, 18, 24), path)
        items.append(dict(amount=amount, deducted=-fee, reference=reference))
    return items


def aerra(path):
    items = []
    for row in fixed(path, AERRA):
        amount = int(row[6]) * (-1 if row[0] == "E05" else 1)
        fee = signed(row[19]) + signed(row[20]) + signed(row[21])
        reference = of_card(row, (3, 4, 5, 11), path)
        items.append(dict(amount=amount, deducted=-fee, reference=reference))
    return items


def gateway(path):
    items = []
    for row in fixed(path, ZM):
        deducted, net = -signed(row[15]), signed(row[32])
        items.append(dict(amount=net + deducted, deducted=deducted, reference=row[11].strip()))
        check(abs(net + deducted) == int(row[6]), f"{path}: amount")
    return items


def wechat(path):
    lines = path.read_bytes().decode("utf-8-sig").split("\r\n")[:-1]
    table = list(csv.reader(lines))
    head, rows, last = table[0], table[1:-2], table[-1]
    check(len(head) == 27, f"{path}: columns")
    items, fees = [], decimal.Decimal(0)
    for row in rows:
        check(all(value.startswith("`") for value in row), f"{path}: backticks")
        by_name = dict(zip(head, (value[1:] for value in row)))
        amount = decimal.Decimal(by_name["应结订单金额"]) - decimal.Decimal(by_name["退款金额"])
        fee = decimal.Decimal(by_name["手续费"])
        check(len(by_name["手续费"].split(".")[1]) == 5, f"{path}: five decimals")
        fees += fee
        rounded = fee.quantize(decimal.Decimal("0.01"), decimal.ROUND_HALF_UP)
        items.append(dict(amount=minor(amount, "CNY"), deducted=minor(rounded, "CNY"),
                          reference=by_name["商户订单号"]))
    last = [value[1:] for value in last]
    check(int(last[0]) == len(rows), f"{path}: count")
    paid = sum(item["amount"] for item in items if item["amount"] > 0)
    refunded = -sum(item["amount"] for item in items if item["amount"] < 0)
    check(minor(last[1], "CNY") == paid and minor(last[2], "CNY") == refunded, f"{path}: sums")
    check(decimal.Decimal(last[4]) == fees, f"{path}: fees {last[4]} {fees}")
    return items


def alipay(path):
    archive = zipfile.ZipFile(path)
    check(archive.testzip() is None, f"{path}: damaged")
    files = {}
    for entry in archive.infolist():
        check(entry.flag_bits & 0x800 == 0, f"{path}: the flag for UTF-8")
        files[entry.filename.encode("cp437").decode("gbk")] = archive.read(entry).decode("gbk")
    details = next(text for name, text in files.items() if name.endswith("_业务明细.csv"))
    summary = next(text for name, text in files.items() if name.endswith("(汇总).csv"))
    lines = details.split("\r\n")
    rows = list(csv.DictReader(line for line in lines if line and not line.startswith("#")))
    items = []
    for row in rows:
        check(row["商户订单号"].endswith("\t"), f"{path}: a tab behind the order")
        items.append(dict(amount=minor(row["商家实收（元）"], "CNY"), deducted=-minor(row["服务费（元）"], "CNY"),
                          reference=row["商户订单号"].rstrip("\t")))
    total = next(line for line in lines if line.startswith("#交易合计"))
    paid = [item["amount"] for item in items if item["amount"] > 0]
    expected = f"#交易合计：{len(paid)}笔，商家实收共{decimal.Decimal(sum(paid)).scaleb(-2):.2f}元"
    check(total.startswith(expected), f"{path}: {total} instead of {expected}")
    whole = next(csv.DictReader(line for line in summary.split("\r\n") if line and line[0] != "#"))
    net = sum(item["amount"] - item["deducted"] for item in items)
    check(minor(whole["实收净额（元）"], "CNY") == net, f"{path}: net")
    return items


def camt_entries(path):
    space = "{" + xml.parse(path).getroot().tag[1:].split("}")[0] + "}"
    root = xml.parse(path).getroot()
    return space, root


def amount_of(element, space, currency):
    found = element.find(f"{space}Amt")
    if found is None:
        found = element.find(f"{space}AmtDtls/{space}TxAmt/{space}Amt")
    check(found.get("Ccy") == currency, f"{found.get('Ccy')} instead of {currency}")
    sign = element.find(f"{space}CdtDbtInd")
    value = minor(found.text, currency)
    return value if sign is None or sign.text == "CRDT" else -value


def camt(path, currency, details):
    """Entries of the 053 with their number, and the transactions of the 054, by reference."""
    space, root = camt_entries(path)
    items = []
    if ".053-" in path.name:
        balances = {}
        for balance in root.iter(f"{space}Bal"):
            balances[balance.find(f".//{space}Cd").text] = amount_of(balance, space, currency)
        entries = list(root.iter(f"{space}Ntry"))
        sums = [amount_of(entry, space, currency) for entry in entries]
        check(balances["OPBD"] + sum(sums) == balances["CLBD"], f"{path}: balances")
        for entry, amount in zip(entries, sums):
            reference = entry.find(f"{space}AcctSvcrRef").text
            transactions = list(entry.iter(f"{space}TxDtls"))
            if not transactions:
                batch = entry.find(f".//{space}Btch")
                check(int(batch.find(f"{space}NbOfTxs").text) == len(details[reference]), f"{path}: batch")
                check(sum(details[reference]) == amount, f"{path}: batch {reference}")
                items.append(dict(batch=amount))
                continue
            by = transactions[0].find(f".//{space}EndToEndId").text
            items.append(dict(amount=amount, reference="" if by == "NOTPROVIDED" else by))
        return items
    for entry in root.iter(f"{space}Ntry"):
        reference = entry.find(f"{space}AcctSvcrRef").text
        is_debit = amount_of(entry, space, currency) < 0
        for one in entry.iter(f"{space}TxDtls"):
            amount = abs(amount_of(one, space, currency)) * (-1 if is_debit else 1)
            by = one.find(f".//{space}EndToEndId").text
            details[reference].append(amount)
            items.append(dict(amount=amount, reference="" if by == "NOTPROVIDED" else by))
    return items


def swift(path, currency):
    read = mt940.parse(str(path))
    scale = EXPONENTS[currency]
    opening, closing = (read.data[name].amount.amount for name in
                        ("final_opening_balance", "final_closing_balance"))
    items = []
    for one in read:
        amount = int(one.data["amount"].amount.scaleb(scale))
        details = one.data["transaction_details"].replace("\n", "")
        by = details[len("/EREF/") :] if details.startswith("/EREF/") else ""
        by = by.split("/NAME/")[0].split("/REMI/")[0]
        short = one.data["customer_reference"]
        check(short == (by if 0 < len(by) <= 16 else "NONREF"), f"{path}: {short} for {by}")
        items.append(dict(amount=amount, reference=by))
    total = int(opening.scaleb(scale)) + sum(item["amount"] for item in items)
    check(total == int(closing.scaleb(scale)), f"{path}: balances")
    return items


def reporting(path):
    with path.open() as file:
        read = bai2.bai2.parse_from_file(file, check_integrity=True)
    check(len(read.children) == 1 and len(read.children[0].children) == 1, f"{path}: one account")
    account = read.children[0].children[0]
    items = []
    for one in account.children:
        sign = 1 if one.type_code.transaction.value == "credit" else -1
        items.append(dict(amount=sign * one.amount, reference=one.customer_reference or ""))
    summary = {one.type_code.code: one.amount for one in account.header.summary_items}
    check(summary["010"] + sum(item["amount"] for item in items) == summary["015"], f"{path}: balances")
    return items


def sheet(path, form, currency):
    encoding = "gbk" if form == "sheet-china" else "utf-8"
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode(encoding))))
    names = ("代收货款", "订单号") if form == "sheet-china" else ("Order Value", "AWB")
    return [dict(amount=minor(row[names[0]], currency), reference=row[names[1]]) for row in rows]


def remittances(path, currency):
    for row in csv.DictReader(path.open(newline="")):
        sums = [minor(row[name], currency) for name in ("COD Available", "Adjusted Amount",
                                                        "Remittance Amount")]
        check(sums[0] + sums[1] == sums[2], f"{path}: {row}")


def parsed(path, form, currency, details):
    name = path.name
    if form == "ours":
        return clearing(path, currency) if name.startswith("clearing-") else bank_csv(path, currency)
    if form == "cups":
        if name.endswith("ACOM"):
            return acom(path, ACOM)
        if name.endswith("ACOMA"):
            return acom(path, ACOMA)
        return alfee(path) if name.endswith("ALFEE") else aerra(path)
    if form in ("camt", "camt-02"):
        return camt(path, currency, details)
    readers = {"gateway": gateway, "wechat": wechat, "alipay": alipay, "bai2": reporting}
    if form in readers:
        return readers[form](path)
    return swift(path, currency) if form == "mt940" else sheet(path, form, currency)


def one_form(directory, day):
    form, details = directory.name, collections.defaultdict(list)
    truth = list(csv.DictReader((directory / "truth.csv").open(newline="")))
    by_file = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in truth:
        if row["fault"]:
            counts[row["fault"]] += 1
        if row["file"]:
            by_file[row["file"]][int(row["item"])].append(row)
        else:
            check(row["fault"] in ("lost", "late", "late-credit", "missing-file"), f"{row} has no file")
    files = [path for path in directory.rglob("*") if path.is_file() and path.name != "truth.csv"]
    # The details of batches before the entries that they explain.
    files.sort(key=lambda path: (".053-" in path.name, path))
    nets = collections.Counter()
    for path in files:
        name = str(path.relative_to(directory))
        currency = truth[0]["currency"]
        if name.endswith("ZSUM") or "/crf-" in name:
            continue
        items = parsed(path, form, currency, details)
        expected = by_file.pop(name, {})
        check(sorted(expected) == list(range(1, len(items) + 1)), f"{day} {form} {name}: items")
        for number, item in enumerate(items, 1):
            rows = expected.get(number, [])
            amount = sum(int(row["amount"]) for row in rows)
            check(amount == item.get("amount", item.get("batch")), f"{day} {name} {number}: {item} {rows}")
            if "deducted" in item:
                deducted = sum(int(row["deducted"]) for row in rows)
                check(deducted == item["deducted"], f"{day} {name} {number}: {item} {rows}")
                if "ALFEE" not in name:
                    nets[path.parent.name, name[-12:-6]] += item["amount"] - item["deducted"]
            if "reference" in item:
                check(rows[0]["reference"] == item["reference"], f"{day} {name} {number}: {item} {rows}")
        counts[form] += len(items)
    check(not by_file, f"{day} {form}: no file {sorted(by_file)}")
    for path in files:
        if path.name.endswith("ZSUM"):
            net = sum(signed(row[4]) for row in fixed(path, ZSUM))
            day_name = path.name[3:9]
            of_files = 0
            for other in path.parent.glob(f"IND{day_name}*"):
                if other.name.endswith(("ACOM", "ACOMA", "AERRA")):
                    items = parsed(other, form, "CNY", details)
                    of_files += sum(item["amount"] - item["deducted"] for item in items)
            check(net == of_files, f"{day} {path.name}: {net} instead of {of_files}")
        if path.name.startswith("crf-"):
            remittances(path, truth[0]["currency"])
    return truth


def about(truth, lane):
    """What a form says about a lane: the same as every other form of it."""
    told = collections.Counter()
    for row in truth:
        if row["lane"] == lane and not row["file"].endswith("ALFEE"):
            if ".053-" in row["file"] or ".054-" in row["file"]:
                continue
            told[row["belongs_to"], row["amount"], row["deducted"], row["fault"]] += 1
    return told


def main(root):
    for day in sorted(path for path in root.iterdir() if path.is_dir()):
        told = collections.defaultdict(dict)
        for directory in sorted(day.iterdir()):
            truth = one_form(directory, day.name)
            for lane in ("network", "wallet", "bank"):
                said = about(truth, lane)
                if said:
                    told[lane][directory.name] = said
        for lane, forms in told.items():
            first = next(iter(forms.values()))
            check(all(said == first for said in forms.values()), f"{day.name}: {lane}: {list(forms)} differ")
    for line in wrong[:40]:
        print("WRONG", line)
    print(" ".join(f"{name}={count}" for name, count in sorted(counts.items())))
    return 1 if wrong else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
