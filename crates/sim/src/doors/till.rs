//! A courier's terminal: deeds become messages, answers become outcomes.

use std::collections::VecDeque;

use engine::Timestamp;
use peers::terminal::{After, Kind, Receipt, Standing, TerminalError};
use peers::{Heard, Task, Terminal, TerminalSettings, waybill};
use switch::Line;

use super::deed::{Buyer, Deed, LineFault, Outcome, What};
use super::{DoorError, Doors, Due};

/// A terminal asks whether a code is paid every 15 seconds.
const POLL_MS: u64 = 15_000;
/// A buyer has paid, or has shaken the head, 10 seconds after the code was shown.
const SCAN_MS: u64 = 10_000;
/// A terminal whose line dropped is connected again and repeats after 20 seconds.
const REPEAT_MS: u64 = 20_000;
/// What could not be done now is tried again after a minute.
const RETRY_MS: u64 = 60_000;
/// A terminal without a line forwards its sales when it has one again: after two minutes.
const FORWARD_MS: u64 = 120_000;

/// A terminal with what its courier wants of it.
pub(super) struct Till {
    pub terminal: Terminal,
    pub settings: TerminalSettings,
    /// The connection over which it spoke last; none where it must connect.
    pub line: Option<Line>,
    wanted: VecDeque<Deed>,
    doing: Option<Doing>,
    /// The lines that it forgot.
    pub forgotten: Vec<Receipt>,
}

/// A deed under way.
struct Doing {
    deed: Deed,
    stage: Stage,
    /// The line has dropped once, or need not.
    dropped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// To be sent.
    ToSend,
    /// Waits for its answer.
    Sent,
    /// Was sent a second time though it was answered.
    SentTwice,
    /// A code is shown, under this STAN; nobody is asked at the moment.
    Shown(u32),
    /// Whether the code is paid is to be asked.
    ToPoll(u32),
    /// A code is to be taken back.
    ToReverse(u32),
}

impl Till {
    pub(super) fn new(settings: TerminalSettings) -> Till {
        Till {
            terminal: Terminal::new(&settings),
            settings,
            line: None,
            wanted: VecDeque::new(),
            doing: None,
            forgotten: Vec::new(),
        }
    }

    /// Whether nothing is wanted of it and it has nothing to say.
    pub(super) fn is_idle(&self) -> bool {
        self.doing.is_none()
            && self.wanted.is_empty()
            && !self.terminal.waits()
            && self.terminal.to_forward() == 0
    }

    /// Whether the answer that comes now does not arrive.
    pub(super) fn drops(&mut self) -> Option<LineFault> {
        let doing = self.doing.as_mut().filter(|doing| !doing.dropped)?;
        let fault = doing.deed.mishap.line;
        // Of a code, it is the word that it is paid which does not arrive.
        let now = match doing.stage {
            Stage::Sent => !matches!(doing.deed.what, What::Qr { .. }),
            Stage::ToPoll(_) => true,
            _ => false,
        };
        if !now || fault == LineFault::None {
            return None;
        }
        doing.dropped = true;
        Some(fault)
    }
}

impl Doors {
    /// A courier wants something of the terminal; it is done after what was wanted before.
    pub(crate) fn want(
        &mut self,
        courier: usize,
        deed: Deed,
        now: Timestamp,
    ) -> Result<(), DoorError> {
        self.tills[courier].wanted.push_back(deed);
        self.pump(courier, now)
    }

    /// Sends what a terminal has to say next, if it has.
    pub(super) fn pump(&mut self, courier: usize, now: Timestamp) -> Result<(), DoorError> {
        let till = &mut self.tills[courier];
        if till.terminal.waits() {
            return Ok(());
        }
        if till.doing.is_none() {
            let stage = Stage::ToSend;
            let next = till.wanted.pop_front();
            till.doing = next.map(|deed| Doing { deed, stage, dropped: false });
        }
        let message = if till.terminal.must_sign_on() {
            if till.doing.is_none() && till.terminal.reversing().is_none() {
                return Ok(());
            }
            till.terminal.ask(Task::SignOn, now.0)?
        } else if let Some(first) = till.terminal.must_first(now.0)? {
            first
        } else {
            return self.go_on(courier, now);
        };
        self.say(courier, &message, now)
    }

    /// The next step of what is being done.
    fn go_on(&mut self, courier: usize, now: Timestamp) -> Result<(), DoorError> {
        let till = &mut self.tills[courier];
        let Some(doing) = &mut till.doing else { return Ok(()) };
        let message = match doing.stage {
            Stage::Sent | Stage::SentTwice | Stage::Shown(_) => return Ok(()),
            Stage::ToPoll(stan) => till.terminal.ask(Task::QrStatus { stan }, now.0)?,
            Stage::ToReverse(stan) => {
                doing.stage = Stage::Sent;
                till.terminal.ask(Task::Reverse { stan }, now.0)?
            }
            Stage::ToSend if matches!(doing.deed.what, What::Offline { .. }) => {
                return self.approve_offline(courier, now);
            }
            Stage::ToSend => {
                doing.stage = Stage::Sent;
                self.plans.set(till.settings.number, &doing.deed.mishap);
                let what = &doing.deed.what;
                till.terminal.ask(Kept::of(what).task(what), now.0)?
            }
        };
        self.say(courier, &message, now)
    }

    /// A terminal without a line approves a sale itself; it goes out when the line is back.
    fn approve_offline(&mut self, courier: usize, now: Timestamp) -> Result<(), DoorError> {
        let till = &mut self.tills[courier];
        let Some(Doing { deed, .. }) = &till.doing else { return Ok(()) };
        let What::Offline { parcel, card, amount } = &deed.what else { return Ok(()) };
        let sold = till.terminal.approve_offline(&waybill(parcel.bits()), card, *amount, now.0);
        let outcome = match sold {
            Ok(receipt) => {
                self.counts.offline += 1;
                self.due.put(now.plus_ms(FORWARD_MS), Due::Pump(courier));
                Outcome::Done { stan: receipt.stan }
            }
            Err(TerminalError::OfflineLimit) => Outcome::Refused { code: *b"61" },
            Err(error) => return Err(error.into()),
        };
        self.end(courier, outcome);
        Ok(())
    }

    /// A terminal hears something.
    pub(super) fn at_terminal(
        &mut self,
        courier: usize,
        message: &mut [u8],
        now: Timestamp,
    ) -> Result<(), DoorError> {
        let heard = self.tills[courier].terminal.hear(message)?;
        match heard {
            Heard::SignedOn { .. } => {
                self.counts.signed_on += 1;
                self.stage(courier, |stage| match stage {
                    Stage::Sent | Stage::SentTwice => Stage::ToSend,
                    other => other,
                });
            }
            Heard::Parameters(_) => self.end(courier, Outcome::Ready),
            Heard::Approved { receipt, .. } if receipt.kind == Kind::Offline => {
                self.counts.forwarded += 1;
            }
            Heard::Approved { receipt, .. } => {
                self.approved(courier, receipt.stan, now)?;
            }
            Heard::Declined(declined) => match declined.kind {
                Kind::Offline if declined.code == *b"96" => {
                    self.due.put(now.plus_ms(RETRY_MS), Due::Pump(courier));
                    return Ok(());
                }
                Kind::Offline | Kind::UploadEnd | Kind::Upload => {
                    let (kind, code) = (declined.kind, declined.code.escape_ascii().to_string());
                    self.disagree(format!("{kind:?} of terminal {courier} was refused: {code}"));
                }
                Kind::Totals => {
                    self.stage(courier, |_| Stage::ToSend);
                    self.due.put(now.plus_ms(RETRY_MS), Due::Pump(courier));
                    return Ok(());
                }
                _ => self.end(courier, Outcome::Refused { code: declined.code }),
            },
            Heard::QrShown { stan, text } => self.shown(courier, stan, &text, now),
            Heard::Waiting { stan } => self.poll_later(courier, stan, now),
            Heard::Reversed { .. } => {
                self.counts.reversed += 1;
                self.due.put(now.plus_ms(RETRY_MS / 2), Due::WalletLooks);
                self.end(courier, Outcome::TakenBack);
            }
            Heard::ReversalRefused { .. } => {
                self.due.put(now.plus_ms(RETRY_MS), Due::Pump(courier));
                return Ok(());
            }
            Heard::BatchAgreed { .. } => {
                self.counts.agreed += 1;
                self.end(courier, Outcome::Closed { agreed: true });
            }
            Heard::BatchDiffers { .. } => self.counts.disputed += 1,
            Heard::Uploaded { .. } => self.end(courier, Outcome::Closed { agreed: false }),
            Heard::SignOnFirst { .. } => self.stage(courier, |_| Stage::ToSend),
            Heard::WrongMac => self.disagree(format!("terminal {courier} heard a wrong MAC")),
            Heard::Stray => self.counts.strays += 1,
            Heard::UploadGoesOn { .. } | Heard::SignedOff | Heard::Echoed | Heard::Balance(_) => {}
        }
        self.pump(courier, now)
    }

    /// A terminal's time may be over.
    pub(super) fn terminal_waited(
        &mut self,
        courier: usize,
        now: Timestamp,
    ) -> Result<(), DoorError> {
        let till = &mut self.tills[courier];
        let Some(after) = till.terminal.timed_out(now.0) else { return Ok(()) };
        if after == After::Nothing
            && let Some(doing) = &mut till.doing
        {
            doing.stage = match doing.stage {
                Stage::ToPoll(stan) if doing.deed.mishap.line == LineFault::DropsAndReverses => {
                    Stage::ToReverse(stan)
                }
                Stage::ToPoll(stan) => Stage::ToPoll(stan),
                _ => Stage::ToSend,
            };
        }
        self.pump(courier, now)
    }

    /// A terminal is connected anew and repeats.
    pub(super) fn repeat(&mut self, courier: usize, now: Timestamp) -> Result<(), DoorError> {
        let till = &mut self.tills[courier];
        if !till.terminal.waits() {
            return Ok(());
        }
        let message = till.terminal.again(now.0)?;
        self.counts.repeated += 1;
        self.say(courier, &message, now)
    }

    /// The line over which a terminal's answer should come drops.
    pub(super) fn line_drops(&mut self, courier: usize, fault: LineFault, now: Timestamp) {
        if fault == LineFault::DropsAndRepeats {
            self.due.put(now.plus_ms(REPEAT_MS), Due::Repeat(courier));
        }
        self.counts.dropped += 1;
    }

    fn approved(&mut self, courier: usize, stan: u32, now: Timestamp) -> Result<(), DoorError> {
        let till = &mut self.tills[courier];
        let Some(doing) = &mut till.doing else { return Ok(()) };
        let mishap = doing.deed.mishap;
        if mishap.twice && doing.stage == Stage::Sent {
            doing.stage = Stage::SentTwice;
            let message = till.terminal.again(now.0)?;
            self.counts.repeated += 1;
            return self.say(courier, &message, now);
        }
        if mishap.forgets {
            let lines = till.terminal.journal().iter();
            let standing = lines.filter(|line| line.standing == Standing::Stands);
            till.forgotten.extend(standing.map(|line| line.receipt));
            till.settings.last_stan = till.terminal.last_stan();
            till.terminal = Terminal::new(&till.settings);
        }
        if matches!(doing.deed.what, What::QrBack { .. }) {
            self.due.put(now.plus_ms(RETRY_MS / 2), Due::WalletLooks);
        }
        self.end(courier, Outcome::Done { stan });
        Ok(())
    }

    /// A buyer sees a code.
    fn shown(&mut self, courier: usize, stan: u32, text: &str, now: Timestamp) {
        let Some(Doing { deed, .. }) = &self.tills[courier].doing else { return };
        let What::Qr { buyer, .. } = deed.what else { return };
        match self.wallet.scan(text, now) {
            Ok(order) => {
                let at = now.plus_ms(SCAN_MS);
                match buyer {
                    Buyer::Pays => self.due.put(at, Due::Paid(order)),
                    Buyer::Declines => self.due.put(at, Due::NotPaid(order)),
                    Buyer::PaysLate(by_ms) => {
                        let at = now.plus_ms(self.qr_ms + by_ms);
                        self.due.put(at, Due::Paid(order));
                    }
                    Buyer::Leaves => {}
                }
            }
            Err(why) => self.disagree(format!("a code cannot be read: {why}")),
        }
        self.poll_later(courier, stan, now);
    }

    fn poll_later(&mut self, courier: usize, stan: u32, now: Timestamp) {
        self.stage(courier, |_| Stage::Shown(stan));
        self.due.put(now.plus_ms(POLL_MS), Due::Poll(courier));
    }

    /// It is time to ask whether a code is paid.
    pub(super) fn poll(&mut self, courier: usize, now: Timestamp) -> Result<(), DoorError> {
        self.stage(courier, |stage| match stage {
            Stage::Shown(stan) => Stage::ToPoll(stan),
            other => other,
        });
        self.pump(courier, now)
    }

    fn stage(&mut self, courier: usize, change: impl FnOnce(Stage) -> Stage) {
        if let Some(doing) = &mut self.tills[courier].doing {
            doing.stage = change(doing.stage);
        }
    }

    fn end(&mut self, courier: usize, outcome: Outcome) {
        if self.tills[courier].doing.take().is_some() {
            self.outcomes.push((courier, outcome));
        }
    }
}

/// What a task borrows.
struct Kept {
    waybill: String,
    pin: Option<keys::Pin>,
}

impl Kept {
    fn of(what: &What) -> Kept {
        let (parcel, pin) = match what {
            What::Sell { parcel, card, pin, .. } | What::Hold { parcel, card, pin, .. } => {
                (Some(parcel), pin.then(|| card.pin()))
            }
            What::Cash { parcel, .. } | What::Qr { parcel, .. } => (Some(parcel), None),
            _ => (None, None),
        };
        Kept { waybill: parcel.map(|parcel| waybill(parcel.bits())).unwrap_or_default(), pin }
    }

    fn task<'k>(&'k self, what: &'k What) -> Task<'k> {
        let (waybill, pin) = (self.waybill.as_str(), self.pin.as_ref());
        match *what {
            What::SignOn => Task::Parameters,
            What::Sell { ref card, amount, .. } => Task::Sell { waybill, card, amount, pin },
            What::Hold { ref card, amount, .. } => {
                Task::PreAuthorise { waybill, card, amount, pin }
            }
            What::Complete { stan, amount } => Task::Complete { stan, amount },
            What::Offline { ref card, amount, .. } => Task::Offline { waybill, card, amount },
            What::Cash { amount, tendered, .. } => Task::Cash { waybill, amount, tendered },
            What::Qr { amount, .. } => Task::Qr { waybill, amount },
            What::Void { stan } => Task::Void { stan },
            What::CashBack { stan } => Task::CashBack { stan },
            What::QrBack { stan } => Task::QrBack { stan },
            What::Settle => Task::Settle,
        }
    }
}
