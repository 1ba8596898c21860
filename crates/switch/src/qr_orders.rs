//! Payments by QR code: the terminal shows the code, the wallet reports the payment, the code
//! expires.

use crate::in_flight::{Continuation, InFlight};
use crate::payments::{read_amount, read_parcel};
use crate::port::{Output, TerminalConnection};
use crate::request::TerminalRequest;
use crate::responses::ResponseFields;
use crate::reversal_queue::{NewReversal, QueuedReversalKind};
use crate::switch::Switch;
use crate::terminal_reversals::order_expiry_command;
use crate::timers::Timer;
use crate::waybill;
use books::terminal_view::TransactionView;
use books::{BeginPurchase, Command, PaymentRoute, ResponseCode, Stan, Timestamp, Trace, WalletId};

/// The EMVCo tag of the wallet's account.
const ACCOUNT_TAG: u8 = 26;

impl Switch {
    /// Begins a payment by QR code.
    pub(crate) fn begin_qr(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(wallet) = self.settings.wallet.as_ref().map(|wallet| wallet.wallet) else {
            return self.refuse_if_rejected(
                Err((ResponseCode::NETWORK_UNAVAILABLE, Some("no wallet in settings".to_owned()))),
                connection,
                request,
                now,
                out,
            );
        };
        let (parcel, amount) = match (read_parcel(&request.message), read_amount(request)) {
            (Ok(parcel), Ok(amount)) => (parcel, amount),
            (Err(stop), _) | (_, Err(stop)) => {
                return self.refuse_if_rejected(Err(stop), connection, request, now, out);
            }
        };
        self.wallet_stan = self.wallet_stan.next();
        let mut in_flight = InFlight::new(connection, request);
        let sent = books::NetworkReference { stan: self.wallet_stan, sent_at: now };
        in_flight.network_reference = Some(sent);
        let command = Command::BeginPurchase(BeginPurchase {
            trace: request.header.trace(),
            duplicate_key: in_flight.duplicate_key,
            parcel,
            route: PaymentRoute::Qr { wallet },
            amount,
            kind: books::PurchaseKind::Sale,
            network_reference: sent,
            route_candidates: Vec::new(),
        });
        in_flight.parcel = Some(parcel);
        let id = self.begin_request(in_flight);
        self.command(Continuation::Request(id), command, out);
    }

    /// The books have begun the payment: the code is shown until it expires.
    pub(crate) fn on_qr_begun(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let Some(in_flight) = self.requests.get(&id) else { return };
        let trace = in_flight.header.trace();
        let Some(sent) = in_flight.network_reference else { return };
        let (Some(payment), Some(parcel)) = (in_flight.payment, in_flight.parcel) else { return };
        let minor = in_flight.amount.minor();
        self.open_qr_orders.insert(id, payment);
        self.timers.set(sent.sent_at.plus_ms(self.settings.timing.qr_ms), Timer::QrExpiry(id));
        self.answer_with_code(id, trace, parcel, minor, now, out);
    }

    /// Shows a code again.
    pub(crate) fn show_qr(
        &mut self,
        id: u64,
        view: &TransactionView,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        self.answer_with_code(id, view.trace, view.parcel, view.amount.minor(), now, out);
    }

    fn answer_with_code(
        &mut self,
        id: u64,
        trace: Trace,
        parcel: books::ParcelId,
        minor: u64,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let text = self.qr_text(trace, parcel, minor);
        match text {
            Ok(text) => {
                let answer = ResponseFields {
                    private_data: Some(text.as_bytes()),
                    ..ResponseFields::default()
                };
                self.finish(id, ResponseCode::QR_PENDING, &answer, now, out);
            }
            // A code that cannot be shown is not paid and expires.
            Err(why) => {
                let answer = ResponseFields { text: Some(&why), ..ResponseFields::default() };
                self.finish(id, ResponseCode::SYSTEM_ERROR, &answer, now, out);
            }
        }
    }

    fn qr_text(&self, trace: Trace, parcel: books::ParcelId, minor: u64) -> Result<String, String> {
        let wallet = self.settings.wallet.as_ref().ok_or("no wallet")?;
        let category = std::str::from_utf8(&self.settings.merchant.category).unwrap_or_default();
        let shown = qr::DynamicQr {
            account_tag: ACCOUNT_TAG,
            account_guid: &wallet.guid,
            merchant_id: &wallet.merchant,
            merchant_category: category
                .parse()
                .map_err(|_| "the merchant category is not a number")?,
            currency: wallet.currency.numeric(),
            minor_units: minor,
            exponent: wallet.currency.exponent(),
            country: std::str::from_utf8(&self.settings.country).unwrap_or_default(),
            merchant_name: &self.settings.shown_as.0,
            merchant_city: &self.settings.shown_as.1,
            reference: &trace.wallet_order(),
            waybill: &waybill::write(parcel),
            terminal: &format!("{:08}", trace.terminal.0),
        };
        let text = shown.code().and_then(|code| code.write());
        text.map_err(|error| error.to_string())
    }

    /// The buyer did not pay in time. The wallet refunds a payment that still comes.
    pub(crate) fn expire_qr(&mut self, id: u64, out: &mut Vec<Output>) {
        let Some(payment) = self.open_qr_orders.remove(&id) else { return };
        self.command(Continuation::QrExpired, order_expiry_command(payment), out);
    }

    /// The books have begun the refund of a QR payment: the wallet fetches it.
    pub(crate) fn on_qr_refund_begun(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let queued = self.next_id();
        if let Some(in_flight) = self.requests.get(&id)
            && let (Some(payment), Some(view)) = (in_flight.payment, in_flight.original.as_deref())
        {
            let new_reversal = NewReversal { payment, ..wallet_refund(view) };
            self.enqueue_reversal(queued, new_reversal, now, out);
        }
        self.finish(id, ResponseCode::APPROVED, &ResponseFields::default(), now, out);
    }

    /// The orders that a wallet must refund, with their amounts in minor units.
    #[must_use]
    pub fn wallet_refunds_due(&self, wallet: WalletId) -> Vec<(String, u64)> {
        let is_ours = self.settings.wallet.as_ref().is_some_and(|ours| ours.wallet == wallet);
        let due =
            self.wallet_refunds.iter().filter(|_| is_ours).filter_map(|(reference, queued)| {
                let queued =
                    self.reversal_queue.get(queued).filter(|queued| !queued.acknowledged)?;
                Some((reference.clone(), queued.reversal.amount.minor()))
            });
        due.collect()
    }
}

/// The refund that a wallet owes for an order. The wallet fetches it; no message is sent.
pub(crate) fn wallet_refund(order: &TransactionView) -> NewReversal {
    NewReversal {
        kind: QueuedReversalKind::Reversal,
        payment: order.payment,
        network_index: None,
        wallet_order: Some(order.trace),
        terminal: order.trace.terminal,
        merchant: [b' '; 15],
        amount: order.amount,
        authorisation_code: None,
        original: None,
        pre_authorisation: None,
        network_reference: None,
    }
}

/// The transaction that opened a wallet order, from the order's reference.
#[must_use]
pub fn order_trace(reference: &str) -> Option<Trace> {
    let plain = reference.len() == 20 && reference.bytes().all(|byte| byte.is_ascii_digit());
    let part = |range: std::ops::Range<usize>| reference.get(range)?.parse::<u32>().ok();
    let terminal = books::TerminalId(u64::from(part(0..8)?));
    let stan = Stan::new(part(14..20)?).ok()?;
    plain.then_some(Trace { terminal, batch: part(8..14)?, stan })
}
