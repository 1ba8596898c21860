//! Passkeys: an authenticator of the test's own, and everything that it can say wrongly.

use access::{NewPasskey, PasskeyAssertion, PasskeyFault, PasskeyRefused, Principal, RelyingParty};
use base64ct::{Base64UrlUnpadded, Encoding};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use sha2::{Digest, Sha256};

use super::*;

const ORIGIN: &str = "https://pay.example";
const UP: u8 = 1;
const UV: u8 = 4;
const BE: u8 = 8;
const BS: u8 = 16;
const AT: u8 = 64;
const ED: u8 = 128;

struct Authenticator {
    id: Vec<u8>,
    key: EcdsaKeyPair,
}

/// What it signs, before it is signed.
#[derive(Clone)]
struct Said {
    client: String,
    data: Vec<u8>,
}

fn party() -> RelyingParty {
    RelyingParty::of_origin(ORIGIN).unwrap()
}

fn client(kind: &str, challenge: &str, more: &str) -> String {
    format!(r#"{{"type":"webauthn.{kind}","challenge":"{challenge}","origin":"{ORIGIN}"{more}}}"#)
}

fn data(rp: &str, flags: u8, count: u32) -> Vec<u8> {
    [&Sha256::digest(rp)[..], &[flags], &count.to_be_bytes()].concat()
}

impl Authenticator {
    fn new(id: &[u8]) -> Authenticator {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random);
        Authenticator { id: id.to_vec(), key: key.unwrap() }
    }

    fn made(&self, challenge: &str, flags: u8) -> Said {
        let point = self.key.public_key().as_ref();
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        // COSE: kty 2, alg -7, crv 1, x, y.
        let key = [
            &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20][..],
            &point[1..33],
            &[0x22, 0x58, 0x20],
            &point[33..],
        ];
        let attested = [&[0; 16][..], &length, &self.id, &key.concat()].concat();
        let data = [data("pay.example", flags, 0), attested].concat();
        Said { client: client("create", challenge, ""), data }
    }

    fn signature(&self, said: &Said) -> Vec<u8> {
        let signed = [&said.data[..], &Sha256::digest(&said.client)].concat();
        self.key.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec()
    }
}

impl Bed {
    /// The person in a session with the second factor given a moment ago.
    fn stepped_up(&self) -> Principal {
        let (factor, session) = self.ready();
        let later = NOW.plus_ms(MINUTE);
        let code = code_at(&factor, later);
        self.store.step_up(&session.token, SecondFactor::Code(&code), later).unwrap().principal
    }

    fn adds(&self, by: &Principal, name: &str, said: &Said) -> Result<u64, PasskeyRefused> {
        let new = NewPasskey {
            relying_party: &party(),
            name,
            client_data: said.client.as_bytes(),
            authenticator_data: &said.data,
        };
        self.store.add_passkey(by, &new, NOW)
    }

    fn begins(&self, by: &Principal) -> String {
        self.store.begin_passkey(by, NOW).unwrap().challenge
    }

    /// A person with a passkey.
    fn with_passkey(&self, of: &Authenticator, flags: u8) -> Principal {
        let person = self.stepped_up();
        self.adds(&person, "blue", &of.made(&self.begins(&person), flags)).unwrap();
        person
    }

    fn uses_as(
        &self,
        id: &[u8],
        said: &Said,
        signature: &[u8],
        then: impl FnOnce(PasskeyAssertion<'_>) -> Result<NewSession, SignInRefused>,
    ) -> Result<NewSession, SignInRefused> {
        then(PasskeyAssertion {
            relying_party: &party(),
            id,
            client_data: said.client.as_bytes(),
            authenticator_data: &said.data,
            signature,
        })
    }

    fn uses(&self, of: &Authenticator, said: &Said) -> Result<NewSession, SignInRefused> {
        let signature = of.signature(said);
        self.uses_as(&of.id, said, &signature, |given| {
            self.store.sign_in_with_passkey(&given, HOME, NOW)
        })
    }

    fn challenged(&self, flags: u8, count: u32) -> Said {
        let challenge = self.store.passkey_challenge(NOW).unwrap();
        Said { client: client("get", &challenge, ""), data: data("pay.example", flags, count) }
    }
}

#[test]
fn a_passkey_is_made_after_a_step_up_and_signs_in_alone_or_after_the_password() {
    let (bed, key) = (bed(), Authenticator::new(b"first key"));
    let person = bed.stepped_up();
    let said = key.made(&bed.begins(&person), UP | UV | AT);
    let unsure = Principal { assurance: Assurance::SecondFactor, ..person.clone() };
    let by_key = Principal { actor: Actor::Key(KEY), ..person.clone() };
    for other in [unsure, by_key] {
        let refused = bed.adds(&other, "blue", &said);
        assert!(matches!(refused, Err(PasskeyRefused::NotSteppedUp)));
        let refused = bed.store.begin_passkey(&other, NOW);
        assert!(matches!(refused, Err(PasskeyRefused::NotSteppedUp)));
    }
    let number = bed.adds(&person, " blue ", &said).unwrap();
    assert_eq!(bed.events().last(), Some(&AccessEvent::PasskeyAdded));
    assert_eq!(bed.store.begin_passkey(&person, NOW).unwrap().others.len(), 1);

    let alone = bed.uses(&key, &bed.challenged(UP | UV, 1)).unwrap();
    assert_eq!(alone.principal.actor, Actor::Person(PERSON));
    assert_eq!(alone.principal.assurance, Assurance::SecondFactor);
    assert_eq!(bed.events().last(), Some(&AccessEvent::SignedInByPasskey));
    let said = bed.challenged(UP | UV, 2);
    let signature = key.signature(&said);
    bed.uses_as(&key.id, &said, &signature, |given| {
        let factor = SecondFactor::Passkey(given);
        let (name, password) = ("li.wei", PASSWORD);
        bed.store.sign_in(&SignIn { name, password, factor, address: HOME }, NOW)
    })
    .unwrap();
    let said = bed.challenged(UP | UV, 3);
    let signature = key.signature(&said);
    let renewed = bed.uses_as(&key.id, &said, &signature, |given| {
        bed.store.step_up(&alone.token, SecondFactor::Passkey(given), NOW)
    });
    assert_eq!(renewed.unwrap().principal.assurance, Assurance::SteppedUp);

    let listed = bed.store.passkeys_of(PERSON).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].name.as_str(), listed[0].used_at), ("blue", Some(NOW)));
    assert!(!bed.store.remove_passkey(PersonId(8), number).unwrap());
    assert!(bed.store.remove_passkey(PERSON, number).unwrap());
    assert_eq!(refusal(bed.uses(&key, &bed.challenged(UP | UV, 4))), WRONG);
}

#[test]
fn a_passkey_needs_its_own_sign_in() {
    let (bed, key) = (bed(), Authenticator::new(b"first key"));
    bed.with_passkey(&key, UP | UV | AT);
    // Of another person, it is no second factor.
    let other = PersonId(8);
    bed.said.say(Actor::Person(other), |one| one.grants = Some(vec![AccessGrant::Finance]));
    let new = bed.store.add_sign_in(other, "other", None, NOW).unwrap();
    let code = code_at(&secret(&new.factor), NOW);
    let (name, password) = ("other", PASSWORD);
    let factor = SecondFactor::Code(&code);
    let sign_in = SignIn { name, password, factor, address: HOME };
    bed.store.set_password(&new.setting_secret, &sign_in, NOW).unwrap();
    let said = bed.challenged(UP | UV, 1);
    let signature = key.signature(&said);
    let refused = bed.uses_as(&key.id, &said, &signature, |given| {
        let factor = SecondFactor::Passkey(given);
        bed.store.sign_in(&SignIn { name, password, factor, address: HOME }, NOW)
    });
    assert_eq!(refusal(refused), WRONG);
    bed.uses(&key, &bed.challenged(UP | UV, 2)).unwrap();
    // Two people reset the second factor: the passkey ends with it.
    bed.said.say(Actor::Person(PERSON), |one| one.resets = 1);
    assert_eq!(refusal(bed.uses(&key, &bed.challenged(UP | UV, 3))), WRONG);
    bed.add();
    assert_eq!(bed.store.passkeys_of(PERSON).unwrap(), []);
}

#[test]
fn a_new_passkey_of_which_something_was_changed_is_refused() {
    let (bed, key) = (bed(), Authenticator::new(b"first key"));
    let person = bed.stepped_up();
    let flags = UP | UV | AT;
    let said = |flags| key.made(&bed.begins(&person), flags);
    let refused = |said: &Said| match bed.adds(&person, "blue", said) {
        Err(PasskeyRefused::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    };
    use PasskeyFault as F;
    for (flags, fault) in [
        (UV | AT, F::NotVerified),
        (UP | AT, F::NotVerified),
        (UP | UV, F::Malformed),
        (UP | UV | AT | BS, F::Malformed),
    ] {
        assert_eq!(refused(&said(flags)), fault, "{flags}");
    }
    let changed = |from: &str, to: &str| {
        let said = said(flags);
        assert!(said.client.contains(from));
        Said { client: said.client.replace(from, to), data: said.data }
    };
    for (from, to, fault) in [
        ("webauthn.create", "webauthn.get", F::Challenge),
        (ORIGIN, "https://pay.example:8443", F::Origin),
        (ORIGIN, "http://pay.example", F::Origin),
        (ORIGIN, "https://pay.example.evil", F::Origin),
        ("\"}", "\",\"crossOrigin\":true}", F::Origin),
        ("\"}", "\",\"topOrigin\":\"https://evil.example\"}", F::Origin),
        ("\"}", "\",\"origin\":\"https://pay.example\"}", F::Malformed),
        ("\"challenge\":\"", "\"challenge\":\"=", F::Challenge),
        ("\"challenge\":\"", "\"challenge\":\"AAAA", F::Challenge),
        ("\"origin\"", "\"Origin\"", F::Malformed),
        ("}", "", F::Malformed),
    ] {
        assert_eq!(refused(&changed(from, to)), fault, "{from} {to}");
    }
    let mut other_site = said(flags);
    other_site.data[..32].copy_from_slice(&Sha256::digest("evil.example"));
    assert_eq!(refused(&other_site), F::Origin);
    // A challenge for using a passkey, and one that is too old.
    let asked = bed.store.passkey_challenge(NOW).unwrap();
    assert_eq!(refused(&key.made(&asked, flags)), F::Challenge);
    let before = Timestamp(NOW.0 - CHALLENGE_MS_MAX);
    let old = bed.store.begin_passkey(&person, before).unwrap().challenge;
    assert_eq!(refused(&key.made(&old, flags)), F::Challenge);
    // Cut anywhere, or longer: nothing is read beyond the end.
    let whole = said(flags);
    for length in 0..whole.data.len() {
        let cut = Said { data: whole.data[..length].to_vec(), ..whole.clone() };
        assert!(bed.adds(&person, "blue", &cut).is_err(), "{length}");
    }
    let mut longer = said(flags);
    longer.data.push(0);
    assert_eq!(refused(&longer), F::Malformed);
    // A key of another kind: RS256, or another curve.
    let key_at = 37 + 16 + 2 + key.id.len();
    for place in [key_at, key_at + 4, key_at + 6, key_at + 9, key_at + 42] {
        let mut other = said(flags);
        other.data[place] ^= 1;
        assert_eq!(refused(&other), F::Unsupported, "{place}");
    }
    for name in ["", "   ", &"n".repeat(41), "two\nlines"] {
        let named = bed.adds(&person, name, &said(flags));
        assert!(matches!(named, Err(PasskeyRefused::Fault(F::Name))), "{name}");
    }
    // The challenge of nobody else, once; the passkey once; ten at most.
    let other = Principal { actor: Actor::Person(PersonId(8)), ..person.clone() };
    let theirs = key.made(&bed.begins(&person), flags);
    let refusal_of_other = bed.adds(&other, "blue", &theirs);
    assert!(matches!(refusal_of_other, Err(PasskeyRefused::Fault(F::Challenge))));
    let mut extended = said(flags | ED);
    extended.data.extend([0xa0]);
    bed.adds(&person, "blue", &extended).unwrap();
    assert_eq!(refused(&extended), F::Challenge);
    assert_eq!(refused(&said(flags)), F::Taken);
    for number in 1..PASSKEYS_PER_PERSON_MAX {
        let one = Authenticator::new(&number.to_be_bytes());
        bed.adds(&person, "more", &one.made(&bed.begins(&person), flags)).unwrap();
    }
    let one_more = Authenticator::new(b"one more").made(&bed.begins(&person), flags);
    assert_eq!(refused(&one_more), F::TooMany);
}

#[test]
fn a_use_of_which_something_was_changed_signs_nobody_in() {
    let (bed, key) = (bed(), Authenticator::new(b"first key"));
    bed.with_passkey(&key, UP | UV | AT | BE | BS);
    let flags = UP | UV | BE | BS;
    // The address waits after many tries: each comes from another one.
    let mut tries = 0;
    let mut refused = |id: &[u8], said: &Said, signature: &[u8]| {
        tries += 1;
        let address = IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0000 + tries));
        let done = bed.uses_as(id, said, signature, |given| {
            bed.store.sign_in_with_passkey(&given, address, NOW)
        });
        matches!(done, Err(SignInRefused::Wrong))
    };
    // What the authenticator itself would say otherwise: the signature is right.
    for flags in [UV | BE, UP | BE, UP | UV, UP | UV | BS, UP | UV | BE | 2 | AT] {
        let said = bed.challenged(flags, 1);
        let good = flags == (UP | UV | BE | 2 | AT);
        assert_eq!(refused(&key.id, &said, &key.signature(&said)), !good, "{flags}");
    }
    let mut count = 1;
    let mut next = || {
        count += 1;
        bed.challenged(flags, count)
    };
    for (from, to) in [
        ("webauthn.get", "webauthn.create"),
        (ORIGIN, "https://evil.example"),
        ("\"}", "\",\"crossOrigin\":true}"),
        ("\"}", "\",\"topOrigin\":\"https://evil.example\"}"),
        ("\"challenge\":\"", "\"challenge\":\"AAAA"),
    ] {
        let mut said = next();
        said.client = said.client.replace(from, to);
        assert!(refused(&key.id, &said, &key.signature(&said)), "{from} {to}");
    }
    let mut said = next();
    said.data[..32].copy_from_slice(&Sha256::digest("evil.example"));
    assert!(refused(&key.id, &said, &key.signature(&said)));
    let mut said = next();
    said.data.push(0);
    assert!(refused(&key.id, &said, &key.signature(&said)));
    // What somebody between would change: each byte of each part.
    let said = next();
    let signature = key.signature(&said);
    for place in 0..said.data.len() {
        let mut other = said.clone();
        other.data[place] ^= 1;
        assert!(refused(&key.id, &other, &signature), "{place} of the data");
    }
    for place in 0..signature.len() {
        let mut other = signature.clone();
        other[place] ^= 1;
        assert!(refused(&key.id, &said, &other), "{place} of the signature");
    }
    for place in 0..said.client.len() {
        let mut bytes = said.client.clone().into_bytes();
        bytes[place] ^= 1;
        let client = String::from_utf8(bytes).unwrap();
        assert!(refused(&key.id, &Said { client, ..said.clone() }, &signature), "{place}");
    }
    assert!(refused(b"other key", &said, &signature));
    let other = Authenticator::new(b"first key");
    assert!(refused(&key.id, &said, &other.signature(&said)));
    let challenge = bed.store.passkey_challenge(Timestamp(NOW.0 - CHALLENGE_MS_MAX)).unwrap();
    let old = Said { client: client("get", &challenge, ""), data: said.data.clone() };
    assert!(refused(&key.id, &old, &key.signature(&old)));
    // Nothing of it spoiled the right one, which counts once.
    assert!(!refused(&key.id, &said, &signature));
    assert!(refused(&key.id, &said, &signature));
    assert!(!bed.store.passkeys_of(PERSON).unwrap()[0].is_suspect);
    // For another site, with its own pages.
    let elsewhere = RelyingParty::of_origin("https://other.example").unwrap();
    let said = next();
    let given = PasskeyAssertion {
        relying_party: &elsewhere,
        id: &key.id,
        client_data: said.client.as_bytes(),
        authenticator_data: &said.data,
        signature: &key.signature(&said),
    };
    assert_eq!(refusal(bed.store.sign_in_with_passkey(&given, HOME, NOW)), WRONG);
}

#[test]
fn a_copy_of_a_passkey_is_noticed_and_ends_it() {
    let (bed, key) = (bed(), Authenticator::new(b"first key"));
    bed.with_passkey(&key, UP | UV | AT);
    // Without a count it is not known: synchronised passkeys have none.
    for _ in 0..2 {
        bed.uses(&key, &bed.challenged(UP | UV, 0)).unwrap();
    }
    bed.uses(&key, &bed.challenged(UP | UV, 7)).unwrap();
    let again = bed.challenged(UP | UV, 7);
    assert_eq!(refusal(bed.uses(&key, &again)), WRONG);
    assert!(bed.store.passkeys_of(PERSON).unwrap()[0].is_suspect);
    assert!(bed.events().contains(&AccessEvent::PasskeySuspected));
    assert_eq!(refusal(bed.uses(&key, &bed.challenged(UP | UV, 8))), WRONG);
    let challenge = Base64UrlUnpadded::decode_vec(&bed.store.passkey_challenge(NOW).unwrap());
    assert!(challenge.unwrap().len() >= 16, "WebAuthn asks for 16 bytes");
}
