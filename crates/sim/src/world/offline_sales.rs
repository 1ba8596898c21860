//! Offline sales that go wrong: rejected by their network, made after the terminal's block, or for
//! a parcel that nobody announced. The world's truth about them is in the networks' own books.

use books::{
    BlockTerminal, Command, ConfirmRefund, FIRST_SUSPENDED_PAYMENT, ParcelId, PaymentId,
    ResolveSuspendedSale, SuspendedSaleDecision,
};
use tariff::CardKind;

use crate::actors::{APPROVER, PLANNER};
use crate::backend::{Backend, DayError};
use crate::books::{BankLineKind, ParcelLocation, RailAnswer, RailItem};
use crate::chance::{Chance, ChancePurpose, stream_of_day};
use crate::clock;
use crate::day::DayRun;
use crate::payment_path::{CardBrand, PaymentFault, TerminalAction, TerminalActionKind, card};
use crate::world::exceptions::LossBearer;
use crate::world::{AnswerContext, CourierCommand, CourierRequests, CourierStep, World, amount};

/// A sale for a parcel that nobody announced is the terminal's offline limit divided by this.
const UNKNOWN_PARCEL_DIVISOR: u64 = 4;

impl<O: Backend> DayRun<'_, O> {
    /// In the evening two people decide the sales in suspense: those of known parcels are booked,
    /// the others are owed to the buyer.
    pub(crate) fn decide_suspended_sales(&mut self) -> Result<(), DayError<O::Error>> {
        let at = self.advance_to(self.world.clock.today(clock::DECIDING));
        self.world.note_rejected_sales();
        let commands = self.world.decisions();
        self.carry_out_all(at, commands).map(|_| ())
    }

    /// What is owed to buyers leaves the bank account.
    pub(crate) fn pay_buyers_back(&mut self) -> Result<(), DayError<O::Error>> {
        let at = self.advance_to(self.world.clock.tonight(clock::COMPENSATING));
        let commands = self.world.buyers_paid_back();
        self.carry_out_all(at, commands).map(|_| ())
    }
}

impl World {
    /// A courier sells a parcel that is in nobody's books, before the tour begins.
    pub(crate) fn sell_unknown_parcel(&self, courier: usize, requests: &mut CourierRequests) {
        let person = &self.couriers[courier];
        let stream = stream_of_day(self.day, person.id.0);
        let mut chance = Chance::new(self.seed, ChancePurpose::UnknownParcel, stream);
        if person.offline_limit == 0 || !chance.happens(self.rates.unknown_parcel) {
            return;
        }
        let parcel = ParcelId::new(u128::from(chance.between(1, u64::from(u32::MAX))));
        let (card, _) = card(parcel, 0, CardKind::Debit, CardBrand::Every);
        let amount = (person.offline_limit / UNKNOWN_PARCEL_DIVISOR).max(1);
        let kind = TerminalActionKind::SellOffline { parcel, card, amount };
        requests.actions.push((courier, TerminalAction::without_fault(kind)));
    }

    /// The fault of a parcel's offline sale.
    pub(crate) fn offline_fault(&self, index: usize) -> PaymentFault {
        let rejected = self.parcels[index].exceptions.sale_rejected;
        let code = peers::ResponseCode::INSUFFICIENT_FUNDS;
        let network_action =
            if rejected { peers::ResponseAction::Decline { code } } else { Default::default() };
        PaymentFault { network_action, ..PaymentFault::NONE }
    }

    /// Blocks the terminal at the moment of an offline sale, and unblocks it a tick later.
    pub(crate) fn block_terminal(
        &mut self,
        courier: usize,
        blocked: bool,
        courier_commands: &mut Vec<CourierCommand>,
    ) {
        let person = &mut self.couriers[courier];
        person.terminal_changes += 1;
        let (terminal, number) = (person.terminal, person.terminal_changes);
        let command = Command::BlockTerminal(BlockTerminal { terminal, blocked, number });
        courier_commands.push(CourierCommand {
            command: command.into(),
            context: AnswerContext::TerminalChanged,
        });
    }

    /// Of a rejected sale the network pays nothing. The buyer has the parcel, so somebody bears the
    /// loss by the tariff.
    fn note_rejected_sales(&mut self) {
        for rail in &mut self.rails {
            for (payment, item) in &mut rail.items {
                let rejected = item.offline && item.answer == RailAnswer::Declined;
                let known = self.parcel_indexes.get(&payment.parcel);
                let Some(&index) = known.filter(|_| rejected && item.loss.is_none()) else {
                    continue;
                };
                let parcel = &mut self.parcels[index];
                self.incidents.sales_rejected += 1;
                if payment.number >= FIRST_SUSPENDED_PAYMENT {
                    // It never became a payment of the parcel.
                    parcel.paid -= item.amount;
                    parcel.location = ParcelLocation::WithCourier;
                    parcel.delivered_on = None;
                    continue;
                }
                let bearer = self.own_tariff.offline_loss(&item.requested_on.to_string());
                item.loss = Some(bearer);
                if bearer != LossBearer::Seller {
                    // The bearer pays at once what the network does not pay.
                    self.received_on.insert(*payment, self.clock.date);
                }
                if bearer == LossBearer::Seller {
                    parcel.paid -= item.amount;
                }
            }
        }
    }

    /// Decides the sales in suspense that their network took. Those that become no payment of a
    /// parcel leave the payments.
    fn decisions(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        let (proposed_by, approved_by) = (PLANNER, APPROVER);
        for rail in &mut self.rails {
            let in_suspense = |one: &(&PaymentId, &RailItem)| {
                let is_known = rail.decided.contains(one.0);
                one.0.number >= FIRST_SUSPENDED_PAYMENT && !is_known
            };
            let sales = rail.items.iter().filter(in_suspense);
            let sales: Vec<_> = sales.map(|(payment, item)| (*payment, *item)).collect();
            for (payment, item) in sales {
                rail.decided.insert(payment);
                let known = self.parcel_indexes.contains_key(&payment.parcel);
                let approved = item.answer == RailAnswer::Approved;
                if !(known && approved) {
                    rail.items.remove(&payment);
                    rail.unbooked.insert(payment, item);
                }
                let decision = match known {
                    true => SuspendedSaleDecision::BookToParcel,
                    false => SuspendedSaleDecision::OweToBuyer,
                };
                if approved {
                    self.incidents.sales_suspended += 1;
                    let command =
                        ResolveSuspendedSale { payment, decision, proposed_by, approved_by };
                    commands.push(Command::ResolveSuspendedSale(command));
                }
            }
        }
        commands
    }

    fn buyers_paid_back(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        for rail in &mut self.rails {
            for (payment, item) in &mut rail.unbooked {
                if !item.moves_money() || item.taken_back > 0 {
                    continue;
                }
                item.taken_back = item.amount;
                let line = (BankLineKind::PaidBack(*payment), item.amount);
                self.bank_statement.push(crate::books::BankLine { kind: line.0, amount: line.1 });
                let (bank, number, amount) = (self.add_statement_line, 1, amount(item.amount));
                let payment = *payment;
                let command = ConfirmRefund { bank, payment, number, amount };
                commands.push(Command::ConfirmRefund(command));
            }
        }
        commands
    }

    /// The terminal of a parcel that is sold after the block is blocked now.
    pub(crate) fn block_if_planned(
        &mut self,
        (courier, index): (usize, usize),
        now: books::Timestamp,
        requests: &mut CourierRequests,
    ) {
        if self.parcels[index].exceptions.sold_after_block {
            self.block_terminal(courier, true, &mut requests.courier_commands);
            self.schedule_next_step(courier, now, 1, CourierStep::UnblockTerminal);
        }
    }
}
