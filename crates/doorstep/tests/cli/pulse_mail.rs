//! The daily report by mail: sent to who asked for it, read by other programs, ended by one click,
//! corrected for all who were sent it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use serde_json::Value;

use super::independent::python;
use super::process::Process;
use super::serve::{EXAMPLE, FIRM, SERVE, books_and_keys};
use super::support::{Bed, Ran, eventually, tool};

const MAIL_PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../channels/tests/python");
const HOST: &str = "books.example.com";

/// Days, and settings to serve them. The books' own figure can be defined otherwise later.
fn bed(port: &str) -> Bed {
    let bed = books_and_keys();
    let made = "keys make vault --purpose data-keys --algorithm aes256 --store keys.json";
    bed.run(&format!("{made} --master-key-file master.key")).succeeds();
    for seed in 1..=3 {
        bed.run(&format!("day --parcels 30 --hold 1 --data days --seed {seed}")).succeeds();
    }
    bed.private_directory("days/figures");
    own_figure(&bed, 7);
    let mail = format!(
        "[views]\n[web]\nlisten = [\"127.0.0.1:0\"]\norigin = \"https://{HOST}\"\n[notices]\n\
         [notices.mail]\nserver = \"127.0.0.1:{port}\"\nencryption = \"none\"\n\
         from = \"notices@example.com\"\nfrom_name = \"Doorstep\"\nhello_name = \"{HOST}\"\n\
         list_id = \"notices.example.com\"\n[merchant]"
    );
    let settings = EXAMPLE
        .replace("127.0.0.1:7001", "127.0.0.1:0")
        .replace(FIRM, "")
        .replace("# vault = \"vault\"", "vault = \"vault\"")
        .replacen("[merchant]", &mail, 1);
    bed.write("doorstep.toml", settings);
    bed
}

fn own_figure(bed: &Bed, value: u32) {
    let text = "{ en = \"Own\", zh = \"自有\" }";
    bed.write(
        "days/figures/own.toml",
        format!(
            "[section]\nid = \"own\"\nplace = 9\ntitle = {text}\n[[figure]]\nid = \"own\"\n\
             unit = \"parcels\"\naudience = \"everyone\"\nname = {text}\ndefinition = {text}\n\
             excludes = {text}\nsql = \"SELECT {value} AS value\"\n"
        ),
    );
}

fn add_mail(bed: &Bed, owner: &str, language: &str) {
    bed.write("address", format!("{}@example.com", owner.split(':').next().unwrap()));
    let line = format!("notices endpoint add {owner} --channel mail --file address");
    let line = format!("{line} --language {language} --data days --config doorstep.toml");
    bed.run(&line).succeeds();
}

/// The next mails of the report, by the name of the recipient, as Python's `email` reads them.
fn mails(server: &mut Process, bed: &Bed, count: usize) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    while all.len() < count {
        let said = format!("{{\"mail_from\": {}", server.says("{\"mail_from\": "));
        let said: Value = serde_json::from_str(&said).unwrap();
        bed.write("mail.base64", said["content"].as_str().unwrap());
        let mut read = bed.command("python3");
        read.arg("-B").arg(format!("{MAIL_PROGRAMS}/read_mail.py"));
        let read = Ran::of(read.stdin(File::open(bed.path("mail.base64")).unwrap())).succeeds();
        let mail: Value = serde_json::from_str(read.stdout().lines().nth(1).unwrap()).unwrap();
        // Staff is told of other things, too: deposits of these old days are missing.
        if mail["headers"]["List-Id"] != "<report.notices.example.com>" {
            continue;
        }
        let to = said["to"][0].as_str().unwrap().split('@').next().unwrap().to_owned();
        assert!(all.insert(to, mail).is_none(), "two mails to one recipient");
    }
    all
}

fn curl(bed: &Bed, address: &str, path: &str, flags: &[&str]) -> (String, String) {
    let mut curl = bed.command("curl");
    curl.args(["-sS", "--max-time", "120", "-w", "\n%{http_code}", "-H"]);
    curl.arg(format!("Host: {HOST}")).args(["-H", "Accept: text/html"]).args(flags);
    let ran = Ran::of(curl.arg(format!("http://{address}{path}"))).succeeds();
    let (page, status) = ran.stdout().trim_end().rsplit_once('\n').unwrap();
    (status.to_owned(), page.to_owned())
}

#[test]
fn the_report_comes_by_mail_until_one_click_ends_it_and_its_correction_comes_all_the_same() {
    let certificates = Bed::new();
    certificates.run("certificates certificates").succeeds();
    let mut smtpd = certificates.command(python().to_str().unwrap());
    smtpd.arg("-B").arg(format!("{MAIL_PROGRAMS}/smtpd.py"));
    smtpd.args(["certificates/engine.pem", "certificates/engine.key", "without-starttls"]);
    let mut server = Process::of(smtpd);
    let port = server.says("{\"port\": ");
    let bed = bed(port.trim_end_matches('}'));
    let found = bed.run("get sellers --data days --format json").succeeds();
    let first: Value = serde_json::from_str(found.stdout().lines().next().unwrap()).unwrap();
    let seller = format!("seller:{}", first["reference"].as_str().unwrap());
    let subscribe = format!("notices subscribe {seller} --data days");
    bed.run(&subscribe).fails("has no mail address for the report");
    add_mail(&bed, &seller, "zh");
    add_mail(&bed, "staff", "en");
    bed.run(&subscribe).succeeds().prints("is sent the daily report by mail");

    let mut engine = Process::start(&bed, &SERVE.replace("books", "days"));
    let address = engine.says("web ");
    // From here on publications are told.
    let script = "import sqlite3\nprint(sqlite3.connect('days/notices.sqlite').execute(\
                  'SELECT publication FROM checkpoint').fetchall())";
    eventually("publications are followed", || {
        Ran::of(bed.command("python3").args(["-c", script])).stdout().trim() == "[(0,)]"
    });
    bed.run("pulse publish --data days --day 2013-11-12").succeeds();
    let sent = mails(&mut server, &bed, 2);
    for (to, words, edition) in
        [("staff", "Taken at the doors", "Held for sellers"), ("seller", "上门收款额", "自有")]
    {
        let mail = &sent[to];
        assert_eq!(mail["kind"], "multipart/alternative", "{mail}");
        assert_eq!(mail["defects"], serde_json::json!([]), "{mail}");
        let [text, html] = ["text", "html"].map(|part| mail[part].as_str().unwrap());
        for part in [text, html] {
            assert!(part.contains(words) && part.contains(edition), "{to}: {part}");
        }
        assert!(!text.contains('<'), "{text}");
        let headers = &mail["headers"];
        assert_eq!(headers["List-Id"], "<report.notices.example.com>");
        assert_eq!(headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
        bed.write(&format!("{to}.html"), html);
    }
    let html = sent["seller"]["html"].as_str().unwrap();
    assert!(!html.contains("卖家待结算"), "what is for finance only: {html}");
    // Opened in a browser.
    tool(&bed, "chromium");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut node = bed.command("node");
    node.arg(root.join("tests/node/html.mjs")).arg(root.join("../../target/node"));
    Ran::of_long(node.args(["staff.html", "seller.html"])).succeeds().prints("2 pages");

    // Looking at the link ends nothing, nor does a link that is not ours.
    let link = sent["seller"]["headers"]["List-Unsubscribe"].as_str().unwrap();
    let link = link.trim_matches(['<', '>']);
    assert!(sent["seller"]["text"].as_str().unwrap().contains(link), "{link}");
    let path = link.strip_prefix(&format!("https://{HOST}")).unwrap_or_else(|| panic!("{link}"));
    let readers = || {
        let script = "import sqlite3\nprint(sqlite3.connect('days/notice-book.sqlite').execute(\
                      'SELECT wanted FROM report_readers').fetchall())";
        Ran::of(bed.command("python3").args(["-c", script])).stdout().trim().to_owned()
    };
    let (status, page) = curl(&bed, &address, path, &[]);
    assert!(status == "200" && page.contains("<form method=\"post\">"), "{status}{page}");
    let one_click = ["-d", "List-Unsubscribe=One-Click"];
    assert_eq!(curl(&bed, &address, &format!("{path}A"), &one_click).0, "404");
    assert_eq!(readers(), "[(1,)]");
    let (status, page) = curl(&bed, &address, path, &one_click);
    assert!(status == "200" && !page.contains("<form method=\"post\">"), "{status}{page}");
    assert_eq!(readers(), "[(0,)]");
    assert_eq!(curl(&bed, &address, path, &one_click).0, "200", "a second time");

    bed.run("pulse publish --data days --day 2013-11-13").succeeds();
    let sent = mails(&mut server, &bed, 1);
    assert!(sent.contains_key("staff"), "{sent:?}");
    own_figure(&bed, 8);
    let why = "--correct 1 --why-en Miscounted. --why-zh 计数有误。";
    bed.run(&format!("pulse publish --data days {why}")).succeeds();
    let sent = mails(&mut server, &bed, 2);
    for (to, why) in [("staff", "Miscounted."), ("seller", "计数有误。")] {
        let text = sent[to]["text"].as_str().unwrap();
        assert!(text.contains(why), "{to}: {text}");
    }
    engine.stop();
}
