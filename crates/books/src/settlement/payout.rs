//! Payouts: the bank paid one, or it came back.

use crate::books::{Books, Now};
use crate::chart::ChartEntry;
use crate::command::{ConfirmPayout, ReturnPayout};
use crate::event::{CommandOutcome, Event};
use crate::ids::PayoutId;
use crate::reference_data::CurrencyAccounts;
use crate::refusal::{MissingRecord, Refusal};
use crate::settlement::record::Payout;

impl Books {
    /// The refusal for a payout not in flight: a repeat if it ended the same way before.
    fn payout_refusal(&self, id: PayoutId, arrived: bool) -> Refusal {
        let missing = Refusal::NotFound(MissingRecord::Payout(id));
        if self.reference_data.returned_payouts.contains(&id) {
            return if arrived { missing } else { Refusal::Repeated };
        }
        let sent = self.reference_data.plans.values().any(|plan| plan.has_sent(id));
        if sent && arrived { Refusal::Repeated } else { missing }
    }

    pub(crate) fn confirm_payout(
        &mut self,
        command: &ConfirmPayout,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ConfirmPayout { payout: id } = *command;
        let today = now.today;
        let Some(payout) = self.reference_data.payouts.get_mut(&id) else {
            return Err(self.payout_refusal(id, true));
        };
        if payout.arrived.is_some() {
            return Err(Refusal::Repeated);
        }
        payout.arrived = Some(today);
        let (net, reserve) = (payout.net, payout.reserve);
        let seller = self.sellers.get(payout.seller).id;
        self.ledger.begin_chain(None, None);
        self.ledger.post_reserved(ChartEntry::PayoutConfirmed, reserve, net);
        self.ledger.commit_infallible(out, "a payout in flight can be confirmed");
        // Forget payouts that can no longer come back.
        while self
            .reference_data
            .payouts
            .first_entry()
            .is_some_and(|first| first.get().is_past_return(today))
        {
            self.reference_data.payouts.pop_first();
        }
        out.events.push(Event::PayoutConfirmed { payout: id, seller, net });
        Ok(())
    }

    /// A payout comes back, in flight or some days after its confirmation.
    pub(crate) fn return_payout(
        &mut self,
        command: &ReturnPayout,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ReturnPayout { payout: id } = *command;
        let today = now.today;
        let payout =
            self.reference_data.payouts.get(&id).filter(|payout| !payout.is_past_return(today));
        let Some(payout) = payout else {
            return Err(self.payout_refusal(id, false));
        };
        let Payout { seller: number, net, bank, reserve, arrived, .. } = *payout;
        let seller = self.sellers.get(number);
        let (seller, payable, place) = (seller.id, seller.payable, seller.currency);
        let &CurrencyAccounts { currency, payout_in_flight: in_flight, .. } =
            self.currency_accounts(place);
        self.ledger.begin_chain(None, None);
        if arrived.is_some() {
            self.ledger.post(ChartEntry::PayoutReturned, bank, payable, net);
        } else {
            self.ledger.void_reserved(ChartEntry::PayoutConfirmed, reserve);
            self.ledger.post(ChartEntry::PayoutReturned, in_flight, payable, net);
        }
        self.ledger.commit_infallible(out, "a sent payout can be returned");
        self.reference_data.payouts.remove(&id);
        self.reference_data.returned_payouts.insert(id);
        self.sellers.get_mut(number).statement.returned += u128::from(net.minor());
        out.events.push(Event::PayoutReturned { payout: id, seller, currency, net });
        Ok(())
    }
}
