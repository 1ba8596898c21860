//! STANs of an open batch that are used up without a transaction: declined requests, balance
//! inquiries, and reversals without original. Nothing begins under such a STAN, so a decline is
//! final.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::books::{Books, Now};
use crate::command::{DeclineRequest, RecordBalanceInquiry, RecordReversalWithoutOriginal};
use crate::event::{CommandOutcome, Event};
use crate::payment::codes::{ResponseCode, Stan};
use crate::refusal::Refusal;
use crate::terminal::batches::TerminalBatchState;
use crate::terminal::transaction::{TRANSACTIONS_PER_BATCH_MAX, Trace};
use crate::used_numbers::content_hash;

/// Tells a repeat of a request that has no transaction from another request with the same trace. A
/// short hash of what makes a repeat: the card only as its token. The sender computes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct RequestDigest([u8; 4]);

machine::json_as_text!(RequestDigest, "^[0-9a-f]{8}$", "request-digest");

impl RequestDigest {
    pub fn of(content: impl Iterator<Item = u64>) -> RequestDigest {
        RequestDigest(content_hash(content))
    }
}

impl fmt::Display for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestDigest({self})")
    }
}

impl FromStr for RequestDigest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<RequestDigest, &'static str> {
        let mut digest = [0; 4];
        let decoded = base16ct::lower::decode(text, &mut digest).map(<[u8]>::len);
        let whole = decoded.is_ok_and(|length| length == digest.len());
        let wrong = "a request digest is 8 hexadecimal digits, in lower case";
        whole.then_some(RequestDigest(digest)).ok_or(wrong)
    }
}

/// A request that was declined for good, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FinalDecline {
    pub request: RequestDigest,
    pub code: ResponseCode,
}

/// What a STAN is used up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum StanUse {
    ReversalWithoutOriginal,
    Declined(FinalDecline),
    BalanceInquiry(RequestDigest),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct UsedStan {
    pub stan: Stan,
    pub by: StanUse,
}

// Up to a batch's limit for each terminal.
const _: () = assert!(size_of::<UsedStan>() == 12);

impl StanUse {
    /// The refusal of anything else with its trace.
    pub(crate) const fn refusal(self) -> Refusal {
        match self {
            StanUse::Declined(declined) => Refusal::RequestDeclined(declined),
            StanUse::ReversalWithoutOriginal | StanUse::BalanceInquiry(_) => Refusal::TraceTaken,
        }
    }
}

impl TerminalBatchState {
    fn place_of(&self, stan: Stan) -> Result<usize, usize> {
        self.used_stans.binary_search_by_key(&stan, |used| used.stan)
    }

    /// What uses up a STAN of the open batch without a transaction.
    #[inline]
    pub(crate) fn stan_use(&self, stan: Stan) -> Option<StanUse> {
        self.place_of(stan).ok().map(|place| self.used_stans[place].by)
    }

    /// Whether the open batch has no room for another STAN.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() + self.used_stans.len() >= TRANSACTIONS_PER_BATCH_MAX
    }
}

impl Books {
    /// The terminal's number in the registry and its state, if the trace belongs to its open batch
    /// and no transaction has it.
    fn batch_without(&self, trace: Trace) -> Result<(u32, &TerminalBatchState), Refusal> {
        let number = self.terminal_number(trace.terminal)?;
        if self.terminal_batches.find(number, trace.batch, trace.stan).is_some() {
            return Err(Refusal::TraceTaken);
        }
        Ok((number, self.open_batch_of(number, trace)?))
    }

    /// Uses up a STAN that is free or has a balance inquiry.
    fn use_stan(&mut self, terminal: u32, stan: Stan, by: StanUse) {
        let terminal_state = self.terminal_batches.terminal_mut(terminal);
        match terminal_state.place_of(stan) {
            Err(place) => terminal_state.used_stans.insert(place, UsedStan { stan, by }),
            Ok(place) => {
                let used = &mut terminal_state.used_stans[place].by;
                assert!(matches!(used, StanUse::BalanceInquiry(_)), "a used STAN is refused");
                *used = by;
            }
        }
    }

    /// Only in an open batch with room: in any other batch nothing can begin.
    pub(crate) fn record_reversal_without_original(
        &mut self,
        command: &RecordReversalWithoutOriginal,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let Trace { terminal, batch, stan } = command.trace;
        let (number, open) = self.batch_without(command.trace)?;
        match open.stan_use(stan) {
            Some(StanUse::Declined(declined)) => return Err(Refusal::RequestDeclined(declined)),
            Some(_) => return Err(Refusal::Repeated),
            None if open.is_full() => return Err(Refusal::Repeated),
            None => {}
        }
        self.use_stan(number, stan, StanUse::ReversalWithoutOriginal);
        out.events.push(Event::ReversalWithoutOriginalRecorded { terminal, batch, stan });
        Ok(())
    }

    pub(crate) fn decline_request(
        &mut self,
        command: &DeclineRequest,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let DeclineRequest { trace, request, code } = *command;
        let Trace { terminal, batch, stan } = trace;
        let declined = StanUse::Declined(FinalDecline { request, code });
        let (number, open) = self.batch_without(trace)?;
        match open.stan_use(stan) {
            Some(used) if used == declined => return Err(Refusal::Repeated),
            Some(used) if used != StanUse::BalanceInquiry(request) => return Err(used.refusal()),
            _ if code == ResponseCode::APPROVED => return Err(Refusal::ApprovedDecline),
            None if open.is_full() => return Err(Refusal::BatchFull),
            _ => {}
        }
        self.use_stan(number, stan, declined);
        out.events.push(Event::RequestDeclined { terminal, batch, stan, code });
        Ok(())
    }

    pub(crate) fn record_balance_inquiry(
        &mut self,
        command: &RecordBalanceInquiry,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RecordBalanceInquiry { trace, request } = *command;
        let Trace { terminal, batch, stan } = trace;
        let inquiry = StanUse::BalanceInquiry(request);
        let (number, open) = self.batch_without(trace)?;
        match open.stan_use(stan) {
            Some(used) if used == inquiry => return Err(Refusal::Repeated),
            Some(used) => return Err(used.refusal()),
            None if open.is_full() => return Err(Refusal::BatchFull),
            None => {}
        }
        self.courier_who_begins(number)?;
        self.use_stan(number, stan, inquiry);
        out.events.push(Event::BalanceInquiryRecorded { terminal, batch, stan });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_digest_has_one_text() {
        let digest: RequestDigest = "00c5417f".parse().unwrap();
        assert_eq!((digest.to_string(), digest.0), ("00c5417f".to_owned(), [0, 0xC5, 0x41, 0x7F]));
        for other in ["", "00c541", "00C5417F", "00c5417f00"] {
            assert!(other.parse::<RequestDigest>().is_err(), "{other:?}");
        }
    }
}
