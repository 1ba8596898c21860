//! Acts of the console: commands as forms, for those who may, with a second person where one is
//! needed.

use serde_json::{Value, json};

use super::demo_server::{Demo, start};
use super::support::Bed;

const HTML: [&str; 2] = ["-H", "Accept: text/html"];

/// A page that was answered: its status and what it shows.
struct Shown {
    status: String,
    html: String,
}

impl Shown {
    /// The value of a hidden field.
    fn hidden(&self, name: &str) -> String {
        let begin = format!("name=\"{name}\" value=\"");
        // Around it are other forms.
        let main = self.html.split_once("<main").and_then(|(_, main)| main.split_once(&begin));
        let rest = main.unwrap_or_else(|| panic!("{name}: {}", self.html)).1;
        rest.split('"').next().unwrap().to_owned()
    }

    #[track_caller]
    fn has(&self, texts: &[&str]) -> &Shown {
        for text in texts {
            assert!(self.html.contains(text), "no `{text}` in {}", self.html);
        }
        self
    }

    #[track_caller]
    fn lacks(&self, texts: &[&str]) -> &Shown {
        for text in texts {
            assert!(!self.html.contains(text), "`{text}` in {}", self.html);
        }
        self
    }

    #[track_caller]
    fn is(self, status: &str) -> Shown {
        assert_eq!(self.status, status, "{}", self.html);
        self
    }
}

/// Somebody at a browser without scripts.
struct Visitor<'v> {
    demo: &'v Demo,
    bed: &'v Bed,
    jar: &'v str,
}

impl Visitor<'_> {
    fn ask(&self, arguments: &[&str]) -> Shown {
        let jar = ["-b", self.jar, "-c", self.jar, "-w", "\n%{http_code}"];
        let got = self.demo.curl(self.bed, &[&HTML[..], &jar, arguments].concat());
        let (html, status) = got.stdout().rsplit_once('\n').unwrap();
        Shown { status: status.to_owned(), html: html.to_owned() }
    }

    fn open(&self, path: &str) -> Shown {
        self.ask(&[&format!("{}{path}", self.demo.url)])
    }

    fn post(&self, path: &str, pairs: &[(&str, &str)], more: &[&str]) -> Shown {
        let url = format!("{}{path}", self.demo.url);
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let pairs = pairs.iter().flat_map(|pair| ["--data-urlencode", pair.as_str()]);
        let all: Vec<&str> = pairs.chain(more.iter().copied()).chain([url.as_str()]).collect();
        self.ask(&all)
    }

    /// Sends a form as its page gives it, with these values.
    fn send(&self, form: &Shown, path: &str, pairs: &[(&str, &str)]) -> Shown {
        let (csrf, key) = (form.hidden("csrf"), form.hidden("key"));
        let (back, fixed) = (form.hidden("back"), form.hidden("fixed"));
        let own = [("csrf", &*csrf), ("key", &key), ("back", &back), ("fixed", &fixed)];
        self.post(path, &[&own, pairs].concat(), &[])
    }

    fn api(&self, path: &str) -> Value {
        self.demo.get(self.bed, self.jar, path)
    }
}

fn visitors<'v, const N: usize>(
    demo: &'v Demo,
    bed: &'v Bed,
    roles: [&'v str; N],
) -> [Visitor<'v>; N] {
    roles.map(|jar| {
        assert_eq!(demo.status(bed, &["-c", jar, &demo.of(jar).link]), "303", "{jar}");
        Visitor { demo, bed, jar }
    })
}

#[test]
fn a_form_gives_a_command_once_and_says_what_is_wrong_at_its_field() {
    let bed = Bed::new();
    let demo = start(&bed, "--data books");
    let [finance, seller, auditor] = visitors(&demo, &bed, ["finance", "seller", "auditor"]);

    // Everybody is offered what the roles allow.
    finance.open("/acts").is("200").has(&["/acts/register-bank?", "/acts/plan-settlement?"]);
    seller.open("/acts").has(&["/acts/announce-parcel?"]).lacks(&["/acts/register-bank?"]);
    auditor.open("/acts").has(&["Your roles let you do nothing here."]);
    seller.open("/acts/register-bank").is("403");
    auditor.open("/parcels").lacks(&["/acts/announce-parcel"]);

    // Only a form of this session is taken.
    let path = "/acts/register-bank";
    let form = finance.open(path).is("200");
    let typed = [("reference", "north"), ("currency", "CNY")];
    finance.post(path, &typed, &[]).is("403");
    let other = seller.open("/acts/announce-parcel");
    let stolen = [("csrf", &*other.hidden("csrf")), ("key", &other.hidden("key"))];
    finance.post(path, &[&stolen, &typed[..]].concat(), &[]).is("403");
    let own = [("csrf", &*form.hidden("csrf")), ("key", &form.hidden("key"))];
    let evil = ["-H", "Origin: https://evil.example"];
    finance.post(path, &[&own, &typed[..]].concat(), &evil).is("403");
    seller.post(path, &[("csrf", &*other.hidden("csrf")), ("key", "k")], &[]).is("403");
    let banks = || {
        let all = finance.api("/v1/banks?reference=north");
        all["items"].as_array().unwrap().len()
    };
    assert_eq!(banks(), 0);

    // What is missing and what is wrong is said at the field, and in a summary that leads there.
    let empty = finance.send(&form, path, &[("reference", ""), ("currency", "CNY")]).is("422");
    empty.has(&["href=\"#f-reference\"", "id=\"e-reference\"", "Enter: Reference."]);
    empty.has(&["name=\"currency\" value=\"CNY\""]);
    let wrong = finance.send(&form, path, &[("reference", "north"), ("currency", "YEN")]);
    assert!(wrong.status.starts_with('4'), "{}", wrong.html);
    wrong.has(&["href=\"#f-currency\"", "id=\"e-currency\"", "value=\"north\""]);
    assert_eq!(banks(), 0);

    // A double click has one effect, and the same answer.
    let done = finance.send(&form, path, &typed).is("200");
    done.has(&[
        "Carried out in batch",
        "Registered",
        "Register a bank account",
        "/postings?batch=",
    ]);
    finance.send(&form, path, &typed).is("200").has(&["Nothing was done twice.", "Registered"]);
    assert_eq!(banks(), 1);
    // Back in the browser, and something else typed: what was sent is not sent again unnoticed.
    let stale = finance.send(&form, path, &[("reference", "south"), ("currency", "CNY")]).is("422");
    stale.has(&["This form was sent before, with other values.", "value=\"south\""]);
    assert_ne!(stale.hidden("key"), form.hidden("key"));

    // What is typed is text, wherever it is shown again.
    let markup = "\"><script>alert(1)</script>";
    let form = finance.open(path);
    for currency in ["", "CNY"] {
        let shown = finance.send(&form, path, &[("reference", markup), ("currency", currency)]);
        shown.has(&["script"]).lacks(&["<script>alert"]);
    }
    finance.open("/banks").lacks(&["<script>alert"]);
    let back = finance.open(&format!("{path}?back=//evil.example&reference={}", "x".repeat(500)));
    back.lacks(&["href=\"//evil.example", "value=\"//evil.example"]);
    // A body that no form has.
    bed.write("huge", format!("reference={}", "x".repeat(2 << 20)));
    let url = format!("{}{path}", demo.url);
    finance.ask(&["--data-binary", "@huge", &url]).is("413");
    let pairs = "a=b&".repeat(200_000) + &format!("csrf={}", form.hidden("csrf"));
    bed.write("many", pairs);
    finance.ask(&["--data-binary", "@many", &url]).is("422").has(&["id=\"e-reference\""]);

    // An amount is read as its typist means it, or refused: never as another one.
    let path = "/acts/repay-shortage";
    let form = finance.open(path);
    let courier = finance.api("/v1/couriers?limit=1")["items"][0]["courier"].clone();
    let courier = courier.as_str().unwrap();
    let typed = |amount: &str| {
        finance.send(&form, path, &[("courier", courier), ("amount", amount), ("number", "1")])
    };
    for amount in ["1,5", "1.234,50", "1.005", "1e3", "", "<b>5", "1,0000", "5元"] {
        typed(amount).is("422").has(&["id=\"e-amount\""]).lacks(&["<b>5"]);
    }
    for amount in ["-5", "0", "99999999999999999999"] {
        let refused = typed(amount);
        assert!(refused.status.starts_with('4'), "{amount}: {}", refused.html);
        refused.has(&["class=\"notice act problems\""]);
    }
    // An input method's digits are digits: the books say that so much is not owed.
    let read = typed("１，０００．５");
    assert!(read.status.starts_with('4'), "{}", read.html);
    read.lacks(&["is no amount"]).has(&["value=\"１，０００．５\""]);
    demo.stop();
}

#[test]
fn acts_stand_where_their_thing_is_and_change_what_the_api_says() {
    let bed = Bed::new();
    let demo = start(&bed, "--data books");
    let [operator, auditor] = visitors(&demo, &bed, ["operator", "auditor"]);
    let sellers = operator.api("/v1/sellers?limit=1");
    let [seller, name] =
        ["seller", "reference"].map(|of| sellers["items"][0][of].as_str().unwrap().to_owned());

    // An amount as people write it; a name that begins alike is told.
    let path = "/acts/announce-parcel";
    let form = operator.open(path).is("200");
    let typed = |seller: &str, due: &str| {
        let pairs = [("seller", seller), ("currency", "CNY"), ("reference", "act-1"), ("due", due)];
        pairs.map(|(name, value)| (name, value.to_owned()))
    };
    let send = |pairs: [(&str, String); 4]| {
        let pairs = pairs.each_ref().map(|(name, value)| (*name, value.as_str()));
        operator.send(&form, path, &pairs)
    };
    let wrong = send(typed(&name, "1.234,50")).is("422");
    wrong.has(&["href=\"#f-due\"", "“1.234,50” is no amount"]);
    let unknown = format!("{name}x");
    let wrong = send(typed(&unknown, "1,234.50"));
    wrong.has(&["href=\"#f-seller\"", "Begins alike: "]);
    send(typed(&name, "1,234.50")).is("200").has(&["Carried out in batch"]);
    let orders = operator.api("/v1/orders?reference=act-1");
    let parcel = orders["items"][0]["parcel"].as_str().unwrap().to_owned();
    let of_api = |column: &str| operator.api(&format!("/v1/parcels/{parcel}"))[column].clone();
    assert_eq!((of_api("due"), of_api("seller")), (json!(123_450), json!(seller)));

    // The page has what can be done with it now, for who may, and not in the past.
    let page = operator.open(&format!("/parcels/{parcel}"));
    page.has(&["/acts/assign-parcels?", "/acts/amend-due?", "/acts/cancel-parcel?", "1,234.50"]);
    page.lacks(&["/acts/record-attempt?", "/acts/return-parcel?"]);
    // The banner of a demonstration leads to acts of other roles.
    let acts = ["\"/acts/"];
    page.has(&acts);
    auditor.open(&format!("/parcels/{parcel}")).lacks(&acts);
    let announced = of_api("from_batch").as_u64().unwrap();
    operator.open(&format!("/parcels/{parcel}?at={announced}")).lacks(&acts);

    // Assigned by the order's reference alone, dispatched from the page.
    let firm = operator.api("/v1/firms?limit=1")["items"][0]["firm"].as_str().unwrap().to_owned();
    let path = "/acts/assign-parcels";
    let form = operator.open(path);
    let none = operator.send(&form, path, &[("firm", &firm), ("parcels", "act-1\nno-order")]);
    none.is("422").has(&["Nothing is called “no-order”."]);
    operator.send(&form, path, &[("firm", &firm), ("parcels", "act-1")]).is("200");
    assert_eq!(of_api("state"), json!("assigned"));
    let path = "/acts/amend-due";
    let form = operator.open(&format!("{path}?parcel={parcel}&back=/parcels/{parcel}"));
    form.has(&["1,234.50", "assigned", "name=\"fixed\" value=\"parcel\""]);
    let done = operator.send(&form, path, &[("parcel", &parcel), ("due", "1,000")]).is("200");
    done.has(&[&format!("href=\"/parcels/{parcel}\"")]);
    assert_eq!(of_api("due"), json!(100_000));

    // What changed since.
    let since = operator.open(&format!("/parcels/{parcel}?since={announced}"));
    since.has(&["1,234.50</td><td class=\"new\"", "1,000.00</td>", "announced</td>"]);
    let before = announced - 1;
    operator.open(&format!("/parcels/{parcel}?since={before}")).has(&["It was not there"]);
    // Persons have names, for who may see them.
    since.has(&["demo-operator"]);

    // What a page offers and the books refuse is refused in the form.
    let form = operator.open(&format!("/acts/cancel-parcel?parcel={parcel}"));
    operator.send(&form, "/acts/cancel-parcel", &[("parcel", &parcel)]).is("200");
    let form = operator.open(&format!("/acts/lose-parcel?parcel={parcel}"));
    let lost = [("parcel", &*parcel), ("paid_by", "Doorstep")];
    let refused = operator.send(&form, "/acts/lose-parcel", &lost);
    assert!(refused.status.starts_with('4'), "{}", refused.html);
    refused.has(&["class=\"notice act problems\"", "checked"]);
    demo.stop();
}

#[test]
fn a_second_person_approves_and_an_old_session_gives_its_second_factor_in_the_form() {
    let bed = Bed::new();
    let demo = start(&bed, "--data books");
    let [finance, approver, operator] = visitors(&demo, &bed, ["finance", "approver", "operator"]);
    let [administrator] = visitors(&demo, &bed, ["administrator"]);
    let seller =
        finance.api("/v1/sellers?limit=1")["items"][0]["seller"].as_str().unwrap().to_owned();
    let suspended = || {
        let all = finance.api(&format!("/v1/sellers?seller={seller}&limit=1"));
        all["items"][0]["suspended"].clone()
    };
    let path = "/acts/suspend-seller";
    let form = finance.open(&format!("{path}?seller={seller}&suspended=true"));
    let sent = [("seller", &*seller), ("suspended", "true")];
    finance.send(&form, path, &sent).is("200").has(&["Carried out in batch"]);
    assert_eq!(suspended(), json!(true));

    // One person suspends, two lift it.
    let form = finance.open(&format!("{path}?seller={seller}&suspended=false"));
    form.has(&["Lift the suspension", "A second person approves this"]);
    let sent = [("seller", &*seller), ("suspended", "false")];
    let proposed = finance.send(&form, path, &sent).is("200");
    proposed.has(&["Proposal 1 waits for a second person.", "/proposals/1"]);
    finance.send(&form, path, &sent).is("200").has(&["Proposal 1 waits"]);
    finance.open("/").has(&["Proposals wait for a second person"]);
    finance.open("/proposals").has(&["/proposals/1", "demo-finance"]).lacks(&["/proposals/2"]);
    let own = finance.open("/proposals/1").is("200");
    own.has(&["You proposed this."]).lacks(&["value=\"approve\""]);
    let decide = |by: &Visitor<'_>, page: &Shown, decision: &str, code: &str| {
        let csrf = page.hidden("csrf");
        let pairs = [("csrf", &*csrf), ("decision", decision), ("second_factor", code)];
        by.post("/proposals/1", &pairs, &[])
    };
    decide(&finance, &own, "approve", "").is("409").has(&["is your own"]);
    assert_eq!(suspended(), json!(true));
    let page = approver.open("/proposals/1").is("200");
    // What is, and what would be.
    page.has(&["yes</td>", "no</td>", "value=\"approve\""]);
    approver.post("/proposals/1", &[("decision", "approve")], &[]).is("403");
    decide(&approver, &page, "approve", "").is("200").has(&["Carried out in batch", "Suspend"]);
    assert_eq!(suspended(), json!(false));
    decide(&approver, &page, "approve", "").is("404");

    // What is dangerous wants the second factor again: in the form.
    let path = "/acts/set-refund-limit";
    operator.open(path).is("403");
    let form = finance.open(path).is("200");
    form.has(&["name=\"second_factor\"", "/as/finance?next="]);
    let limit = [("currency", "CNY"), ("limit", "2,500")];
    let with = |code: &str| {
        let pairs = [&limit[..], &[("second_factor", code)]].concat();
        finance.send(&form, path, &pairs)
    };
    with("").is("422").has(&["href=\"#f-second_factor\"", "value=\"2,500\""]);
    with("000000").is("422").has(&["The code is wrong, or was used."]);
    let proposed = with(&demo.of("finance").code()).is("200");
    proposed.has(&["Proposal 2 waits for a second person."]);
    // The session has another token, and is sure for a while.
    finance.open(path).is("200").lacks(&["name=\"second_factor\""]);
    let page = approver.open("/proposals/2");
    page.has(&["2,500.00 CNY", "name=\"second_factor\""]);
    // Who has no money to see sees that it waits, and nothing of what it says.
    administrator.open("/proposals").has(&["/proposals/2"]).lacks(&["2,500"]);
    administrator.open("/proposals/2").is("200").lacks(&["2,500", "value=\"approve\""]);
    let waiting = administrator.api("/v1/proposals")["items"][0].clone();
    assert_eq!((&waiting["command"], &waiting["fields"]), (&json!("SetRefundLimit"), &json!({})));
    let (csrf, code) = (page.hidden("csrf"), demo.of("approver").code());
    let pairs = [("csrf", &*csrf), ("decision", "approve"), ("second_factor", &code)];
    approver.post("/proposals/2", &pairs, &[]).is("200").has(&["Carried out in batch"]);

    // In a demonstration the link does without; a proposal that is withdrawn does nothing.
    let sure = format!("{}?next=/acts/set-retention", demo.of("approver").link);
    let begun = demo.curl(&bed, &["-i", "-b", "approver", "-c", "approver", &sure]);
    assert!(begun.stdout().contains("location: /acts/set-retention"), "{begun}");
    let form = approver.open(path).lacks_factor();
    let proposed = approver.send(&form, path, &[("currency", "CNY"), ("limit", "1")]).is("200");
    proposed.has(&["Proposal 3 waits"]);
    let page = approver.open("/proposals/3");
    let pairs = [("csrf", &*page.hidden("csrf")), ("decision", "withdraw")];
    approver.post("/proposals/3", &pairs, &[]).is("200").has(&["is withdrawn"]);
    approver.open("/proposals/3").is("404");
    demo.stop();
    bed.verified("books");
}

impl Shown {
    #[track_caller]
    fn lacks_factor(self) -> Shown {
        self.lacks(&["name=\"second_factor\""]);
        self
    }
}
