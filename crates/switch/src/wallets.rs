//! What wallets tell: paid, failed, given back.
//!
//! An order's reference names its transaction, so the books decide, also after a restart and when
//! the wallet tells the same twice.

use engine::door_view::TransactionView;
use engine::{Command, Event, Method, Refusal, Resolution, Timestamp, TransactionKind};

use crate::code::Code;
use crate::happening::Happening;
use crate::port::{Output, Question, WalletNote, WalletOutcome, WalletReply};
use crate::qr_orders::trace_of;
use crate::reversals::given_up;
use crate::switch::{Switch, WORKS_MAX};
use crate::works::Awaiting;

impl Switch {
    /// A wallet tells what became of an order. The shell has checked that it is the wallet.
    pub fn wallet(&mut self, note: WalletNote, reply: u64, _now: Timestamp, out: &mut Vec<Output>) {
        if self.awaiting.len() >= 2 * WORKS_MAX {
            out.push(Output::WalletReply { reply, what: WalletReply::Later });
            return;
        }
        match trace_of(&note.reference) {
            Some(trace) => {
                let who = Awaiting::Wallet(Box::new(note), reply);
                self.ask(who, Question::Transaction(trace), out);
            }
            None => {
                out.push(Output::WalletReply { reply, what: WalletReply::UnknownOrder });
            }
        }
    }

    pub(crate) fn wallet_told(
        &mut self,
        note: &WalletNote,
        reply: u64,
        view: Option<TransactionView>,
        out: &mut Vec<Output>,
    ) {
        let ours = view.filter(|view| {
            let method = view.method == Some(Method::Qr { wallet: note.wallet });
            view.kind == TransactionKind::Qr && method
        });
        let Some(view) = ours else {
            out.push(Output::WalletReply { reply, what: WalletReply::UnknownOrder });
            return;
        };
        if matches!(note.outcome, WalletOutcome::Refunded | WalletOutcome::Failed) {
            return self.wallet_gave_back(note, reply, &view, out);
        }
        let right = note.amount == view.amount
            && Some(note.currency) == self.settings.wallet.as_ref().map(|w| w.currency);
        let tender = view.tender;
        let (resolution, authorisation) = (Resolution::Approved, [b' '; 6]);
        match view.answer.map(Code) {
            _ if !right => out.push(Output::WalletReply { reply, what: WalletReply::Refund }),
            None if !view.reversed => {
                let command = Command::ResolvePurchase { tender, resolution, authorisation };
                let who = Awaiting::WalletDone(reply, WalletReply::Accepted);
                self.command(who, command, out);
            }
            Some(Code::DONE) if !view.reversed => {
                out.push(Output::WalletReply { reply, what: WalletReply::Accepted });
            }
            // Expired, or taken back: the books note that it came too late.
            _ => {
                out.push(Output::Happened(Happening::PaidTooLate));
                let command = Command::ResolvePurchase { tender, resolution, authorisation };
                self.command(Awaiting::WalletDone(reply, WalletReply::Refund), command, out);
            }
        }
    }

    /// The wallet has given back, or there is nothing that it could give.
    fn wallet_gave_back(
        &mut self,
        note: &WalletNote,
        reply: u64,
        view: &TransactionView,
        out: &mut Vec<Output>,
    ) {
        let refunded = note.outcome == WalletOutcome::Refunded;
        let chase = self.give_back.get(&note.reference).copied().filter(|_| refunded);
        if let Some(chase) = chase {
            if note.amount != view.amount {
                out.push(Output::Happened(Happening::WrongGiveBack));
                out.push(Output::WalletReply { reply, what: WalletReply::UnknownOrder });
                return;
            }
            return self.given_back(chase, reply, out);
        }
        if view.answer.is_none() && view.kind == TransactionKind::Qr {
            let who = Awaiting::WalletDone(reply, WalletReply::Accepted);
            return self.command(who, given_up(view.tender), out);
        }
        out.push(Output::WalletReply { reply, what: WalletReply::Accepted });
    }

    /// What the wallet told is durable.
    pub(crate) fn wallet_done(
        &mut self,
        reply: u64,
        what: WalletReply,
        answer: Result<Vec<Event>, Refusal>,
        out: &mut Vec<Output>,
    ) {
        let late = |events: &Vec<Event>| {
            events.iter().any(|event| matches!(event, Event::LateApproval { .. }))
        };
        let what = match answer {
            // It expired while the wallet told of it.
            Ok(events) if late(&events) => WalletReply::Refund,
            Ok(_) | Err(Refusal::Repeated) => what,
            Err(_) if what == WalletReply::Refund => what,
            Err(refusal) => {
                out.push(Output::Happened(Happening::Books(refusal.to_string())));
                WalletReply::Later
            }
        };
        out.push(Output::WalletReply { reply, what });
    }
}
