"""What happened, by the order file, the tariff file, the clearing files and `log --json`.

Takes what people, terminals, networks and banks said (the fields of commands) and what came of it
(the events), and computes fees, sellers' money, cash in custody and receivables from it. Does not
look at postings or balances: those are what is checked.
"""

import csv
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal

from money import Differs, agree, of_minor
from tariff import FEES, Tariff

ZERO = Decimal(0)
ROUTES = {"Qr": "QR", "Cash": "cash"}
RRN_EPOCH_S = 1_262_304_000
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def rrn(stan, sent_s):
    """The retrieval reference number of a request by docs/door/network.md."""
    seconds, text = max(sent_s - RRN_EPOCH_S, 0), ""
    for _ in range(6):
        seconds, digit = divmod(seconds, 32)
        text = BASE32[digit] + text
    return f"{text}{stan:06}"


def method_of(route):
    """`{"Card": {"kind": "Debit", ...}}` or `{"Qr": ...}` as in the export."""
    if isinstance(route, dict) and "Card" in route:
        kind = route["Card"]
        kind = kind["kind"] if isinstance(kind, dict) else kind
        return f"{kind.lower()} card"
    return ROUTES[route if isinstance(route, str) else next(iter(route))]


class Payment:
    """A payment as it was requested at the door."""

    def __init__(self, parcel, number):
        self.parcel, self.number = parcel, number
        self.method = self.rail = self.amount = self.day = self.version = None
        self.courier = self.loss = None
        # The seller's part of the amount: without the excess of an offline sale.
        self.sold = ZERO
        self.reference = ""
        self.fees = dict.fromkeys(FEES, ZERO)
        self.stands = self.ever_collected = self.declined = False
        # Offline sales only. A sale in suspense can be booked to its parcel.
        self.suspended = self.rejected = self.booked = False
        # For the lines of clearing files: the amount that a line has paid, and what a network or
        # wallet may still take back.
        self.paid = None
        self.forwarded = self.charged = self.won = self.chargeback_fees = ZERO

    def __str__(self):
        return f"payment {self.number} of order {self.parcel.order}"


class Parcel:
    def __init__(self, seller, order, due, currency):
        self.seller, self.order, self.due, self.currency = seller, order, due, currency
        self.firm = self.courier = None
        self.damaged = False
        self.payments = {}
        # Return fee, freight and VAT that it bears itself, by the accounts that pay and get them.
        self.charges = defaultdict(lambda: ZERO)
        # What the delivery cost: the firm, its freight, and the VAT.
        self.freight = None
        self.refunded = ZERO

    def standing(self):
        return [payment for payment in self.payments.values() if payment.stands]


class Seller:
    def __init__(self, fields):
        self.id, self.reference = fields["seller"], fields["reference"]
        # Per currency, by the first day; the class is its place in the tariff file.
        self.places = defaultdict(dict)
        self.collected, self.fees, self.given_back = (defaultdict(lambda: ZERO) for _ in range(3))
        self.sent, self.invoiced = defaultdict(lambda: ZERO), defaultdict(lambda: ZERO)

    def place_on(self, currency, day):
        places = self.places[currency]
        return places[max(first for first in places if first <= str(day))]

    def due(self, currency):
        """Held and payable: everything that was not sent."""
        return (self.collected[currency] - self.fees[currency] - self.given_back[currency]
                + self.invoiced[currency] - self.sent[currency])


class Facts:
    def __init__(self, orders, tariff):
        with open(orders, newline="", encoding="utf-8-sig") as file:
            self.orders = {(line["order"].strip(), line["seller"].strip()): line
                           for line in csv.DictReader(file)}
        self.tariff_path = tariff
        self.tariffs = {}
        self.tariff_names = {}
        self.parcels, self.sellers, self.firm_of = {}, {}, {}
        # Parcels that were sold offline and that nobody announced: they have no seller.
        self.strangers = {}
        self.names = {}
        self.by_reference = {}
        # Main units, by (id, currency).
        self.in_hand, self.short = defaultdict(lambda: ZERO), defaultdict(lambda: ZERO)
        self.counted, self.commission = defaultdict(lambda: ZERO), defaultdict(lambda: ZERO)
        self.claims = defaultdict(lambda: ZERO)
        self.lines = defaultdict(list)
        self.hand_overs, self.deposits, self.payouts = {}, {}, {}
        self.last_contact = {}

    # Reading

    def read(self, line):
        """One object of `log --json`."""
        for known in line["references"]:
            self.names[known["of"], known["id"]] = known["reference"]
        handler = getattr(self, f"do_{line['command']}", None)
        if handler:
            handler(line["fields"], line)
        for event in line["events"]:
            handler = getattr(self, f"on_{event['event']}", None)
            if handler:
                handler(event, line)
        if isinstance(line["by"], dict) and "terminal" in line["by"]:
            self.last_contact[line["by"]["terminal"]] = line["at"]

    def name(self, of, number):
        return self.names.get((of, number), number)

    def tariff(self, currency):
        if currency not in self.tariffs:
            self.tariffs[currency] = Tariff(self.tariff_path, currency)
        return self.tariffs[currency]

    def payment(self, key):
        parcel = self.parcels.get(key["parcel"]) or self.strangers[key["parcel"]]
        return parcel.payments.setdefault(key["number"], Payment(parcel, key["number"]))

    # Parties and parcels

    def do_PublishTariff(self, fields, line):
        self.tariff_names[fields["tariff"]] = fields["reference"]

    def do_RegisterSeller(self, fields, line):
        seller = self.sellers.setdefault(fields["seller"], Seller(fields))
        seller.places[fields["currency"]][""] = fields["class"]

    def do_SetSellerTerms(self, fields, line):
        places = self.sellers[fields["seller"]].places[fields["currency"]]
        places[fields["from"]] = fields["class"]

    def do_RegisterCourier(self, fields, line):
        self.firm_of[fields["courier"]] = fields["firm"]

    def do_AnnounceParcel(self, fields, line):
        seller = self.sellers[fields["seller"]]
        order = self.orders.get((fields["reference"], seller.reference))
        what = f"order {fields['reference']} of {seller.reference}"
        if order is None:
            raise Differs(f"{what}: the order file has no such line")
        currency = fields.get("currency") or line["currency"]
        agree(f"{what}, currency", order["currency"].strip(), currency, "the log")
        due = of_minor(fields["due"], currency)
        agree(f"{what}, amount due", Decimal(order["amount_due"].strip()), due, "the log")
        order["announced"] = True
        parcel = Parcel(seller, fields["reference"], due, currency)
        self.parcels[fields["parcel"]] = parcel
        stranger = self.strangers.pop(fields["parcel"], None)
        if stranger:
            parcel.payments = stranger.payments
            for payment in parcel.payments.values():
                payment.parcel = parcel

    def do_AssignParcels(self, fields, line):
        for parcel in fields["parcels"]:
            self.parcels[parcel["parcel"]].firm = fields["firm"]

    def do_DispatchParcels(self, fields, line):
        for parcel in fields["parcels"]:
            number = parcel["parcel"] if isinstance(parcel, dict) else parcel
            self.parcels[number].courier = fields["courier"]

    def do_AcceptPart(self, fields, line):
        parcel = self.parcels[fields["parcel"]]
        parcel.due = of_minor(fields["accepted"], parcel.currency)

    # Payments

    def request(self, payment, fields, line):
        """What a terminal asked for."""
        payment.amount = of_minor(fields["amount"], payment.parcel.currency)
        payment.day = date.fromisoformat(line["date"])
        payment.courier = payment.parcel.courier
        trace = fields["trace"]
        if payment.method == "QR":
            payment.reference = f"{trace['terminal']:0>8}{trace['batch']:06}{trace['stan']:06}"
        elif payment.method != "cash":
            sent = fields["network_reference"]
            payment.reference = rrn(sent["stan"], sent["sent_at"] // 1000)
        self.by_reference[payment.rail, payment.reference] = payment

    def route(self, payment, route):
        payment.method = method_of(route)
        (rail,) = route.values()
        of = "network" if "network" in rail else "wallet"
        payment.rail = (of, rail[of])

    def on_PaymentBegun(self, event, line):
        payment = self.payment(event["payment"])
        self.route(payment, line["fields"]["route"])
        self.request(payment, line["fields"], line)

    def do_BeginCompletion(self, fields, line):
        self.request(self.payment(fields["payment"]), fields, line)

    def offline_sale(self, payment, line):
        self.route(payment, line["fields"]["route"])
        self.request(payment, line["fields"], line)
        payment.day = self.day_of_offline_sale(line)

    def do_BeginRefund(self, fields, line):
        """A refund has its own line in a clearing file."""
        payment, sent = self.payment(fields["payment"]), fields["network_reference"]
        if payment.method != "QR":
            reference = rrn(sent["stan"], sent["sent_at"] // 1000)
            self.by_reference[payment.rail, reference] = payment

    def day_of_offline_sale(self, line):
        """The day by the terminal's clock, if that is neither before its last contact nor later
        than the arrival. Otherwise the day of the arrival."""
        arrival = datetime.fromisoformat(line["at"]).replace(tzinfo=None)
        month, day = divmod(line["fields"]["duplicate_key"]["date"], 100)
        clock = f"{line['fields'].get('local_time', 0):06}"
        contact = self.last_contact.get(line["fields"]["trace"]["terminal"], line["at"])
        contact = datetime.fromisoformat(contact).replace(tzinfo=None)
        for year in (arrival.year, arrival.year - 1):
            try:
                sold = datetime(year, month, day, *(int(clock[at:at + 2]) for at in (0, 2, 4)))
            except ValueError:
                continue
            if contact.date() <= sold.date() and sold <= arrival:
                return sold.date()
        return arrival.date()

    def on_PaymentCollected(self, event, line):
        payment = self.payment(event["payment"])
        if line["command"] == "RecordOfflineSale":
            self.offline_sale(payment, line)
        elif line["command"] == "TakeCash":
            payment.method = "cash"
            self.request(payment, line["fields"], line)
        elif line["command"] == "ResolveSuspendedSale":
            payment.booked = True
        parcel, seller = payment.parcel, payment.parcel.seller
        currency = parcel.currency
        excess = sum(of_minor(other["excess"], currency) for other in line["events"]
                     if other["event"] == "OfflineSaleFlagged")
        payment.sold = of_minor(event["amount"], currency)
        agree(f"{payment}, seller", seller.id, event["seller"], "the log")
        agree(f"{payment}, method", payment.method, method_of(event["method"]), "the log")
        agree(f"{payment}, amount", payment.amount, payment.sold + excess, "the log")
        version = self.tariff(currency).in_force(payment.day)
        agree(f"{payment}, tariff", f"{self.tariff(currency).name}/{version.number}",
              self.version_name(event["tariff"]), "the log")
        others = [(other.version, other.method, other.sold, other.fees)
                  for other in parcel.standing()]
        payment.version, payment.courier = version, parcel.courier
        place = seller.place_on(currency, payment.day)
        agree(f"{payment}, class", place, event["class"], "the log")
        payment.fees = version.fees(place, payment.method, payment.sold, others)
        payment.stands = payment.ever_collected = True
        self.take(payment, 1)

    def version_name(self, version):
        return f"{self.tariff_names[version['tariff']]}/{version['version']}"

    def take(self, payment, sign):
        """Posts a payment with its fees, or takes both back."""
        parcel = payment.parcel
        currency = parcel.currency
        parcel.seller.collected[currency] += sign * payment.sold
        self.charge(payment, sign)
        if payment.method == "cash":
            self.in_hand[payment.courier, currency] += sign * payment.amount
        elif not payment.suspended:
            self.claims[payment.rail, currency] += sign * payment.amount
        payment.suspended = False

    def charge(self, payment, sign):
        """Charges the fees of a payment, or gives them back."""
        parcel = payment.parcel
        parcel.seller.fees[parcel.currency] += sign * sum(payment.fees.values())
        firm = self.firm_of[payment.courier]
        self.commission[firm, parcel.currency] += sign * payment.fees["commission"]

    def on_PaymentReversed(self, event, line):
        payment = self.payment(event["payment"])
        posted = of_minor(event["posted"], payment.parcel.currency)
        agree(f"{payment}, reversed", payment.amount if payment.stands else ZERO, posted,
              "the log")
        if payment.stands:
            self.take(payment, -1)
            payment.stands = False

    def on_OfflineSaleSuspended(self, event, line):
        key = event["payment"]["parcel"]
        if key not in self.parcels and key not in self.strangers:
            self.strangers[key] = Parcel(None, "nobody's", ZERO, line["currency"])
        payment = self.payment(event["payment"])
        self.offline_sale(payment, line)
        payment.suspended = True
        self.claims[payment.rail, payment.parcel.currency] += payment.amount

    def on_OfflineSaleRejected(self, event, line):
        payment = self.payment(event["payment"])
        parcel = payment.parcel
        self.claims[payment.rail, parcel.currency] -= payment.amount
        payment.rejected = True
        if payment.suspended:
            return
        self.charge(payment, -1)
        payment.fees = dict.fromkeys(FEES, ZERO)
        payment.loss = event["loss"]
        if event["loss"] == "Firm":
            self.commission[self.firm_of[payment.courier], parcel.currency] -= payment.sold
        elif event["loss"] != "Doorstep":
            parcel.seller.collected[parcel.currency] -= payment.sold
            payment.stands = False

    def on_LossReturned(self, event, line):
        payment, amount = self.give_back(event)
        parcel = payment.parcel
        if payment.loss == "Firm":
            self.commission[self.firm_of[payment.courier], parcel.currency] += amount

    def on_PaymentDeclined(self, event, line):
        self.payment(event["payment"]).declined = True

    def give_back(self, event):
        payment = self.payment(event["payment"])
        amount = of_minor(event["amount"], payment.parcel.currency)
        payment.parcel.seller.given_back[payment.parcel.currency] += amount
        payment.parcel.refunded += amount
        return payment, amount

    def on_Refunded(self, event, line):
        self.give_back(event)

    def on_ChargedBack(self, event, line):
        payment, amount = self.give_back(event)
        payment.charged += amount
        self.claims[payment.rail, payment.parcel.currency] -= amount

    def on_ChargebackWon(self, event, line):
        payment = self.payment(event["payment"])
        currency = payment.parcel.currency
        amount = of_minor(event["amount"], currency)
        payment.parcel.seller.given_back[currency] -= amount
        payment.parcel.refunded -= amount
        payment.won += amount
        self.claims[payment.rail, currency] += amount

    def on_ChargebackFeeBooked(self, event, line):
        payment = self.payment(event["payment"])
        currency = payment.parcel.currency
        amount = of_minor(event["amount"], currency)
        payment.chargeback_fees += amount
        self.claims[payment.rail, currency] -= amount
        if event["borne_by"] == "Seller":
            payment.parcel.seller.given_back[currency] += amount

    def on_RefundForwarded(self, event, line):
        payment = self.payment(event["payment"])
        currency = payment.parcel.currency
        amount = of_minor(event["amount"], currency)
        payment.forwarded += amount
        self.claims[payment.rail, currency] -= amount

    def on_ParcelDelivered(self, event, line):
        parcel = self.parcels[event["parcel"]]
        stands = sum(payment.sold for payment in parcel.standing()) - parcel.refunded
        agree(f"order {parcel.order}, delivered for", stands, parcel.due, "the log")
        # Of the payment with the highest number; not of one that is all owed to the buyer.
        counting = [payment for payment in parcel.payments.values()
                    if payment.sold or not payment.ever_collected]
        last = max(counting, key=lambda payment: payment.number)
        version = self.tariff(parcel.currency).in_force(last.day)
        self.charge_freight(parcel, self.firm_of[last.courier], version)

    def charge_freight(self, parcel, firm, version):
        parcel.freight = (firm, version.freight, version.vat_of(version.freight))
        self.post_freight(parcel, 1)

    def post_freight(self, parcel, sign):
        firm, freight, vat = parcel.freight
        payer = ("liabilities:seller-payable", "seller", parcel.seller.id)
        parcel.charges["freight", payer, ("liabilities:firm-commission", "firm", firm)] += \
            sign * freight
        self.charge_vat(parcel, sign * vat)
        parcel.seller.fees[parcel.currency] += sign * freight
        self.commission[firm, parcel.currency] += sign * freight

    def charge_vat(self, parcel, vat):
        payer = ("liabilities:seller-payable", "seller", parcel.seller.id)
        parcel.charges["VAT", payer, f"liabilities:vat-payable:{parcel.currency}"] += vat
        parcel.seller.fees[parcel.currency] += vat

    def on_ParcelReopened(self, event, line):
        self.post_freight(self.parcels[event["parcel"]], -1)

    def on_FreightCharged(self, event, line):
        parcel = self.parcels[event["parcel"]]
        told = tuple(of_minor(event[key], parcel.currency) for key in ("freight", "vat"))
        agree(f"order {parcel.order}, freight", parcel.freight, (event["firm"], *told), "the log")

    def on_ParcelReturned(self, event, line):
        parcel = self.parcels[event["parcel"]]
        version = self.tariff(parcel.currency).in_force(date.fromisoformat(line["date"]))
        named = self.version_name(event["tariff"])
        agree(f"order {parcel.order}, tariff of the return",
              f"{self.tariff(parcel.currency).name}/{version.number}", named, "the log")
        payer, fee = event.get("paid_by", "Seller"), version.return_fee
        income = f"income:return-fees:{parcel.currency}"
        if payer == "Seller":
            account = ("liabilities:seller-payable", "seller", parcel.seller.id)
            parcel.charges["return fee", account, income] += fee
            parcel.seller.fees[parcel.currency] += fee
            self.charge_vat(parcel, version.vat_of(fee))
        elif payer == "Firm":
            account = ("liabilities:firm-commission", "firm", parcel.firm)
            parcel.charges["return fee", account, income] += fee
            self.commission[parcel.firm, parcel.currency] -= fee
        if not parcel.damaged:
            self.charge_freight(parcel, parcel.firm, version)

    def do_RefuseParcel(self, fields, line):
        reason = fields["reason"]
        self.parcels[fields["parcel"]].damaged = isinstance(reason, dict) and "Damaged" in reason

    def on_SellerCompensated(self, event, line):
        parcel = self.parcels[event["parcel"]]
        amount = of_minor(event["amount"], parcel.currency)
        parcel.seller.given_back[parcel.currency] -= amount
        if event["paid_by"] == "Firm":
            self.commission[parcel.firm, parcel.currency] -= amount

    # Cash

    def do_StartHandOver(self, fields, line):
        courier, currency = fields["courier"], line["currency"]
        waiting = sum(amount for other, amount, _ in self.hand_overs.values() if other == courier)
        amount = self.in_hand[courier, currency] - waiting
        self.hand_overs[fields["handover"]] = (courier, amount, currency)

    def on_HandOverCancelled(self, event, line):
        del self.hand_overs[event["handover"]]

    def on_HandOverCounted(self, event, line):
        courier, expected, currency = self.hand_overs.pop(event["handover"])
        counted = of_minor(event["counted"], currency)
        what = f"hand-over {event['handover']} of {self.name('courier', courier)}"
        agree(f"{what}, expected", expected, of_minor(event["expected"], currency), "the log")
        explained = sum(of_minor(other["amount"], currency) for other in line["events"]
                        if other["event"] == "BreakReduced")
        self.in_hand[courier, currency] -= expected
        self.counted[self.firm_of[courier], currency] += counted
        self.short[courier, currency] += max(expected - counted, ZERO) - explained

    def shorten(self, event, line, place=None):
        courier, currency = event["courier"], line["currency"]
        amount = of_minor(event["amount"], currency)
        self.short[courier, currency] -= amount
        if place is not None:
            place[self.firm_of[courier], currency] += amount

    def on_ShortageRepaid(self, event, line):
        self.shorten(event, line, self.counted)

    def on_ShortageCovered(self, event, line):
        self.shorten(event, line, self.counted)

    def on_ShortageWrittenOff(self, event, line):
        self.shorten(event, line)

    def on_ShortageDeducted(self, event, line):
        self.shorten(event, line)
        amount = of_minor(event["amount"], line["currency"])
        self.commission[self.firm_of[event["courier"]], line["currency"]] -= amount

    def on_DepositAnnounced(self, event, line):
        self.deposits[event["deposit"]] = (event["firm"], line["currency"])

    def on_DepositConfirmed(self, event, line):
        key = self.deposits.pop(event["deposit"])
        self.counted[key] -= of_minor(event["credited"], key[1])

    def on_CommissionPaid(self, event, line):
        currency = line["currency"]
        self.commission[event["firm"], currency] -= of_minor(event["amount"], currency)

    # Clearing and settlement

    def do_ClearLine(self, fields, line):
        (of, number), = fields["rail"].items()
        payment, currency = fields["payment"], line["currency"]
        self.lines[of.lower(), number].append(
            (fields["kind"].lower(), payment and self.payment(payment),
             of_minor(fields["amount"], currency), of_minor(fields["deducted"], currency),
             currency))

    def on_SettlementExecuted(self, event, line):
        for one in event["lines"]:
            net = of_minor(one["net"], one["currency"])
            self.payouts[one["payout"]] = {**one, "state": "sent"}
            self.sellers[one["seller"]].sent[one["currency"]] += net

    def on_PayoutConfirmed(self, event, line):
        self.payouts[event["payout"]]["state"] = "paid"

    def on_PayoutReturned(self, event, line):
        payout = self.payouts[event["payout"]]
        payout["state"] = "returned"
        self.sellers[event["seller"]].sent[payout["currency"]] -= of_minor(
            event["net"], payout["currency"])

    def on_SellerInvoiced(self, event, line):
        currency = event.get("currency", line["currency"])
        amount = of_minor(event["amount"], currency)
        self.sellers[event["seller"]].invoiced[currency] += amount

    def on_InvoiceCancelled(self, event, line):
        amount = of_minor(event["amount"], event["currency"])
        self.sellers[event["seller"]].given_back[event["currency"]] += amount

    def on_SellerAdjusted(self, event, line):
        charged, credited = (of_minor(event[key], event["currency"])
                             for key in ("charged", "credited"))
        self.sellers[event["seller"]].given_back[event["currency"]] += charged - credited

    def on_SellerCharged(self, event, line):
        amount = of_minor(event["amount"], line["currency"])
        self.sellers[event["seller"]].given_back[line["currency"]] += amount

    def on_SellerCredited(self, event, line):
        amount = of_minor(event["amount"], line["currency"])
        self.sellers[event["seller"]].given_back[line["currency"]] -= amount
