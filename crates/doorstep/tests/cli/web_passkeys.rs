//! Passkeys and sign-ins with a provider over HTTP: the authenticator is Yubico's fido2, the
//! provider is npm's oidc-provider.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use super::independent::python;
use super::process::Process;
use super::support::{Bed, Ran};
use super::web::{Got, Served, VIEWS, served, served_with};
use super::web_sessions::{Browser, Signer};

const AUTHENTICATOR: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/passkeys/authenticator.py");
const PROVIDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/provider.mjs");
/// The secret that the provider's client has.
const SECRET: &str = "a secret of the client: 50% & more\n";
const NOBODY: &str = "Cookie: none=none";

/// What a browser sends, whose pages are at a name.
struct Page<'s> {
    served: &'s Served,
    host: String,
    origin: String,
}

impl Page<'_> {
    fn of(served: &Served) -> Page<'_> {
        let port = served.address.rsplit_once(':').unwrap().1;
        let origin = format!("http://localhost:{port}");
        Page { served, host: format!("Host: localhost:{port}"), origin }
    }

    fn posts(&self, headers: &[&str], path: &str, fields: &Value) -> Got {
        self.served.posts(&[headers, &[&self.host]].concat(), path, fields)
    }

    fn gets(&self, cookie: &str, path: &str) -> Got {
        self.served.send("GET", path, &[cookie, &self.host], b"")
    }

    fn passkey(&self, act: &str, asked: &Value) -> Value {
        let mut command = self.served.bed.command(python().to_str().unwrap());
        command.args([AUTHENTICATOR, act, "passkey.json", &self.origin]).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
        Ran::end_of(&command, child).succeeds().json()
    }

    /// A passkey's use, of a challenge of its own.
    fn used(&self) -> Value {
        let asked = self.posts(&[NOBODY], "/v1/passkey-challenges", &json!({})).is(200);
        self.passkey("get", &asked.json())
    }

    fn signs_in(&self, used: &Value) -> Got {
        self.posts(&[NOBODY], "/v1/sign-in-passkey", used)
    }
}

#[test]
fn a_passkey_of_another_program_is_registered_and_signs_in() {
    let served = served();
    let page = Page::of(&served);
    let [ann, _] = Signer::both(&served);
    let session = Browser::begun(ann.sets_password(&served, &[]));
    let own = |session: &Browser| [session.cookie.clone(), session.csrf.clone()];
    let [cookie, csrf] = own(&session);
    let begins = |headers: &[&str]| page.posts(headers, "/v1/new-passkeys", &json!({}));
    begins(&[&cookie, &csrf]).problem(403, "step-up-needed");
    begins(&[NOBODY]).problem(401, "not-signed-in");
    served.posts(&[NOBODY], "/v1/passkey-challenges", &json!({})).problem(409, "not-set-up");
    let session = session.stepped_up(&served, &ann);
    let [cookie, csrf] = own(&session);
    let asked = begins(&[&cookie, &csrf]).is(200).json();
    assert_eq!(
        (&asked["relying_party"], &asked["name"]),
        (&json!("localhost"), &json!("person-1000000001"))
    );
    let mut made = page.passkey("create", &asked);
    made["name"] = json!("蓝色钥匙");
    let adds = |made: &Value| page.posts(&[&cookie, &csrf], "/v1/passkeys", made);
    let mut other = made.clone();
    other["client_data"] = json!("e30");
    assert_eq!(adds(&other).problem(422, "bad-value")["field"], "#/authenticator_data");
    other["client_data"] = json!("not base64url!");
    assert_eq!(adds(&other).problem(422, "bad-value")["field"], "#/client_data");
    adds(&made).is(200);
    adds(&made).problem(422, "bad-value");
    let listed = || page.gets(&cookie, "/v1/passkeys").is(200).json()["items"].clone();
    assert_eq!(listed()[0]["name"], "蓝色钥匙");

    // Alone, after the password, and as a step-up; each answer once.
    let used = page.used();
    let alone = Browser::begun(page.signs_in(&used));
    page.signs_in(&used).problem(401, "sign-in-refused");
    let who = page.gets(&alone.cookie, "/v1/session").is(200).json();
    assert_eq!(who["person"], "per_1000000001");
    assert_eq!(format!("Doorstep-Csrf: {}", who["csrf"].as_str().unwrap()), alone.csrf);
    assert_eq!(who["stepped_up"], false);
    let mut after = page.used();
    (after["name"], after["password"]) = (json!("person-1000000001"), json!("not the password"));
    page.posts(&[NOBODY], "/v1/sign-in", &after).problem(401, "sign-in-refused");
    after["password"] = json!(super::web_sessions::PASSWORD);
    Browser::begun(page.posts(&[NOBODY], "/v1/sign-in", &after));
    let [cookie, csrf] = own(&alone);
    let renewed = Browser::begun(page.posts(&[&cookie, &csrf], "/v1/step-up", &page.used()));
    assert_eq!(page.gets(&renewed.cookie, "/v1/session").json()["stepped_up"], true);
    // What came on the way is changed.
    let used = page.used();
    for name in ["passkey", "client_data", "authenticator_data", "signature"] {
        let mut other = used.clone();
        let text = used[name].as_str().unwrap();
        let begin = if text.starts_with('A') { "B" } else { "A" };
        other[name] = json!(format!("{begin}{}", &text[1..]));
        page.signs_in(&other).problem(401, "sign-in-refused");
        other.as_object_mut().unwrap().remove(name);
        page.signs_in(&other).problem(422, "missing-field");
    }
    let elsewhere = Page { origin: "http://localhost:1".to_owned(), ..Page::of(&served) };
    page.signs_in(&elsewhere.used()).problem(401, "sign-in-refused");
    Browser::begun(page.signs_in(&used));

    // The password is changed too, and the passkey removed.
    let [cookie, csrf] = own(&renewed);
    let change = |new: &str| {
        let current = super::web_sessions::PASSWORD;
        let fields = json!({ "current_password": current, "password": new });
        page.posts(&[&cookie, &csrf], "/v1/change-password", &fields)
    };
    let common = change("QwertyQwerty").problem(422, "bad-value");
    assert!(common["detail"].as_str().unwrap().contains("others try first"), "{common}");
    change("the bell rings twice").is(200);
    page.gets(&session.cookie, "/v1/session").problem(401, "not-signed-in");
    let number = page.gets(&cookie, "/v1/passkeys").is(200).json()["items"][0]["number"].clone();
    let path = format!("/v1/passkeys/{number}");
    let removes = || served.send("DELETE", &path, &[&cookie, &csrf, &page.host], b"");
    removes().is(200);
    removes().problem(404, "no-such-record");
    page.signs_in(&page.used()).problem(401, "sign-in-refused");
    served.engine.stop();
}

/// The provider, and the person who signs in there.
struct Provider {
    process: Process,
    issuer: String,
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl Provider {
    fn start(bed: &Bed) -> Provider {
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/node/node_modules");
        assert!(modules.exists(), "{} is missing: run ./test", modules.display());
        let mut command = super::support::tool(bed, "node");
        command.args([PROVIDER, modules.to_str().unwrap()]);
        let mut process = Process::of(command);
        let issuer = process.says("issuer ");
        Provider { process, issuer }
    }

    fn asks(&self, bed: &Bed, path: &str, given: &str) -> String {
        let mut curl = super::support::tool(bed, "curl");
        curl.args(["-sS", &format!("{}{path}?{}", self.issuer, encoded(given))]);
        Ran::of(&mut curl).succeeds().stdout().to_owned()
    }
}

/// Goes to the provider and comes back. Returns what the server answers.
fn comes_back(page: &Page<'_>, provider: &Provider, change: impl Fn(&str) -> String) -> Got {
    let away = page.gets(NOBODY, "/v1/sign-in-provider").is(303);
    let cookie = away.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-doorstep-provider="), "{cookie}");
    let back = provider.asks(&page.served.bed, "/goes", away.header("location").unwrap());
    let back = change(back.strip_prefix(&page.origin).unwrap_or_else(|| panic!("{back}")));
    page.gets(&format!("Cookie: {cookie}"), &back)
}

#[test]
fn who_was_linked_signs_in_with_a_provider_and_nothing_else_does() {
    let started = std::cell::OnceCell::new();
    let served = served_with(VIEWS, |bed| {
        let provider = Provider::start(bed);
        let settings = bed.read("door/doorstep.toml");
        bed.write("door/oidc.secret", SECRET);
        let section = format!(
            "[web.oidc]\nissuer = \"{}\"\nclient_id = \"doorstep\"\n\
             secret_file = \"oidc.secret\"\ntrusted_amr = [\"hwk\"]\n\n[terminals]",
            provider.issuer
        );
        bed.write("door/doorstep.toml", settings.replacen("[terminals]", &section, 1));
        assert!(started.set(provider).is_ok());
    });
    let (page, provider) = (Page::of(&served), started.get().unwrap());
    let bed = &served.bed;
    provider.asks(bed, "/client", &format!("{}/v1/sign-in-provider/return", page.origin));
    let goes = || comes_back(&page, provider, str::to_owned);
    let set = |what: Value| assert_eq!(provider.asks(bed, "/set", &what.to_string()), "set");

    // Nobody is linked, then somebody who has a sign-in.
    goes().problem(403, "not-linked");
    let link = |act: &str| {
        let issuer = &provider.issuer;
        let line = format!("user {act} ann --issuer {issuer} --subject ann-1 --data door/books");
        bed.run(&line)
    };
    link("link").fails("has no sign-in that counts");
    let [ann, _] = Signer::both(&served);
    link("link").succeeds();
    link("link").fails("linked to a person already");
    let users = bed.run("user list --data door/books --json").succeeds().json();
    assert_eq!(users["users"][0]["identities"][0]["subject"], "ann-1");

    // Our second factor is asked for; the provider's is trusted if the settings say so.
    let second = |got: &Got| {
        let all = got.all("set-cookie");
        let pending = all.iter().find(|one| one.contains("=dso_")).expect("a pending sign-in");
        assert!(!all.iter().any(|one| one.contains("=dss_")), "{all:?}");
        format!("Cookie: {}", pending.split(';').next().unwrap())
    };
    let got = goes().is(303);
    assert_eq!(got.header("location"), Some("/sign-in/second-factor"));
    let pending = second(&got);
    page.gets(&pending, "/v1/session").problem(401, "not-signed-in");
    let completes = |cookie: &str, code: &str| {
        let path = "/v1/sign-in-provider/second-factor";
        page.posts(&[cookie], path, &json!({ "code": code }))
    };
    completes(&pending, "000000x").problem(401, "sign-in-refused");
    completes(NOBODY, &ann.code()).problem(401, "sign-in-refused");
    let form = |cookie: &str, code: &str| {
        let headers = [cookie, &page.host, "Content-Type: application/x-www-form-urlencoded"];
        served.send("POST", "/sign-in/second-factor", &headers, format!("code={code}").as_bytes())
    };
    form(NOBODY, "000000").is(401);
    assert!(form(&pending, "000000").is(401).body.contains("The code is wrong"));
    let by_form = form(&pending, &ann.code()).is(303);
    assert_eq!(by_form.header("location"), Some("/"));
    assert!(by_form.all("set-cookie").iter().any(|one| one.contains("=dss_")));
    let begun = Browser::begun(completes(&pending, &ann.code()));
    assert_eq!(page.gets(&begun.cookie, "/v1/session").is(200).json()["person"], "per_1000000001");
    set(json!({ "claims": { "amr": ["pwd", "mfa"] } }));
    second(&goes());
    set(json!({ "claims": { "amr": ["pwd", "hwk"] } }));
    let got = goes().is(303);
    // A browser that comes from another site goes on from a page of ours.
    assert_eq!(got.header("location"), Some("/sign-in/done"));
    assert!(page.gets(NOBODY, "/sign-in/done").is(200).body.contains("url=/"));
    let session = got.all("set-cookie").into_iter().find(|one| one.contains("=dss_")).unwrap();
    let session = format!("Cookie: {}", session.split(';').next().unwrap());
    assert_eq!(page.gets(&session, "/v1/session").is(200).json()["person"], "per_1000000001");

    // They are listed and removed by their person, and by an administrator who is sure.
    let listed = |path: &str| page.gets(&begun.cookie, path);
    let own = listed("/v1/identities").is(200).json()["items"].clone();
    assert_eq!((&own[0]["number"], &own[0]["subject"]), (&json!(1), &json!("ann-1")));
    let others = listed("/v1/identities?person=per_1000000002").is(200);
    assert_eq!(others.json()["items"], json!([]));
    listed("/v1/identities?person=sel_1").problem(400, "bad-query");
    let removes =
        |path: &str| served.send("DELETE", path, &[&begun.cookie, &begun.csrf, &page.host], b"");
    let of_other = "/v1/identities/1?person=per_1000000002";
    removes(of_other).problem(403, "step-up-needed");
    removes("/v1/identities/7").problem(404, "no-such-record");
    assert!(listed("/access").is(200).body.contains("ann-1"));

    // Another person there, and what a provider or somebody between would change.
    set(json!({ "subject": "bo-2" }));
    goes().problem(403, "not-linked");
    for change in [
        json!({ "claims": { "iss": "http://127.0.0.1:1" } }),
        json!({ "claims": { "aud": "other" } }),
        json!({ "claims": { "nonce": "other" } }),
        json!({ "without": ["nonce"] }),
        json!({ "claims": { "exp": 1_000_000_000 } }),
        json!({ "claims": { "iat": 1_000_000_000 } }),
        json!({ "claims": { "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" } }),
        json!({ "signed": "other" }),
        json!({ "signed": "kept", "claims": { "sub": "ann-1", "x": 1 } }),
        json!({ "signed": "none", "header": { "alg": "none" } }),
        json!({ "signed": "hmac", "header": { "alg": "HS256" } }),
        json!({ "header": { "alg": "ES256" } }),
        json!({ "header": { "kid": "unknown" } }),
    ] {
        set(change.clone());
        let got = goes();
        assert_eq!(got.header("set-cookie"), None, "{change}");
        got.problem(502, "provider-failed");
    }
    // New keys, also of another kind, are read when they are first used.
    for alg in ["RS256", "ES256"] {
        set(json!({ "keys": alg }));
        second(&goes().is(303));
    }
    // What a browser brings back is changed.
    set(json!({}));
    let changed = |from: &str, to: &str| {
        comes_back(&page, provider, |back| {
            assert!(back.contains(from), "{back}");
            back.replacen(from, to, 1)
        })
    };
    changed("state=", "state=A").problem(401, "sign-in-refused");
    changed("state=", "other=").problem(401, "sign-in-refused");
    changed("code=", "code=A").problem(502, "provider-failed");
    changed("iss=", "iss=A").problem(502, "provider-failed");
    changed("iss=", "other=").problem(502, "provider-failed");
    changed("code=", "error=access_denied&other=").problem(401, "sign-in-refused");
    // Another browser, and the same one twice.
    let away = page.gets(NOBODY, "/v1/sign-in-provider").is(303);
    let cookie = away.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let back = provider.asks(bed, "/goes", away.header("location").unwrap());
    let back = back.strip_prefix(&page.origin).unwrap();
    page.gets(NOBODY, back).problem(401, "sign-in-refused");
    let other = page.gets(NOBODY, "/v1/sign-in-provider").is(303);
    let others = other.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    page.gets(&format!("Cookie: {others}"), back).problem(401, "sign-in-refused");
    let own = format!("Cookie: {cookie}");
    second(&page.gets(&own, back).is(303));
    page.gets(&own, back).problem(502, "provider-failed");
    // A browser sees a page.
    let shown = served.send("GET", back, &[&own, &page.host, "Accept: text/html"], b"").is(303);
    assert_eq!(shown.header("location"), Some("/problems/provider-failed"));
    let cut = ["act=unlink", "number=1", &begun.csrf.replace("Doorstep-Csrf: ", "csrf=")].join("&");
    let headers = [&*begun.cookie, &page.host, "Content-Type: application/x-www-form-urlencoded"];
    served.send("POST", "/access", &headers, b"act=unlink&number=1&csrf=0").is(403);
    served.send("POST", "/access", &headers, cut.as_bytes()).is(303);
    goes().problem(403, "not-linked");
    page.gets(&session, "/v1/session").problem(401, "not-signed-in");
    drop(started.into_inner().unwrap().process);
    let log = served.engine.stop();
    for secret in [SECRET.trim(), "eyJ"] {
        assert!(!log.stderr().contains(secret), "{secret}: {}", log.stderr());
    }
    assert!(log.stderr().contains("of another issuer"), "{}", log.stderr());
}
