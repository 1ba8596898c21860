//! Carries out requests on a node.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::mem;
use std::path::{Path, PathBuf};

use books::{Books, Event, PersonId};
use engine::{Actor, Command, Events, RequestKey, Submission, Timestamp};
use node::{Clock, NodeClient, SystemClock};
use reports::{AppliedCommand, FieldType, Parties, just_carried_out, local_time};
use serde_json::{Map, Value};

use vault::Vault;

use crate::accounts::{self, ERASE_PAYOUT_ACCOUNT, LastFour, SET_PAYOUT_ACCOUNT};
use crate::codes::CodeMacOf;
use crate::defaults::{self, Givers};
use crate::error::OfficeError;
use crate::fields::{self, KnownParties, WantedParty};
use crate::files_in_hand::FilesInHand;
use crate::giving::{
    self, CompleteCommand, GivenBy, Giving, Looks, Outcome, PreparedCommand, with_payment,
};
use crate::personal_data;
use crate::persons::Persons;
use crate::proposals::{ProposalStore, waits_in_books};
use crate::request::{
    CommandWords, Language, OfficeAnswer, Proposal, ProposalApproval, RefusalWords, Request, Who,
};
use crate::take::{GivenFile, TakeReport, TakeRequest, Taking, TakingStopped};

/// The command that creates books.
const OPENING: &str = "OpenBooks";
/// An approval that was interrupted is continued this long: the books remember its request key an
/// hour longer.
const CONTINUED_MS_MAX: u64 = (engine::REQUEST_KEY_HOURS - 1) * 3_600_000;

/// Of the proposals that one answer lists.
const LIST_BYTES_MAX: usize = 1 << 20;

/// Hears the events of a command.
pub type OnEvents = Box<dyn FnMut(&[Event]) + Send>;

/// What an office needs.
pub struct OfficeOptions {
    /// The data directory, for the names of persons and the proposals.
    pub data: PathBuf,
    /// The user who owns the data directory: nobody else opens the books.
    pub owner: u32,
    pub client: NodeClient,
    /// An error in Chinese.
    pub chinese: fn(&(dyn Error + 'static)) -> String,
    /// What a command did, in words, with the names of persons.
    pub in_words: fn(&AppliedCommand, &Persons) -> CommandWords,
    /// Called with the events of each command that was carried out.
    pub on_events: OnEvents,
    /// The MACs of one-time codes. `None` without a key store.
    pub code_mac: Option<CodeMacOf>,
    /// Of the data directory. Without a key, no account can be entered.
    pub vault: Vault,
}

/// Carries out what persons ask for.
pub struct Office {
    pub(crate) options: OfficeOptions,
    pub(crate) store: ProposalStore,
    /// What the words of commands look up.
    parties: Parties,
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").field("data", &self.options.data).finish_non_exhaustive()
    }
}

/// What the office asks the books before it gives a command.
pub(crate) struct BooksFacts {
    pub(crate) open: bool,
    trial: bool,
    first_person: Option<PersonId>,
    pub(crate) parties: KnownParties,
}

impl BooksFacts {
    pub(crate) fn of(books: &Books, wanted: &BTreeSet<WantedParty>) -> BooksFacts {
        let registered = |&(_, removed): &(PersonId, bool)| !removed;
        BooksFacts {
            open: books.utc_offset_minutes_at(books.last_at()).is_some(),
            trial: books.is_trial(),
            first_person: books.persons().find(registered).map(|(person, _)| person),
            parties: KnownParties::of(books, wanted),
        }
    }
}

pub(crate) type OfficeResult<T> = Result<T, OfficeError>;

impl Office {
    /// Opens the office of a data directory. An approval that a crash interrupted is carried out
    /// now, unless it was carried out before.
    ///
    /// # Errors
    /// The proposals cannot be read, or the node has stopped.
    pub fn open(options: OfficeOptions) -> OfficeResult<Office> {
        let store = ProposalStore::open(&options.data)?;
        let mut office = Office { options, store, parties: Parties::default() };
        for number in office.store.numbers()? {
            let proposal = office.proposal(number)?;
            if proposal.approval.is_some_and(|approval| !is_old(approval)) {
                match office.finish(proposal) {
                    Ok(_) | Err(OfficeError::ProposalRefused { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        office.finish_files()?;
        office.erase_what_is_due()?;
        Ok(office)
    }

    /// Finishes clearing files that were interrupted. One that the books refuse waits for the next
    /// file of its source.
    fn finish_files(&mut self) -> OfficeResult<()> {
        let OfficeOptions { client, data, on_events, chinese, .. } = &mut self.options;
        // A file that cannot be read is an error of whoever gives the next file.
        let files = FilesInHand::read(data).map(|files| files.unfinished()).unwrap_or_default();
        for begun in files {
            let by = begun.by.map_or(Actor::System, Actor::Person);
            let mut taking = Taking { client, data, by, on_events, chinese: *chinese };
            if let Err(TakingStopped::Node(error)) = taking.finish_unasked(&begun) {
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn chinese(&self, error: &OfficeError) -> String {
        (self.options.chinese)(error)
    }

    /// Carries out a request.
    ///
    /// # Errors
    /// Why nothing was done, and what to do.
    pub fn carry_out(&mut self, request: Request, who: &Who) -> OfficeResult<OfficeAnswer> {
        let persons = Persons::read(&self.options.data)?;
        let wanted = match &request {
            Request::Give { command, fields } => {
                let command_type = fields::declared().of(command);
                let wanted = |of| defaults::wanted_parties(command, of, fields);
                command_type.map(wanted).unwrap_or_default()
            }
            Request::EnterPayoutAccount { seller, .. }
            | Request::PayoutAccounts { seller: Some(seller) }
            | Request::ErasePayoutAccount { seller, .. }
            | Request::ShowPayoutAccounts { seller }
            | Request::EnterIdentity { seller, .. } => {
                BTreeSet::from([("SellerId".to_owned(), seller.clone())])
            }
            Request::ShowPersonalData { subject, .. } | Request::EraseSubject { subject, .. } => {
                personal_data::wanted_of(subject)
            }
            _ => BTreeSet::new(),
        };
        let mut facts = self.facts(wanted)?;
        facts.parties.add_names(&persons);
        if facts.open && !facts.trial && SystemClock::is_of_a_trial() {
            return Err(OfficeError::TrialTimeInRealBooks);
        }
        if let Request::Give { command, fields } = request {
            return self.give(&command, &fields, who, &persons, &facts);
        }
        // Before anything is sealed, erased or shown.
        let person = person(who, &persons, &facts)?;
        match request {
            Request::Approve { proposal } => self.approve(proposal, person),
            Request::WithdrawProposal { proposal: number } => self.withdraw(number),
            Request::EnterPayoutAccount { seller, currency, account, approved_by } => {
                let fields = self.seal_account(&seller, &currency, account, approved_by, &facts)?;
                let given = self.give(SET_PAYOUT_ACCOUNT, &fields, who, &persons, &facts);
                if given.is_err() {
                    self.forget_account(SET_PAYOUT_ACCOUNT, &fields)?;
                }
                given
            }
            Request::PayoutAccounts { seller } => {
                let seller = seller.map(|seller| self.known_seller(&seller, &facts)).transpose()?;
                self.payout_accounts(seller, LastFour::Hidden)
            }
            Request::ShowPayoutAccounts { seller } => {
                let by = Actor::Person(self.registered(who)?);
                let seller = self.known_seller(&seller, &facts)?;
                self.payout_accounts(Some(seller), LastFour::RecordedFor(by))
            }
            Request::ErasePayoutAccount { seller, currency, approved_by } => {
                match self.account_in_force(&seller, &currency, approved_by, &facts)? {
                    Some(fields) => self.give(ERASE_PAYOUT_ACCOUNT, &fields, who, &persons, &facts),
                    None => Ok(OfficeAnswer::Repeated { command: ERASE_PAYOUT_ACCOUNT.to_owned() }),
                }
            }
            Request::ShowPersonalData { .. }
            | Request::EnterIdentity { .. }
            | Request::EraseSubject { .. } => {
                self.carry_out_personal_data(request, who, &persons, &facts)
            }
            Request::Give { .. } | Request::Proposals {} => {
                self.registered(who)?;
                self.list()
            }
            Request::Look { .. } | Request::TakeFiles { .. } | Request::Reload {} => {
                Err(OfficeError::Malformed("only over the socket".to_owned()))
            }
        }
    }

    /// The registered person who asks. Whoever is not registered sees nothing and brings nothing.
    ///
    /// # Errors
    /// The user is no person of these books, or the person is not registered.
    pub fn registered(&self, who: &Who) -> OfficeResult<PersonId> {
        let persons = Persons::read(&self.options.data)?;
        let person = person(who, &persons, &self.facts(BTreeSet::new())?)?;
        self.check_registered(person)
    }

    pub(crate) fn check_registered(&self, person: PersonId) -> OfficeResult<PersonId> {
        let is_registered = move |engine: &engine::Engine| {
            engine.books().persons().any(|(one, removed)| one == person && !removed)
        };
        if self.options.client.query(is_registered)?.0 {
            Ok(person)
        } else {
            Err(OfficeError::PersonNotRegistered { person })
        }
    }

    /// Whoever may have the settings read again: the owner of the books, and registered persons.
    ///
    /// # Errors
    /// As [`Office::registered`].
    pub fn may_reload(&self, who: &Who) -> OfficeResult<()> {
        let is_owner = who.user == self.options.owner;
        if is_owner { Ok(()) } else { self.registered(who).map(|_| ()) }
    }

    /// The data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.options.data
    }

    #[must_use]
    pub fn in_language(&self, error: &OfficeError, language: Language) -> String {
        match language {
            Language::En => error.to_string(),
            Language::Zh => self.chinese(error),
        }
    }

    /// What takes files in the name of a person.
    ///
    /// # Errors
    /// As [`Office::registered`].
    pub fn taking(&mut self, who: &Who) -> OfficeResult<Taking<'_>> {
        let by = Actor::Person(self.registered(who)?);
        let OfficeOptions { client, data, on_events, chinese, .. } = &mut self.options;
        Ok(Taking { client, data, by, on_events, chinese: *chinese })
    }

    /// Decides the bank entries whose cause was awaited. Returns how many were matched, and how
    /// many became breaks.
    ///
    /// # Errors
    /// As [`Office::take`].
    pub fn match_expected(&mut self, who: &Who) -> OfficeResult<(u64, u64)> {
        self.taking(who)?.match_expected().map_err(|stopped| match stopped {
            TakingStopped::Refused(error) => error.into(),
            TakingStopped::Node(error) => error.into(),
        })
    }

    /// Takes files of networks, wallets and banks.
    ///
    /// # Errors
    /// Why nothing of the file was taken, or at which line it stopped.
    pub fn take(
        &mut self,
        request: &TakeRequest,
        files: &mut [GivenFile],
        who: &Who,
    ) -> OfficeResult<Vec<TakeReport>> {
        self.taking(who)?.take(request, files).map_err(|stopped| match stopped {
            TakingStopped::Refused(error) => error.into(),
            TakingStopped::Node(error) => error.into(),
        })
    }

    /// The oldest proposals, as many as an answer has room for.
    pub(crate) fn list(&mut self) -> OfficeResult<OfficeAnswer> {
        let (numbers, persons) = (self.store.numbers()?, Persons::read(&self.options.data)?);
        let (mut proposals, mut bytes) = (Vec::new(), 0);
        for &number in &numbers {
            let mut one = self.proposal(number)?;
            one.words = self.proposed_words(&one)?;
            one.proposer_name = persons.name(one.proposed_by).map(str::to_owned);
            let at = Timestamp(one.proposed_at_ms);
            let local = move |engine: &engine::Engine| local_time(engine.books(), at);
            one.proposed_at = Some(self.options.client.query(local)?.0);
            bytes += serde_json::to_string(&one).map_or(0, |text| text.len());
            if bytes > LIST_BYTES_MAX && !proposals.is_empty() {
                break;
            }
            proposals.push(one);
        }
        let more = numbers.len() - proposals.len();
        let look = |engine: &engine::Engine| waits_in_books(engine.books());
        let mut others = self.options.client.query(look)?.0;
        for one in &mut others {
            let name = one.proposed_by.and_then(|person| persons.name(person));
            one.proposer_name = name.map(str::to_owned);
        }
        Ok(OfficeAnswer::Proposals { proposals, more, others })
    }

    pub(crate) fn facts(&self, wanted: BTreeSet<WantedParty>) -> OfficeResult<BooksFacts> {
        let look = move |engine: &engine::Engine| BooksFacts::of(engine.books(), &wanted);
        Ok(self.options.client.query(look)?.0)
    }

    fn giving(&mut self) -> Giving<'_> {
        let OfficeOptions { client, data, code_mac, .. } = &mut self.options;
        Giving { looks: Looks::Durable(client), data, code_mac: code_mac.as_ref() }
    }

    pub(crate) fn give(
        &mut self,
        name: &str,
        given: &Map<String, Value>,
        who: &Who,
        persons: &Persons,
        facts: &BooksFacts,
    ) -> OfficeResult<OfficeAnswer> {
        let typed = giving::typed(name, given, engine::ActorKind::Person)?;
        let read = self.giving().read(&typed, facts)?;
        if name == OPENING {
            return self.open_books(typed.of, read.0, who, persons, facts);
        }
        let person = person(who, persons, facts)?;
        let giver = GivenBy {
            actor: Actor::Person(person),
            person: Some(person),
            said: who.person.is_some(),
            as_others: facts.trial,
        };
        match self.giving().prepare(&typed, read, giver, None, facts)? {
            PreparedCommand::Before(answer) => Ok(answer),
            PreparedCommand::NeedsClient => Err(OfficeError::Closed),
            PreparedCommand::Proposal(proposal) => {
                Ok(OfficeAnswer::Proposed { proposal: self.store.add(*proposal)? })
            }
            PreparedCommand::Complete(CompleteCommand { command, fields, by, code }) => {
                self.approve_account(name, &fields)?;
                let Actor::Person(by) = by else {
                    return Err(OfficeError::NotForPersons { command: name.to_owned() });
                };
                let typed = given.get("payment").and_then(Value::as_str);
                let answer = self.execute(command, by, None);
                let mut answer = answer.map_err(|error| with_payment(error, typed))?;
                if let OfficeAnswer::CarriedOut { code: shown, .. } = &mut answer {
                    *shown = code;
                }
                Ok(answer)
            }
        }
    }

    /// Whoever opens the books is their first person. Of real books, this user is from now on.
    fn open_books(
        &mut self,
        command_type: FieldType<'_>,
        mut object: Map<String, Value>,
        who: &Who,
        persons: &Persons,
        facts: &BooksFacts,
    ) -> OfficeResult<OfficeAnswer> {
        if who.user != self.options.owner {
            return Err(OfficeError::NotTheOwner { user: who.user, owner: self.options.owner });
        }
        for (field, value) in
            [("first_person", "1".into()), ("second_person", "2".into()), ("trial", false.into())]
        {
            object.entry(field).or_insert(value);
        }
        defaults::check_complete(OPENING, command_type, &object, &[])?;
        let command = defaults::declared(OPENING, &object)?;
        let Some(books::Command::OpenBooks(open)) = command.of_books() else {
            return Err(OfficeError::UnknownCommand(OPENING.to_owned()));
        };
        let (first, trial) = (open.first_person, open.trial);
        if !trial && SystemClock::is_of_a_trial() {
            return Err(OfficeError::TrialTimeInRealBooks);
        }
        // Before the books are open: after a crash in between the same command goes on.
        if !trial && !facts.open && persons.of_user(who.user) != Some(first) {
            let mut persons = Persons::read(&self.options.data)?;
            persons.add_user(who.user, first)?;
            persons.write(&self.options.data)?;
        }
        self.execute(command, first, None)
    }

    pub(crate) fn proposal(&self, number: u64) -> OfficeResult<Proposal> {
        self.store.read(number)?.ok_or(OfficeError::UnknownProposal { number })
    }

    pub(crate) fn withdraw(&mut self, number: u64) -> OfficeResult<OfficeAnswer> {
        let proposal = self.proposal(number)?;
        self.store.remember(&proposal)?;
        self.store.remove(number)?;
        self.forget_account(&proposal.command, &proposal.fields)?;
        Ok(OfficeAnswer::Withdrawn { proposal: number })
    }

    pub(crate) fn approve(&mut self, number: u64, person: PersonId) -> OfficeResult<OfficeAnswer> {
        let mut proposal = self.proposal(number)?;
        match proposal.approval {
            Some(approval) if is_old(approval) => {
                let (command, by) = (proposal.command, approval.approved_by);
                return Err(OfficeError::ApprovalInterrupted { number, command, by });
            }
            Some(_) => return self.finish(proposal),
            None => {}
        }
        if proposal.proposed_by == person {
            return Err(OfficeError::OwnProposal { number });
        }
        self.approve_account(&proposal.command, &proposal.fields)?;
        let approved_at_ms = SystemClock.now().0;
        proposal.approval = Some(ProposalApproval { approved_by: person, approved_at_ms });
        // Who approves is durable first: after a crash the same person gives the same command.
        self.store.replace(&proposal)?;
        self.finish(proposal)
    }

    /// Gives an approved proposal's command. Its request key makes this harmless if it was carried
    /// out before.
    fn finish(&mut self, mut proposal: Proposal) -> OfficeResult<OfficeAnswer> {
        let (number, name) = (proposal.number, proposal.command.clone());
        let unknown = || OfficeError::UnknownCommand(name.clone());
        let approval = proposal.approval.ok_or(OfficeError::UnknownProposal { number })?;
        let command_type = fields::declared().of(&name).ok_or_else(unknown)?;
        let Givers::Two { second, .. } = Givers::of(command_type) else { return Err(unknown()) };
        let mut object = proposal.fields.clone();
        object.insert(second.to_owned(), approval.approved_by.to_string().into());
        let command = defaults::declared(&name, &object)?;
        let content = serde_json::to_string(&object).unwrap_or_default();
        let at = proposal.proposed_at_ms.to_string();
        let hash = machine::derive_identifier("Proposal", &[&number.to_string(), &at, &content]);
        let hash = base16ct::lower::encode_string(&hash[..16]);
        let key = RequestKey::new(format!("proposal-{number}-{hash}"));
        match self.execute(command, approval.approved_by, key.ok()) {
            Ok(answer) => {
                self.store.remember(&proposal)?;
                self.store.remove(number)?;
                Ok(answer)
            }
            Err(OfficeError::Refused { command, refusal }) => {
                let (en, zh) = (refusal.to_string(), (self.options.chinese)(&refusal));
                (proposal.approval, proposal.refusal) = (None, Some(RefusalWords { en, zh }));
                self.store.replace(&proposal)?;
                Err(OfficeError::ProposalRefused { number, command, refusal })
            }
            Err(error) => Err(error),
        }
    }

    /// What a proposal would do. `None` if its command is not one of this version.
    fn proposed_words(&mut self, proposal: &Proposal) -> OfficeResult<Option<CommandWords>> {
        let Ok(command) = giving::proposed(proposal) else { return Ok(None) };
        let submission = Submission::new(Actor::Person(proposal.proposed_by), command);
        self.in_words(submission, Events::default()).map(Some)
    }

    /// What a command did that was carried out just now.
    fn in_words(&mut self, submission: Submission, events: Events) -> OfficeResult<CommandWords> {
        let Some(command_type) = fields::declared().of(submission.command.name()) else {
            return Ok(CommandWords::default());
        };
        let mut parties = mem::take(&mut self.parties);
        let look = move |engine: &engine::Engine| {
            let applied = just_carried_out(engine, &mut parties, &submission, command_type, events);
            (applied, parties)
        };
        let (applied, parties) = self.options.client.query(look)?.0;
        self.parties = parties;
        let persons = Persons::read(&self.options.data)?;
        Ok((self.options.in_words)(&applied, &persons))
    }

    fn execute(
        &mut self,
        command: Command,
        by: PersonId,
        request_key: Option<RequestKey>,
    ) -> OfficeResult<OfficeAnswer> {
        let (erased, name) = (accounts::erased(&command), command.spec().name);
        let has_erased = personal_data::erases(&command);
        let outcome = self.giving().execute(command, Actor::Person(by), request_key)?;
        if let (Some((seller, currency)), Outcome::CarriedOut(..) | Outcome::Repeated) =
            (erased, &outcome)
        {
            self.erase_account(seller, currency)?;
        }
        if let (true, Outcome::CarriedOut(..) | Outcome::Repeated) = (has_erased, &outcome) {
            self.finish_erasures()?;
        }
        let mut answer = giving::answer(name, by, &outcome)?;
        if let Outcome::CarriedOut(submission, events) = outcome {
            (self.options.on_events)(&events.books);
            let mut words = self.in_words(*submission, events)?;
            match &mut answer {
                OfficeAnswer::CodeWrong { said, .. } => {
                    // Not the sentence that it is counted.
                    for words in [&mut words.en, &mut words.zh] {
                        words.drain(..words.len().min(1));
                    }
                    *said = words;
                }
                OfficeAnswer::CarriedOut { said, .. } => *said = words,
                _ => {}
            }
        }
        Ok(answer)
    }
}

fn is_old(approval: ProposalApproval) -> bool {
    SystemClock.now().0.saturating_sub(approval.approved_at_ms) >= CONTINUED_MS_MAX
}

/// As whom the request is carried out.
fn person(who: &Who, persons: &Persons, facts: &BooksFacts) -> OfficeResult<PersonId> {
    if !facts.open {
        return Err(OfficeError::BooksNotOpen);
    }
    match &who.person {
        Some(_) if !facts.trial => return Err(OfficeError::PersonInRealBooks),
        Some(said) => return Ok(persons.find(said)?),
        None => {}
    }
    let first = facts.first_person.filter(|_| facts.trial);
    let person = persons.of_user(who.user).or(first);
    person.ok_or(OfficeError::UserNotMapped { user: who.user })
}
