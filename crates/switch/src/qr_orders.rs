//! QR codes at the door: shown, paid by the wallet's word, expired.

use engine::door_view::TransactionView;
use engine::{Command, Method, Timestamp, Trace, WalletId};

use crate::answers::Answer;
use crate::chase::{Begun, What};
use crate::code::Code;
use crate::money_back::original_of;
use crate::payments::{amount, parcel};
use crate::port::{Line, Output};
use crate::request::Request;
use crate::reversals::given_up;
use crate::switch::Switch;
use crate::timers::Timer;
use crate::waybill;
use crate::works::{Awaiting, Work};

/// Field 62 of a code: the tag that wallets' accounts have.
const ACCOUNT_TAG: u8 = 26;

impl Switch {
    /// A terminal wants to show a code.
    pub(crate) fn qr(
        &mut self,
        line: Line,
        request: &Request<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(wallet) = self.settings.wallet.as_ref().map(|wallet| wallet.wallet) else {
            return self.stopped(Err((Code::NO_ROUTE, None)), line, request, now, out);
        };
        let (parcel, amount) = match (parcel(&request.message), amount(request)) {
            (Ok(parcel), Ok(amount)) => (parcel, amount),
            (Err(stop), _) | (_, Err(stop)) => {
                return self.stopped(Err(stop), line, request, now, out);
            }
        };
        self.wallet_stan = self.wallet_stan % 999_999 + 1;
        let mut work = Work::new(line, request, 0);
        work.sent = engine::Sent { stan: self.wallet_stan, at: now };
        let command = Command::BeginPurchase {
            trace: request.heading.trace(),
            mark: work.mark,
            parcel,
            method: Method::Qr { wallet },
            amount,
            purpose: engine::Purpose::Sale,
            sent: work.sent,
            considered: Vec::new(),
        };
        work.parcel = Some(parcel);
        let id = self.begin_work(work);
        self.command(Awaiting::Work(id), command, out);
    }

    /// The books have room for it: the code can be shown, for a while.
    pub(crate) fn qr_begun(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let Some(work) = self.works.get(&id) else { return };
        let (trace, sent) = (work.heading.trace(), work.sent);
        let (Some(tender), Some(parcel)) = (work.tender, work.parcel) else { return };
        let minor = work.amount.minor();
        self.orders.insert(id, tender);
        self.timers.set(sent.at.plus_ms(self.settings.timing.qr_ms), Timer::Qr(id));
        self.show(id, (trace, parcel, minor), now, out);
    }

    /// Shows a code once more.
    pub(crate) fn show_qr(
        &mut self,
        id: u64,
        view: &TransactionView,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        self.show(id, (view.trace, view.parcel, view.amount.minor()), now, out);
    }

    fn show(
        &mut self,
        id: u64,
        (trace, parcel, minor): (Trace, engine::ParcelId, u64),
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let text = self.qr_text(trace, parcel, minor);
        match text {
            Ok(text) => {
                let answer = Answer { private: Some(text.as_bytes()), ..Answer::default() };
                self.finish(id, Code::WAITING, &answer, now, out);
            }
            // What cannot be shown cannot be paid: it expires.
            Err(why) => {
                let answer = Answer { text: Some(&why), ..Answer::default() };
                self.finish(id, Code::NOT_NOW, &answer, now, out);
            }
        }
    }

    fn qr_text(
        &self,
        trace: Trace,
        parcel: engine::ParcelId,
        minor: u64,
    ) -> Result<String, String> {
        let wallet = self.settings.wallet.as_ref().ok_or("no wallet")?;
        let category = std::str::from_utf8(&self.settings.merchant.category).unwrap_or_default();
        let shown = qr::Dynamic {
            account_tag: ACCOUNT_TAG,
            account_guid: &wallet.guid,
            merchant: &wallet.merchant,
            category: category.parse().map_err(|_| "the merchant category is no number")?,
            currency: wallet.currency.numeric(),
            minor_units: minor,
            exponent: wallet.currency.exponent(),
            country: std::str::from_utf8(&self.settings.country).unwrap_or_default(),
            name: &self.settings.shown_as.0,
            city: &self.settings.shown_as.1,
            reference: &reference(trace),
            waybill: &waybill::write(parcel),
            terminal: &format!("{:08}", trace.terminal.0),
        };
        let text = shown.code().and_then(|code| code.write());
        text.map_err(|error| error.to_string())
    }

    /// Nobody paid in time. Who pays later gets it back from the wallet.
    pub(crate) fn qr_expired(&mut self, id: u64, out: &mut Vec<Output>) {
        let Some(tender) = self.orders.remove(&id) else { return };
        self.command(Awaiting::Expired, given_up(tender), out);
    }

    /// What was paid by QR is to go back: the wallet comes and looks.
    pub(crate) fn qr_back_begun(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let chase = self.number();
        if let Some(work) = self.works.get(&id)
            && let (Some(tender), Some(view)) = (work.tender, work.original.as_deref())
        {
            let begun = Begun { tender, ..order_back(view) };
            self.begin_chase(chase, begun, now, out);
        }
        self.finish(id, Code::DONE, &Answer::default(), now, out);
    }

    /// The orders that a wallet has to give back or close, with their amounts in minor units.
    #[must_use]
    pub fn to_give_back(&self, wallet: WalletId) -> Vec<(String, u64)> {
        let is_ours = self.settings.wallet.as_ref().is_some_and(|ours| ours.wallet == wallet);
        let due = self.give_back.iter().filter(|_| is_ours).filter_map(|(reference, chase)| {
            let chase = self.chases.get(chase).filter(|chase| !chase.over)?;
            Some((reference.clone(), chase.begun.amount.minor()))
        });
        due.collect()
    }
}

/// The chase of a wallet that has to give back an order. It is sent no message: it comes and looks.
pub(crate) fn order_back(order: &TransactionView) -> Begun {
    Begun {
        what: What::Reversal,
        tender: order.tender,
        network: None,
        order: Some(order.trace),
        terminal: order.trace.terminal,
        merchant: [b' '; 15],
        amount: order.amount,
        authorisation: [b' '; 6],
        original: original_of(order),
        release: None,
        sent: None,
    }
}

/// How a wallet knows an order: terminal 8, batch 6, STAN 6.
pub(crate) fn reference(trace: Trace) -> String {
    format!("{:08}{:06}{:06}", trace.terminal.0, trace.batch, trace.stan)
}

/// The order of a reference.
pub(crate) fn trace_of(reference: &str) -> Option<Trace> {
    let plain = reference.len() == 20 && reference.bytes().all(|byte| byte.is_ascii_digit());
    let part = |range: std::ops::Range<usize>| reference.get(range)?.parse::<u32>().ok();
    let terminal = engine::TerminalId(u64::from(part(0..8)?));
    plain.then_some(Trace { terminal, batch: part(8..14)?, stan: part(14..20)? })
}
