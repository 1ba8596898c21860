//! Clearing lines, settlement plans and payouts, invoices, commissions, adjustments, periods.

use books::{
    ApproveCyclePlan, ApproveSettlement, BankId, BreakId, ClearLine, ClearLineKind, ClosePeriod,
    Command, EndFile, Event, ExecuteSettlement, FileLane, PayCommission, PayoutId, PayoutLine,
    PlanCycle, PlanId, PlanSettlement, PostAdjustment, RecordSellerPayment, RejectSettlement,
    SellerId,
};
use money::Currency;

use super::parties::cycle;
use super::{EMPTY, Occurrence, amount, currency, day, id, ids, number, sum};
use crate::catalog::ViewName;
use crate::catalog::settlement::{FILE_LANES, LINE_KINDS};
use crate::projection::rail_values;
use crate::rows::RowKey;
use crate::value::ViewValue;

fn invoice_key(seller: SellerId, of: Currency, number: u32) -> RowKey {
    ids([seller.0, RowKey::text(of.code()), number.into()])
}

fn file_key(lane: FileLane, file: u32) -> RowKey {
    let (lane, sender) = match lane {
        FileLane::Network(network) => ("network", network.0),
        FileLane::Wallet(wallet) => ("wallet", wallet.0),
        FileLane::Bank(bank) => ("bank", bank.0),
        FileLane::Firm(firm) => ("firm", firm.0),
    };
    ids([RowKey::word(FILE_LANES, lane), sender, file.into()])
}

fn total(lines: &[PayoutLine]) -> ViewValue {
    sum(lines.iter().map(|line| i128::from(line.net.minor())).sum())
}

fn count(of: usize) -> ViewValue {
    number(i64::try_from(of).unwrap_or(i64::MAX))
}

impl Occurrence<'_> {
    /// What only the command says.
    pub(super) fn money(&mut self) {
        match self.given {
            Command::ClearLine(line) => self.clearing_line(line),
            Command::RecordSellerPayment(RecordSellerPayment {
                seller,
                currency: of,
                invoice,
                number: place,
                bank,
                amount: paid,
            }) => {
                let row = [
                    id(seller.0),
                    currency(*of),
                    number(*invoice),
                    number(*place),
                    number(self.batch),
                    id(bank.0),
                    amount(*paid),
                ];
                self.rows.add(ViewName::InvoicePayments, row);
            }
            Command::PostAdjustment(PostAdjustment {
                number: place,
                currency: of,
                amount: moved,
                value_date,
                reference,
                proposed_by,
                approved_by,
                ..
            }) => {
                let row = [
                    number(*place),
                    number(self.batch),
                    currency(*of),
                    amount(*moved),
                    day(*value_date),
                    ViewValue::text(reference),
                    id(proposed_by.0),
                    id(approved_by.0),
                ];
                self.rows.add(ViewName::Adjustments, row);
            }
            _ => {}
        }
    }

    fn clearing_line(&mut self, cleared: &ClearLine) {
        let ClearLine { bank, rail, file, line, kind, payment, deducted, value_date, .. } = cleared;
        let kind = LINE_KINDS[match kind {
            ClearLineKind::Sale => 0,
            ClearLineKind::Completion => 1,
            ClearLineKind::Offline => 2,
            ClearLineKind::Refund => 3,
            ClearLineKind::Reversal => 4,
            ClearLineKind::ChargeBack => 5,
            ClearLineKind::FeeCorrection => 6,
            ClearLineKind::Representment => 7,
        }];
        let (rail_kind, rail_id) = rail_values(*rail);
        let of = self.books.rail_currency(*rail).expect("the rail is registered");
        let row = [
            rail_kind.into(),
            rail_id,
            number(*file),
            number(*line),
            number(self.batch),
            kind.into(),
            payment.map(|one| ViewValue::Parcel(one.parcel)).into(),
            payment.map(|one| number(one.number)).into(),
            id(bank.0),
            currency(of),
            number(cleared.amount.minor()),
            number(deducted.minor()),
            day(value_date.unwrap_or(self.day)),
        ];
        self.rows.add(ViewName::ClearingLines, row);
    }

    pub(super) fn of_settlement(&mut self, event: &Event) {
        match event {
            Event::SettlementPlanned { plan, lines, below_minimum, suspended, .. } => {
                let (of_cycle, of, by) = match self.given {
                    Command::PlanSettlement(PlanSettlement {
                        cycle, currency, planned_by, ..
                    }) => (*cycle, *currency, id(planned_by.0)),
                    Command::PlanCycle(PlanCycle { cycle, currency, .. }) => {
                        (*cycle, *currency, EMPTY)
                    }
                    _ => return,
                };
                let row = [
                    "planned".into(),
                    cycle(of_cycle),
                    currency(of),
                    day(self.day),
                    count(lines.len()),
                    total(lines),
                    number(*below_minimum),
                    number(*suspended),
                    by,
                    EMPTY,
                    EMPTY,
                ];
                self.begin(ViewName::Plans, ids([plan.0]), row);
                lines.iter().for_each(|line| self.planned(*plan, line));
                self.plans.insert(*plan, lines.iter().map(|line| line.payout).collect());
            }
            Event::SettlementApproved { plan } => {
                let by = match self.given {
                    Command::ApproveSettlement(ApproveSettlement { approved_by, .. })
                    | Command::ApproveCyclePlan(ApproveCyclePlan { approved_by, .. }) => {
                        id(approved_by.0)
                    }
                    _ => EMPTY,
                };
                let changes = [("state", "approved".into()), ("decided_by", by)];
                self.change(ViewName::Plans, ids([plan.0]), changes);
            }
            Event::SettlementRejected { plan } => {
                let by = match self.given {
                    Command::RejectSettlement(RejectSettlement { rejected_by, .. }) => {
                        id(rejected_by.0)
                    }
                    _ => EMPTY,
                };
                let changes = [("state", "rejected".into()), ("decided_by", by)];
                self.change(ViewName::Plans, ids([plan.0]), changes);
                for payout in self.plans.remove(plan).unwrap_or_default() {
                    self.payout(payout, "rejected");
                }
            }
            Event::FileBegun { .. } => self.file_begun(),
            Event::FileEnded { lane, file, matched, expected, breaks } => {
                let Command::EndFile(EndFile { digest, .. }) = self.given else { return };
                let changes = [
                    ("state", "ended".into()),
                    ("matched", number(matched.minor())),
                    ("expected", number(expected.minor())),
                    ("breaks", number(breaks.minor())),
                    ("result", ViewValue::text(digest.to_string())),
                ];
                self.change(ViewName::Files, file_key(*lane, *file), changes);
            }
            // The lines of a firm's sheet are no entries of the bank.
            Event::EntryTaken { firm: Some(_), .. } => {}
            Event::EntryTaken { bank, file, line, matched, expected, break_id, .. } => {
                let place = (*bank, *file, *line);
                self.entry(place, (matched.minor(), expected.minor()), *break_id);
            }
            Event::PayoutDropped { payout, .. } => self.payout(*payout, "dropped"),
            Event::SettlementExecuted { plan, lines } => self.executed(*plan, lines),
            Event::PayoutConfirmed { payout, .. } => self.payout(*payout, "confirmed"),
            Event::PayoutReturned { payout, .. } => self.payout(*payout, "returned"),
            _ => self.of_invoice(event),
        }
    }

    fn file_begun(&mut self) {
        let Command::BeginFile(begun) = self.given else { return };
        let of = self.books.lane_currency(begun.lane);
        let row = [
            "begun".into(),
            ViewValue::text(&begun.form),
            day(begun.from),
            day(begun.until),
            number(begun.lines),
            currency(of.expect("the sender is registered")),
            number(begun.total.minor()),
            EMPTY,
            EMPTY,
            EMPTY,
            ViewValue::text(begun.digest.to_string()),
            EMPTY,
        ];
        self.begin(ViewName::Files, file_key(begun.lane, begun.file), row);
    }

    /// An entry as it is now: taken, or decided later.
    fn entry(
        &mut self,
        (bank, file, line): (BankId, u32, u32),
        (matched, expected): (i64, i64),
        break_id: Option<BreakId>,
    ) {
        let key = ids([bank.0, file.into(), line.into()]);
        let state = match (break_id, expected) {
            (Some(_), _) => "break",
            (None, 0) => "matched",
            (None, _) => "expected",
        };
        let broken = break_id.map(|one| id(one.0)).into();
        match self.given {
            Command::TakeEntry(taken) => {
                let of = self.books.bank_currency(bank).expect("the account is registered");
                let row = [
                    state.into(),
                    day(taken.booked),
                    currency(of),
                    number(taken.amount.minor()),
                    number(matched),
                    number(expected),
                    taken.expected_until.filter(|_| expected != 0).map(day).into(),
                    broken,
                ];
                self.begin(ViewName::BankEntries, key, row);
            }
            Command::MatchEntry(decided) => {
                let until = decided.expected_until.filter(|_| expected != 0).map(day);
                let changes = [
                    ("state", state.into()),
                    ("matched", number(matched)),
                    ("expected", number(expected)),
                    ("awaited_until", until.into()),
                    ("break", broken),
                ];
                self.change(ViewName::BankEntries, key, changes);
            }
            _ => {}
        }
    }

    fn planned(&mut self, plan: PlanId, line: &PayoutLine) {
        let row = [
            "planned".into(),
            id(plan.0),
            id(line.seller.0),
            currency(line.currency),
            amount(line.net),
            line.gross.into(),
            line.fees.into(),
            line.refunded.into(),
            line.returned.into(),
            line.invoiced.into(),
            line.compensated.into(),
            EMPTY,
            EMPTY,
        ];
        self.begin(ViewName::Payouts, ids([line.payout.0]), row);
    }

    fn payout(&mut self, payout: PayoutId, state: &'static str) {
        self.change(ViewName::Payouts, ids([payout.0]), [("state", state.into())]);
    }

    fn executed(&mut self, plan: PlanId, lines: &[PayoutLine]) {
        self.plans.remove(&plan);
        let bank = match self.given {
            Command::ExecuteSettlement(ExecuteSettlement { bank, .. }) => id(bank.0),
            _ => EMPTY,
        };
        let changes = [
            ("state", "executed".into()),
            ("payouts", count(lines.len())),
            ("total", total(lines)),
            ("bank", bank.clone()),
        ];
        self.change(ViewName::Plans, ids([plan.0]), changes);
        for line in lines {
            let changes =
                [("state", "sent".into()), ("bank", bank.clone()), ("sent", day(self.day))];
            self.change(ViewName::Payouts, ids([line.payout.0]), changes);
        }
    }

    fn of_invoice(&mut self, event: &Event) {
        match event {
            Event::SellerInvoiced { seller, currency: of, number: place, amount: owed } => {
                let row = ["open".into(), amount(*owed), day(self.day)];
                self.begin(ViewName::Invoices, invoice_key(*seller, *of, *place), row);
            }
            Event::InvoiceCancelled { seller, currency: of, invoice, .. } => {
                let changes = [("state", "cancelled".into())];
                self.change(ViewName::Invoices, invoice_key(*seller, *of, *invoice), changes);
            }
            Event::SellerPaymentRecorded { seller, currency: of, invoice, .. } => {
                let open = self
                    .books
                    .open_invoices()
                    .any(|one| (one.seller, one.currency, one.number) == (*seller, *of, *invoice));
                if !open {
                    let changes = [("state", "paid".into())];
                    self.change(ViewName::Invoices, invoice_key(*seller, *of, *invoice), changes);
                }
            }
            Event::CommissionPaid { firm, amount: paid, withheld } => {
                let Command::PayCommission(PayCommission { number: place, bank, .. }) = self.given
                else {
                    return;
                };
                let of = self.books.firm_currency(*firm).expect("a firm has a currency");
                let row = [
                    id(firm.0),
                    number(*place),
                    number(self.batch),
                    id(bank.0),
                    currency(of),
                    amount(*paid),
                    amount(*withheld),
                ];
                self.rows.add(ViewName::Commissions, row);
            }
            Event::PeriodClosed { number: place, until, digest } => {
                let Command::ClosePeriod(ClosePeriod { proposed_by, approved_by, .. }) = self.given
                else {
                    return;
                };
                let row = [
                    number(*place),
                    number(self.batch),
                    day(*until),
                    ViewValue::text(digest.to_string()),
                    id(proposed_by.0),
                    id(approved_by.0),
                ];
                self.rows.add(ViewName::Periods, row);
            }
            _ => {}
        }
    }
}
