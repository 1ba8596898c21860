//! Personal data over HTTP, with the vault in PostgreSQL: who is shown what, and that the books say
//! so first.

use bench::PostgresCluster;
use serde_json::{Value, json};

use super::payout_accounts::{assert_in_no_file, give_to, payment};
use super::support::Bed;
use super::web::{ANN_WITH_BO, Got, Served, VIEWS, in_hours, issue, secret, served_with, start};
use super::web_sessions::{Browser, Signer};

const IBAN: &str = "BR1500000000000010932840814P2";
const HOLDER: &str = "Marta Silva";
const NAME: &str = "欧阳娜娜";
const PHONE: &str = "13912345678";
const ADDRESS: &str = "广州市天河路";
const CSV: &str = "Content-Type: text/csv";

/// Books of two sellers with a buyer each, served with the vault in a database.
fn served(cluster: &PostgresCluster) -> Served {
    let vault = format!("[vault]\nurl = \"{}\"\n\n", cluster.url());
    served_with(&(VIEWS.to_owned() + &vault), |bed| {
        bed.write(
            "orders.csv",
            format!(
                "order,seller,currency,amount_due,buyer_name,buyer_phone,buyer_address\n\
                 O-1,web-shop,CNY,10.00,{NAME},{PHONE},{ADDRESS}\n\
                 O-2,other-shop,CNY,20.00,李四,13800000000,上海\n"
            ),
        );
        // In the file: the records move when it is served.
        let import = "import --orders orders.csv --profile doorstep --data door/books";
        let flags = "--by ann --approved-by bo --config door/doorstep.toml";
        bed.run(&format!("{import} {flags}")).succeeds();
    })
}

/// The header of a key with roles.
fn key(bed: &Bed, number: u32, flags: &str) -> String {
    let until = in_hours(1);
    issue(bed, &format!("{flags} --key {number} --until {until} {ANN_WITH_BO}"));
    format!("Authorization: Bearer {}", secret(bed, number))
}

fn show(served: &Served, key: &str, fields: &Value) -> Got {
    served.posts(&[key], "/v1/disclosures", fields)
}

/// The sealed records, as a backup of the server has them.
fn records(cluster: &PostgresCluster) -> String {
    cluster.sql("SELECT one::text FROM doorstep_vault.records one ORDER BY 1").unwrap()
}

fn disclosures(bed: &Bed) -> usize {
    let seen = bed.run("vault disclosures --data door/books --json").succeeds();
    seen.stdout().lines().count()
}

#[test]
fn a_buyer_is_shown_to_those_who_may_and_a_courier_sees_todays_tour_only() {
    let mut cluster = PostgresCluster::quick().unwrap();
    let served = served(&cluster);
    let bed = &served.bed;
    let dump = records(&cluster);
    assert!(dump.contains("buyer of parcel") && !dump.contains(NAME), "{dump}");
    let couriers = served.get("/v1/couriers?limit=1").is(200).json();
    let courier = couriers["items"][0]["courier"].as_str().unwrap().to_owned();
    let person = courier.trim_start_matches("cou_");
    bed.run(&format!("user grant {person} --grant Courier --data door/books {ANN_WITH_BO}"))
        .succeeds();
    let own = key(bed, 21, &format!("Courier --person-id {person}"));
    let operator = format!("Authorization: Bearer {}", served.key);
    let seller = key(bed, 22, "Seller=web-shop");
    let parcel = |order: &str| json!({ "parcel": order, "purpose": "Delivery" });

    // Before the tour it is nobody's: as if it were not there.
    let hidden = show(&served, &own, &parcel("web-shop/O-1")).problem(404, "no-such-record");
    let unknown = show(&served, &own, &parcel("web-shop/none")).problem(404, "no-such-record");
    assert_eq!(hidden, unknown);
    assert_eq!(disclosures(bed), 0, "nothing was shown");
    let firm = couriers["items"][0]["firm"].clone();
    let assigned = json!({ "firm": firm, "parcels": ["web-shop/O-1"] });
    served.give("assign-parcels", "assign", &assigned).is(200);
    let out = json!({ "courier": courier, "parcels": ["web-shop/O-1"] });
    served.give("dispatch-parcels", "dispatch", &out).is(200);
    let shown = show(&served, &own, &parcel("web-shop/O-1")).is(200).json();
    let expected = json!([{
        "kind": "Delivery",
        "fields": { "name": NAME, "phone": PHONE, "address": ADDRESS },
    }]);
    assert_eq!(shown["records"], expected);
    assert!(shown["subject"]["parcel"].as_str().unwrap().starts_with("par_"), "{shown}");
    show(&served, &own, &parcel("other-shop/O-2")).problem(404, "no-such-record");
    let dispute = json!({ "parcel": "web-shop/O-1", "purpose": "Dispute" });
    show(&served, &own, &dispute).problem(403, "not-permitted");
    assert_eq!(disclosures(bed), 1);

    // A seller sees no buyer, not even the own; who may see all may have any reason.
    show(&served, &seller, &parcel("web-shop/O-1")).problem(403, "not-permitted");
    show(&served, &seller, &parcel("other-shop/O-2")).problem(403, "not-permitted");
    show(&served, &operator, &dispute).is(200);
    show(&served, &operator, &parcel("web-shop/none")).problem(404, "no-such-record");
    let both = json!({ "parcel": "web-shop/O-1", "seller": "web-shop", "purpose": "Audit" });
    show(&served, &operator, &both).problem(422, "bad-value");
    show(&served, &operator, &json!({ "purpose": "Audit" })).problem(422, "missing-field");
    let why = json!({ "parcel": "web-shop/O-1", "purpose": "Curiosity" });
    show(&served, &operator, &why).problem(422, "bad-value");
    assert_eq!(disclosures(bed), 2);

    // The server is gone, and comes back.
    cluster.stop();
    let gone = show(&served, &operator, &dispute).problem(503, "vault-unavailable");
    assert!(gone["detail"].as_str().unwrap().contains("nothing was done"), "{gone}");
    cluster.start_again().unwrap();
    show(&served, &operator, &dispute).is(200);
    served.engine.stop();
    assert_in_no_file(&served.bed.path("door/books"), &[NAME, PHONE, ADDRESS]);
    served.bed.verified("door/books");
}

#[test]
fn an_account_is_set_and_ordered_over_http_and_is_nowhere_in_the_clear() {
    let cluster = PostgresCluster::quick().unwrap();
    let mut served = served(&cluster);
    let set = |served: &Served, name: &str, account: Value| {
        let fields = json!({ "seller": "web-shop", "currency": "CNY", "account": account });
        served.give("set-payout-account", name, &fields)
    };
    let account = json!({ "name": HOLDER, "iban": IBAN });
    // What is wrong is said, and never repeated.
    for (wrong, name) in [
        (json!({ "name": HOLDER, "iban": "BR1500000000000010932840814P3" }), "bad-value"),
        (
            json!({ "name": HOLDER, "bank_code": "102100099995", "account": "98765432" }),
            "bad-value",
        ),
        (json!({ "name": HOLDER, "bank_code": "102100099996" }), "bad-value"),
        (json!({ "name": HOLDER, "account": 987_654_321 }), "bad-value"),
        (json!("BR1500000000000010932840814P2"), "bad-value"),
    ] {
        let problem = set(&served, "wrong", wrong).problem(422, name);
        assert_eq!(problem["field"], "#/account", "{problem}");
        let said = problem.to_string();
        assert!(!said.contains("10932840814") && !said.contains("98765"), "{said}");
    }
    let digest = json!({ "seller": "web-shop", "currency": "CNY", "digest": "00".repeat(32) });
    let problem = served.give("set-payout-account", "digest", &digest);
    problem.problem(422, "unknown-field");
    assert!(!records(&cluster).contains("payout account"));

    let asked = set(&served, "account", account.clone()).is(202).json();
    let number = asked["proposal"]["number"].as_u64().unwrap();
    assert!(!asked.to_string().contains("10932840814"), "{asked}");
    let again = set(&served, "account", account).is(202);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.json(), asked);
    let other = json!({ "name": HOLDER, "bank_code": "102100099996", "account": "98765432" });
    set(&served, "account", other).problem(422, "idempotency-key-reused");
    let kept = records(&cluster);
    assert_eq!(kept.matches("payout account").count(), 1, "what was refused is not kept");
    let listed = served.get("/v1/payout-accounts").is(200).json();
    let waits = json!({ "seller": "web-shop", "currency": "CNY", "number": null,
        "proposal": number });
    assert!(listed["items"].as_array().unwrap().contains(&waits), "{listed}");

    // The second person sees it in a session that has stepped up, and so approves it.
    let [_, bo] = Signer::both(&served);
    let bo_session = Browser::begun(bo.sets_password(&served, &[]));
    let seller = json!({ "seller": "web-shop", "purpose": "Payout" });
    let shows = |served: &Served, by: &Browser, path: &str, fields: &Value| {
        served.posts(&[&by.cookie, &by.csrf], path, fields)
    };
    let payout_files = json!({ "plan": "plan_7" });
    shows(&served, &bo_session, "/v1/disclosures", &seller).problem(403, "step-up-needed");
    shows(&served, &bo_session, "/v1/payout-files", &payout_files).problem(403, "step-up-needed");
    assert_eq!(disclosures(&served.bed), 0);
    let bo_session = bo_session.stepped_up(&served, &bo);
    let shown = shows(&served, &bo_session, "/v1/disclosures", &seller).is(200).json();
    let fields = json!({ "currency": "CNY", "name": HOLDER, "iban": IBAN, "proposal": number });
    assert_eq!(shown["records"], json!([{ "kind": "PayoutAccount", "fields": fields }]));
    let approve = format!("/v1/proposals/{number}/approve");
    bo_session.posts(&served, &approve).is(200);
    shows(&served, &bo_session, "/v1/payout-files", &payout_files).problem(409, "does-not-fit");
    assert_eq!(disclosures(&served.bed), 1);

    // Nobody else sees a seller's account or its messages.
    let operator = key(&served.bed, 31, "Operator --person-id ann");
    let own = key(&served.bed, 32, "Seller=web-shop");
    for by in [&operator, &own] {
        for (path, fields) in [("disclosures", &seller), ("payout-files", &payout_files)] {
            let got = served.posts(&[by], &format!("/v1/{path}"), fields);
            got.problem(403, "not-permitted");
        }
        served.send("GET", "/v1/payout-accounts", &[by], b"").problem(403, "not-permitted");
    }

    // A plan that pays the account.
    served.engine.stop();
    // The bank is there, and the two persons of a trial.
    let by = [1_000_000_001, 1_000_000_002].map(books::PersonId);
    give_to(&served.bed.path("door/books"), payment(by, 7, 1, &["web-shop"]));
    (served.engine, served.terminals, served.address) = start(&served.bed);
    let made = served.posts(&[], "/v1/payout-files", &payout_files).is(200).json();
    let message = &made["messages"][0];
    let xml = message["content"].as_str().unwrap();
    assert!(xml.contains("pain.001.001.09") && xml.contains(IBAN) && xml.contains(HOLDER), "{xml}");
    assert_eq!(message["transfers"], 1);
    assert!(message["control_sum"].to_string().contains("100.00"), "{message}");
    served.bed.write("message.xml", xml);
    super::bank::assert_valid(&served.bed, &served.bed.path("message.xml"));
    assert_eq!(disclosures(&served.bed), 2);
    served.engine.stop();
    assert_in_no_file(&served.bed.path("door/books"), &[IBAN, &IBAN[4..20], HOLDER]);
    assert!(!records(&cluster).contains(HOLDER));
    served.bed.verified("door/books");
}

#[test]
fn a_seller_sends_own_orders_in_two_steps_and_hears_nothing_of_others() {
    let cluster = PostgresCluster::quick().unwrap();
    let served = served(&cluster);
    let own = key(&served.bed, 22, "Seller=web-shop");
    let sends = |by: &str, parameters: &str, file: &str| {
        let path = format!("/v1/files/orders?profile=doorstep{parameters}");
        served.send("POST", &path, &[by, CSV], file.as_bytes())
    };
    let file = "order,seller,currency,amount_due\n\
                O-7,web-shop,CNY,7.00\nO-8,web-shop,CNY,eight\n\
                O-2,other-shop,CNY,20.00\nO-9,no-shop,CNY,9.00\n";
    let position = |got: &Got| got.header("doorstep-position").unwrap().parse::<u64>().unwrap();

    // First it is checked.
    let checked = sends(&own, "&check=true", file);
    let before = position(&checked);
    let checked = checked.is(202).json();
    assert_eq!((&checked["imported"], &checked["announced"]), (&json!(false), &json!(0)));
    assert_eq!(checked["bad_lines"][0]["line"], 3);
    let refused: Vec<&str> =
        checked["refused"].as_array().unwrap().iter().flat_map(Value::as_str).collect();
    assert_eq!(refused.len(), 2, "{checked}");
    assert!(refused[0].contains("its seller `other-shop` is not yours"), "{refused:?}");
    // One that is there is refused in the words of one that is not.
    assert_eq!(
        refused[0].split("`other-shop`").last(),
        refused[1].split("`no-shop`").last(),
        "{refused:?}"
    );
    let sum = checked["sha256"].as_str().unwrap();

    // Then it is taken, if it is the same.
    let changed = sends(&own, &format!("&checked={sum}"), &file.replace("7.00", "70.00"));
    assert_eq!(changed.problem(409, "does-not-fit")["field"], "checked");
    let taken = sends(&own, &format!("&checked={sum}"), file);
    let after = position(&taken);
    assert!(after > before);
    let taken = taken.is(202).json();
    assert_eq!((&taken["imported"], &taken["announced"]), (&json!(true), &json!(1)));
    assert_eq!(
        (&taken["refused"], &taken["bad_lines"]),
        (&checked["refused"], &checked["bad_lines"])
    );
    assert_eq!(served.get("/v1/sellers?reference=no-shop").is(200).json()["items"], json!([]));
    let of = |order: &str| {
        // Whoever did not write it waits for the views in words.
        let path = format!("/v1/orders?reference={order}&min_position={after}");
        let found = served.get(&path).is(200).json();
        found["items"].as_array().unwrap().len()
    };
    assert_eq!((of("O-7"), of("O-8"), of("O-9")), (1, 0, 0));

    // Who sends files for everybody is a person; other files are no seller's.
    let operator = format!("Authorization: Bearer {}", served.key);
    sends(&operator, "", file).problem(403, "needs-person");
    let clearing = served.send("POST", "/v1/files/incoming?bank=main", &[&own, CSV], b"x");
    clearing.problem(403, "not-permitted");
    served.engine.stop();
    served.bed.verified("door/books");
}
