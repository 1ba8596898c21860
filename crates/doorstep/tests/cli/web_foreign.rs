//! Whose things a seller sees and changes over HTTP: each request of the document with the things
//! of another seller.

use std::collections::BTreeSet;

use journal::{ChainHash, JournalHead, Sequence};
use notices::{DeliveryRules, NewNotice, NoticeChannel, Outbox, Recipient};
use serde_json::{Map, Value, json};
use views::ViewSpec;
use views::read::VIEWS;

use super::support::Bed;
use super::web::{ANN_WITH_BO, Got, Served, in_hours, issue, secret, served_with};
use super::web_sessions::{Browser, Signer};

/// Two sellers with two parcels each. A key cannot have both: the person 3 has.
fn two_sellers() -> Served {
    served_with(super::web::VIEWS, |bed: &Bed| {
        bed.orders(
            "orders.csv",
            &["A-1,S-A,CNY,10.00", "A-2,S-A,CNY,11.00", "B-1,S-B,CNY,20.00", "B-2,S-B,CNY,21.00"],
        );
        let import = "import --orders orders.csv --profile doorstep --data door/books";
        bed.run(&format!("{import} --by ann --approved-by bo")).succeeds();
        let until = in_hours(1);
        issue(bed, &format!("Seller=S-A --key 20 --until {until} {ANN_WITH_BO}"));
        for seller in ["S-A", "S-B"] {
            let line = format!("user grant 3 --grant Seller={seller} {ANN_WITH_BO}");
            bed.run(&format!("{line} --data door/books")).succeeds();
        }
    })
}

fn rows(got: Got) -> Vec<Value> {
    got.is(200).json()["items"].as_array().unwrap().clone()
}

fn path(view: &ViewSpec) -> String {
    format!("/v1/{}", view.name.replace('_', "-"))
}

/// The path of one row.
fn path_of(view: &ViewSpec, row: &Value) -> String {
    let part = |name: &&str| match &row[*name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let key: Vec<String> = view.key.iter().map(part).collect();
    format!("{}/{}", path(view), key.join("~"))
}

/// What names a seller: its identifier and reference, and those of its orders and parcels.
fn names_of(served: &Served, reference: &str, order: &str) -> BTreeSet<String> {
    let seller = rows(served.get(&format!("/v1/sellers?reference={reference}")));
    let seller = seller[0]["seller"].as_str().unwrap().to_owned();
    let mut names = BTreeSet::from([reference.to_owned()]);
    for parcel in rows(served.get(&format!("/v1/parcels?seller={seller}"))) {
        names.insert(parcel["parcel"].as_str().unwrap().to_owned());
    }
    names.insert(seller);
    names.extend([1, 2].map(|number| format!("{order}-{number}")));
    assert_eq!(names.len(), 6, "{names:?}");
    names
}

fn has(value: &Value, names: &BTreeSet<String>) -> bool {
    match value {
        Value::String(text) => names.contains(text),
        Value::Array(all) => all.iter().any(|one| has(one, names)),
        Value::Object(fields) => fields.values().any(|one| has(one, names)),
        _ => false,
    }
}

/// A value of a schema, with these identifiers where they fit.
fn example(schema: &Value, document: &Value, ids: &Map<String, Value>) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        let own = || example(&document["components"]["schemas"][name], document, ids);
        return ids.get(name).cloned().unwrap_or_else(own);
    }
    if let Some(fixed) = schema.get("const") {
        return fixed.clone();
    }
    for choice in ["enum", "oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema[choice].get(0) {
            return if choice == "enum" { first.clone() } else { example(first, document, ids) };
        }
    }
    match schema["type"].as_str() {
        Some("object") => {
            let fields = schema["properties"].as_object();
            let fields = fields.into_iter().flatten();
            fields.map(|(name, of)| (name.clone(), example(of, document, ids))).collect()
        }
        Some("array") => json!([example(&schema["items"], document, ids)]),
        Some("integer") => json!(schema["minimum"].as_u64().unwrap_or(0).max(1)),
        Some("boolean") => json!(true),
        _ => {
            let pattern = schema["pattern"].as_str().unwrap_or_default();
            let prefix = pattern.strip_prefix('^').and_then(|rest| rest.split_once('_'));
            match (schema["format"].as_str(), prefix) {
                (Some("date-time"), _) => json!("2026-11-30T00:00:00Z"),
                (Some("date"), _) => json!("2026-11-30"),
                (_, Some((prefix, _))) if prefix.len() == 3 => json!(format!("{prefix}_1")),
                _ => json!("x"),
            }
        }
    }
}

/// Notices: the own alone, in the list and one by one. The office sees all.
fn check_notices(served: &Served, key: &str, [own, foreign]: [&str; 2]) {
    let owners = [own, foreign].map(|id| id.replace("sel_", "seller:"));
    let data = served.bed.path("door/books");
    let mut outbox = Outbox::open(&data, DeliveryRules::default()).unwrap();
    let new = (1..).zip(&owners).map(|(place, owner)| {
        let owner: Recipient = owner.parse().unwrap();
        NewNotice {
            batch: Sequence::new(1),
            command: 1,
            place,
            recipient: owner,
            owner,
            channel: NoticeChannel::Mail,
            others: Vec::new(),
            event: "payout.confirmed",
            fields: json!({ "amount": "12.30" }).as_object().unwrap().clone(),
            table_version: 0,
            entry: 3,
            in_digest: false,
            ignores_quiet_hours: false,
            made_at_ms: 1_377_619_200_000,
        }
    });
    let head = JournalHead { sequence: Sequence::new(1), hash: ChainHash::new([7; 32]) };
    outbox.record(JournalHead::default(), head, &new.collect::<Vec<_>>()).unwrap();
    let get = |path: &str| served.send("GET", path, &[key], b"");
    let all = rows(get("/v1/notices"));
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((&all[0]["owner"], &all[0]["number"]), (&json!(owners[0]), &json!(1)));
    assert_eq!(all[0]["made_at"], "2013-08-27T16:00:00.000Z");
    assert_eq!(all[0]["fields"]["amount"], "12.30", "one's own money is shown");
    let one = get("/v1/notices/1").is(200).json();
    assert_eq!((&one["state"], &one["failures"]), (&json!("waiting"), &json!([])));
    for none in ["state=held", "channel=sms", "event=payout.sent", "before=1"] {
        assert!(rows(get(&format!("/v1/notices?{none}"))).is_empty(), "{none}");
    }
    assert!(rows(get(&format!("/v1/notices?owner={}", owners[1]))).is_empty());
    for path in ["/v1/notices/2", "/v1/notices/77", "/v1/notices/x"] {
        get(path).problem(404, "no-such-record");
    }
    get("/v1/notices?state=lost").problem(400, "bad-query");
    let csv = served.send("GET", "/v1/notices", &[key, "Accept: text/csv"], b"").is(200);
    assert_eq!(csv.body.lines().count(), 2, "{}", csv.body);
    assert!(csv.body.contains("payout.confirmed,12.30,") && !csv.body.contains(&owners[1]));

    // The pages: the list, one with what is known of it, and the page of a recipient.
    let page = |path: &str| served.send("GET", path, &[key, "Accept: text/html"], b"");
    let list = page("/notices?state=waiting").is(200).body;
    assert!(list.contains("href=\"/notices/1\"") && list.contains("Seller S-A"), "{list}");
    assert!(!list.contains("S-B"), "{list}");
    let known = page("/notices/1").is(200).body;
    assert!(known.contains("Not tried yet.") && known.contains("payout confirmed"), "{known}");
    let own_page = page(&format!("/notices/to/{}", owners[0])).is(200).body;
    assert!(own_page.contains("Notices to Seller S-A"), "{own_page}");
    let by_reference = page("/notices/to/seller:S-A").is(200).body;
    assert!(by_reference.contains("Notices to Seller S-A"), "{by_reference}");
    for path in ["/notices/2".to_owned(), format!("/notices/to/{}", owners[1])] {
        page(&path).is(404);
    }
    let twin = served.send("GET", "/notices.csv", &[key], b"").is(200);
    assert_eq!(twin.body, csv.body);

    // Statements: one's own, as the page has them and as the command line prints them.
    for (name, id) in [("S-A", own), ("S-B", foreign)] {
        let paths = [format!("/v1/now/statements/{name}"), format!("/v1/now/statements/{id}")];
        let statement = get(&format!("/v1/statements/{id}"));
        if id == own {
            paths.iter().for_each(|path| drop(get(path).is(200)));
            let twin = get(&format!("/statements/{id}.json")).is(200).json();
            assert_eq!(statement.is(200).json(), twin);
        } else {
            paths.iter().for_each(|path| drop(get(path).problem(403, "not-permitted")));
            statement.problem(404, "no-such-record");
        }
    }
    let first = served.get("/v1/notices?limit=1").is(200).json();
    assert_eq!(first["items"][0]["owner"], json!(owners[1]));
    let rest = served.get(&format!("/v1/notices?limit=1&before={}", first["next"])).is(200).json();
    assert_eq!((&rest["items"][0]["owner"], &rest["next"]), (&json!(owners[0]), &Value::Null));
}

#[test]
fn a_seller_sees_and_changes_nothing_of_another() {
    let served = two_sellers();
    let key = format!("Authorization: Bearer {}", secret(&served.bed, 20));
    let get = |path: &str| served.send("GET", path, &[&key], b"");
    let (own, foreign) = (names_of(&served, "S-A", "A"), names_of(&served, "S-B", "B"));

    // Every list and export, and each row that is the other's.
    let (mut seen, mut hidden) = (0, 0);
    for view in VIEWS {
        let list = format!("{}?limit=1000", path(view));
        for accept in ["application/json", "text/csv", "application/x-ndjson"] {
            let got = served.send("GET", &list, &[&key, &format!("Accept: {accept}")], b"");
            if got.status != 200 {
                got.problem(403, "not-permitted");
                continue;
            }
            for name in &foreign {
                assert!(!got.body.contains(name.as_str()), "{list} has {name}: {}", got.body);
            }
            seen += usize::from(own.iter().any(|name| got.body.contains(name.as_str())));
        }
        for row in rows(served.get(&list)).iter().filter(|row| has(row, &foreign)) {
            let one = get(&path_of(view, row));
            assert!([403, 404].contains(&one.status), "{}: {one:?}", view.name);
            hidden += 1;
        }
    }
    // Orders and parcels, each three times.
    assert!(seen >= 6, "{seen}");
    assert!(hidden >= 5, "{hidden}");
    for name in &foreign {
        let query = name.strip_prefix("par_").unwrap_or(name);
        let found = get(&format!("/v1/search?q={query}"));
        assert!(found.status != 200 || !has(&found.json(), &foreign), "{name}");
    }
    let document = served.get("/openapi.json").is(200).json();
    let paths = document["paths"].as_object().unwrap();
    for (path, of) in
        paths.iter().filter(|(path, of)| of.get("get").is_some() && path.starts_with("/v1/now/"))
    {
        assert!(of["get"]["responses"]["403"].is_object(), "{path}");
        let path = path.replace("{seller}", "S-B").replace("{payout}", "1");
        get(&path).problem(403, "not-permitted");
    }
    get("/v1/proposals").problem(403, "not-permitted");

    // Every command, with the other's things in every field.
    let names = |prefix: &str, of: &BTreeSet<String>| {
        of.iter().find(|name| name.starts_with(prefix)).unwrap().clone()
    };
    check_notices(&served, &key, [&*names("sel_", &own), &*names("sel_", &foreign)]);
    let ids = |of: &BTreeSet<String>| -> Map<String, Value> {
        let parcel = names("par_", of);
        let payment = json!({ "parcel": parcel, "number": 1 });
        let all = json!({
            "SellerId": names("sel_", of), "ParcelId": parcel, "PaymentId": payment,
            "Currency": "CNY",
        });
        all.as_object().unwrap().clone()
    };
    let changes = || {
        // Sign-ins and keys are recorded beside.
        let now = served.get("/v1/now/status").is(200);
        let path =
            format!("/v1/commands?min_position={}", now.header("doorstep-position").unwrap());
        let all = served.send("GET", &path, &["Accept: application/x-ndjson"], b"").is(200);
        all.body.lines().filter(|one| !one.contains("RecordAccessEvent")).count()
    };
    let before = changes();
    let (mut tried, mut refused) = (0, 0);
    for (path, of) in paths.iter().filter(|(path, _)| path.starts_with("/v1/commands/")) {
        let Some(post) = of.get("post") else { continue };
        let schema = &post["requestBody"]["content"]["application/json"]["schema"];
        let body = example(schema, &document, &ids(&foreign)).to_string();
        let identity = format!("Idempotency-Key: foreign-{tried}");
        let headers = [&key, "Content-Type: application/json", &identity];
        let got = served.send("POST", path, &headers, body.as_bytes());
        assert!((400..500).contains(&got.status), "{path} {body}: {got:?}");
        tried += 1;
        refused += u32::from([403, 404].contains(&got.status));
    }
    assert!(tried > 60, "{tried}");
    assert!(refused * 4 > tried * 3, "{refused} of {tried} are refused for their sender");
    assert_eq!(changes(), before);
    // The same request with the own parcel is carried out: it was the parcel that was refused.
    let amend = |of: &BTreeSet<String>, name: &str| {
        let identity = format!("Idempotency-Key: {name}");
        let headers = [&key, "Content-Type: application/json", &identity];
        let body = json!({ "parcel": names("par_", of), "due": 900 }).to_string();
        served.send("POST", "/v1/commands/amend-due", &headers, body.as_bytes())
    };
    amend(&foreign, "amend-1").problem(403, "not-permitted");
    amend(&own, "amend-2").is(200);
    assert_eq!(changes(), before + 1);
    served.engine.stop();
}

#[test]
fn a_person_who_acts_for_two_sellers_sees_the_rows_of_both() {
    let served = two_sellers();
    let add = "user add 3 --name clerk --data door/books --config door/doorstep.toml --json";
    let made = served.bed.run(add).succeeds().json();
    let clerk = Signer::of(&made["sign_ins"][0]);
    let session = Browser::begun(clerk.sets_password(&served, &[]));
    let orders = |query: &str| -> Vec<String> {
        let all = rows(session.get(&served, &format!("/v1/orders{query}")));
        all.iter().map(|one| one["reference"].as_str().unwrap().to_owned()).collect()
    };
    let mut all = orders("");
    all.sort();
    assert_eq!(all, ["A-1", "A-2", "B-1", "B-2"]);
    assert_eq!(orders("?reference=B-1"), ["B-1"]);
    // By pages too, and each with its own filter; nothing of the trial's own seller.
    let page = session.get(&served, "/v1/parcels?limit=3").is(200).json();
    let next = page["next"].as_str().unwrap();
    let rest = rows(session.get(&served, &format!("/v1/parcels?limit=3&cursor={next}")));
    assert_eq!(rest.len(), 1);
    let found = session.get(&served, "/v1/search?q=B-1").is(200);
    assert!(found.body.contains("B-1"), "{}", found.body);
    served.engine.stop();
}
