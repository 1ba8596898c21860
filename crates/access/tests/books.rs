//! The store over a node's books: grants, keys and removals count with the next request, and events
//! reach the journal once.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use access::{AccessDenied, AccessStore, NodeBooks, SecondFactor, SignIn};
use books::{
    GrantAccess, GrantedRole, IssueApiKey, OpenBooks, PersonId, RegisterPerson, RemovePerson,
    ResetSecondFactor, RevokeAccess, RevokeApiKey, Timestamp,
};
use engine::{Actor, Command, Engine, Refusal, Submission};
use journal::MemoryJournal;
use keys::{Algorithm, KeyName, KeyPurpose, KeyStore, SoftwareStore};
use machine::ApiKeyId;
use node::{Clock, NoSnapshots, Node, NodeClient, NodeOptions, SystemClock};
use tempfile::TempDir;
use vault::VaultKey;

const BOTH: [PersonId; 2] = [PersonId(1), PersonId(2)];
const CLERK: PersonId = PersonId(3);
const PASSWORD: &str = "correct horse battery";
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Bed {
    client: NodeClient,
    store: AccessStore,
    _dir: TempDir,
    _node: Node,
}

impl Bed {
    /// Books with two persons.
    fn new() -> Bed {
        let journal = Box::new(MemoryJournal::new());
        let node = Node::start(journal, Box::new(NoSnapshots), NodeOptions::default()).unwrap();
        let dir = TempDir::new().unwrap();
        let keys = SoftwareStore::in_memory([]).unwrap();
        let name = KeyName::new("vault").unwrap();
        keys.generate(name, KeyPurpose::DataKeys, Algorithm::Aes256).unwrap();
        let key = VaultKey { store: Arc::new(keys), name };
        let books = Box::new(NodeBooks::new(node.client()));
        let store = AccessStore::open(dir.path(), Some(key), books).unwrap();
        let mut bed = Bed { client: node.client(), store, _dir: dir, _node: node };
        let [first_person, second_person] = BOTH;
        bed.must(OpenBooks { utc_offset_minutes: 0, first_person, second_person, trial: true });
        bed
    }

    /// With a third person, who has the role of a hub.
    fn open() -> Bed {
        let mut bed = Bed::new();
        let [proposed_by, approved_by] = BOTH;
        bed.must(RegisterPerson { person: CLERK, proposed_by, approved_by });
        let grant = GrantedRole::Hub;
        bed.must(GrantAccess { person: CLERK, number: 1, grant, proposed_by, approved_by });
        bed
    }

    fn give(&mut self, by: Actor, command: impl Into<Command>) -> Result<(), Refusal> {
        let submission = Submission::new(by, command.into());
        let answers = self.client.execute(vec![(None, submission)]).unwrap();
        answers.into_iter().next().unwrap().map(|_| ())
    }

    fn must(&mut self, command: impl Into<Command>) {
        self.give(Actor::System, command).unwrap();
    }

    /// A session of the clerk.
    fn session(&self) -> String {
        let now = SystemClock.now();
        let new = self.store.add_sign_in(CLERK, "clerk", None, now).unwrap();
        let code = code(&new.factor, now);
        let sign_in = SignIn {
            name: "clerk",
            password: PASSWORD,
            factor: SecondFactor::Code(&code),
            address: HOME,
        };
        self.store.set_password(&new.setting_secret, &sign_in, now).unwrap().token
    }

    fn is_signed_in(&self, token: &str) -> bool {
        match self.store.session(token, SystemClock.now()) {
            Ok(_) => true,
            Err(AccessDenied::Unknown) => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn events(&self) -> u32 {
        self.client.query(|engine: &Engine| engine.books().access_events()).unwrap().0
    }
}

/// The code of a secret in base32.
fn code(factor: &str, now: Timestamp) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bytes, mut word, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in factor.chars() {
        word = word << 5 | u32::try_from(LETTERS.find(letter).unwrap()).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 0xFF).unwrap());
        }
    }
    access::code_at(&bytes.try_into().unwrap(), now)
}

#[test]
fn a_session_ends_with_its_person_the_last_role_and_a_reset() {
    let [proposed_by, approved_by] = BOTH;
    let ends: [Command; 3] = [
        RemovePerson { person: CLERK, proposed_by, approved_by }.into(),
        RevokeAccess { person: CLERK, number: 2, grant: GrantedRole::Hub, revoked_by: PersonId(1) }
            .into(),
        ResetSecondFactor { person: CLERK, number: 1, proposed_by, approved_by }.into(),
    ];
    for end in ends {
        let mut bed = Bed::open();
        let token = bed.session();
        assert!(bed.is_signed_in(&token));
        bed.must(end);
        assert!(!bed.is_signed_in(&token));
    }
}

#[test]
fn a_key_acts_in_the_books_as_its_person_until_it_is_revoked() {
    let mut bed = Bed::open();
    let [proposed_by, approved_by] = BOTH;
    let (key, now) = (ApiKeyId(9), SystemClock.now());
    let by_key = Actor::Key(key);
    let another = |by: PersonId| ResetSecondFactor {
        person: PersonId(1),
        number: 1,
        proposed_by: by,
        approved_by: PersonId(2),
    };
    let not_in_force = Err(Refusal::Books(books::Refusal::KeyNotInForce(key)));
    assert_eq!(bed.give(by_key, another(CLERK)), not_in_force);
    assert!(bed.store.make_key_secret(key, now).is_err());
    bed.must(IssueApiKey {
        key,
        person: Some(CLERK),
        grants: vec![GrantedRole::Hub],
        until: now.plus_ms(60_000),
        proposed_by,
        approved_by,
    });
    let secret = bed.store.make_key_secret(key, now).unwrap();
    assert!(secret.starts_with("ds_test_"), "trial books");
    let principal = bed.store.authenticate_key(&secret, now).unwrap();
    assert_eq!(principal.actor, by_key);
    // Named as the clerk it may, named as another it may not.
    let not_named = Err(Refusal::Books(books::Refusal::NotOneOfThePersons(CLERK)));
    assert_eq!(bed.give(by_key, another(PersonId(4))), not_named);
    bed.give(by_key, another(CLERK)).unwrap();
    bed.must(RevokeApiKey { key, revoked_by: CLERK });
    assert!(bed.store.authenticate_key(&secret, now).is_err());
    assert_eq!(bed.give(by_key, another(CLERK)), not_in_force);
}

#[test]
fn events_reach_the_journal_once() {
    let mut bed = Bed::open();
    bed.session();
    let waiting = bed.store.waiting_events(9).unwrap();
    assert_eq!(waiting.len(), 2);
    assert_eq!(bed.store.record_events(&mut bed.client).unwrap(), 2);
    assert_eq!((bed.events(), bed.store.record_events(&mut bed.client).unwrap()), (2, 0));
    // A crash after the journal and before the store: the first is sent again.
    let first =
        books::RecordAccessEvent { number: 3, person: waiting[0].person, event: waiting[0].event };
    let key = engine::RequestKey::new(format!("access-event-{}", waiting[0].number)).unwrap();
    let again = Submission {
        request_key: Some(key),
        ..Submission::new(Actor::System, Command::from(first))
    };
    let answers = bed.client.execute(vec![(None, again)]).unwrap();
    assert_eq!(answers, [Err(Refusal::RequestKeyTaken)]);
    assert_eq!(bed.events(), 2);
}

#[test]
fn restored_books_record_the_events_of_a_person_whom_they_do_not_know_yet() {
    let (bed, mut restored) = (Bed::open(), Bed::new());
    bed.session();
    assert_eq!(bed.store.record_events(&mut restored.client).unwrap(), 2);
    assert_eq!((restored.events(), bed.store.waiting_events(9).unwrap()), (2, vec![]));
}
