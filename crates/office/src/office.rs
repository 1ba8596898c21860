//! Carries out requests on a node.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::io::BufRead;
use std::mem;
use std::path::{Path, PathBuf};

use books::{Command, Event, PersonId, Refusal};
use engine::{Actor, Events, RequestKey, Submission, Timestamp};
use node::{Clock, NodeClient, SystemClock};
use reports::{AppliedCommand, FieldType, Parties, just_carried_out, local_time};
use serde_json::{Map, Value};

use vault::Vault;

use crate::accounts::{self, ERASE_PAYOUT_ACCOUNT, SET_PAYOUT_ACCOUNT};
use crate::codes::{self, CodeMacOf};
use crate::currencies::TypedCurrencies;
use crate::defaults::{self, Givers};
use crate::error::OfficeError;
use crate::fields::{self, KnownParties, WantedParty};
use crate::persons::Persons;
use crate::proposals::ProposalStore;
use crate::request::{
    CommandWords, Language, OfficeAnswer, Proposal, ProposalApproval, RefusalWords, Request, Who,
};
use crate::take::{TakeReport, TakeRequest, Taking, TakingStopped};
use crate::taken_files::TakenFiles;

/// The command that creates books.
const OPENING: &str = "OpenBooks";
/// The command that brings a new tariff.
const PUBLICATION: &str = "PublishTariff";
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
    open: bool,
    trial: bool,
    first_person: Option<PersonId>,
    pub(crate) parties: KnownParties,
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
        Ok(office)
    }

    /// Finishes clearing files that were interrupted. One that the books refuse waits for the next
    /// file of its source.
    fn finish_files(&mut self) -> OfficeResult<()> {
        let OfficeOptions { client, data, on_events, chinese, .. } = &mut self.options;
        // A file that cannot be read is an error of whoever gives the next file.
        let files = TakenFiles::read(data).map(|files| files.unfinished()).unwrap_or_default();
        for begun in files {
            let Some(by) = begun.by else { continue };
            let mut taking = Taking { client, data, by, on_events, chinese: *chinese };
            if let Err(TakingStopped::Node(error)) = taking.finish(&begun) {
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
            | Request::ErasePayoutAccount { seller, .. } => {
                BTreeSet::from([("SellerId".to_owned(), seller.clone())])
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
            Request::WithdrawProposal { proposal: number } => {
                let proposal = self.proposal(number)?;
                self.store.remove(number)?;
                self.forget_account(&proposal.command, &proposal.fields)?;
                Ok(OfficeAnswer::Withdrawn { proposal: number })
            }
            Request::EnterPayoutAccount { seller, currency, account, approved_by } => {
                let fields = self.seal_account(&seller, &currency, account, approved_by, &facts)?;
                let given = self.give(SET_PAYOUT_ACCOUNT, &fields, who, &persons, &facts);
                if given.is_err() {
                    self.forget_account(SET_PAYOUT_ACCOUNT, &fields)?;
                }
                given
            }
            Request::PayoutAccounts { seller } => self.payout_accounts(seller.as_deref(), &facts),
            Request::ErasePayoutAccount { seller, currency, approved_by } => {
                match self.account_in_force(&seller, &currency, approved_by, &facts)? {
                    Some(fields) => self.give(ERASE_PAYOUT_ACCOUNT, &fields, who, &persons, &facts),
                    None => Ok(OfficeAnswer::Repeated { command: ERASE_PAYOUT_ACCOUNT.to_owned() }),
                }
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

    /// Takes a file of a network, wallet or bank. `file_name` is for messages.
    ///
    /// # Errors
    /// Why nothing of the file was taken, or at which line it stopped.
    pub fn take(
        &mut self,
        request: &TakeRequest,
        file_name: &str,
        file: impl BufRead,
        who: &Who,
    ) -> OfficeResult<TakeReport> {
        let by = self.registered(who)?;
        let OfficeOptions { client, data, on_events, chinese, .. } = &mut self.options;
        let mut taking = Taking { client, data, by, on_events, chinese: *chinese };
        taking.take(request, file_name, file).map_err(|stopped| match stopped {
            TakingStopped::Refused(error) => error.into(),
            TakingStopped::Node(error) => error.into(),
        })
    }

    /// The oldest proposals, as many as an answer has room for.
    fn list(&mut self) -> OfficeResult<OfficeAnswer> {
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
        Ok(OfficeAnswer::Proposals { proposals, more })
    }

    fn facts(&self, wanted: BTreeSet<WantedParty>) -> OfficeResult<BooksFacts> {
        let look = move |engine: &engine::Engine| {
            let books = engine.books();
            let registered = |&(_, removed): &(PersonId, bool)| !removed;
            BooksFacts {
                open: books.utc_offset_minutes_at(books.last_at()).is_some(),
                trial: books.is_trial(),
                first_person: books.persons().find(registered).map(|(person, _)| person),
                parties: KnownParties::of(books, &wanted),
            }
        };
        Ok(self.options.client.query(look)?.0)
    }

    fn give(
        &mut self,
        name: &str,
        given: &Map<String, Value>,
        who: &Who,
        persons: &Persons,
        facts: &BooksFacts,
    ) -> OfficeResult<OfficeAnswer> {
        let unknown = || OfficeError::UnknownCommand(name.to_owned());
        let command_type = fields::declared().of(name).ok_or_else(unknown)?;
        let spec = Command::SPECS.iter().find(|spec| spec.name == name).ok_or_else(unknown)?;
        if !spec.given_by.contains(&engine::ActorKind::Person) {
            return Err(OfficeError::NotForPersons { command: name.to_owned() });
        }
        let mut given = given.clone();
        let code = codes::take_code(name, command_type, &mut given)?;
        let class = take_class(command_type, &mut given);
        name_tariff(name, &mut given, &facts.parties)?;
        let mut object = read_fields(name, command_type, &given, &facts.parties)?;
        let currencies = TypedCurrencies::of(command_type, &given);
        if let Some(class) = class {
            let of = object.clone();
            let look =
                move |engine: &engine::Engine| defaults::named_class(engine.books(), &of, &class);
            object.insert(CLASS.to_owned(), self.options.client.query(look)?.0?);
        }
        if name == OPENING {
            return self.open_books(command_type, object, who, persons, facts);
        }
        let giver = person(who, persons, facts)?;
        defaults::add_own_id(name, command_type, &facts.parties, &mut object);
        if let Some(own) = defaults::lacks_own_id(name, command_type, &object) {
            let of = name.to_owned();
            let look = move |engine: &engine::Engine| defaults::free_id(engine.books(), &of);
            let id = self.options.client.query(look)?.0;
            object.insert(own, id.to_string().into());
        }
        defaults::add_only_bank(name, command_type, &facts.parties, &mut object);
        if let Some(code) = code {
            codes::add_code_mac(code, &mut object, self.options.code_mac.as_ref())?;
        }
        let givers = Givers::of(command_type);
        let second = add_givers(givers, giver, facts.trial, &mut object)?;
        let second = second.filter(|second| defaults::needs_second(command_type, second, &object));
        let with_number = defaults::lacks_number(command_type, &object);
        let later: Vec<&str> = with_number.then_some("number").into_iter().chain(second).collect();
        defaults::check_complete(name, command_type, &object, &later)?;
        if let Some(second) = second {
            // Nobody: the command is not given before somebody approves it.
            object.insert(second.to_owned(), PersonId(0).to_string().into());
        }
        let (named, said) = (name.to_owned(), who.person.is_some());
        let filled = self.options.client.query(move |engine| {
            let books = engine.books();
            currencies.check(&object, books)?;
            let object = defaults::add_numbers(&named, with_number, object, books)?;
            let command = defaults::declared(&named, &object)?;
            let actor = if said { giver } else { actor(&command, giver) };
            let checked = books.check_actor(Actor::Person(actor), &command);
            // A proposal that cannot be carried out is not made.
            let checked = checked.and_then(|()| books::check_amounts(&command));
            checked.map_err(|refusal| refused(&named, refusal.into()))?;
            Ok::<_, OfficeError>((object, command, actor))
        })?;
        let (mut object, command, actor) = filled.0?;
        let Some(second) = second else {
            self.approve_account(name, &object)?;
            let mut answer = self.execute(command, actor, None)?;
            if let OfficeAnswer::CarriedOut { code: shown, .. } = &mut answer {
                *shown = code.filter(|_| name == "StartHandOver").map(codes::text);
            }
            return Ok(answer);
        };
        object.remove(second);
        let proposal = self.store.add(Proposal {
            number: 0,
            command: name.to_owned(),
            fields: object,
            proposed_by: actor,
            proposed_at_ms: SystemClock.now().0,
            approval: None,
            refusal: None,
            proposer_name: None,
            proposed_at: None,
            words: None,
        })?;
        Ok(OfficeAnswer::Proposed { proposal })
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
        let Command::OpenBooks(open) = &command else {
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

    fn approve(&mut self, number: u64, person: PersonId) -> OfficeResult<OfficeAnswer> {
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
        let Some(command_type) = fields::declared().of(&proposal.command) else { return Ok(None) };
        let Givers::Two { second, .. } = Givers::of(command_type) else { return Ok(None) };
        let mut object = proposal.fields.clone();
        object.insert(second.to_owned(), PersonId(0).to_string().into());
        let Ok(command) = defaults::declared(&proposal.command, &object) else { return Ok(None) };
        let submission = Submission::new(Actor::Person(proposal.proposed_by), command);
        self.in_words(submission, Vec::new()).map(Some)
    }

    /// What a command did that was carried out just now.
    fn in_words(
        &mut self,
        submission: Submission,
        events: Vec<Event>,
    ) -> OfficeResult<CommandWords> {
        let Some(command_type) = fields::declared().of(submission.command.name()) else {
            return Ok(CommandWords::default());
        };
        let mut parties = mem::take(&mut self.parties);
        let look = move |engine: &engine::Engine| {
            let applied =
                just_carried_out(engine, &mut parties, &submission, command_type, &events);
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
        let name = command.spec().name.to_owned();
        let erased = accounts::erased(&command);
        let submission = Submission { request_key, ..Submission::new(Actor::Person(by), command) };
        let answers = self.options.client.execute(vec![(None, submission.clone())])?;
        let answer = answers.into_iter().next();
        if let (Some((seller, currency)), Some(Ok(_) | Err(REPEATED))) = (erased, &answer) {
            self.erase_account(seller, currency)?;
        }
        match answer {
            Some(Ok(Events { books: events })) => {
                (self.options.on_events)(&events);
                let shown: Result<Vec<Value>, _> =
                    events.iter().map(serde_json::to_value).collect();
                let why = |error: serde_json::Error| OfficeError::Declared {
                    command: name.clone(),
                    why: error.to_string(),
                };
                let shown = shown.map_err(why)?;
                let said = self.in_words(submission, events)?;
                Ok(OfficeAnswer::CarriedOut { command: name, by, events: shown, code: None, said })
            }
            Some(Err(REPEATED)) => Ok(OfficeAnswer::Repeated { command: name }),
            Some(Err(refusal)) => Err(refused(&name, refusal)),
            None => Err(OfficeError::Malformed("no command".to_owned())),
        }
    }
}

const REPEATED: engine::Refusal = engine::Refusal::Books(Refusal::Repeated);

/// Why a command was not carried out.
fn refused(name: &str, refusal: engine::Refusal) -> OfficeError {
    match refusal {
        engine::Refusal::Books(Refusal::BooksNotOpen) => OfficeError::BooksNotOpen,
        refusal => OfficeError::Refused { command: name.to_owned(), refusal },
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

/// The field of a seller's class.
const CLASS: &str = "class";

/// Takes a class that is named, not numbered, out of the fields that were given.
fn take_class(command: FieldType<'_>, given: &mut Map<String, Value>) -> Option<String> {
    command.field(CLASS).filter(|field| field.name() == Some("SellerClassNumber"))?;
    let class = given.get(CLASS)?.as_str()?.to_owned();
    if class.parse::<u64>().is_ok() {
        return None;
    }
    given.remove(CLASS);
    Some(class)
}

/// Names the tariff of a seller as the books do: with its currency, if it is for one only.
fn name_tariff(
    command: &str,
    given: &mut Map<String, Value>,
    parties: &KnownParties,
) -> OfficeResult<()> {
    let Some(Value::String(tariff)) = given.get("tariff") else { return Ok(()) };
    let is_id = tariff.bytes().all(|byte| byte.is_ascii_digit());
    if is_id || command == PUBLICATION {
        return Ok(());
    }
    let currency = given.get("currency").and_then(Value::as_str);
    let Some(found) = parties.tariff(tariff, currency).map(str::to_owned) else {
        let known = parties.tariffs().into_iter().map(str::to_owned).collect();
        return Err(OfficeError::UnknownTariff { tariff: tariff.clone(), known });
    };
    given.insert("tariff".to_owned(), found.into());
    Ok(())
}

/// The declared form of the fields that were given.
fn read_fields(
    name: &str,
    command_type: FieldType<'_>,
    given: &Map<String, Value>,
    parties: &KnownParties,
) -> OfficeResult<Map<String, Value>> {
    defaults::check_known(name, command_type, given)?;
    let mut object = Map::new();
    for (field, given) in given {
        let Some(field_type) = command_type.field(field) else { continue };
        let value = fields::value(field_type, given, parties).map_err(|cause| {
            let value = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
            OfficeError::Value { field: field.clone(), value, cause }
        })?;
        object.insert(field.clone(), value);
    }
    Ok(object)
}

/// Fills in who gives the command. Returns the field of a second person who is still missing.
fn add_givers<'s>(
    givers: Givers<'s>,
    giver: PersonId,
    trial: bool,
    object: &mut Map<String, Value>,
) -> OfficeResult<Option<&'s str>> {
    let (first, second) = match givers {
        Givers::Nobody => return Ok(None),
        Givers::One(first) => (first, None),
        Givers::Two { first, second } => (first, Some(second)),
    };
    let said = object.entry(first).or_insert_with(|| giver.to_string().into());
    let is_giver = said.as_str() == Some(giver.to_string().as_str());
    if !is_giver && !trial {
        return Err(OfficeError::OtherPerson { field: first.to_owned() });
    }
    let Some(second) = second else { return Ok(None) };
    match object.contains_key(second) {
        false => Ok(Some(second)),
        // In trial books one user is both.
        true if trial => Ok(None),
        true => Err(OfficeError::SecondPersonNamed { field: second.to_owned() }),
    }
}

/// Who gives the command if nobody was said: the person, or in trial books one of those whom the
/// command names.
fn actor(command: &Command, person: PersonId) -> PersonId {
    let mut givers = Vec::new();
    command.for_each_person(&mut |role, one| {
        if role.gives() && one != PersonId(0) {
            givers.push(one);
        }
    });
    let named = givers.contains(&person) || givers.is_empty();
    if named { person } else { givers.last().copied().unwrap_or(person) }
}
