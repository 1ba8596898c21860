//! Sends commands to the backend: those of a moment in few calls, some of them twice.

use books::{Command, Event, Refusal, Timestamp};
use engine::Submission;
use switch::{Query, QueryResult};

use crate::actors::submission_of;
use crate::backend::{Backend, BackendReply, DayError};
use crate::chance::{Chance, ChancePurpose};
use crate::rates::WHOLE_PPM;
use crate::tally::Tally;

/// The most commands in one call of the backend; a moment with more takes several calls.
pub const COMMANDS_PER_CALL_MAX: usize = 4_096;

pub(crate) struct AnsweredCommand {
    pub command: engine::Command,
    pub answer: BackendReply,
}

/// How a command is sent.
enum SendKind {
    /// The first time; it is repeated in this call, in the next call, or not at all.
    First { again_at_once: bool, again_later: bool },
    /// The repeat directly after the first.
    RepeatedAtOnce,
    /// The repeat in the call after the first.
    RepeatedLater,
}

pub(crate) struct CommandSender<'o, O> {
    backend: &'o mut O,
    pub tally: Tally,
    chance: Chance,
    pub duplicate_ppm: u32,
    /// Carried out, and repeated with the next call as if the answer had been lost.
    repeat_next: Vec<Submission>,
    pub calls: u64,
    pub commands: u64,
    pub last_at: Timestamp,
}

impl<'o, O: Backend> CommandSender<'o, O> {
    pub(crate) fn new(backend: &'o mut O, seed: u64, duplicate_ppm: u32) -> CommandSender<'o, O> {
        CommandSender {
            backend,
            tally: Tally::default(),
            chance: Chance::new(seed, ChancePurpose::RepeatedCommands, 0),
            duplicate_ppm,
            repeat_next: Vec::new(),
            calls: 0,
            commands: 0,
            last_at: Timestamp::default(),
        }
    }

    /// Carries out commands at a moment and returns them with their answers, in order.
    pub(crate) fn send(
        &mut self,
        at: Timestamp,
        commands: Vec<Command>,
    ) -> Result<Vec<AnsweredCommand>, DayError<O::Error>> {
        self.submit(at, commands.into_iter().map(submission_of).collect())
    }

    /// As [`send`](CommandSender::send), with the actors given.
    pub(crate) fn submit(
        &mut self,
        at: Timestamp,
        commands: Vec<Submission>,
    ) -> Result<Vec<AnsweredCommand>, DayError<O::Error>> {
        let mut sending: Vec<(Submission, SendKind)> = Vec::with_capacity(commands.len());
        sending
            .extend(self.repeat_next.drain(..).map(|command| (command, SendKind::RepeatedLater)));
        for command in commands {
            let twice = is_deduplicated(&command) && self.chance.happens(self.duplicate_ppm);
            let again_at_once = twice && self.chance.happens(WHOLE_PPM / 2);
            let second = again_at_once.then(|| command.clone());
            let again_later = twice && !again_at_once;
            sending.push((command, SendKind::First { again_at_once, again_later }));
            sending.extend(second.map(|command| (command, SendKind::RepeatedAtOnce)));
        }
        let mut answered = Vec::with_capacity(sending.len());
        let mut first: Option<BackendReply> = None;
        let answers = self.carry_out(at, &sending)?;
        for ((submission, sent), answer) in sending.into_iter().zip(answers) {
            match sent {
                SendKind::First { again_at_once, again_later } => {
                    if let Ok(events) = &answer {
                        self.tally.count(events);
                        self.last_at = at;
                    }
                    if again_later && answer.as_ref().is_ok_and(|events| is_repeat_refused(events))
                    {
                        self.repeat_next.push(submission.clone());
                    }
                    first = again_at_once.then(|| answer.clone());
                    answered.push(AnsweredCommand { command: submission.command, answer });
                }
                SendKind::RepeatedAtOnce => {
                    let first = first.take().expect("the repeat comes after the first");
                    let expected = match first {
                        Ok(events) if is_repeat_refused(&events) => Err(Refusal::Repeated),
                        same => same,
                    };
                    self.check_repeat(&submission.command, answer, &expected)?;
                }
                SendKind::RepeatedLater => {
                    let repeated = Err(Refusal::Repeated);
                    self.check_repeat(&submission.command, answer, &repeated)?;
                }
            }
        }
        Ok(answered)
    }

    /// As [`send`](CommandSender::send), but a refusal is an error. Returns the events of each
    /// command.
    pub(crate) fn send_all(
        &mut self,
        at: Timestamp,
        commands: Vec<Command>,
    ) -> Result<Vec<Vec<Event>>, DayError<O::Error>> {
        let answered = self.send(at, commands)?.into_iter();
        let events = answered.map(|AnsweredCommand { command, answer }| {
            answer.map_err(|refusal| DayError::refused(at, &command, refusal))
        });
        events.collect()
    }

    /// Registers parties; a party that is already registered is accepted.
    pub(crate) fn register(
        &mut self,
        at: Timestamp,
        commands: Vec<Command>,
    ) -> Result<(), DayError<O::Error>> {
        for AnsweredCommand { command, answer } in self.send(at, commands)? {
            match answer {
                Ok(_) | Err(Refusal::Repeated) => {}
                Err(refusal) => return Err(DayError::refused(at, &command, refusal)),
            }
        }
        Ok(())
    }

    /// Queries the books; each query gets one result.
    pub(crate) fn query(
        &mut self,
        questions: Vec<Query>,
    ) -> Result<Vec<QueryResult>, DayError<O::Error>> {
        let asked = questions.len();
        let facts = self.backend.query(questions).map_err(DayError::Backend)?;
        let answered = facts.len();
        if asked == answered {
            Ok(facts)
        } else {
            Err(DayError::AnswersMissing { sent: asked, answered })
        }
    }

    pub(crate) fn backend(&self) -> &O {
        self.backend
    }

    /// Stores a file of the day and reads it back.
    pub(crate) fn store_file(
        &mut self,
        name: &str,
        text: String,
    ) -> Result<String, DayError<O::Error>> {
        self.backend.store_file(name, text).map_err(DayError::Backend)
    }

    /// Whether the commands so far were only compared with books that have them already.
    pub(crate) fn is_replaying(&self) -> bool {
        self.backend.is_replaying()
    }

    pub(crate) fn begin_day(&mut self, index: usize) -> Result<(), DayError<O::Error>> {
        self.backend.begin_day(index).map_err(DayError::Backend)
    }

    /// Sends the repeats that are still to be sent.
    pub(crate) fn close(&mut self, at: Timestamp) -> Result<(), DayError<O::Error>> {
        self.send(at, Vec::new()).map(|_| ())
    }

    fn carry_out(
        &mut self,
        at: Timestamp,
        sending: &[(Submission, SendKind)],
    ) -> Result<Vec<BackendReply>, DayError<O::Error>> {
        let mut answers = Vec::with_capacity(sending.len());
        for part in sending.chunks(COMMANDS_PER_CALL_MAX) {
            let commands: Vec<_> = part.iter().map(|(command, _)| (at, command.clone())).collect();
            self.calls += 1;
            self.commands += commands.len() as u64;
            let asked = commands.len();
            let part = self.backend.carry_out(commands).map_err(DayError::Backend)?;
            let answered = part.len();
            if asked != answered {
                return Err(DayError::AnswersMissing { sent: asked, answered });
            }
            answers.extend(part);
        }
        Ok(answers)
    }

    fn check_repeat(
        &mut self,
        command: &engine::Command,
        answer: BackendReply,
        expected: &BackendReply,
    ) -> Result<(), DayError<O::Error>> {
        if answer != *expected {
            return Err(DayError::not_repeated(command, &answer));
        }
        if answer == Err(Refusal::Repeated) {
            self.tally.counts.duplicates += 1;
        }
        Ok(())
    }
}

/// Whether a repeat is refused as such. A late approval changes nothing and may be repeated.
fn is_repeat_refused(events: &[Event]) -> bool {
    !events.iter().any(|event| matches!(event, Event::LateApproval { .. }))
}

/// Whether the books recognise a repeat of the command. The others carry no number: a repeat is
/// refused for the parcel's state, or does the same again. The switch sends each command once;
/// between terminals and switch it is messages that are repeated.
fn is_deduplicated(submission: &Submission) -> bool {
    let Some(command) = submission.command.of_books() else { return true };
    use Command as C;
    !matches!(
        command,
        C::RecordAttempt(_)
            | C::AcceptPart(_)
            | C::ReleaseDue(_)
            | C::OpenBatch(_)
            | C::CloseBatch(_)
            | C::ReconcileBatch(_)
            | C::BeginPurchase(_)
            | C::ResolvePurchase(_)
            | C::BeginCompletion(_)
            | C::ResolveCompletion(_)
            | C::ConfirmCompletionReversal(_)
            | C::BeginVoid(_)
            | C::ReverseVoid(_)
            | C::BeginReversal(_)
            | C::RecordReversalWithoutOriginal(_)
            | C::DeclineRequest(_)
            | C::RecordBalanceInquiry(_)
            | C::ResolveReversal(_)
            | C::ReverseCollection(_)
            | C::RecordOfflineSale(_)
            | C::ResolveAdvice(_)
            | C::TakeCash(_)
            | C::BeginRefund(_)
            | C::ResolveRefund(_)
    )
}
