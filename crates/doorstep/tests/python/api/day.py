"""A day over the API, by the client that openapi-python-client makes of docs/openapi.json.

day.py deliver DUE...   announces parcels and sends them out
day.py settle           counts the cash, and pays the seller
"""

import json
import os
import sys
from itertools import count

from doorstep_client import AuthenticatedClient, Client
from doorstep_client.api.commands import (
    announce_deposit,
    announce_parcel,
    approve_settlement,
    assign_parcels,
    confirm_deposit,
    confirm_payout,
    count_hand_over,
    dispatch_parcels,
    execute_settlement,
    plan_settlement,
    start_hand_over,
)
from doorstep_client.api.looks import get_statements_now
from doorstep_client.api.views import list_parcels, list_payouts
from doorstep_client.models import (
    AnnounceDeposit,
    AnnounceParcel,
    ApproveSettlement,
    AssignedParcel,
    AssignParcels,
    CommandAnswer,
    ConfirmDeposit,
    ConfirmPayout,
    CountHandOver,
    DispatchedParcel,
    DispatchParcels,
    ExecuteSettlement,
    ListParcelsState,
    ListPayoutsState,
    PlanSettlement,
    Problem,
    SettlementCycle,
    StartHandOver,
)
from doorstep_client.types import UNSET

settings = json.loads(os.environ["DAY"])
base = settings["base"]
finance = AuthenticatedClient(base_url=base, token=settings["office"])
counter = AuthenticatedClient(base_url=base, token=settings["hub"])
second = Client(
    base_url=base,
    headers={"Cookie": settings["cookie"], "Doorstep-Csrf": settings["csrf"]},
)
stage = sys.argv[1]
keys = count()


def answer(operation, client, body):
    return operation.sync(client=client, body=body, idempotency_key=f"python-{stage}-{next(keys)}")


def done(operation, client, body):
    """The first event of a command that was carried out."""
    answered = answer(operation, client, body)
    assert isinstance(answered, CommandAnswer), answered
    assert answered.outcome == "carried_out", answered
    return answered, answered.events[0]


def rows(operation, **filters):
    """All rows of a list, by pages of two."""
    cursor, found = UNSET, []
    while cursor is not None:
        page = operation.sync(client=finance, limit=2, cursor=cursor, **filters)
        found += page.items
        cursor = page.next_
    return found


def deliver(dues):
    parcels = []
    for place, due in enumerate(dues):
        order = AnnounceParcel(
            seller="seller-0", currency="CNY", due=due, reference=f"day-{place}"
        )
        parcels.append(done(announce_parcel, finance, order)[1]["parcel"])
    given = [AssignedParcel(parcel=parcel) for parcel in parcels]
    done(assign_parcels, finance, AssignParcels(firm="bench-couriers", parcels=given))
    given = [DispatchedParcel(parcel=parcel) for parcel in parcels]
    done(dispatch_parcels, finance, DispatchParcels(courier="cou_1", parcels=given))
    out = rows(list_parcels, seller="seller-0", state=ListParcelsState.OUT)
    assert {one.parcel for one in out} == set(parcels), out
    return {"parcels": parcels}


def settle():
    started, event = done(start_hand_over, finance, StartHandOver(courier="cou_1"))
    handover, cash = event["handover"], event["expected"]
    counted = CountHandOver(handover=handover, counted=cash, code=started.code)
    done(count_hand_over, counter, counted)
    announced = AnnounceDeposit(firm="bench-couriers", amount=cash, bank="bank_1")
    deposit = done(announce_deposit, counter, announced)[1]["deposit"]
    done(confirm_deposit, finance, ConfirmDeposit(deposit=deposit, credited=cash))
    cycle = PlanSettlement(cycle=SettlementCycle.DAILY, currency="CNY")
    plan = done(plan_settlement, finance, cycle)[1]["plan"]
    own = answer(approve_settlement, finance, ApproveSettlement(plan=plan))
    assert isinstance(own, Problem) and own.status == 403, own
    done(approve_settlement, second, ApproveSettlement(plan=plan))
    done(execute_settlement, finance, ExecuteSettlement(plan=plan, bank="bank_1"))
    for payout in rows(list_payouts, plan=plan):
        done(confirm_payout, finance, ConfirmPayout(payout=payout.payout))
    statement = get_statements_now.sync("seller-0", client=finance)
    parcels = rows(list_parcels, seller="seller-0")
    paid = rows(list_payouts, plan=plan, state=ListPayoutsState.CONFIRMED)
    return {
        "cash": cash,
        "due": sum(one.due for one in parcels),
        "collected": sum(one.collected for one in parcels),
        "stated": sum(one.collected for one in statement.sums),
        "payable": sum(one.payable for one in statement.accounts),
        "paid": sum(one.net for one in paid),
    }


print(json.dumps(settle() if stage == "settle" else deliver([int(due) for due in sys.argv[2:]])))
