//! Identities of a provider, the tokens that prove them, and changed passwords.

use access::{
    ExpectedIdToken, IdTokenFault, IdentitiesAfterReset, LinkedIdentity, LinkedSignIn,
    ProviderKeys, verify_id_token,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

use super::*;

/// The provider's issuer, and who the person is there.
fn identity() -> LinkedIdentity {
    LinkedIdentity { issuer: "https://id.example".to_owned(), subject: "li-wei-1".to_owned() }
}

fn pending(done: Result<LinkedSignIn, SignInRefused>) -> String {
    match done {
        Ok(LinkedSignIn::NeedsSecondFactor(token)) => token,
        Ok(LinkedSignIn::Begun(_)) => panic!("without a second factor"),
        Err(why) => panic!("{why}"),
    }
}

#[test]
fn only_a_linked_identity_signs_in_and_our_second_factor_is_asked_for() {
    let bed = bed();
    let proven = |trusted, now| bed.store.sign_in_linked(&identity(), trusted, HOME, now);
    assert!(matches!(
        bed.store.link_identity(PERSON, &identity(), NOW),
        Err(AccessError::NoSignIn(_))
    ));
    let (factor, session) = bed.ready();
    assert!(matches!(proven(true, NOW), Err(SignInRefused::NotLinked)));
    bed.store.link_identity(PERSON, &identity(), NOW).unwrap();
    assert_eq!(bed.store.identities_of(PERSON).unwrap(), [(1, identity())]);
    let again = bed.store.link_identity(PersonId(7), &identity(), NOW);
    assert!(matches!(again, Err(AccessError::IdentityLinked)));
    for (issuer, subject) in
        [("https://id.example/", "li-wei-1"), ("https://id.example", "LI-WEI-1")]
    {
        let other = LinkedIdentity { issuer: issuer.to_owned(), subject: subject.to_owned() };
        let refused = bed.store.sign_in_linked(&other, true, HOME, NOW);
        assert!(matches!(refused, Err(SignInRefused::NotLinked)), "{issuer} {subject}");
    }

    let token = pending(proven(false, NOW));
    let later = NOW.plus_ms(MINUTE);
    let code = code_at(&factor, later);
    let complete = |token: &str, factor, now| bed.store.complete_linked(token, factor, HOME, now);
    for place in 0..token.len() {
        let mut other = token.clone().into_bytes();
        other[place] ^= 1;
        let other = String::from_utf8(other).unwrap();
        let done = complete(&other, SecondFactor::Code(&code), later);
        assert_eq!(refusal(done), WRONG, "{other}");
    }
    assert_eq!(refusal(complete(&token, SecondFactor::None, later)), WRONG);
    assert_eq!(refusal(complete(&token, SecondFactor::Code("000000x"), later)), WRONG);
    let ended = NOW.plus_ms(PENDING_SIGN_IN_MS_MAX);
    let at_end = code_at(&factor, ended);
    assert_eq!(refusal(complete(&token, SecondFactor::Code(&at_end), ended)), WRONG);
    let begun = complete(&token, SecondFactor::Code(&code), later).unwrap();
    assert_eq!(begun.principal.assurance, Assurance::SecondFactor);
    assert_eq!(refusal(complete(&token, SecondFactor::Code(&code), later)), WRONG);
    assert!(matches!(proven(true, later), Ok(LinkedSignIn::Begun(_))));
    assert_eq!(bed.events().last(), Some(&AccessEvent::SignedInByProvider));

    // A reset of the second factor ends it, and so does an end of all roles.
    bed.said.say(Actor::Person(PERSON), |one| one.resets = 1);
    assert!(matches!(proven(true, later), Err(SignInRefused::NotLinked)));
    bed.said.say(Actor::Person(PERSON), |one| (one.resets, one.grants) = (0, Some(Vec::new())));
    assert!(matches!(proven(true, later), Err(SignInRefused::NotLinked)));
    bed.said.say(Actor::Person(PERSON), |one| one.grants = Some(vec![AccessGrant::Finance]));
    assert!(!bed.store.unlink_identity(PersonId(8), &identity()).unwrap());
    assert!(bed.store.unlink_identity(PERSON, &identity()).unwrap());
    assert!(matches!(proven(true, later), Err(SignInRefused::NotLinked)));
    for ended in [&session, &begun] {
        assert!(is_unknown(bed.store.session(&ended.token, later)));
    }
}

#[test]
fn whoever_makes_a_sign_in_again_says_what_becomes_of_linked_identities() {
    let bed = bed();
    bed.ready();
    bed.store.link_identity(PERSON, &identity(), NOW).unwrap();
    bed.said.say(Actor::Person(PERSON), |one| one.resets = 1);
    let again = |linked| bed.store.add_sign_in(PERSON, "li.wei", linked, NOW);
    let proven = || bed.store.sign_in_linked(&identity(), false, HOME, NOW);
    let undecided = again(None).err();
    assert!(
        matches!(undecided, Some(AccessError::IdentitiesUndecided { identities: 1, .. })),
        "{undecided:?}"
    );
    assert!(matches!(proven(), Err(SignInRefused::NotLinked)));
    again(Some(IdentitiesAfterReset::Keep)).unwrap();
    pending(proven());
    again(Some(IdentitiesAfterReset::Remove)).unwrap();
    assert!(bed.store.identities_of(PERSON).unwrap().is_empty());
    assert!(matches!(proven(), Err(SignInRefused::NotLinked)));
    assert!(bed.events().contains(&AccessEvent::IdentityUnlinked));
    again(None).unwrap();
}

#[test]
fn a_password_is_changed_with_the_one_before_and_other_sessions_end() {
    let bed = bed();
    let (factor, first) = bed.ready();
    let at = |minutes: u64| NOW.plus_ms(minutes * MINUTE);
    let second = bed.sign_in(("li.wei", PASSWORD), &code_at(&factor, at(1)), at(1)).unwrap();
    let change = |token: &str, current: &str, new: &str| {
        bed.store.change_password(token, current, new, at(2))
    };
    let new = "the bell rings twice";
    assert!(matches!(change("dss_00", PASSWORD, new), Err(SignInRefused::Wrong)));
    assert!(matches!(change(&second.token, "not the password", new), Err(SignInRefused::Wrong)));
    let common = change(&second.token, PASSWORD, "Qwerty123456");
    assert!(matches!(common, Err(SignInRefused::CommonPassword)));
    let own = change(&second.token, PASSWORD, "li.wei li.wei");
    assert!(matches!(own, Err(SignInRefused::CommonPassword)));
    assert!(bed.store.session(&first.token, at(2)).is_ok());
    change(&second.token, PASSWORD, new).unwrap();
    assert!(is_unknown(bed.store.session(&first.token, at(2))));
    assert!(bed.store.session(&second.token, at(2)).is_ok());
    let code = |minutes| code_at(&factor, at(minutes));
    assert_eq!(refusal(bed.sign_in(("li.wei", PASSWORD), &code(3), at(3))), WRONG);
    bed.sign_in(("li.wei", new), &code(4), at(4)).unwrap();
    assert!(bed.events().contains(&AccessEvent::PasswordChanged));
}

/// A provider's key.
struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Signer {
        let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let key = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Signer(EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).unwrap())
    }

    fn public(&self, more: &str) -> String {
        let point = self.0.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(Base64UrlUnpadded::encode_string);
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"{more}}}"#)
    }

    fn token(&self, header: &str, claims: &str) -> String {
        let [header, claims] =
            [header, claims].map(|part| Base64UrlUnpadded::encode_string(part.as_bytes()));
        let signed = format!("{header}.{claims}");
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", Base64UrlUnpadded::encode_string(signature.as_ref()))
    }
}

const HEADER: &str = r#"{"alg":"ES256","kid":"one"}"#;
/// Of the access token: `printf access | openssl dgst -sha256 -binary | head -c 16 | base64`.
const HALF_HASH: &str = "oFYf1knNtrqnhAVfBRuteQ";

fn claims(change: impl Fn(&mut serde_json::Value)) -> String {
    let now = NOW.0 / 1000;
    let mut claims = serde_json::json!({
        "iss": "https://id.example", "sub": "li-wei-1", "aud": "doorstep", "nonce": "n-1",
        "iat": now, "exp": now + 300, "amr": ["pwd", "otp"], "acr": "two",
    });
    change(&mut claims);
    claims.to_string()
}

fn verified(token: &str, keys: &str) -> Result<access::ProvenIdentity, IdTokenFault> {
    let expected = ExpectedIdToken {
        issuer: "https://id.example",
        client: "doorstep",
        nonce: "n-1",
        access_token: Some("access"),
        now: NOW,
    };
    verify_id_token(token, &ProviderKeys::read(keys.as_bytes())?, &expected)
}

#[test]
fn an_id_token_proves_an_identity_only_if_everything_fits() {
    use IdTokenFault as F;
    let signer = Signer::new();
    let keys = format!(r#"{{"keys":[{}]}}"#, signer.public(r#","kid":"one","use":"sig""#));
    let proven = verified(&signer.token(HEADER, &claims(|_| ())), &keys).unwrap();
    assert_eq!(proven.subject, "li-wei-1");
    assert_eq!(
        (proven.methods, proven.class),
        (vec!["pwd".into(), "otp".into()], Some("two".into()))
    );

    let now = NOW.0 / 1000;
    let cases: Vec<(&str, serde_json::Value, F)> = vec![
        ("iss", "https://id.example/".into(), F::Issuer),
        ("iss", "https://evil.example".into(), F::Issuer),
        ("aud", "other".into(), F::Audience),
        ("aud", serde_json::json!(["doorstep", "other"]), F::Audience),
        ("aud", serde_json::json!([]), F::Audience),
        ("azp", "other".into(), F::Audience),
        ("exp", (now - 61).into(), F::Time),
        ("iat", (now + 61).into(), F::Time),
        ("iat", (now - 600).into(), F::Time),
        ("nbf", (now + 61).into(), F::Time),
        ("nonce", "n-2".into(), F::Nonce),
        ("nonce", serde_json::Value::Null, F::Nonce),
        ("at_hash", "AAAAAAAAAAAAAAAAAAAAAA".into(), F::AccessToken),
        ("sub", "".into(), F::Malformed),
        ("sub", "s".repeat(256).into(), F::Malformed),
        ("sub", serde_json::Value::Null, F::Malformed),
        ("exp", serde_json::Value::Null, F::Malformed),
    ];
    for (name, value, fault) in cases {
        let changed = claims(|claims| claims[name] = value.clone());
        assert_eq!(verified(&signer.token(HEADER, &changed), &keys), Err(fault), "{name} {value}");
    }
    for (name, value) in [
        ("aud", serde_json::json!(["doorstep"])),
        ("azp", "doorstep".into()),
        ("exp", (now - 59).into()),
        ("at_hash", HALF_HASH.into()),
    ] {
        let changed = claims(|claims| claims[name] = value.clone());
        assert!(verified(&signer.token(HEADER, &changed), &keys).is_ok(), "{name} {value}");
    }
    for (header, fault) in [
        (r#"{"alg":"none"}"#, F::Algorithm),
        (r#"{"alg":"HS256","kid":"one"}"#, F::Algorithm),
        (r#"{"alg":"ES384","kid":"one"}"#, F::Algorithm),
        (r#"{"alg":"es256","kid":"one"}"#, F::Algorithm),
        (r#"{"alg":"RS256","kid":"one"}"#, F::UnknownKey),
        (r#"{"alg":"ES256","kid":"two"}"#, F::UnknownKey),
        (r#"{"alg":"ES256","kid":"one","crit":["b64"]}"#, F::Malformed),
        (r#"{"alg":"ES256","kid":"one","typ":"at+jwt"}"#, F::Malformed),
        (r#"{"alg":"ES256","alg":"none","kid":"one"}"#, F::Malformed),
        (r#"{"kid":"one"}"#, F::Malformed),
    ] {
        let token = signer.token(header, &claims(|_| ()));
        assert_eq!(verified(&token, &keys), Err(fault), "{header}");
    }
    // Each character of a good one, parts that are missing, and another key of the same name.
    let good = signer.token(HEADER, &claims(|_| ()));
    for place in 0..good.len() {
        let mut other = good.clone().into_bytes();
        other[place] = if other[place] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert!(verified(&other, &keys).is_err(), "{place}");
    }
    let unsigned = good.rsplit_once('.').unwrap().0;
    for text in ["", ".", "..", unsigned, &format!("{unsigned}."), &format!("{good}.")] {
        assert!(verified(text, &keys).is_err(), "{text}");
    }
    assert_eq!(verified(&Signer::new().token(HEADER, &claims(|_| ())), &keys), Err(F::Signature));
    assert_eq!(verified(&good, "[]"), Err(F::KeySet));
    // Keys for something else are no keys; without a name only a single one can be meant.
    let named = |more: &str| signer.public(&format!(r#","kid":"one"{more}"#));
    for more in [r#","use":"enc""#, r#","alg":"ES384""#, r#","alg":"RS256""#] {
        let keys = format!(r#"{{"keys":[{}]}}"#, named(more));
        assert_eq!(verified(&good, &keys), Err(F::UnknownKey), "{more}");
    }
    let nameless = signer.token(r#"{"alg":"ES256"}"#, &claims(|_| ()));
    assert!(verified(&nameless, &keys).is_ok());
    let two = format!(r#"{{"keys":[{},{}]}}"#, named(""), Signer::new().public(""));
    assert_eq!(verified(&nameless, &two), Err(F::UnknownKey));
    assert!(verified(&good, &two).is_ok());
}
