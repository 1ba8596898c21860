//! The console of a demonstration: what each role sees, pages that stay the same, and a browser.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::demo_server::{Demo, start};
use super::support::{Bed, Ran, tool};

const HTML: [&str; 2] = ["-H", "Accept: text/html"];

/// A page for who has a cookie.
pub fn page(demo: &Demo, bed: &Bed, jar: &str, path: &str) -> String {
    let url = format!("{}{path}", demo.url);
    demo.curl(bed, &[&HTML[..], &["-f", "-b", jar, &url]].concat()).stdout().to_owned()
}

fn status(demo: &Demo, bed: &Bed, jar: &str, path: &str) -> String {
    let url = format!("{}{path}", demo.url);
    demo.status(bed, &[&HTML[..], &["-b", jar, &url]].concat())
}

/// What a page shows, without what stands around it.
pub fn main_of(page: &str) -> &str {
    let (_, rest) = page.split_once("<main").unwrap_or_else(|| panic!("{page}"));
    rest.split_once("</main>").unwrap().0
}

/// The text of each place of a page that begins so and ends so.
pub fn all_between<'p>(page: &'p str, begin: &str, end: &str) -> Vec<&'p str> {
    page.split(begin).skip(1).map(|rest| rest.split(end).next().unwrap()).collect()
}

#[test]
fn pages_show_what_the_api_says_and_stay_the_same_at_a_position() {
    let bed = Bed::new();
    let demo = start(&bed, "--data books");
    for role in ["finance", "courier", "seller", "firm", "administrator", "auditor"] {
        demo.status(&bed, &["-c", role, &demo.of(role).link]);
    }
    // Who is not signed in is led to the sign-in, and back.
    let there = format!("{}/parcels?state=out", demo.url);
    let head = demo.curl(&bed, &[&HTML[..], &["-i", &there]].concat());
    assert!(head.stdout().contains("location: /sign-in?next=%2Fparcels%3Fstate%3Dout"), "{head}");
    assert_eq!(demo.status(&bed, &[&there]), "401", "a program");

    // Whoever acts has a name: a courier as a person, a cashier, and for a firm its couriers.
    for (role, path) in [
        ("finance", "/open-items"),
        ("finance", "/hand-overs"),
        ("administrator", "/persons"),
        ("firm", "/custody"),
        ("courier", "/custody"),
    ] {
        let shown = page(&demo, &bed, role, path);
        let unnamed = [">cou_", ">per_"].map(|id| main_of(&shown).contains(id));
        assert_eq!(unnamed, [false; 2], "{role} {path}: {shown}");
    }
    let people = page(&demo, &bed, "administrator", "/people");
    assert!(main_of(&people).contains(">firm-1-cashier<"), "{people}");
    let custody = demo.get(&bed, "firm", "/v1/custody?limit=1")["items"][0]["courier"].clone();
    let custody = format!("/custody/{}", custody.as_str().unwrap());
    let title = all_between(&page(&demo, &bed, "firm", &custody), "<h1>", "</h1>")[0].to_owned();
    assert!(title.starts_with("Courier cash firm-1-courier-"), "{title}");

    // A day collects.
    let home = page(&demo, &bed, "auditor", "/");
    assert!(home.contains(" payments") && !home.contains(" 0 payments"), "{home}");

    // The list of a page is the list of the API, in its order.
    let list = page(&demo, &bed, "finance", "/parcels?state=returned&order=-parcel");
    let links = all_between(main_of(&list), "<th scope=\"row\" class=\"\"><a href=\"", "\"");
    let twin = "/parcels.json?state=returned&order=-parcel&limit=50";
    let items = demo.get(&bed, "finance", twin);
    let items = items["items"].as_array().unwrap();
    let expected: Vec<String> =
        items.iter().map(|one| format!("/parcels/{}", one["parcel"].as_str().unwrap())).collect();
    assert!(expected.len() == 50, "a day has returns");
    assert_eq!(links, expected);
    let api = demo.get(&bed, "finance", "/v1/parcels?state=returned&order=-parcel&limit=50");
    assert_eq!(*items, *api["items"].as_array().unwrap());
    // The export has exactly the rows of the list, all pages.
    let csv = page(&demo, &bed, "finance", "/parcels.csv?state=returned");
    let all = demo.get(&bed, "finance", "/v1/parcels?state=returned&limit=1000");
    assert_eq!(csv.lines().count(), all["items"].as_array().unwrap().len() + 1);

    // Many waybills at once, as printed and as identifiers; what is none is named.
    let id = items[0]["parcel"].as_str().unwrap();
    let one = page(&demo, &bed, "finance", &format!("/parcels/{id}"));
    let waybills = all_between(main_of(&one), "title=\"", "\"");
    let waybill = waybills.iter().find(|title| title.len() == 27).unwrap();
    let other = items[1]["parcel"].as_str().unwrap();
    let url = format!("{}/parcels?form=1&state=&parcel={waybill}%0D%0A{other}+nothing", demo.url);
    let found = demo.curl(&bed, &[&HTML[..], &["-fL", "-b", "finance", &url]].concat());
    let found = main_of(found.stdout());
    assert_eq!(all_between(found, "<th scope=\"row\"", ">").len(), 2, "{found}");
    assert!(found.contains("left out: nothing"), "{found}");

    // A row is the same for everyone who may see it; the others are told.
    assert_eq!(status(&demo, &bed, "courier", "/postings"), "403");
    assert_eq!(status(&demo, &bed, "administrator", "/parcels"), "403");
    assert_eq!(status(&demo, &bed, "finance", "/parcels/par_0"), "404");
    let own = page(&demo, &bed, "seller", "/parcels");
    let mine = demo.get(&bed, "seller", "/v1/parcels?limit=50");
    let rows = all_between(main_of(&own), "<th scope=\"row\"", ">").len();
    assert_eq!(rows, mine["items"].as_array().unwrap().len());
    assert!(!own.contains("href=\"/postings"), "a seller is led to no postings");

    // A statement is its party's own, and finance's.
    let seller = demo.get(&bed, "seller", "/v1/parcels?limit=1")["items"][0]["seller"].clone();
    let seller = seller.as_str().unwrap();
    let statement =
        |jar: &str, end: &str| page(&demo, &bed, jar, &format!("/statements/{seller}{end}"));
    let first_day = closings(&statement("seller", "?from=2013-11-11&until=2013-11-11"));
    let to_the_end = closings(&statement("seller", "?from=2013-11-11"));
    assert_eq!(to_the_end, closings(&statement("finance", "?from=2013-11-11")));
    assert_eq!(to_the_end.len(), 2, "held and payable");
    let csv = statement("seller", ".csv?from=2013-11-11");
    let twin = demo.get(&bed, "seller", &format!("/statements/{seller}.json?from=2013-11-11"));
    // Each posting is a line of the file, between the balances of each account.
    let lines = twin["lines"].as_array().unwrap().len();
    assert!(lines > 10 && csv.lines().count() == 1 + 4 + lines, "{csv}");
    let other = demo.get(&bed, "finance", "/v1/sellers?limit=2")["items"].clone();
    let other = other.as_array().unwrap().iter().find(|one| one["seller"] != *seller).unwrap();
    let other = other["seller"].as_str().unwrap();
    assert_eq!(status(&demo, &bed, "seller", &format!("/statements/{other}")), "404");
    assert_eq!(status(&demo, &bed, "finance", &format!("/statements/{other}")), "200");
    assert_eq!(status(&demo, &bed, "courier", &format!("/statements/{seller}")), "403");
    let backwards = statement("seller", "?from=2013-11-12&until=2013-11-11");
    assert!(backwards.contains("The first day is after the last one."), "{backwards}");
    // The first page of a seller and of a firm is their own.
    let own_home = page(&demo, &bed, "seller", "/");
    assert!(main_of(&own_home).contains("Held for you"), "{own_home}");
    assert!(own_home.contains(&format!("/statements/{seller}")), "{own_home}");
    let firm_home = page(&demo, &bed, "firm", "/");
    assert!(main_of(&firm_home).contains("Cash in hand against the limits"), "{firm_home}");

    // Networks and wallets: each payment that is not cash is counted once, at its rail.
    let routing = page(&demo, &bed, "finance", "/routing");
    let rails = main_of(&routing).split("</table>").next().unwrap();
    let begun = rails.split("<tr>").skip(2).map(|row| {
        let cells = all_between(row, "<td class=\"num\">", "</td>");
        let count = cells[0].rsplit_once("\">").unwrap().1.trim_end_matches("</a>");
        count.replace(',', "").parse::<usize>().unwrap()
    });
    let declined = all_between(rails, "href=\"/payments?", "\"");
    let declined = declined.iter().find(|link| link.contains("state=declined")).unwrap();
    let declined = format!("/payments?{}", declined.replace("&#38;", "&"));
    let declined = page(&demo, &bed, "finance", &declined);
    assert!(main_of(&declined).contains(">declined</span>"), "{declined}");
    let routed = page(&demo, &bed, "finance", "/payments.csv?rail_kind.empty=false");
    assert_eq!(begun.sum::<usize>(), routed.lines().count() - 1, "{rails}");
    let card = "/v1/payments?method=credit%20card&limit=1&order=-from_batch";
    let card = demo.get(&bed, "finance", card)["items"][0].clone();
    let network = demo.get(&bed, "finance", "/v1/networks?limit=9")["items"].clone();
    let rail = format!("net_{}", card["rail"].as_str().unwrap());
    let network = network.as_array().unwrap().iter().find(|one| one["network"] == *rail);
    let network = network.unwrap()["reference"].as_str().unwrap();
    let payment = format!("{}~{}", card["parcel"].as_str().unwrap(), card["payment"]);
    let payment = page(&demo, &bed, "finance", &format!("/payments/{payment}"));
    let why = payment.split("Why this network").nth(1).unwrap();
    let row = why.split("<tr>").find(|row| row.contains(">chosen<")).unwrap();
    assert!(row.contains(&format!(">{network}</a>")), "{network}: {row}");
    // Costs are those of the command, and a network leads to its exit.
    let costs = page(&demo, &bed, "finance", "/costs?from=2013-11-11&until=2013-11-12&by=network");
    let exit = format!("href=\"/exit/{network}\"");
    assert!(main_of(&costs).contains(&exit), "{costs}");
    let command = "costs --data books --from 2013-11-11 --until 2013-11-12 --json";
    let report = bed.run(command).succeeds().json();
    let total = report["totals"][0]["total"].as_i64().unwrap();
    let (whole, part) = ((total / 100).to_string(), total % 100);
    let digits = main_of(&costs).replace(',', "");
    assert!(digits.contains(&format!("{whole}.{part:02}")), "{total}: {costs}");
    let exit = page(&demo, &bed, "finance", &format!("/exit/{network}"));
    assert!(main_of(&exit).contains("SHA-256 of this report"), "{exit}");
    assert_eq!(status(&demo, &bed, "finance", "/exit/nobody"), "404");
    for (role, status_of) in [("administrator", "403"), ("seller", "403"), ("auditor", "200")] {
        for path in ["/routing", "/costs", &format!("/exit/{network}")] {
            assert_eq!(status(&demo, &bed, role, path), status_of, "{role}: {path}");
        }
    }
    // The system for who sees the status, people and keys for who sees the roles.
    let system = page(&demo, &bed, "administrator", "/system");
    assert!(main_of(&system).contains("No backup is known"), "{system}");
    let people = page(&demo, &bed, "auditor", "/people");
    assert!(main_of(&people).contains("demo-seller") && !people.contains("Sessions open"));
    let people = page(&demo, &bed, "administrator", "/people");
    assert!(main_of(&people).contains("Sessions open"), "{people}");
    let person = page(&demo, &bed, "administrator", "/people/per_1");
    assert!(main_of(&person).contains("/acts/grant-access"), "{person}");
    for path in ["/people", "/system"] {
        assert_eq!(status(&demo, &bed, "courier", path), "403", "{path}");
    }
    // Finance sees that a seller has an account, and no digit of it.
    let paid = demo.get(&bed, "finance", "/v1/sellers?limit=1")["items"][0].clone();
    let path = format!("/bank-accounts/{}", paid["seller"].as_str().unwrap());
    let accounts = page(&demo, &bed, "finance", &path);
    assert!(main_of(&accounts).contains(paid["reference"].as_str().unwrap()), "{accounts}");
    assert!(!main_of(&accounts).contains("••••"), "{accounts}");
    assert_eq!(status(&demo, &bed, "courier", &path), "403");
    // A long statement goes on where the page before ended.
    let firm = demo.get(&bed, "firm", "/v1/parcels?limit=1")["items"][0]["firm"].clone();
    let path = format!("/statements/{}", firm.as_str().unwrap());
    let (mut next, mut lines, mut balance) = (format!("{path}?from=2013-11-11"), 0, String::new());
    loop {
        let one = page(&demo, &bed, "firm", &next);
        let balances = all_between(main_of(&one), "data-label=\"Balance\">", "</td>");
        assert!(lines == 0 || balances[0] == balance, "{} after {balance}", balances[0]);
        lines += balances.len() - 1;
        balance = (*balances.last().unwrap()).to_owned();
        let more = all_between(main_of(&one), "class=\"button\" href=\"", "\"");
        let Some(more) = more.first() else { break };
        next = more.replace("&#38;", "&");
    }
    let twin = demo.get(&bed, "firm", &format!("{path}.json?from=2013-11-11"));
    assert!(lines > 400 && lines <= twin["lines"].as_array().unwrap().len(), "{lines}");
    let closing = &closings(&page(&demo, &bed, "firm", &format!("{path}?from=2013-11-11")))[0].1;
    assert_eq!(balance.replace(',', ""), *closing);

    // What was true at a position is the same page after more commands.
    let csrf = demo.sign_in(&bed, "operator", "jar");
    let (one, statement) = (format!("/parcels/{id}?"), format!("/statements/{seller}?"));
    let paths = ["/?", "/parcels?state=out&", &one, "/banks?", "/accounts?", &statement];
    let before = demo.get(&bed, "finance", "/v1/banks");
    let banks = page(&demo, &bed, "finance", "/banks");
    let at = all_between(&banks, "href=\"/banks?at=", "\"")[0].to_owned();
    let pinned = |path: &str| page(&demo, &bed, "finance", &format!("{path}at={at}"));
    let shown = paths.map(|path| main_of(&pinned(path)).to_owned());
    let body = r#"{"reference": "one-more", "currency": "CNY"}"#;
    demo.give(&bed, "jar", &csrf, "register-wallet", body);
    demo.get(&bed, "jar", "/v1/wallets");
    for (path, before) in paths.iter().zip(&shown) {
        assert_eq!(main_of(&pinned(path)), before, "{path}");
    }
    assert_eq!(demo.get(&bed, "finance", "/v1/banks"), before);
    let at_home = page(&demo, &bed, "seller", &format!("/?at={at}"));
    assert_eq!(main_of(&at_home), main_of(&page(&demo, &bed, "seller", &format!("/?at={at}"))));
    assert!(!main_of(&at_home).contains("/acts/"), "nothing is done in the past");

    // Texts of others are never markup, and the policy allows our files only.
    let evil = page(&demo, &bed, "finance", "/search?q=%3Cscript%3Ealert(1)%3C/script%3E");
    assert!(!evil.contains("<script>") && evil.contains("&#60;script&#62;alert(1)"), "{evil}");
    let url = format!("{}/parcels", demo.url);
    let head = demo.curl(&bed, &[&HTML[..], &["-i", "-b", "finance", &url]].concat());
    assert!(
        head.stdout().contains("content-security-policy: default-src 'none'; style-src 'self'")
    );
    for inline in ["style=", "onclick=", "hx-on", "javascript:"] {
        assert!(!head.stdout().contains(inline), "{inline}");
    }
    demo.stop();
    // The closing balances are those of hledger, which reads the same books.
    let books = bed.run("export --format hledger --data books").succeeds();
    bed.write("books.hledger", books.stdout());
    let balance = |account: &str, before: &str| {
        let mut hledger = tool(&bed, "hledger");
        hledger.args(["-f", "books.hledger", "bal", account, "-N", "-O", "csv", "-e", before]);
        let found = Ran::of(&mut hledger).succeeds().stdout().to_owned();
        let amount = found.lines().nth(1).map_or("0", |line| line.rsplit(',').next().unwrap());
        let amount = amount.trim_matches('"').trim_end_matches(" CNY").to_owned();
        // Of a liability hledger shows what is owed below zero.
        let owed = amount.strip_prefix('-').map_or(format!("-{amount}"), str::to_owned);
        if amount == "0" { amount } else { owed }
    };
    for (shown, before) in [(&first_day, "2013-11-12"), (&to_the_end, "2030-01-01")] {
        for (account, closing) in shown {
            assert_eq!(*closing, balance(account, before), "{account} before {before}");
        }
    }
    assert_ne!(first_day, to_the_end, "the night moves money");
}

/// The accounts of a statement, each with its closing balance as a plain number.
fn closings(page: &str) -> Vec<(String, String)> {
    let balances = main_of(page).split(" balances\">").nth(1).unwrap();
    let balances = balances.split("</table>").next().unwrap();
    let accounts = balances.split("<code>").skip(1).map(|rest| {
        let account = rest.split('<').next().unwrap().to_owned();
        let closing = rest.split("<b>").nth(1).unwrap().split('<').next().unwrap();
        let closing = closing.replace(',', "").replace('\u{2212}', "-").replace('–', "0");
        (account, closing)
    });
    accounts.collect()
}

#[test]
fn breaks_are_closed_in_bulk_by_the_list_that_two_persons_give() {
    let bed = Bed::new();
    let demo = start(&bed, "--data books");
    for role in ["finance", "approver", "auditor", "seller"] {
        demo.status(&bed, &["-c", role, &demo.of(role).link]);
    }
    for role in ["auditor", "seller"] {
        assert_eq!(status(&demo, &bed, role, "/close-breaks"), "403", "{role}");
        assert_eq!(status(&demo, &bed, role, "/close-breaks.csv"), "403", "{role}");
    }
    for (amount, side) in [("5.00", "Excess"), ("7.00", "Shortfall")] {
        let line = format!("break raise Bank=bank-1 --side {side} --amount {amount}CNY");
        let line = format!("{line} --evidence call --owner demo-operator --person demo-operator");
        bed.run(&format!("{line} --data books")).succeeds();
    }
    let breaks = page(&demo, &bed, "finance", "/breaks");
    assert!(main_of(&breaks).contains("href=\"/close-breaks\""), "{breaks}");
    let list = |who: &str| {
        let url = format!("{}/close-breaks.csv", demo.url);
        let text = demo.curl(&bed, &["-f", "-b", who, &url]).stdout().to_owned();
        let text = text.strip_prefix('\u{feff}').unwrap_or_else(|| panic!("no mark: {text}"));
        assert!(text.starts_with("id,what,lane,sender,"), "{text}");
        text.to_owned()
    };
    let filled_in = |text: &str, how: &str| {
        super::recon::filled(text, |_, id| {
            ("resolution", if id.starts_with("brk_2013") { how.to_owned() } else { String::new() })
        })
    };
    let give = |who: &str, query: &str, language: &str| {
        let form = page(&demo, &bed, who, "/close-breaks");
        let csrf = all_between(main_of(&form), "name=\"csrf\" value=\"", "\"")[0].to_owned();
        let url = format!("{}/close-breaks{query}", demo.url);
        let (csrf, language) = (format!("csrf={csrf}"), format!("doorstep-language={language}"));
        // The first time it asks for the second factor; the session is another one then.
        let code = format!("second_factor={}", demo.of(who).code());
        let fields = ["-F", &csrf, "-F", &code, "-F", "file=@list.csv"];
        let sent = ["-i", "-b", who, "-c", who, "-b", &language, &url];
        demo.curl(&bed, &[&HTML[..], &fields, &sent].concat()).stdout().to_owned()
    };
    let text = list("finance");
    let open = super::support::records(&text);
    assert_eq!(open.iter().filter(|row| row["id"].starts_with("brk_2013")).count(), 2, "{text}");
    let id = &open.iter().find(|row| row["id"].starts_with("brk_2013")).unwrap()["id"];
    assert_eq!(status(&demo, &bed, "finance", &format!("/search?q={id}")), "303");
    assert_eq!(status(&demo, &bed, "finance", &format!("/breaks/{id}")), "200");
    bed.write("list.csv", filled_in(&text, "Sell"));
    let wrong = give("finance", "", "en");
    assert!(wrong.starts_with("HTTP/1.1 409"), "{wrong}");
    let wrong = main_of(&wrong);
    assert!(
        wrong.contains("Nothing was carried out.") && wrong.contains("resolution: "),
        "{wrong}"
    );
    assert!(!wrong.contains("sent.csv") && !wrong.contains("error:"), "{wrong}");
    bed.write("list.csv", filled_in(&text, "WriteOff"));
    let checked = give("finance", "?check=true", "en");
    assert!(checked.contains("All rows can be carried out. Nothing was changed."), "{checked}");
    let proposed = give("finance", "", "zh");
    assert!(proposed.contains("第二人交回同一列表"), "{proposed}");
    // What is proposed stands in the list that the second person downloads.
    let text = list("approver");
    let open = super::support::records(&text);
    assert_eq!(open.iter().filter(|row| row["resolution"] == "WriteOff").count(), 2, "{text}");
    bed.write("list.csv", text);
    let closed = give("approver", "", "en");
    assert!(closed.contains("All rows are carried out."), "{closed}");
    let left = super::support::records(&list("finance"));
    assert!(left.iter().all(|row| !row["id"].starts_with("brk_2013")), "{left:?}");
    // What is to arrive and what a day cost, over the API.
    let arrivals = demo.get(&bed, "finance", "/v1/now/arrivals");
    assert!(arrivals["arrivals"].is_array(), "{arrivals}");
    let costs = demo.get(&bed, "finance", "/v1/now/costs?by=network");
    assert!(costs["groups"].as_array().is_some_and(|all| !all.is_empty()), "{costs}");
    let other = ["-F", "csrf=0", "-F", "file=@list.csv", "-b", "finance"];
    let url = format!("{}/close-breaks", demo.url);
    assert_eq!(demo.status(&bed, &[&HTML[..], &other, &[&url]].concat()), "403");
    demo.stop();
    bed.verified("books");
}

#[test]
fn a_file_of_orders_is_imported_by_a_form_and_its_bad_lines_are_told() {
    let bed = Bed::new();
    let demo = start(&bed, "--data books");
    demo.status(&bed, &["-c", "seller", &demo.of("seller").link]);
    demo.status(&bed, &["-c", "auditor", &demo.of("auditor").link]);
    assert_eq!(status(&demo, &bed, "auditor", "/import"), "403");
    let home = page(&demo, &bed, "seller", "/");
    let own = all_between(main_of(&home), "<h1>", "</h1>")[0];
    let form = page(&demo, &bed, "seller", "/import");
    let csrf = all_between(main_of(&form), "name=\"csrf\" value=\"", "\"")[0].to_owned();
    bed.write(
        "orders.csv",
        format!(
            "order,seller,currency,amount_due\nP-1,{own},CNY,10.00\nP-2,{own},CNY,<b>1\n\
             P-3,somebody-else,CNY,5.00\n"
        ),
    );
    let send = |query: &str, csrf: &str, file: &str, language: &str| {
        let url = format!("{}/import{query}", demo.url);
        let (csrf, file) = (format!("csrf={csrf}"), format!("file={file}"));
        let language = format!("doorstep-language={language}");
        let fields = ["-F", &csrf, "-F", "profile=doorstep", "-F", &file];
        let sent = ["-i", "-b", "seller", "-b", &language, &url];
        let all = [&HTML[..], &fields, &sent].concat();
        demo.curl(&bed, &all).stdout().to_owned()
    };
    let parcels = || {
        let all = demo.get(&bed, "seller", "/v1/orders?reference.begins=P-");
        all["items"].as_array().unwrap().len()
    };
    // Only a form of this session, and only with a file.
    assert!(send("", "0", "@orders.csv", "en").starts_with("HTTP/1.1 403"));
    let none = send("", &csrf, ";filename=", "en");
    assert!(none.starts_with("HTTP/1.1 422") && none.contains("Choose a file first."), "{none}");
    let checked = send("?check=true", &csrf, "@orders.csv", "en");
    assert!(checked.contains("Nothing was written."), "{checked}");
    assert_eq!(parcels(), 0, "only checked");
    let done = send("", &csrf, "@orders.csv", "en");
    assert!(done.starts_with("HTTP/1.1 200") && done.contains("New parcels: 1."), "{done}");
    // The third line, at its column; what was typed there is no markup.
    for told in ["<th scope=\"row\">3</th>", "amount_due", "somebody-else"] {
        assert!(main_of(&done).contains(told), "{told}: {done}");
    }
    assert!(!done.contains("<b>1"), "{done}");
    assert_eq!(parcels(), 1);
    let again = send("", &csrf, "@orders.csv", "zh");
    assert!(again.contains("新包裹：–。") || again.contains("新包裹：0。"), "{again}");
    assert_eq!(parcels(), 1, "twice changes nothing");
    // A form that is cut off in its file changes nothing, and neither does another kind of body.
    let cut = format!(
        "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--x\r\n\
         Content-Disposition: form-data; name=\"profile\"\r\n\r\ndoorstep\r\n--x\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n\
         order,seller,currency,amount_due\nP-9,{own},CNY,10.00\n"
    );
    bed.write("cut", cut);
    let url = format!("{}/import", demo.url);
    for content in ["multipart/form-data; boundary=x", "multipart/form-data", "text/csv"] {
        let content = format!("Content-Type: {content}");
        let sent = ["-b", "seller", "-H", &content, "--data-binary", "@cut", &url];
        let refused = demo.status(&bed, &[&HTML[..], &sent].concat());
        assert!(refused.starts_with('4'), "{content}: {refused}");
    }
    assert_eq!(parcels(), 1);
    demo.stop();
    bed.verified("books");
}

#[test]
fn forms_sign_in_switch_the_language_and_sign_out_without_scripts() {
    let bed = Bed::new();
    let demo = start(&bed, "--data books");
    let post = |path: &str, fields: &[&str], jar: &[&str]| {
        let url = format!("{}{path}", demo.url);
        let pairs = fields.iter().flat_map(|pair| ["--data-urlencode", pair]);
        let all: Vec<&str> =
            HTML.into_iter().chain(["-i"]).chain(pairs).chain(jar.iter().copied()).collect();
        demo.curl(&bed, &[&all[..], &[url.as_str()]].concat()).stdout().to_owned()
    };
    let auditor = demo.of("auditor");
    let name = format!("name={}", auditor.name);
    let wrong = post("/sign-in", &[&name, "password=wrong wrong wrong", "code=000000"], &[]);
    assert!(wrong.starts_with("HTTP/1.1 401") && wrong.contains("is wrong. Try again."), "{wrong}");
    let password = format!("password={}", auditor.password);
    let code = format!("code={}", auditor.code());
    let fields = [&*name, &password, &code, "next=//evil.example"];
    let begun = post("/sign-in", &fields, &["-c", "jar"]);
    assert!(begun.starts_with("HTTP/1.1 303") && begun.contains("\nlocation: /\r"), "{begun}");
    let home = page(&demo, &bed, "jar", "/");
    assert!(home.contains("lang=\"en\"") && home.contains("Auditor"), "{home}");

    let both = ["-b", "jar", "-c", "jar"];
    post("/preferences", &["language=zh", "theme=dark", "back=/"], &both);
    let home = page(&demo, &bed, "jar", "/");
    assert!(home.contains("<html lang=\"zh-CN\" data-theme=\"dark\">"), "{home}");
    assert!(home.contains("待处理") && home.contains("审计"), "{home}");
    let evil = [&both[..], &["-H", "Origin: https://evil.example"]].concat();
    assert!(post("/preferences", &["language=en"], &evil).starts_with("HTTP/1.1 403"));

    let csrf = all_between(&home, "name=\"csrf\" value=\"", "\"")[0].to_owned();
    let refused = post("/sign-out", &["csrf=0"], &["-b", "jar"]);
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    assert!(post("/sign-out", &[&format!("csrf={csrf}")], &both).starts_with("HTTP/1.1 303"));
    assert_eq!(status(&demo, &bed, "jar", "/"), "303", "signed out");
    demo.stop();
}

/// What docs/access.md lets a role read: each right with `all` or `own`.
fn rights_of(role: &str) -> BTreeMap<&'static str, &'static str> {
    let document = include_str!("../../../../docs/access.md");
    let lines = document.lines().filter_map(|line| line.split_once(" read: "));
    let own = lines.filter_map(|(who, names)| Some((who.strip_prefix(role)?.trim(), names)));
    own.flat_map(|(whose, names)| names.split(' ').map(move |name| (name, whose))).collect()
}

/// The right that a GET of the API needs, as the document names it. `None`: any session has it.
fn right_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/v1/").and_then(|rest| rest.split('/').next());
    Some(match (path.strip_prefix("/v1/now/"), name?) {
        (Some("account-balances"), _) => "accounts",
        (Some("open-breaks"), _) => "breaks",
        (Some(look), _) => match look.split('/').next()? {
            "payout-explanations" => "explanations",
            "reconciliation" | "arrivals" | "costs" => "balances",
            "reconciliation-open" => "breaks",
            one => one,
        },
        (None, "orders") => "parcels",
        (None, "payments" | "phone-cash") => "collections",
        (None, "refund-payments") => "refunds",
        (None, "sellers" | "firms" | "couriers") => "parties",
        (None, "banks" | "postings" | "adjustments") => "accounts",
        (None, "wallets") => "networks",
        (None, "hold-rules") => "tariffs",
        (None, "custody") => "cash",
        (None, "batches") => "open-items",
        (None, "commands") => "log",
        (None, "clearing-lines" | "files" | "bank-entries") => "clearing",
        (None, "plans" | "commissions") => "settlements",
        (None, "invoices" | "invoice-payments") => "statements",
        (None, "periods") => "balances",
        (None, "variants" | "stock-adjustments" | "offers-file") => "offers",
        (None, "market-parcels" | "order-units" | "order-discounts") => "market-orders",
        (None, "session" | "sessions" | "passkeys" | "identities" | "tracking" | "pulse") => {
            return None;
        }
        (None, "text-rules" | "text-appeals") => "text-decisions",
        (None, "policy") => match path.strip_prefix("/v1/policy")? {
            "" | "/report" => return None,
            _ => "text-decisions",
        },
        (None, one) => one,
    })
}

fn names_in(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            names.insert(name.clone());
            names_in(value, names);
        }),
        Value::Array(all) => all.iter().for_each(|one| names_in(one, names)),
        _ => {}
    }
}

#[test]
fn no_role_reads_more_than_the_table_of_rights_says() {
    let bed = Bed::new();
    let demo = start(&bed, "--data books");
    let document = demo.curl(&bed, &[&format!("{}/openapi.json", demo.url)]).json();
    let gets = document["paths"].as_object().unwrap().iter();
    let is_of_sign_in = |path: &str| path.starts_with("/v1/sign-in");
    let gets = gets.filter(|(path, of)| {
        let is_json = of["get"]["responses"]["200"]["content"]["application/json"].is_object();
        path.starts_with("/v1/") && !is_of_sign_in(path) && is_json
    });
    let gets: Vec<(&String, String)> = gets
        .map(|(path, of)| {
            let parameters = of["get"]["parameters"].to_string();
            let more = match (&**path, parameters.contains("\"limit\"")) {
                ("/v1/search", _) => "?q=s",
                (_, true) => "?limit=1",
                _ => "",
            };
            let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
            (path, format!("{}{}{more}", demo.url, parts.collect::<Vec<_>>().join("/")))
        })
        .collect();
    assert!(gets.len() > 70, "{}", gets.len());
    for role in
        ["administrator", "operator", "finance", "auditor", "hub", "courier", "seller", "firm"]
    {
        demo.status(&bed, &["-c", role, &demo.of(role).link]);
        let rights = rights_of(role);
        assert!(!rights.is_empty(), "{role}");
        // The last one decides how curl ends.
        let last = format!("{}/v1/session", demo.url);
        let urls = gets.iter().map(|(_, url)| url.as_str()).chain([&*last]);
        let patience = ["--retry", "20", "--retry-delay", "1", "--retry-max-time", "60"];
        let shown = ["-f", "-w", "\n%{http_code}\n", "-b", role];
        let shown: Vec<&str> = patience.into_iter().chain(shown).chain(urls).collect();
        let mut curl = bed.command("curl");
        let ran = Ran::of(curl.args(["-s", "--max-time", "300"]).args(&shown)).succeeds();
        let mut lines = ran.stdout().lines();
        for (path, _) in &gets {
            let first = lines.by_ref().find(|line| !line.is_empty()).unwrap();
            let (body, status) = match first.len() {
                3 => (Value::Null, first),
                _ => (serde_json::from_str(first).unwrap(), lines.next().unwrap()),
            };
            let whose = right_of(path).map_or(Some(&"all"), |right| rights.get(right));
            let fits = match whose {
                Some(&"all") => !["401", "403"].contains(&status),
                Some(_) => status != "401",
                None => status == "403" || path.contains('{') && status == "404",
            };
            assert!(fits, "{role} {path}: {status}, the table says {whose:?}");
            let mut names = BTreeSet::new();
            names_in(&body, &mut names);
            let sees_all = ["finance", "auditor"].contains(&role);
            let mut hidden = vec![];
            if !sees_all && role != "seller" {
                hidden.extend(["fees", "net", "payable", "sellers_owe", "releases_due"]);
            }
            if !sees_all && role != "firm" {
                hidden.extend(["guarantee", "guarantee_used", "withholding"]);
            }
            if !sees_all && role != "operator" {
                hidden.extend(["deducted", "rail", "rail_kind"]);
            }
            let told: Vec<_> = hidden.iter().filter(|name| names.contains(**name)).collect();
            assert!(told.is_empty(), "{role} {path} shows {told:?}");
            // Who sees no money sees none in the page for the morning.
            if role == "administrator" && *path == "/v1/now/status" {
                let counts = ["trial", "date", "at", "zone", "batch", "snapshot", "last_backup"];
                let counts = counts.into_iter().chain(["stopped", "terms_to_come"]);
                let keys: BTreeSet<&str> =
                    body.as_object().unwrap().keys().map(String::as_str).collect();
                assert_eq!(keys, counts.collect());
            }
        }
    }
    demo.stop();
}

/// Chromium with axe: no serious finding, nothing against the policy, nothing wider than 360 px.
#[test]
fn a_browser_finds_nothing_wrong_on_a_narrow_screen() {
    let bed = Bed::new();
    tool(&bed, "chromium");
    let demo = start(&bed, "--data books");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut node = bed.command("node");
    node.arg(root.join("tests/node/pages.mjs")).arg(root.join("../../target/node"));
    let visited = Ran::of_long(node.arg(&demo.url)).succeeds();
    visited.prints(" pages");
    demo.stop();
}
