//! Orders: shown as codes, paid or expired, and refunded by the wallet.

use books::terminal_view::PendingRequestKind;
use books::{
    Command, Event, NetworkReference, ParcelId, PaymentId, PaymentResolution, Refusal,
    ResolvePurchase, ResolveReversal, ResponseCode, Stan, TerminalId, Timestamp, Trace, WalletId,
};
use machine::Actor;
use money::Amount;

use super::WalletSide;
use crate::port::{Output, WalletReply};
use crate::sides::{OrderRefund, Orders};
use crate::step::{Continuation, Step};
use crate::timers::Timer;
use crate::unfinished::UnfinishedTransaction;
use crate::waybill;

/// The EMVCo tag of the wallet's account.
const ACCOUNT_TAG: u8 = 26;

/// A refund that the wallet owes. It fetches it; no message is sent.
#[derive(Clone, Debug)]
pub(crate) struct QueuedRefund {
    refund: OrderRefund,
    /// The wallet has refunded it; the books are recording that.
    acknowledged: bool,
    /// The wallet's notifications that are answered at the end.
    replies: Vec<u64>,
}

impl Orders for WalletSide {
    fn next(&mut self, step: &Step<'_>) -> Option<(WalletId, NetworkReference)> {
        let wallet = step.settings.wallet.as_ref()?.wallet;
        self.stan = self.stan.next();
        Some((wallet, NetworkReference { stan: self.stan, sent_at: step.now }))
    }

    fn code(
        &self,
        order: Trace,
        parcel: ParcelId,
        amount: Amount,
        step: &Step<'_>,
    ) -> Result<String, String> {
        let settings = step.settings;
        let wallet = settings.wallet.as_ref().ok_or("no wallet")?;
        let category = std::str::from_utf8(&settings.merchant.category).unwrap_or_default();
        let shown = qr::DynamicQr {
            account_tag: ACCOUNT_TAG,
            account_guid: &wallet.guid,
            merchant_id: &wallet.merchant,
            merchant_category: category
                .parse()
                .map_err(|_| "the merchant category is not a number")?,
            currency: wallet.currency.numeric(),
            minor_units: amount.minor(),
            exponent: wallet.currency.exponent(),
            country: std::str::from_utf8(&settings.country).unwrap_or_default(),
            merchant_name: &settings.shown_as.0,
            merchant_city: &settings.shown_as.1,
            reference: &order.wallet_order(),
            waybill: &waybill::write(parcel),
            terminal: &format!("{:08}", order.terminal.0),
        };
        let text = shown.code().and_then(|code| code.write());
        text.map_err(|error| error.to_string())
    }

    fn open(&mut self, id: u64, payment: PaymentId, shown_at: Timestamp, step: &mut Step<'_>) {
        self.open.insert(id, payment);
        let expires = shown_at.plus_ms(step.settings.timing.qr_ms);
        step.pending.timers.set(expires.max(step.now), Timer::QrExpiry(id));
    }

    /// The buyer has not paid. The wallet refunds a payment that still comes.
    fn end(&mut self, payment: PaymentId, step: &mut Step<'_>) {
        step.command(Continuation::ReportRefusal, Actor::System, order_expiry_command(payment));
    }

    fn refund(&mut self, refund: OrderRefund) {
        let queued = QueuedRefund { refund, acknowledged: false, replies: Vec::new() };
        self.refunds.entry(refund.order).or_insert(queued);
    }
}

impl WalletSide {
    /// The buyer did not pay in time. The wallet refunds a payment that still comes.
    pub(crate) fn expire(&mut self, id: u64, step: &mut Step<'_>) {
        let Some(payment) = self.open.remove(&id) else { return };
        step.command(Continuation::Nothing, Actor::System, order_expiry_command(payment));
    }

    /// Continues an order after a restart.
    pub(crate) fn resume(&mut self, item: &UnfinishedTransaction, step: &mut Step<'_>) {
        let pending = &item.pending;
        match pending.kind {
            // A code can be paid until it expires, also after a restart.
            PendingRequestKind::Purchase => {
                let shown_at = pending.network_reference.map_or(step.now, |shown| shown.sent_at);
                self.open(step.next_id(), pending.payment, shown_at, step);
            }
            PendingRequestKind::PurchaseReversal => self.end(pending.payment, step),
            _ => {
                // A refund's original is its order; an order is its own transaction.
                let order = item.view.original().unwrap_or(pending.trace);
                let (payment, amount) = (pending.payment, pending.amount);
                self.refund(OrderRefund { order, payment, amount });
            }
        }
    }

    /// Refunds that the books have not recorded as done.
    pub(crate) fn queued(&self) -> usize {
        self.refunds.len()
    }

    /// The orders that the wallet must refund, with their amounts in minor units.
    pub(crate) fn refunds_due(&self) -> Vec<(String, u64)> {
        let due = self.refunds.values().filter(|queued| !queued.acknowledged);
        due.map(|queued| (queued.refund.order.wallet_order(), queued.refund.amount.minor()))
            .collect()
    }

    /// The wallet has refunded an order, or (`unpaid`) its payment failed after all. The reply waits
    /// for the books. Returns false if no refund is queued.
    pub(crate) fn on_refunded(
        &mut self,
        order: Trace,
        by: WalletId,
        unpaid: bool,
        reply_id: u64,
        step: &mut Step<'_>,
    ) -> bool {
        let Some(queued) = self.refunds.get_mut(&order) else { return false };
        queued.replies.push(reply_id);
        if !queued.acknowledged {
            queued.acknowledged = true;
            let (payment, code) = (queued.refund.payment, ResponseCode::APPROVED);
            let command =
                Command::ResolveReversal(ResolveReversal { payment, done: !unpaid, code });
            step.command(Continuation::WalletRefunded(order), Actor::Wallet(by), command);
        }
        true
    }

    /// The books have recorded that an order is refunded.
    pub(crate) fn on_refund_recorded(
        &mut self,
        order: Trace,
        answer: Result<Vec<Event>, Refusal>,
        step: &mut Step<'_>,
    ) {
        let Some(queued) = self.refunds.remove(&order) else { return };
        let answer = notification_reply(answer, step);
        let replies = queued.replies.iter();
        step.out.extend(replies.map(|&reply_id| Output::WalletReply { reply_id, answer }));
    }
}

/// The reply to a notification, by the books' result.
pub(crate) fn notification_reply(
    answer: Result<Vec<Event>, Refusal>,
    step: &mut Step<'_>,
) -> WalletReply {
    let durable = matches!(answer, Ok(_) | Err(Refusal::Repeated));
    step.report_refusal(answer);
    if durable { WalletReply::Accepted } else { WalletReply::RetryLater }
}

/// Ends an order that was not paid.
pub(crate) fn order_expiry_command(payment: PaymentId) -> Command {
    let resolution = PaymentResolution::Declined { code: ResponseCode::OUTCOME_UNKNOWN };
    Command::ResolvePurchase(ResolvePurchase { payment, resolution })
}

/// The transaction that opened a wallet order, from the order's reference.
#[must_use]
pub fn order_trace(reference: &str) -> Option<Trace> {
    let plain = reference.len() == 20 && reference.bytes().all(|byte| byte.is_ascii_digit());
    let part = |range: std::ops::Range<usize>| reference.get(range)?.parse::<u32>().ok();
    let terminal = TerminalId(u64::from(part(0..8)?));
    let stan = Stan::new(part(14..20)?).ok()?;
    plain.then_some(Trace { terminal, batch: part(8..14)?, stan })
}
