//! Hand-overs and deposits.

use books::{
    AnnounceDeposit, CancelHandOver, Command, CountHandOver, CountHandOverBySupervisor, CourierId,
    Event, ParcelReceiver, StartHandOver, TakeCashByPhone,
};

use super::{EMPTY, Occurrence, amount, currency, day, id, ids, number};
use crate::catalog::ViewName;
use crate::value::ViewValue;

impl Occurrence<'_> {
    pub(super) fn of_cash(&mut self, event: &Event) {
        match (event, self.given) {
            (
                Event::TimeClaimed { payment, claimed_at, skew_ms },
                Command::TakeCashByPhone(TakeCashByPhone { taken_by, receiver, .. }),
            ) => {
                let courier = CourierId(taken_by.0);
                let firm = self.books.courier_firm(courier).expect("a courier has a firm");
                let row = [
                    ViewValue::Parcel(payment.parcel),
                    number(payment.number),
                    number(self.batch),
                    id(courier.0),
                    id(firm.0),
                    number(i64::try_from(claimed_at.0).unwrap_or(i64::MAX)),
                    number(*skew_ms),
                    receiver.map_or(EMPTY, |one| receiver_word(one).into()),
                ];
                self.rows.add(ViewName::PhoneCash, row);
            }
            (
                Event::HandOverStarted { handover, expected },
                Command::StartHandOver(StartHandOver { courier, .. }),
            ) => {
                let firm = self.books.courier_firm(*courier);
                let firm = firm.expect("a courier has a firm");
                let row = [
                    "started".into(),
                    id(courier.0),
                    id(firm.0),
                    self.books.firm_currency(firm).map(|of| of.code()).into(),
                    day(self.day),
                    amount(*expected),
                    EMPTY,
                    EMPTY,
                ];
                self.begin(ViewName::HandOvers, ids([handover.0]), row);
            }
            (Event::HandOverCounted { handover, expected, counted, .. }, given) => {
                let by = match given {
                    Command::CountHandOver(CountHandOver { counted_by, .. })
                    | Command::CountHandOverBySupervisor(CountHandOverBySupervisor {
                        counted_by,
                        ..
                    }) => id(counted_by.0),
                    _ => EMPTY,
                };
                let changes = [
                    ("state", "counted".into()),
                    ("expected", amount(*expected)),
                    ("counted", amount(*counted)),
                    ("by", by),
                ];
                self.change(ViewName::HandOvers, ids([handover.0]), changes);
            }
            (Event::HandOverCancelled { handover, .. }, given) => {
                let by = match given {
                    Command::CancelHandOver(CancelHandOver { cancelled_by, .. }) => {
                        id(cancelled_by.0)
                    }
                    _ => EMPTY,
                };
                let changes = [("state", "cancelled".into()), ("by", by)];
                self.change(ViewName::HandOvers, ids([handover.0]), changes);
            }
            (
                Event::DepositAnnounced { deposit, firm, amount: announced },
                Command::AnnounceDeposit(AnnounceDeposit { bank, announced_by, .. }),
            ) => {
                let of = self.books.firm_currency(*firm).expect("a firm has a currency");
                let row = [
                    "announced".into(),
                    id(firm.0),
                    id(bank.0),
                    currency(of),
                    day(self.day),
                    amount(*announced),
                    EMPTY,
                    id(announced_by.0),
                ];
                self.begin(ViewName::Deposits, ids([deposit.0]), row);
            }
            (Event::DepositConfirmed { deposit, credited, .. }, _) => {
                let credited: ViewValue = amount(*credited);
                let changes = [("state", "credited".into()), ("credited", credited)];
                self.change(ViewName::Deposits, ids([deposit.0]), changes);
            }
            (Event::DepositCancelled { deposit, .. }, _) => {
                let changes = [("state", "cancelled".into())];
                self.change(ViewName::Deposits, ids([deposit.0]), changes);
            }
            _ => {}
        }
    }
}

fn receiver_word(receiver: ParcelReceiver) -> &'static str {
    match receiver {
        ParcelReceiver::Buyer => "buyer",
        ParcelReceiver::Household => "household",
        ParcelReceiver::Neighbour => "neighbour",
        ParcelReceiver::Reception => "reception",
    }
}
