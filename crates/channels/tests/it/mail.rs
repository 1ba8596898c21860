//! Mail to aiosmtpd.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use channels::{
    Channel, MailChannel, MailEncryption, MailList, MailSettings, MailSettingsError,
    NoticeLanguage, OutgoingNotice,
};
use serde_json::{Value, json};

use crate::peer::{
    IMPATIENT, Identity, PATIENT, Peer, assert_failed, assert_not_known, assert_refused, delivered,
    notice,
};

struct Server {
    identity: Identity,
    peer: Peer,
}

impl Server {
    fn new(flags: &[&str]) -> Server {
        let identity = Identity::new();
        let files = identity.files();
        let arguments: Vec<&str> =
            files.iter().map(String::as_str).chain(flags.iter().copied()).collect();
        let peer = Peer::python("smtpd.py", &arguments);
        Server { identity, peer }
    }

    fn settings(&self) -> MailSettings {
        let authorities = vec![self.identity.authority.clone()];
        MailSettings { authorities, ..settings(self.peer.port, PATIENT) }
    }

    fn channel(&self) -> MailChannel {
        MailChannel::new(self.settings()).unwrap()
    }

    /// The next mail: what the server says of it, its headers (unfolded), its body.
    fn mail(&self) -> (Value, Vec<(String, String)>, String) {
        let said = self.peer.next_with("mail_from");
        let content = Base64::decode_vec(said["content"].as_str().unwrap()).unwrap();
        let content = String::from_utf8(content).unwrap();
        assert!(!content.replace("\r\n", "").contains(['\r', '\n']), "{content:?}");
        let (head, body) = content.split_once("\r\n\r\n").unwrap();
        let headers = head.replace("\r\n ", " ");
        let headers = headers.split("\r\n").map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        });
        (said, headers.collect(), body.to_owned())
    }
}

fn settings(port: u16, timeout: Duration) -> MailSettings {
    MailSettings {
        server: "localhost".to_owned(),
        port,
        encryption: MailEncryption::StartTls,
        authorities: Vec::new(),
        login: Some(("doorstep".to_owned(), "correct horse".to_owned().into())),
        hello_name: "books.example.com".to_owned(),
        from: "notices@example.com".to_owned(),
        from_name: "Doorstep 到付".to_owned(),
        list_id: Some("notices.example.com".to_owned()),
        unsubscribe_url: Some("https://example.com/unsubscribe/{id}".to_owned()),
        timeout,
    }
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> &'h str {
    let found: Vec<_> = headers.iter().filter(|(of, _)| of == name).collect();
    assert_eq!(found.len(), 1, "{name} in {headers:?}");
    &found[0].1
}

const QUEUED: &str = "2.0.0 Ok: queued as 4XHk3";

#[test]
fn a_mail_in_chinese_arrives_by_starttls_and_8bitmime() {
    let server = Server::new(&[]);
    let channel = server.channel();
    let text = "您的货款 CNY 100.00 已付款。\n.\n..第二行\n";
    let notice = notice("货款已付：第 17 号付款单，共三十二个包裹，请查收", text, &Value::Null);
    assert_eq!(channel.send(&notice, "seller@example.com"), delivered(Some(QUEUED)));
    let (said, headers, body) = server.mail();
    assert_eq!(said["tls"], true);
    assert_eq!(said["login"], "doorstep");
    assert_eq!(said["mail_from"], "notices@example.com");
    assert_eq!(said["to"], json!(["seller@example.com"]));
    assert!(said["options"].as_array().unwrap().contains(&json!("BODY=8BITMIME")), "{said}");
    assert_eq!(body, text.replace('\n', "\r\n"));
    for (name, value) in [
        ("To", "<seller@example.com>"),
        ("Message-ID", "<4711-0_seller-7@example.com>"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "8bit"),
        ("Content-Language", "zh"),
        ("Auto-Submitted", "auto-generated"),
        ("List-Id", "<notices.example.com>"),
        ("List-Unsubscribe", "<https://example.com/unsubscribe/4711-0_seller-7>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ] {
        assert_eq!(header(&headers, name), value);
    }
    assert!(header(&headers, "From").ends_with("?= <notices@example.com>"));
    assert!(header(&headers, "Date").ends_with("+0000"));
    // Python's own reader of mail.
    let content = said["content"].as_str().unwrap();
    let read = read_by_python(content);
    assert_eq!(read["subject"], notice.title);
    assert_eq!(read["from"], "Doorstep 到付 <notices@example.com>");
    assert_eq!(read["text"], text);
    assert_eq!(read["defects"], json!([]));
}

/// What Python's `email` makes of a mail.
fn read_by_python(content: &str) -> Value {
    let mut reader = Peer::python("read_mail.py", &[]);
    reader.tell(content);
    reader.next()
}

#[test]
fn a_mail_with_a_page_has_its_text_first() {
    let server = Server::new(&[]);
    let (text, page) = ("日报\n.\nTaken: 12.00\n", "<!doctype html>\n<p>日报 12.00</p>\n.\n");
    let payload = Value::Null;
    let unsubscribe = Some("https://books.example.com/unsubscribe/k7");
    let list = Some(MailList { name: "report", unsubscribe });
    let report = OutgoingNotice { html: Some(page), list, ..notice("日报", text, &payload) };
    assert_eq!(server.channel().send(&report, "reader@example.com"), delivered(Some(QUEUED)));
    let (said, headers, _) = server.mail();
    assert!(header(&headers, "Content-Type").starts_with("multipart/alternative; boundary="));
    // The list's own: what the settings say ends other mails.
    assert_eq!(header(&headers, "List-Id"), "<report.notices.example.com>");
    let link = "<https://books.example.com/unsubscribe/k7>";
    assert_eq!(header(&headers, "List-Unsubscribe"), link);
    assert_eq!(header(&headers, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let read = read_by_python(said["content"].as_str().unwrap());
    assert_eq!((&read["text"], &read["html"]), (&text.into(), &page.into()));
    assert_eq!((&read["kind"], &read["defects"]), (&"multipart/alternative".into(), &json!([])));
    let bad = [("<p>\u{1}</p>".to_owned(), "control character"), ("x".repeat(600 << 10), "longer")];
    for (bad, part) in bad {
        let report = OutgoingNotice { html: Some(&bad), ..report };
        assert_refused(&server.channel().send(&report, "reader@example.com"), part);
    }
    let bad = MailList { name: "report", unsubscribe: Some("https://x>, <mailto:a@b.c") };
    let report = OutgoingNotice { list: Some(bad), ..report };
    assert_refused(&server.channel().send(&report, "reader@example.com"), "unsubscribe address");
}

#[test]
fn without_8bitmime_or_with_long_lines_a_text_goes_out_in_base64() {
    let server = Server::new(&["without-8bitmime"]);
    let channel = server.channel();
    let long = "x".repeat(2_000);
    for text in ["付款已到账\n", &long] {
        let notice = notice("Paid", text, &Value::Null);
        assert_eq!(channel.send(&notice, "seller@example.com"), delivered(Some(QUEUED)));
        let (said, headers, body) = server.mail();
        assert_eq!(header(&headers, "Content-Transfer-Encoding"), "base64");
        assert!(body.is_ascii() && body.lines().all(|line| line.len() <= 76));
        assert!(!said["options"].as_array().unwrap().contains(&json!("BODY=8BITMIME")));
        let read = read_by_python(said["content"].as_str().unwrap());
        assert_eq!(read["text"].as_str().unwrap().trim_end(), text.trim_end());
    }
    let mut english = notice("Paid", "Payout 17 was sent\n", &Value::Null);
    english.language = NoticeLanguage::En;
    assert_eq!(channel.send(&english, "seller@example.com"), delivered(Some(QUEUED)));
    let (_, headers, _) = server.mail();
    assert_eq!(header(&headers, "Content-Transfer-Encoding"), "7bit");
    assert_eq!(header(&headers, "Subject"), "Paid");
    assert_eq!(header(&headers, "Content-Language"), "en");
}

#[test]
fn what_the_server_answers_decides() {
    let server = Server::new(&[]);
    let channel = server.channel();
    let notice = notice("Paid", "Payout 17 was sent", &Value::Null);
    let send = |name: &str| channel.send(&notice, &format!("{name}@example.com"));
    assert_refused(&send("unknown"), "550 5.1.1 to RCPT");
    assert_failed(&send("greylisted"), "451 4.7.1 to RCPT");
    assert_eq!(send("greylisted"), delivered(Some(QUEUED)));
    assert_failed(&send("cut"), "the mail server");
    assert_refused(&send("spam"), "554 5.7.1 to the mail");
    assert_failed(&send("full"), "452 4.2.2 to the mail");
    // The server has the whole mail, and its 250 is lost.
    let lost = send("lost");
    assert_not_known(&lost);
    let said = format!("{lost:?} {:?}", send("unknown"));
    assert!(!said.contains("example.com"), "{said}");
    let mut of_lost = None;
    while of_lost.is_none() {
        let (said, ..) = server.mail();
        of_lost = (said["to"] == json!(["lost@example.com"])).then_some(said);
    }
}

#[test]
fn a_connection_is_used_again_and_replaced_when_the_server_has_closed_it() {
    let server = Server::new(&[]);
    let channel = server.channel();
    let notice = notice("Paid", "Payout 17 was sent", &Value::Null);
    let send = |name: &str| channel.send(&notice, &format!("{name}@example.com"));
    assert_eq!(send("one"), delivered(Some(QUEUED)));
    assert_eq!(send("two"), delivered(Some(QUEUED)));
    let mut connections = 0;
    let mut mails = 0;
    while mails < 2 {
        let said = server.peer.next();
        connections += usize::from(said["ehlo"].is_string() && said["tls"] == true);
        mails += usize::from(said["mail_from"].is_string());
    }
    assert_eq!(connections, 1);
    // The idle connection is cut at RCPT; the mail goes out by a new one, which is cut too.
    assert_failed(&send("cut"), "the mail server");
    assert_eq!(send("three"), delivered(Some(QUEUED)));
}

#[test]
fn without_tls_that_can_be_trusted_nothing_is_sent() {
    let notice = notice("Paid", "Payout 17 was sent", &Value::Null);
    let to = "seller@example.com";
    let server = Server::new(&["without-starttls"]);
    assert_failed(&server.channel().send(&notice, to), "has no STARTTLS");
    let server = Server::new(&[]);
    let other = vec![Identity::new().authority];
    let channel = MailChannel::new(MailSettings { authorities: other, ..server.settings() });
    assert_failed(&channel.unwrap().send(&notice, to), "unknown authority");
    let by_address = MailSettings { server: "127.0.0.1".to_owned(), ..server.settings() };
    let outcome = MailChannel::new(by_address).unwrap().send(&notice, to);
    assert_failed(&outcome, "for another name");
    let login = Some(("doorstep".to_owned(), "wrong".to_owned().into()));
    let channel = MailChannel::new(MailSettings { login, ..server.settings() }).unwrap();
    assert_failed(&channel.send(&notice, to), "535 5.7.8 to the user name and password");
    let server = Server::new(&["tls"]);
    let (encryption, login) = (MailEncryption::Tls, None);
    let settings = MailSettings { encryption, login, ..server.settings() };
    let channel = MailChannel::new(settings).unwrap();
    assert_eq!(channel.send(&notice, to), delivered(Some(QUEUED)));
    assert_eq!(server.mail().0["tls"], true);
}

#[test]
fn nothing_of_a_notice_can_become_a_header_or_a_recipient() {
    let channel = MailChannel::new(settings(1, PATIENT)).unwrap();
    let to = "seller@example.com";
    for title in ["Paid\r\nBcc: all@example.com", "Paid\nBcc: x@y.z", "a\rb", "a\0b", "a\u{2028}b"]
    {
        // The port is never asked: a text that cannot be a mail needs no server.
        let outcome = channel.send(&notice(title, "text", &Value::Null), to);
        assert_refused(&outcome, "control character");
    }
    let outcome = channel.send(&notice("Paid", "a\0b", &Value::Null), to);
    assert_refused(&outcome, "control character");
    let sent = notice("Paid", "text", &Value::Null);
    for address in ["", "a@b\r\nRCPT TO:<c@d>", "a@b,c@d", "a@b>", "seller"] {
        assert_refused(&channel.send(&sent, address), "no usable mail address");
    }
    let refused = |change: fn(&mut MailSettings)| {
        let mut changed = settings(1, PATIENT);
        change(&mut changed);
        MailChannel::new(changed).err()
    };
    assert_eq!(refused(|s| s.from = "x\r\n@y".to_owned()), Some(MailSettingsError::From));
    let with_break = |found: Option<MailSettingsError>| {
        assert!(matches!(found, Some(MailSettingsError::Header(_))), "{found:?}");
    };
    with_break(refused(|s| s.from_name = "a\r\nBcc: x@y".to_owned()));
    with_break(refused(|s| s.hello_name = "a\r\nMAIL".to_owned()));
    with_break(refused(|s| s.list_id = Some("a>\r\n".to_owned())));
    let plain_http = |s: &mut MailSettings| s.unsubscribe_url = Some("http://x".to_owned());
    assert_eq!(refused(plain_http), Some(MailSettingsError::Unsubscribe));
    let without = |s: &mut MailSettings| s.encryption = MailEncryption::None;
    assert_eq!(refused(without), Some(MailSettingsError::LoginWithoutTls));
}

/// A server that says `greeting` for ever, or closes if there is none.
fn odd_server(greeting: &'static [u8], pause: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        while !greeting.is_empty() && socket.write_all(greeting).is_ok() {
            thread::sleep(pause);
        }
    });
    port
}

#[test]
fn a_server_that_says_nothing_too_much_or_too_slowly_ends_at_a_limit() {
    let sent = notice("Paid", "Payout 17 was sent", &Value::Null);
    let send = |port: u16, timeout: Duration| {
        let encryption = MailEncryption::None;
        let server = "127.0.0.1".to_owned();
        let plain = MailSettings { encryption, server, login: None, ..settings(port, timeout) };
        MailChannel::new(plain).unwrap().send(&sent, "seller@example.com")
    };
    assert_failed(&send(odd_server(b"", Duration::ZERO), PATIENT), "closed the connection");
    let long = odd_server(&[b'2'; 1 << 16], Duration::ZERO);
    assert_failed(&send(long, PATIENT), "a line without an end");
    let many = odd_server(b"220-more\r\n", Duration::ZERO);
    assert_failed(&send(many, PATIENT), "no SMTP");
    let slow = odd_server(b"2", Duration::from_millis(50));
    assert_failed(&send(slow, IMPATIENT), "silent");
    let garbage = odd_server(b"HTTP/1.1 200 OK\r\n", Duration::ZERO);
    assert_failed(&send(garbage, PATIENT), "no SMTP");
}

/// Whoever sits between must not put commands in before TLS begins.
#[test]
fn what_comes_with_the_answer_to_starttls_ends_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut read = [0; 512];
        socket.write_all(b"220 hello\r\n").unwrap();
        let _ = socket.read(&mut read).unwrap();
        socket.write_all(b"250-hello\r\n250 STARTTLS\r\n").unwrap();
        let _ = socket.read(&mut read).unwrap();
        socket.write_all(b"220 go on\r\n250 AUTH PLAIN\r\n").unwrap();
        let _ = socket.read(&mut read);
    });
    let channel = MailChannel::new(settings(port, PATIENT)).unwrap();
    let outcome = channel.send(&notice("Paid", "text", &Value::Null), "seller@example.com");
    assert_failed(&outcome, "more than its answer to STARTTLS");
    drop(channel);
    served.join().unwrap();
}
