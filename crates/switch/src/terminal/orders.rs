//! Payments by QR code: the terminal shows the order's code, the buyer's wallet pays it.

use books::{
    BeginPurchase, Command, DuplicateKey, DuplicateSubject, Event, ParcelId, PaymentRoute,
    PurchaseKind, Refusal, ResponseCode, Trace,
};
use money::Amount;

use super::Terminals;
use super::in_flight::{InFlight, Subject, Work};
use super::payments::{read_amount, read_parcel};
use super::request::TerminalRequest;
use super::responses::ResponseFields;
use crate::sides::Rejection;

impl Terminals<'_> {
    /// Begins a payment by QR code.
    pub(crate) fn begin_order(&mut self, request: &TerminalRequest<'_>) -> Result<(), Rejection> {
        let Some((wallet, sent)) = self.wallet.next(&self.step) else {
            let why = "no wallet in settings".to_owned();
            return Err((ResponseCode::NETWORK_UNAVAILABLE, Some(why)));
        };
        let (parcel, amount) = (read_parcel(request)?, read_amount(request)?);
        let date = request.header().local_date;
        let command = Command::BeginPurchase(BeginPurchase {
            trace: request.header().trace(),
            duplicate_key: DuplicateKey { date, subject: DuplicateSubject::NoCard },
            parcel,
            route: PaymentRoute::Qr { wallet },
            amount,
            kind: PurchaseKind::Sale,
            network_reference: sent,
            route_candidates: Vec::new(),
        });
        let (subject, work) = (Subject::Parcel(parcel), Work::BeginningOrder(parcel, sent));
        self.begin(InFlight::new(request.caller, subject, work), command);
        Ok(())
    }

    /// The books have begun the payment: the code is shown until it expires.
    pub(crate) fn on_order_begun(
        &mut self,
        id: u64,
        in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let Some((in_flight, events)) = self.begun(id, in_flight, answer) else { return };
        let Work::BeginningOrder(parcel, sent) = in_flight.work else { return };
        let payment = events.iter().find_map(|event| match event {
            Event::PaymentBegun { payment } => Some(*payment),
            _ => None,
        });
        if let Some(payment) = payment {
            self.wallet.open(id, payment, sent.sent_at, &mut self.step);
        }
        let header = in_flight.caller.header;
        self.show_code(id, in_flight, header.trace(), parcel, header.amount());
    }

    pub(crate) fn show_code(
        &mut self,
        id: u64,
        in_flight: InFlight,
        order: Trace,
        parcel: ParcelId,
        amount: Amount,
    ) {
        match self.wallet.code(order, parcel, amount, &self.step) {
            Ok(text) => {
                let private_data = Some(text.as_bytes());
                let answer = ResponseFields { private_data, ..ResponseFields::default() };
                self.finish_with(id, in_flight, ResponseCode::QR_PENDING, &answer);
            }
            // A code that cannot be shown is not paid and expires.
            Err(why) => {
                let answer = ResponseFields { text: Some(&why), ..ResponseFields::default() };
                self.finish_with(id, in_flight, ResponseCode::SYSTEM_ERROR, &answer);
            }
        }
    }

    /// The books have begun the refund of an order: the wallet fetches it.
    pub(crate) fn on_order_refund_begun(
        &mut self,
        id: u64,
        in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let Some((in_flight, _)) = self.begun(id, in_flight, answer) else { return };
        if let Work::BeginningOrderRefund(refund) = in_flight.work {
            self.wallet.refund(refund);
        }
        self.finish(id, in_flight, ResponseCode::APPROVED);
    }
}
