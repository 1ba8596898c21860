//! The access store: what it refuses, and what it keeps.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use access::limits::*;
use access::{
    ACCESS_FILE, AccessBooks, AccessDenied, AccessError, AccessGrant, AccessStanding, AccessStore,
    Assurance, NewSession, NewSignIn, SecondFactor, SignIn, SignInRefused, code_at, csrf_of,
};
use books::{AccessEvent, ParcelId, PersonId, SellerId, Timestamp};
use keys::{Algorithm, KeyName, KeyPurpose, KeyStore, SoftwareStore};
use machine::{Actor, ApiKeyId};
use tempfile::TempDir;
use vault::VaultKey;

#[path = "store/linked.rs"]
mod linked;
#[path = "store/passkeys.rs"]
mod passkeys;

const NOW: Timestamp = Timestamp(1_377_651_600_000);
const MINUTE: u64 = 60 * 1000;
const PERSON: PersonId = PersonId(7);
const PASSWORD: &str = "correct horse battery";
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const KEY: ApiKeyId = ApiKeyId(9);

/// What the books say, and can be told to say.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<BTreeMap<Actor, AccessStanding>>>);

impl Said {
    fn say(&self, of: Actor, change: impl FnOnce(&mut AccessStanding)) {
        change(self.0.lock().unwrap().entry(of).or_default());
    }
}

impl AccessBooks for Said {
    fn standing(&self, of: Actor, _: Timestamp) -> Result<AccessStanding, AccessError> {
        Ok(self.0.lock().unwrap().get(&of).cloned().unwrap_or_default())
    }
}

struct Bed {
    dir: TempDir,
    key: VaultKey,
    said: Said,
    store: AccessStore,
}

fn bed() -> Bed {
    let dir = TempDir::new().unwrap();
    let store = SoftwareStore::in_memory([]).unwrap();
    let name = KeyName::new("vault").unwrap();
    store.generate(name, KeyPurpose::DataKeys, Algorithm::Aes256).unwrap();
    let key = VaultKey { store: Arc::new(store), name };
    let said = Said::default();
    said.say(Actor::Person(PERSON), |one| one.grants = Some(vec![AccessGrant::Finance]));
    let store = AccessStore::open(dir.path(), Some(key.clone()), Box::new(said.clone())).unwrap();
    Bed { dir, key, said, store }
}

fn secret(factor: &str) -> [u8; TOTP_SECRET_BYTES] {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String =
        factor.chars().map(|letter| format!("{:05b}", LETTERS.find(letter).unwrap())).collect();
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect();
    bytes.try_into().unwrap()
}

impl Bed {
    fn add(&self) -> NewSignIn {
        self.store.add_sign_in(PERSON, "li.wei", None, NOW).unwrap()
    }

    /// A sign-in with a password, whose session began at [`NOW`].
    fn ready(&self) -> ([u8; TOTP_SECRET_BYTES], NewSession) {
        let new = self.add();
        let factor = secret(&new.factor);
        let code = code_at(&factor, NOW);
        let sign_in = SignIn {
            name: "li.wei",
            password: PASSWORD,
            factor: SecondFactor::Code(&code),
            address: HOME,
        };
        let session = self.store.set_password(&new.setting_secret, &sign_in, NOW).unwrap();
        (factor, session)
    }

    fn sign_in(
        &self,
        (name, password): (&str, &str),
        code: &str,
        now: Timestamp,
    ) -> Result<NewSession, SignInRefused> {
        self.store.sign_in(
            &SignIn { name, password, factor: SecondFactor::Code(code), address: HOME },
            now,
        )
    }

    fn events(&self) -> Vec<AccessEvent> {
        let waiting = self.store.waiting_events(100).unwrap();
        waiting.into_iter().map(|one| one.event).collect()
    }
}

fn refusal(done: Result<NewSession, SignInRefused>) -> String {
    match done {
        Ok(_) => panic!("it signs in"),
        Err(why) => why.to_string(),
    }
}

fn is_unknown<T>(done: Result<T, AccessDenied>) -> bool {
    matches!(done, Err(AccessDenied::Unknown))
}

const WRONG: &str = "the name, the password or the code is wrong; try again";

#[test]
fn a_person_signs_in_with_password_and_second_factor() {
    let bed = bed();
    let (factor, first) = bed.ready();
    assert_eq!(first.principal.assurance, Assurance::SecondFactor);
    let later = NOW.plus_ms(MINUTE);
    let session = bed.sign_in(("Li.Wei", PASSWORD), &code_at(&factor, later), later).unwrap();
    assert_ne!(session.token, first.token);
    assert_eq!(session.csrf, csrf_of(&session.token));
    let known = bed.store.session(&session.token, later).unwrap();
    assert_eq!(known, session.principal);
    assert_eq!(known.actor, Actor::Person(PERSON));
    use AccessEvent as E;
    assert_eq!(bed.events(), [E::PasswordSet, E::SignedIn, E::SignedIn]);
    bed.store.forget_events(2).unwrap();
    assert_eq!(bed.events(), [E::SignedIn]);
}

#[test]
fn a_wrong_name_password_and_code_are_refused_with_the_same_words() {
    let bed = bed();
    let (factor, _) = bed.ready();
    let later = NOW.plus_ms(MINUTE);
    let code = code_at(&factor, later);
    for (who, code) in [
        (("nobody", PASSWORD), &*code),
        (("li.wei", "another password"), &*code),
        (("li.wei", PASSWORD), "000000"),
        (("", ""), ""),
    ] {
        assert_eq!(refusal(bed.sign_in(who, code, later)), WRONG, "{who:?}");
    }
    let no_code =
        SignIn { name: "li.wei", password: PASSWORD, factor: SecondFactor::None, address: HOME };
    assert_eq!(refusal(bed.store.sign_in(&no_code, later)), WRONG);
}

#[test]
fn a_code_counts_once() {
    let bed = bed();
    let (factor, session) = bed.ready();
    let used = code_at(&factor, NOW);
    assert_eq!(refusal(bed.sign_in(("li.wei", PASSWORD), &used, NOW)), WRONG);
    assert_eq!(refusal(bed.store.step_up(&session.token, SecondFactor::Code(&used), NOW)), WRONG);
    let later = NOW.plus_ms(30 * 1000);
    let next = code_at(&factor, later);
    bed.sign_in(("li.wei", PASSWORD), &next, later).unwrap();
    assert_eq!(refusal(bed.sign_in(("li.wei", PASSWORD), &next, later)), WRONG);
}

#[test]
fn waits_grow_for_names_that_exist_and_for_those_that_do_not() {
    for name in ["li.wei", "nobody"] {
        let bed = bed();
        bed.ready();
        let mut at = NOW.plus_ms(MINUTE);
        for _ in 0..FREE_ATTEMPTS_MAX {
            assert_eq!(refusal(bed.sign_in((name, "wrong"), "1", at)), WRONG);
        }
        let mut wait_s = FIRST_WAIT_MS / 1000;
        for _ in 0..3 {
            let why = refusal(bed.sign_in((name, "wrong"), "1", at));
            assert_eq!(why, format!("too many attempts; try again in {wait_s} s"), "{name}");
            at = at.plus_ms(wait_s * 1000);
            assert_eq!(refusal(bed.sign_in((name, "wrong"), "1", at)), WRONG);
            wait_s *= 2;
        }
        let locked = bed.events().into_iter().filter(|one| *one == AccessEvent::LockedOut);
        assert_eq!(locked.count(), 1, "once");
    }
}

#[test]
fn an_address_that_tries_many_names_waits() {
    let bed = bed();
    for attempt in 0..FREE_ATTEMPTS_PER_ADDRESS_MAX {
        assert_eq!(refusal(bed.sign_in((&format!("n{attempt}"), "wrong"), "1", NOW)), WRONG);
    }
    let why = refusal(bed.sign_in(("another", "wrong"), "1", NOW));
    assert!(why.starts_with("too many attempts"), "{why}");
}

#[test]
fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
    let bed = bed();
    let (_, session) = bed.ready();
    let mut at = NOW;
    while at.0 - NOW.0 + 10 * MINUTE < SESSION_AGE_MS_MAX {
        at = at.plus_ms(10 * MINUTE);
        assert!(bed.store.session(&session.token, at).is_ok());
    }
    assert!(is_unknown(bed.store.session(&session.token, NOW.plus_ms(SESSION_AGE_MS_MAX))));
    let bed = self::bed();
    let (_, session) = bed.ready();
    let idle = NOW.plus_ms(SESSION_IDLE_MS_MAX + MINUTE);
    assert!(is_unknown(bed.store.session(&session.token, idle)));
}

#[test]
fn a_step_up_renews_the_token_and_holds_for_minutes() {
    let bed = bed();
    let (factor, session) = bed.ready();
    let later = NOW.plus_ms(MINUTE);
    let renewed = bed
        .store
        .step_up(&session.token, SecondFactor::Code(&code_at(&factor, later)), later)
        .unwrap();
    assert_eq!(renewed.principal.assurance, Assurance::SteppedUp);
    assert_eq!(renewed.until, session.until, "it lives no longer");
    assert!(is_unknown(bed.store.session(&session.token, later)), "the old token");
    let assurance = |at| bed.store.session(&renewed.token, at).map(|one| one.assurance).unwrap();
    assert_eq!(assurance(later.plus_ms(STEP_UP_MS_MAX - 1)), Assurance::SteppedUp);
    assert_eq!(assurance(later.plus_ms(STEP_UP_MS_MAX)), Assurance::SecondFactor);
}

#[test]
fn removal_revocation_and_reset_end_sessions_at_once() {
    let changes: [fn(&mut AccessStanding); 3] =
        [|one| one.grants = None, |one| one.grants = Some(vec![]), |one| one.resets += 1];
    for change in changes {
        let bed = bed();
        let (factor, session) = bed.ready();
        assert!(bed.store.session(&session.token, NOW).is_ok());
        bed.said.say(Actor::Person(PERSON), change);
        assert!(is_unknown(bed.store.session(&session.token, NOW)));
        assert_eq!(bed.events().last(), Some(&AccessEvent::SessionEnded));
        let later = NOW.plus_ms(MINUTE);
        let again = bed.sign_in(("li.wei", PASSWORD), &code_at(&factor, later), later);
        assert_eq!(refusal(again), WRONG);
    }
}

#[test]
fn after_a_reset_the_sign_in_is_made_again_with_another_factor() {
    let bed = bed();
    let (factor, _) = bed.ready();
    let has = bed.store.add_sign_in(PERSON, "li.wei", None, NOW);
    assert!(matches!(has, Err(AccessError::HasSignIn(PERSON))));
    bed.said.say(Actor::Person(PERSON), |one| one.resets = 1);
    let (other, session) = bed.ready();
    assert_ne!(other, factor);
    assert!(bed.store.session(&session.token, NOW).is_ok());
}

#[test]
fn sessions_are_listed_limited_and_ended() {
    let bed = bed();
    let (factor, first) = bed.ready();
    let mut at = NOW;
    let mut last = None;
    for _ in 0..SESSIONS_PER_PERSON_MAX {
        at = at.plus_ms(30 * 1000);
        last = Some(bed.sign_in(("li.wei", PASSWORD), &code_at(&factor, at), at).unwrap());
    }
    assert!(is_unknown(bed.store.session(&first.token, at)), "the oldest has ended");
    let listed = bed.store.sessions_of(PERSON, at).unwrap();
    assert_eq!(listed.len(), usize::try_from(SESSIONS_PER_PERSON_MAX).unwrap());
    let last = last.unwrap();
    let number = listed.last().unwrap().number;
    assert!(!bed.store.end_session(PersonId(8), number).unwrap(), "another person's");
    assert!(bed.store.end_session(PERSON, number).unwrap());
    assert!(is_unknown(bed.store.session(&last.token, at)));
    bed.store.sign_out(&last.token).unwrap();
}

#[test]
fn signing_out_ends_the_session() {
    let bed = bed();
    let (_, session) = bed.ready();
    bed.store.sign_out(&session.token).unwrap();
    assert!(is_unknown(bed.store.session(&session.token, NOW)));
    assert_eq!(bed.events().last(), Some(&AccessEvent::SignedOut));
}

#[test]
fn the_secret_that_sets_a_password_works_once_and_not_for_ever() {
    let bed = bed();
    let new = bed.add();
    let factor = secret(&new.factor);
    let set = |secret: &str, name, password, code: &str, now| {
        let sign_in = SignIn { name, password, factor: SecondFactor::Code(code), address: HOME };
        bed.store.set_password(secret, &sign_in, now)
    };
    let code = code_at(&factor, NOW);
    let weak = "the password is too short, too long, or the name itself; use 12 to 128 characters";
    let long = "x".repeat(PASSWORD_CHARACTERS_MAX + 1);
    for password in ["short", &long] {
        assert_eq!(refusal(set(&new.setting_secret, "li.wei", password, &code, NOW)), weak);
    }
    assert_eq!(refusal(set("dsp_00", "li.wei", PASSWORD, &code, NOW)), WRONG);
    assert_eq!(refusal(set(&new.setting_secret, "li.wei", PASSWORD, "1", NOW)), WRONG);
    assert_eq!(refusal(set(&new.setting_secret, "nobody", PASSWORD, &code, NOW)), WRONG);
    let expired = NOW.plus_ms(SETTING_SECRET_MS_MAX);
    let late = set(&new.setting_secret, "li.wei", PASSWORD, &code_at(&factor, expired), expired);
    assert_eq!(refusal(late), WRONG);
    set(&new.setting_secret, "li.wei", PASSWORD, &code, NOW).unwrap();
    let later = NOW.plus_ms(MINUTE);
    let again = set(&new.setting_secret, "li.wei", PASSWORD, &code_at(&factor, later), later);
    assert_eq!(refusal(again), WRONG);
}

#[test]
fn names_are_plain_and_belong_to_one_person() {
    let bed = bed();
    bed.add();
    for name in ["", "li wei", "李伟", &"x".repeat(65)] {
        let added = bed.store.add_sign_in(PERSON, name, None, NOW);
        assert!(matches!(added, Err(AccessError::NotAName(_))), "{name}");
    }
    let other = PersonId(8);
    let no_grant = bed.store.add_sign_in(other, "bo", None, NOW);
    assert!(matches!(no_grant, Err(AccessError::NoGrant(_))));
    bed.said.say(Actor::Person(other), |one| one.grants = Some(vec![AccessGrant::Hub]));
    let taken = bed.store.add_sign_in(other, "LI.WEI", None, NOW);
    assert!(matches!(taken, Err(AccessError::NameTaken(_))));
    bed.store.add_sign_in(other, "bo", None, NOW).unwrap();
    let listed = bed.store.sign_ins(NOW).unwrap();
    let shown: Vec<_> = listed.iter().map(|one| (one.person, &*one.name, one.ready)).collect();
    assert_eq!(shown, [(PERSON, "li.wei", false), (other, "bo", false)]);
}

#[test]
fn a_key_has_one_secret_and_works_while_the_books_say_so() {
    let bed = bed();
    let not_issued = bed.store.make_key_secret(KEY, NOW);
    assert!(matches!(not_issued, Err(AccessError::KeyNotIssued(KEY))));
    let seller = vec![AccessGrant::Seller(SellerId(1))];
    bed.said.say(Actor::Key(KEY), |one| one.grants = Some(seller.clone()));
    let secret = bed.store.make_key_secret(KEY, NOW).unwrap();
    assert!(secret.starts_with("ds_live_") && secret.len() == 8 + 64, "256 bits");
    assert!(bed.store.make_key_secret(KEY, NOW).is_err(), "once");
    assert_eq!(bed.store.key_secrets().unwrap()[0].used_at, None);
    let principal = bed.store.authenticate_key(&secret, NOW).unwrap();
    assert_eq!(principal.actor, Actor::Key(KEY));
    assert_eq!((principal.grants, principal.assurance), (seller, Assurance::ApiKey));
    let other = secret.replace("live", "test");
    for wrong in ["", "ds_live_", &secret[..40], &other, &format!("{secret}0")] {
        assert!(is_unknown(bed.store.authenticate_key(wrong, NOW)), "{wrong}");
    }
    bed.said.say(Actor::Key(KEY), |one| one.grants = None);
    let later = NOW.plus_ms(MINUTE);
    assert!(is_unknown(bed.store.authenticate_key(&secret, later)), "revoked a moment ago");
    assert_eq!(
        bed.store.key_secrets().unwrap()[0].used_at,
        Some(NOW),
        "only what was taken counts"
    );
}

#[test]
fn a_test_key_works_on_trial_books_only_and_a_live_one_not_there() {
    let bed = bed();
    bed.said.say(Actor::Key(KEY), |one| {
        (one.grants, one.trial) = (Some(vec![AccessGrant::Operator]), true);
    });
    let secret = bed.store.make_key_secret(KEY, NOW).unwrap();
    assert!(secret.starts_with("ds_test_"));
    assert!(bed.store.authenticate_key(&secret, NOW).is_ok());
    bed.said.say(Actor::Key(KEY), |one| one.trial = false);
    assert!(is_unknown(bed.store.authenticate_key(&secret, NOW)));
}

#[test]
fn a_link_opens_one_parcel_until_it_expires() {
    let bed = bed();
    let parcel = ParcelId::new(5);
    let until = NOW.plus_ms(MINUTE);
    let link = bed.store.link(parcel, until, NOW).unwrap();
    let principal = bed.store.authenticate_link(&link, NOW).unwrap();
    assert_eq!(principal.grants, [AccessGrant::Buyer(parcel)]);
    assert_eq!(principal.assurance, Assurance::Link);
    assert!(is_unknown(bed.store.authenticate_link(&link, until)));
    for place in (0..link.len()).step_by(7) {
        let mut changed = link.clone().into_bytes();
        changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(is_unknown(bed.store.authenticate_link(&changed, NOW)), "{changed}");
    }
    let longest = bed.store.link(parcel, Timestamp(u64::MAX), NOW).unwrap();
    let end = NOW.plus_ms(LINK_MS_MAX);
    assert!(is_unknown(bed.store.authenticate_link(&longest, end)));
}

#[test]
fn the_file_is_the_owners_and_has_no_secret_in_it() {
    let bed = bed();
    let (factor, session) = bed.ready();
    bed.said.say(Actor::Key(KEY), |one| one.grants = Some(vec![AccessGrant::Operator]));
    let key = bed.store.make_key_secret(KEY, NOW).unwrap();
    let path = bed.dir.path().join(ACCESS_FILE);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(&path).unwrap();
    let has = |secret: &[u8]| bytes.windows(secret.len()).any(|part| part == secret);
    for secret in [PASSWORD.as_bytes(), &factor, session.token.as_bytes(), key.as_bytes()] {
        assert!(!has(secret));
    }
    // Restarted, it knows all of it.
    let Bed { dir, key: vault_key, said, store } = bed;
    drop(store);
    let again = AccessStore::open(dir.path(), Some(vault_key), Box::new(said.clone())).unwrap();
    assert!(again.session(&session.token, NOW).is_ok());
    assert!(again.authenticate_key(&key, NOW).is_ok());
    let mut open = path.metadata().unwrap().permissions();
    open.set_mode(0o640);
    std::fs::set_permissions(&path, open).unwrap();
    let refused = AccessStore::open(dir.path(), None, Box::new(said));
    assert!(matches!(refused, Err(AccessError::ReadableByOthers(_))));
}

#[test]
fn without_the_vaults_key_there_are_no_sign_ins_and_no_links() {
    let dir = TempDir::new().unwrap();
    let said = Said::default();
    said.say(Actor::Person(PERSON), |one| one.grants = Some(vec![AccessGrant::Hub]));
    let store = AccessStore::open(dir.path(), None, Box::new(said)).unwrap();
    assert!(matches!(store.add_sign_in(PERSON, "bo", None, NOW), Err(AccessError::NoKey)));
    assert!(matches!(store.link(ParcelId::new(1), NOW, NOW), Err(AccessError::NoKey)));
}

#[test]
fn sign_ins_that_are_shown_are_of_trial_books_only() {
    let bed = bed();
    let is_real = |error: &AccessError| matches!(error, AccessError::NotATrial);
    let store = &bed.store;
    assert!(is_real(&store.add_trial_sign_in(PERSON, "ann", PASSWORD, NOW).unwrap_err()));
    assert!(is_real(&store.forget_trial_sign_ins(PERSON, NOW).unwrap_err()));
    assert!(
        store.begin_trial_session(PERSON, HOME, false, NOW).is_err_and(|error| is_real(&error))
    );

    bed.said.say(Actor::Person(PERSON), |one| one.trial = true);
    let none = store.begin_trial_session(PERSON, HOME, false, NOW);
    assert!(none.is_err_and(|error| matches!(error, AccessError::NoGrant(PERSON))));
    store.add_trial_sign_in(PERSON, "ann", PASSWORD, NOW).unwrap();
    let begun = store.begin_trial_session(PERSON, HOME, false, NOW).unwrap();
    let principal = store.session(&begun.token, NOW).unwrap();
    assert_eq!(principal.assurance, Assurance::SecondFactor);
    store.forget_trial_sign_ins(PERSON, NOW).unwrap();
    assert!(store.session(&begun.token, NOW).is_err(), "its sessions end");
    store.add_trial_sign_in(PERSON, "ann", PASSWORD, NOW).unwrap();
}

#[test]
fn a_store_from_before_passkeys_is_taken_over() {
    let bed = bed();
    let (factor, session) = bed.ready();
    let Bed { dir, key, said, store } = bed;
    drop(store);
    let file = rusqlite::Connection::open(dir.path().join(ACCESS_FILE)).unwrap();
    let before = "DROP TABLE passkeys; DROP TABLE answered_challenges;
        DROP TABLE linked_identities; PRAGMA user_version = 1;";
    file.execute_batch(before).unwrap();
    drop(file);
    let store = AccessStore::open(dir.path(), Some(key), Box::new(said)).unwrap();
    assert!(store.session(&session.token, NOW).is_ok());
    let later = NOW.plus_ms(MINUTE);
    let code = code_at(&factor, later);
    let sign_in = SignIn {
        name: "li.wei",
        password: PASSWORD,
        factor: SecondFactor::Code(&code),
        address: HOME,
    };
    assert!(store.sign_in(&sign_in, later).is_ok());
    assert_eq!(store.passkeys_of(PERSON).unwrap(), []);
}
