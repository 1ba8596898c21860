//! Drives a courier's terminal: turns actions into messages and answers into outcomes.

use std::collections::VecDeque;

use books::Timestamp;
use peers::terminal::{
    JournalLineStatus, Receipt, TerminalError, TerminalRequestKind, TimeoutAction,
};
use peers::{
    ResponseCode, TerminalOutcome, TerminalSimulator, TerminalSimulatorSettings, TerminalTask,
    format_waybill,
};
use switch::TerminalConnection;

use super::action::{
    BuyerBehaviour, LineFault, TerminalAction, TerminalActionKind, TerminalActionOutcome,
};
use super::{PaymentPath, PaymentPathError, PendingEvent};

/// Interval at which a terminal asks whether a QR code is paid.
const POLL_MS: u64 = 15_000;
/// Time from showing a QR code until the buyer pays or declines.
const SCAN_MS: u64 = 10_000;
/// Delay until a terminal whose line dropped reconnects and repeats its request.
const REPEAT_MS: u64 = 20_000;
/// Delay before a retry.
const RETRY_MS: u64 = 60_000;
/// Time without a line after which a terminal forwards its offline sales.
const FORWARD_MS: u64 = 120_000;

/// A terminal with its queue of actions.
pub(super) struct TerminalDriver {
    pub terminal: TerminalSimulator,
    pub settings: TerminalSimulatorSettings,
    /// The line used last; `None` when the terminal must connect.
    pub line: Option<TerminalConnection>,
    queue: VecDeque<TerminalAction>,
    pub running: Option<RunningAction>,
    /// The batch lines that the terminal lost.
    pub lost_lines: Vec<Receipt>,
}

#[derive(Debug)]
pub(super) struct RunningAction {
    action: TerminalAction,
    state: ActionState,
    /// The planned line fault has happened.
    dropped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ActionState {
    /// The request is to be sent.
    ToSend,
    /// The request waits for its answer.
    Sent,
    /// The answered request was sent a second time.
    SentTwice,
    /// A QR code is shown, under this STAN; no poll is pending.
    Shown(u32),
    /// The QR code is to be polled, or its poll waits for an answer.
    ToPoll(u32),
    /// The QR payment is to be reversed.
    ToReverse(u32),
}

impl TerminalDriver {
    pub(super) fn new(settings: TerminalSimulatorSettings) -> TerminalDriver {
        TerminalDriver {
            terminal: TerminalSimulator::new(&settings),
            settings,
            line: None,
            queue: VecDeque::new(),
            running: None,
            lost_lines: Vec::new(),
        }
    }

    /// Whether the terminal has no action and no message left.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none()
            && self.queue.is_empty()
            && !self.terminal.awaits_answer()
            && self.terminal.waiting_offline_sales() == 0
    }

    /// Takes the planned line fault if it hits the answer that arrives now.
    pub(super) fn takes_line_fault(&mut self) -> Option<LineFault> {
        let running = self.running.as_mut().filter(|running| !running.dropped)?;
        let fault = running.action.fault.line_fault;
        // For a QR code the fault hits the answer to a poll.
        let now = match running.state {
            ActionState::Sent => !matches!(running.action.kind, TerminalActionKind::ShowQr { .. }),
            ActionState::ToPoll(_) => true,
            _ => false,
        };
        if !now || fault == LineFault::None {
            return None;
        }
        running.dropped = true;
        Some(fault)
    }
}

impl PaymentPath {
    /// Queues a courier's action behind the earlier ones.
    pub(crate) fn enqueue_action(
        &mut self,
        courier: usize,
        action: TerminalAction,
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        self.terminals[courier].queue.push_back(action);
        self.continue_terminal(courier, now)
    }

    /// Sends a terminal's next message, if there is one.
    pub(super) fn continue_terminal(
        &mut self,
        courier: usize,
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        let driver = &mut self.terminals[courier];
        if driver.terminal.awaits_answer() {
            return Ok(());
        }
        if driver.running.is_none() {
            let state = ActionState::ToSend;
            let next = driver.queue.pop_front();
            driver.running = next.map(|action| RunningAction { action, state, dropped: false });
        }
        let message = if driver.terminal.must_sign_on() {
            if driver.running.is_none() && driver.terminal.pending_reversal().is_none() {
                return Ok(());
            }
            driver.terminal.start(TerminalTask::SignOn, now.0)?
        } else if let Some(first) = driver.terminal.next_pending_message(now.0)? {
            first
        } else {
            return self.continue_action(courier, now);
        };
        self.send_from_terminal(courier, &message, now)
    }

    /// Continues the running action.
    fn continue_action(&mut self, courier: usize, now: Timestamp) -> Result<(), PaymentPathError> {
        let driver = &mut self.terminals[courier];
        let Some(running) = &mut driver.running else { return Ok(()) };
        let message = match running.state {
            ActionState::Sent | ActionState::SentTwice | ActionState::Shown(_) => return Ok(()),
            ActionState::ToPoll(stan) => {
                driver.terminal.start(TerminalTask::QrStatus { stan }, now.0)?
            }
            ActionState::ToReverse(stan) => {
                running.state = ActionState::Sent;
                driver.terminal.start(TerminalTask::Reverse { stan }, now.0)?
            }
            ActionState::ToSend
                if matches!(running.action.kind, TerminalActionKind::SellOffline { .. }) =>
            {
                return self.approve_offline(courier, now);
            }
            ActionState::ToSend => {
                running.state = ActionState::Sent;
                self.scripts.set_next(driver.settings.number, &running.action.fault);
                let what = &running.action.kind;
                driver.terminal.start(TaskInputs::of(what).task(what), now.0)?
            }
        };
        self.send_from_terminal(courier, &message, now)
    }

    /// Approves a sale offline; it is forwarded when the terminal has a line again.
    fn approve_offline(&mut self, courier: usize, now: Timestamp) -> Result<(), PaymentPathError> {
        let driver = &mut self.terminals[courier];
        let Some(RunningAction { action, .. }) = &driver.running else { return Ok(()) };
        let TerminalActionKind::SellOffline { parcel, card, amount } = &action.kind else {
            return Ok(());
        };
        self.scripts.set_offline(driver.settings.number, *amount, action.fault.network_action);
        let sold =
            driver.terminal.approve_offline(&format_waybill(parcel.bits()), card, *amount, now.0);
        let outcome = match sold {
            Ok(receipt) => {
                self.counts.offline_sales += 1;
                self.pending.add(now.plus_ms(FORWARD_MS), PendingEvent::Continue(courier));
                TerminalActionOutcome::Approved { stan: receipt.stan }
            }
            Err(TerminalError::OfflineLimitExceeded) => {
                TerminalActionOutcome::Declined { code: ResponseCode::LIMIT_EXCEEDED }
            }
            Err(error) => return Err(error.into()),
        };
        self.end_action(courier, outcome);
        Ok(())
    }

    /// Processes a message that reaches a terminal.
    pub(super) fn on_terminal_message(
        &mut self,
        courier: usize,
        message: &mut [u8],
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        let heard = self.terminals[courier].terminal.receive(message)?;
        match heard {
            TerminalOutcome::SignedOn { .. } => {
                self.counts.sign_ons += 1;
                self.set_state(courier, |state| match state {
                    ActionState::Sent | ActionState::SentTwice => ActionState::ToSend,
                    other => other,
                });
            }
            TerminalOutcome::Parameters(_) => {
                self.end_action(courier, TerminalActionOutcome::SignedOn);
            }
            TerminalOutcome::Approved { receipt, .. }
                if receipt.kind == TerminalRequestKind::Offline =>
            {
                self.counts.forwarded_sales += 1;
            }
            TerminalOutcome::Approved { receipt, .. } => {
                self.approved(courier, receipt.stan, now)?;
            }
            TerminalOutcome::Declined(declined) => match declined.kind {
                TerminalRequestKind::Offline if declined.code == ResponseCode::SYSTEM_ERROR => {
                    self.pending.add(now.plus_ms(RETRY_MS), PendingEvent::Continue(courier));
                    return Ok(());
                }
                TerminalRequestKind::Offline
                | TerminalRequestKind::UploadEnd
                | TerminalRequestKind::Upload => {
                    let (kind, code) = (declined.kind, declined.code);
                    self.add_discrepancy(format!(
                        "{kind:?} of terminal {courier} was declined with code {code}"
                    ));
                }
                TerminalRequestKind::Settlement => {
                    self.set_state(courier, |_| ActionState::ToSend);
                    self.pending.add(now.plus_ms(RETRY_MS), PendingEvent::Continue(courier));
                    return Ok(());
                }
                _ => self
                    .end_action(courier, TerminalActionOutcome::Declined { code: declined.code }),
            },
            TerminalOutcome::QrShown { stan, text } => self.on_qr_shown(courier, stan, &text, now),
            // Simulated couriers know their parcels.
            TerminalOutcome::Parcels { .. } => {}
            TerminalOutcome::QrPending { stan } => self.schedule_poll(courier, stan, now),
            TerminalOutcome::Reversed { stan, code } => {
                self.counts.terminal_reversals += 1;
                self.pending.add(now.plus_ms(RETRY_MS / 2), PendingEvent::WalletChecksRefunds);
                // What cannot be reversed stands: its answer was lost, and this one says so.
                let stands = code == ResponseCode::INVALID_TRANSACTION;
                let outcome = if stands {
                    TerminalActionOutcome::Approved { stan }
                } else {
                    TerminalActionOutcome::Reversed
                };
                self.end_action(courier, outcome);
            }
            TerminalOutcome::ReversalRefused { .. } => {
                self.pending.add(now.plus_ms(RETRY_MS), PendingEvent::Continue(courier));
                return Ok(());
            }
            TerminalOutcome::BatchAgreed { .. } => {
                self.counts.batches_agreed += 1;
                self.end_action(courier, TerminalActionOutcome::BatchClosed { agreed: true });
            }
            TerminalOutcome::BatchDiffers { .. } => self.counts.batches_disputed += 1,
            TerminalOutcome::Uploaded { .. } => {
                self.end_action(courier, TerminalActionOutcome::BatchClosed { agreed: false });
            }
            TerminalOutcome::SignOnRequired { .. } => {
                self.set_state(courier, |_| ActionState::ToSend);
            }
            TerminalOutcome::WrongMac => {
                self.add_discrepancy(format!("terminal {courier} received a wrong MAC"));
            }
            TerminalOutcome::Unmatched => self.counts.late_answers += 1,
            TerminalOutcome::UploadContinues { .. }
            | TerminalOutcome::SignedOff
            | TerminalOutcome::Echoed
            | TerminalOutcome::Balance(_) => {}
        }
        self.continue_terminal(courier, now)
    }

    /// Handles a terminal's timeout if it has passed.
    pub(super) fn on_terminal_timeout(
        &mut self,
        courier: usize,
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        let driver = &mut self.terminals[courier];
        let Some(after) = driver.terminal.on_timeout(now.0) else { return Ok(()) };
        if after == TimeoutAction::Nothing
            && let Some(running) = &mut driver.running
        {
            running.state = match running.state {
                ActionState::ToPoll(stan)
                    if running.action.fault.line_fault == LineFault::DropsAndReverses =>
                {
                    ActionState::ToReverse(stan)
                }
                ActionState::ToPoll(stan) => ActionState::ToPoll(stan),
                _ => ActionState::ToSend,
            };
        }
        self.continue_terminal(courier, now)
    }

    /// A terminal reconnects and repeats its request.
    pub(super) fn repeat_message(
        &mut self,
        courier: usize,
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        let driver = &mut self.terminals[courier];
        if !driver.terminal.awaits_answer() {
            return Ok(());
        }
        let message = driver.terminal.repeat(now.0)?;
        self.counts.repeated_messages += 1;
        self.send_from_terminal(courier, &message, now)
    }

    /// A terminal's line drops before the answer arrives.
    pub(super) fn on_line_drop(&mut self, courier: usize, fault: LineFault, now: Timestamp) {
        if fault == LineFault::DropsAndRepeats {
            self.pending.add(now.plus_ms(REPEAT_MS), PendingEvent::Repeat(courier));
        }
        self.counts.dropped_lines += 1;
    }

    fn approved(
        &mut self,
        courier: usize,
        stan: u32,
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        let driver = &mut self.terminals[courier];
        let Some(running) = &mut driver.running else { return Ok(()) };
        let fault = running.action.fault;
        if fault.sent_twice && running.state == ActionState::Sent {
            running.state = ActionState::SentTwice;
            let message = driver.terminal.repeat(now.0)?;
            self.counts.repeated_messages += 1;
            return self.send_from_terminal(courier, &message, now);
        }
        if fault.loses_memory {
            let lines = driver.terminal.journal().iter();
            let standing = lines.filter(|line| line.status == JournalLineStatus::Effective);
            driver.lost_lines.extend(standing.map(|line| line.receipt));
            driver.settings.last_stan = driver.terminal.last_stan();
            driver.terminal = TerminalSimulator::new(&driver.settings);
        }
        if matches!(running.action.kind, TerminalActionKind::RefundQr { .. }) {
            self.pending.add(now.plus_ms(RETRY_MS / 2), PendingEvent::WalletChecksRefunds);
        }
        self.end_action(courier, TerminalActionOutcome::Approved { stan });
        Ok(())
    }

    /// The buyer scans the QR code, or not.
    fn on_qr_shown(&mut self, courier: usize, stan: u32, text: &str, now: Timestamp) {
        let Some(RunningAction { action, .. }) = &self.terminals[courier].running else { return };
        let TerminalActionKind::ShowQr { buyer, .. } = action.kind else { return };
        match self.wallet.scan(text, now) {
            Ok(order) => {
                let at = now.plus_ms(SCAN_MS);
                match buyer {
                    BuyerBehaviour::Pays => self.pending.add(at, PendingEvent::OrderPaid(order)),
                    BuyerBehaviour::Declines => {
                        self.pending.add(at, PendingEvent::OrderFailed(order));
                    }
                    BuyerBehaviour::PaysLate(by_ms) => {
                        let at = now.plus_ms(self.qr_ms + by_ms);
                        self.pending.add(at, PendingEvent::OrderPaid(order));
                    }
                    BuyerBehaviour::Leaves => {}
                }
            }
            Err(why) => self.add_discrepancy(format!("the wallet cannot read a QR code: {why}")),
        }
        self.schedule_poll(courier, stan, now);
    }

    fn schedule_poll(&mut self, courier: usize, stan: u32, now: Timestamp) {
        self.set_state(courier, |_| ActionState::Shown(stan));
        self.pending.add(now.plus_ms(POLL_MS), PendingEvent::PollQr(courier));
    }

    /// Asks whether a QR code is paid.
    pub(super) fn poll_qr(
        &mut self,
        courier: usize,
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        self.set_state(courier, |state| match state {
            ActionState::Shown(stan) => ActionState::ToPoll(stan),
            other => other,
        });
        self.continue_terminal(courier, now)
    }

    fn set_state(&mut self, courier: usize, change: impl FnOnce(ActionState) -> ActionState) {
        if let Some(running) = &mut self.terminals[courier].running {
            running.state = change(running.state);
        }
    }

    fn end_action(&mut self, courier: usize, outcome: TerminalActionOutcome) {
        if self.terminals[courier].running.take().is_some() {
            self.outcomes.push((courier, outcome));
        }
    }
}

/// The values that a [`TerminalTask`] borrows.
struct TaskInputs {
    waybill: String,
    pin: Option<keys::Pin>,
}

impl TaskInputs {
    fn of(what: &TerminalActionKind) -> TaskInputs {
        let (parcel, pin) = match what {
            TerminalActionKind::Sell { parcel, card, pin, .. }
            | TerminalActionKind::PreAuthorise { parcel, card, pin, .. } => {
                (Some(parcel), pin.then(|| card.pin()))
            }
            TerminalActionKind::CollectCash { parcel, .. }
            | TerminalActionKind::ShowQr { parcel, .. } => (Some(parcel), None),
            _ => (None, None),
        };
        TaskInputs {
            waybill: parcel.map(|parcel| format_waybill(parcel.bits())).unwrap_or_default(),
            pin,
        }
    }

    fn task<'k>(&'k self, what: &'k TerminalActionKind) -> TerminalTask<'k> {
        let (waybill, pin) = (self.waybill.as_str(), self.pin.as_ref());
        match *what {
            TerminalActionKind::SignOn => TerminalTask::Parameters,
            TerminalActionKind::Sell { ref card, amount, .. } => {
                TerminalTask::Sale { waybill, card, amount, pin }
            }
            TerminalActionKind::PreAuthorise { ref card, amount, .. } => {
                TerminalTask::PreAuthorisation { waybill, card, amount, pin }
            }
            TerminalActionKind::Complete { stan, amount } => {
                TerminalTask::Completion { stan, amount }
            }
            TerminalActionKind::SellOffline { ref card, amount, .. } => {
                TerminalTask::Offline { waybill, card, amount }
            }
            TerminalActionKind::CollectCash { amount, tendered, .. } => {
                TerminalTask::Cash { waybill, amount, tendered }
            }
            TerminalActionKind::ShowQr { amount, .. } => TerminalTask::Qr { waybill, amount },
            TerminalActionKind::Void { stan } => TerminalTask::Void { stan },
            TerminalActionKind::RefundCash { stan } => TerminalTask::CashRefund { stan },
            TerminalActionKind::RefundQr { stan } => TerminalTask::QrRefund { stan },
            TerminalActionKind::CloseBatch => TerminalTask::Settle,
        }
    }
}
