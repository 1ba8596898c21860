//! The way to the office: all commands of a moment in few calls, some of them sent twice.

use engine::{Command, Event, Refusal, Timestamp};
use switch::{Fact, Question};

use crate::chance::{Chance, Theme};
use crate::office::{Answer, DayError, Office};
use crate::rates::WHOLE_PPM;
use crate::tally::Tally;

/// Commands in one call of the office at the most; a moment with more takes several calls.
pub const COMMANDS_PER_CALL_MAX: usize = 4_096;

/// A command with its answer.
pub(crate) struct Answered {
    pub command: Command,
    pub answer: Answer,
}

/// A command on its way.
enum Sent {
    /// For the first time; sent a second time at once, or with the next call.
    First { again_at_once: bool, again_later: bool },
    /// Once more, right behind the first.
    Again,
    /// Once more, after the first was carried out.
    Later,
}

pub(crate) struct Desk<'o, O> {
    office: &'o mut O,
    pub tally: Tally,
    chance: Chance,
    duplicate_ppm: u32,
    /// Carried out; sent once more with the next call, the answer having been lost.
    later: Vec<Command>,
    pub calls: u64,
    pub commands: u64,
    /// When the last command was carried out.
    pub last_at: Timestamp,
}

impl<'o, O: Office> Desk<'o, O> {
    pub(crate) fn new(office: &'o mut O, seed: u64, duplicate_ppm: u32) -> Desk<'o, O> {
        Desk {
            office,
            tally: Tally::default(),
            chance: Chance::new(seed, Theme::Desk, 0),
            duplicate_ppm,
            later: Vec::new(),
            calls: 0,
            commands: 0,
            last_at: Timestamp::default(),
        }
    }

    /// Has commands carried out at a moment; gives them back with their answers, in their order.
    pub(crate) fn call(
        &mut self,
        at: Timestamp,
        commands: Vec<Command>,
    ) -> Result<Vec<Answered>, DayError<O::Error>> {
        let mut sending: Vec<(Command, Sent)> = Vec::with_capacity(commands.len());
        sending.extend(self.later.drain(..).map(|command| (command, Sent::Later)));
        for command in commands {
            let twice = is_known_again(&command) && self.chance.happens(self.duplicate_ppm);
            let again_at_once = twice && self.chance.happens(WHOLE_PPM / 2);
            let second = again_at_once.then(|| command.clone());
            let again_later = twice && !again_at_once;
            sending.push((command, Sent::First { again_at_once, again_later }));
            sending.extend(second.map(|command| (command, Sent::Again)));
        }
        let mut answered = Vec::with_capacity(sending.len());
        let mut first: Option<Answer> = None;
        let answers = self.carry_out(at, &sending)?;
        for ((command, sent), answer) in sending.into_iter().zip(answers) {
            match sent {
                Sent::First { again_at_once, again_later } => {
                    if let Ok(events) = &answer {
                        self.tally.hear(events);
                        self.last_at = at;
                    }
                    if again_later && answer.as_ref().is_ok_and(|events| is_once(events)) {
                        self.later.push(command.clone());
                    }
                    first = again_at_once.then(|| answer.clone());
                    answered.push(Answered { command, answer });
                }
                Sent::Again => {
                    let first = first.take().expect("the second comes behind the first");
                    let expected = match first {
                        Ok(events) if is_once(&events) => Err(Refusal::Repeated),
                        same => same,
                    };
                    self.check_again(command, answer, &expected)?;
                }
                Sent::Later => self.check_again(command, answer, &Err(Refusal::Repeated))?,
            }
        }
        Ok(answered)
    }

    /// As [`call`](Desk::call), where nothing can stand against it; gives the events of each
    /// command.
    pub(crate) fn certain(
        &mut self,
        at: Timestamp,
        commands: Vec<Command>,
    ) -> Result<Vec<Vec<Event>>, DayError<O::Error>> {
        let answered = self.call(at, commands)?.into_iter();
        let events = answered.map(|Answered { command, answer }| {
            answer.map_err(|refusal| DayError::refused(at, &command, refusal))
        });
        events.collect()
    }

    /// Registers parties; those that the books know already are no obstacle.
    pub(crate) fn register(
        &mut self,
        at: Timestamp,
        commands: Vec<Command>,
    ) -> Result<(), DayError<O::Error>> {
        for Answered { command, answer } in self.call(at, commands)? {
            match answer {
                Ok(_) | Err(Refusal::Repeated) => {}
                Err(refusal) => return Err(DayError::refused(at, &command, refusal)),
            }
        }
        Ok(())
    }

    /// Asks the books; each question has its fact.
    pub(crate) fn ask(
        &mut self,
        questions: Vec<Question>,
    ) -> Result<Vec<Fact>, DayError<O::Error>> {
        let asked = questions.len();
        let facts = self.office.ask(questions).map_err(DayError::Office)?;
        let answered = facts.len();
        if asked == answered {
            Ok(facts)
        } else {
            Err(DayError::AnswersMissing { asked, answered })
        }
    }

    /// Has a file of the day kept, and reads it back.
    pub(crate) fn keep(&mut self, name: &str, text: String) -> Result<String, DayError<O::Error>> {
        self.office.keep(name, text).map_err(DayError::Office)
    }

    /// Sends what is still to be sent a second time.
    pub(crate) fn close(&mut self, at: Timestamp) -> Result<(), DayError<O::Error>> {
        self.call(at, Vec::new()).map(|_| ())
    }

    fn carry_out(
        &mut self,
        at: Timestamp,
        sending: &[(Command, Sent)],
    ) -> Result<Vec<Answer>, DayError<O::Error>> {
        let mut answers = Vec::with_capacity(sending.len());
        for part in sending.chunks(COMMANDS_PER_CALL_MAX) {
            let commands: Vec<_> = part.iter().map(|(command, _)| (at, command.clone())).collect();
            self.calls += 1;
            self.commands += commands.len() as u64;
            let asked = commands.len();
            let part = self.office.carry_out(commands).map_err(DayError::Office)?;
            let answered = part.len();
            if asked != answered {
                return Err(DayError::AnswersMissing { asked, answered });
            }
            answers.extend(part);
        }
        Ok(answers)
    }

    fn check_again(
        &mut self,
        command: Command,
        answer: Answer,
        expected: &Answer,
    ) -> Result<(), DayError<O::Error>> {
        if answer != *expected {
            return Err(DayError::not_repeated(&command, &answer));
        }
        if answer == Err(Refusal::Repeated) {
            self.tally.counts.duplicates += 1;
        }
        Ok(())
    }
}

/// A late approval changes nothing, however often it comes; everything else is carried out once.
fn is_once(events: &[Event]) -> bool {
    !events.iter().any(|event| matches!(event, Event::LateApproval { .. }))
}

/// Whether the books know the command again when it is sent twice. The others carry no number by
/// which they could: sent twice they are refused for the parcel's state, or do the same again. The
/// switch's commands are sent once: what is sent twice at the door are messages.
fn is_known_again(command: &Command) -> bool {
    use Command as C;
    !matches!(
        command,
        C::AssignParcels { .. }
            | C::DispatchParcels { .. }
            | C::RecordAttempt { .. }
            | C::AcceptPart { .. }
            | C::ReleaseDue { .. }
            | C::SetOfflineLimit { .. }
            | C::OpenBatch { .. }
            | C::CloseBatch { .. }
            | C::ReconcileBatch { .. }
            | C::BeginPurchase { .. }
            | C::ResolvePurchase { .. }
            | C::BeginCompletion { .. }
            | C::ResolveCompletion { .. }
            | C::EndCompletionReversal { .. }
            | C::BeginVoid { .. }
            | C::UndoVoid { .. }
            | C::BeginReversal { .. }
            | C::ReverseUnheard { .. }
            | C::EndTakingBack { .. }
            | C::ReverseCollection { .. }
            | C::TakeAdvice { .. }
            | C::AnswerAdvice { .. }
            | C::TakeCash { .. }
            | C::BeginRefund { .. }
            | C::AnswerRefund { .. }
    )
}
