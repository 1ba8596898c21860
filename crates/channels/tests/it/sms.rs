//! SMS to the SMS centre of the npm package `smpp`.

use std::io::Write;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use channels::{Channel, SmsBind, SmsChannel, SmsReceipt, SmsSettings, SmsState};
use serde_json::{Value, json};

use crate::peer::{
    IMPATIENT, Identity, PATIENT, Peer, assert_failed, assert_not_known, assert_refused, delivered,
    notice,
};

fn settings(port: u16, timeout: Duration) -> SmsSettings {
    SmsSettings {
        server: "localhost".to_owned(),
        port,
        tls: false,
        authorities: Vec::new(),
        system_id: "doorstep".to_owned(),
        password: "horse".to_owned().into(),
        bind: SmsBind::Transceiver,
        sender: "Doorstep".to_owned(),
        country_code: Some("86".to_owned()),
        enquire_after: PATIENT,
        timeout,
    }
}

fn opened(settings: SmsSettings) -> (SmsChannel, Receiver<SmsReceipt>) {
    let (sender, receipts) = channel();
    let sender = Mutex::new(sender);
    let sink = move |receipt| {
        let _ = sender.lock().unwrap().send(receipt);
    };
    (SmsChannel::new(settings, Arc::new(sink)).unwrap(), receipts)
}

fn send(channel: &SmsChannel, text: &str, number: &str) -> channels::SendOutcome {
    channel.send(&notice("", text, &Value::Null), number)
}

#[test]
fn a_text_of_either_alphabet_arrives_with_its_receipt() {
    let smsc = Peer::smsc(&[]);
    let (channel, receipts) = opened(settings(smsc.port, PATIENT));
    // Every character of the GSM alphabet, in the order of its codes, and of its extension. What
    // the SMS centre decodes is compared.
    let gsm = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
               ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà^{}[~]|€";
    for (text, coding, id) in [(gsm, 0, "id-1"), ("您的包裹已付款 😀", 8, "id-2")] {
        assert_eq!(send(&channel, text, "138 0013 8000"), delivered(Some(id)));
        let said = smsc.next_with("to");
        assert_eq!(said["text"], text);
        assert_eq!(said["coding"], coding);
        assert_eq!((&said["to"], &said["to_ton"]), (&json!("8613800138000"), &json!(1)));
        assert_eq!((&said["from"], &said["from_ton"]), (&json!("Doorstep"), &json!(5)));
        assert_eq!((&said["receipt"], &said["udh"]), (&json!(1), &Value::Null));
        let receipt = receipts.recv_timeout(PATIENT).unwrap();
        assert_eq!(receipt.message_id, id);
        assert_eq!((receipt.state, receipt.error), (SmsState::Delivered, None));
        assert_eq!(smsc.next_with("deliver_sm")["deliver_sm"], "answered");
    }
    drop(channel);
    smsc.next_with("unbind");
}

#[test]
fn a_long_text_goes_out_in_parts_that_make_it_up_again() {
    let smsc = Peer::smsc(&[]);
    let (channel, _receipts) = opened(settings(smsc.port, PATIENT));
    let chinese = "您的货款已付款，共三十二个包裹。😀".repeat(12);
    let english = "Payout 17 of 1,200.00 {CNY} was sent for 32 parcels. ".repeat(7);
    for (text, coding) in [(&chinese, 8), (&english, 0)] {
        let outcome = send(&channel, text, "+8613800138000");
        let channels::SendOutcome::Delivered { receipt: Some(ids) } = outcome else {
            panic!("{outcome:?}");
        };
        let count = ids.split(',').count();
        let mut joined = String::new();
        let mut reference = None;
        for number in 1..=count {
            let said = smsc.next_with("to");
            assert_eq!(said["coding"], coding);
            joined.push_str(said["text"].as_str().unwrap());
            let header: Vec<u64> = serde_json::from_value(said["udh"].clone()).unwrap();
            let [element, length, of, parts, part] = header[..] else { panic!("{header:?}") };
            assert_eq!((element, length), (0, 3));
            assert_eq!((parts, part), (count as u64, number as u64));
            assert_eq!(*reference.get_or_insert(of), of);
        }
        assert_eq!(joined, **text);
    }
    let outcome = send(&channel, &"款".repeat(67 * 8 + 1), "+8613800138000");
    assert_refused(&outcome, "more than 8 SMS");
    assert_refused(&send(&channel, "", "+8613800138000"), "empty");
    assert_refused(&send(&channel, "text", "12"), "telephone number");
}

#[test]
fn what_the_sms_centre_answers_decides() {
    let smsc = Peer::smsc(&[]);
    let (channel, _receipts) = opened(settings(smsc.port, PATIENT));
    let to = |end: &str, text: &str| send(&channel, text, &format!("+86138001380{end}"));
    assert_eq!(assert_failed(&to("02", "text"), "0x58"), Some(1_000));
    assert_eq!(assert_failed(&to("05", "text"), "0x14"), Some(30_000));
    assert_refused(&to("03", "text"), "0xb");
    let long = "x".repeat(400);
    assert_not_known(&to("06", &long));
    // Busy in the middle of a text: the part is sent again, as no part has arrived twice.
    assert!(matches!(to("07", &long), channels::SendOutcome::Delivered { .. }));
    let said = format!("{:?}", to("03", "text"));
    assert!(!said.contains("13800"), "{said}");
}

#[test]
fn a_connection_cut_between_submit_and_answer_is_not_known_and_the_next_sms_binds_again() {
    let smsc = Peer::smsc(&[]);
    let (channel, _receipts) = opened(settings(smsc.port, PATIENT));
    for _ in 0..2 {
        assert_not_known(&send(&channel, "text", "+8613800138001"));
        assert_eq!(smsc.next_with("bind")["bind"], "bind_transceiver");
    }
    // What is no SMPP ends the connection too.
    assert_not_known(&send(&channel, "text", "+8613800138008"));
    assert!(matches!(
        send(&channel, "text", "+8613800138000"),
        channels::SendOutcome::Delivered { .. }
    ));
}

#[test]
fn many_threads_share_a_connection_and_get_their_own_answers() {
    let smsc = Peer::smsc(&[]);
    let (channel, receipts) = opened(settings(smsc.port, PATIENT));
    thread::scope(|scope| {
        for thread in 0..4 {
            let channel = &channel;
            scope.spawn(move || {
                for round in 0..25 {
                    let refused = (thread + round) % 2 == 0;
                    let end = if refused { "03" } else { "99" };
                    let outcome = send(channel, "text", &format!("+86138001380{end}"));
                    match refused {
                        true => assert_refused(&outcome, "0xb"),
                        false => {
                            assert!(matches!(outcome, channels::SendOutcome::Delivered { .. }));
                        }
                    }
                }
            });
        }
    });
    for _ in 0..50 {
        receipts.recv_timeout(PATIENT).unwrap();
    }
    let said: Vec<_> = (0..100).map(|_| smsc.next_with("to")).collect();
    assert_eq!(said.iter().filter(|said| said["to"] == "8613800138099").count(), 50);
}

#[test]
fn a_silent_sms_centre_ends_at_the_time_limit() {
    let smsc = Peer::smsc(&[]);
    let (channel, _receipts) = opened(settings(smsc.port, IMPATIENT));
    assert_not_known(&send(&channel, "text", "+8613800138004"));
}

#[test]
fn an_idle_link_is_tried_and_answers_are_given() {
    let smsc = Peer::smsc(&[]);
    let enquire_after = Duration::from_millis(200);
    let (channel, _receipts) =
        opened(SmsSettings { enquire_after, ..settings(smsc.port, PATIENT) });
    assert!(matches!(
        send(&channel, "text", "+8613800138000"),
        channels::SendOutcome::Delivered { .. }
    ));
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 2 {
        seen.insert(smsc.next_with("enquire_link")["enquire_link"].to_string());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["\"answered\"", "\"asked\""]);
}

#[test]
fn a_transmitter_binds_by_tls_and_a_wrong_password_does_not() {
    let identity = Identity::new();
    let files = identity.files();
    let smsc = Peer::smsc(&[&files[0], &files[1]]);
    let authorities = vec![identity.authority.clone()];
    let by_tls = SmsSettings {
        tls: true,
        authorities,
        bind: SmsBind::Transmitter,
        sender: "+861069000000".to_owned(),
        ..settings(smsc.port, PATIENT)
    };
    let (channel, _receipts) = opened(by_tls.clone());
    for _ in 0..3 {
        let long = "付".repeat(200);
        assert!(matches!(
            send(&channel, &long, "+8613800138000"),
            channels::SendOutcome::Delivered { .. }
        ));
    }
    assert_eq!(smsc.next_with("bind")["version"], 0x34);
    let said = smsc.next_with("to");
    assert_eq!((&said["from"], &said["from_ton"]), (&json!("861069000000"), &json!(1)));
    let (channel, _receipts) =
        opened(SmsSettings { password: "wrong".to_owned().into(), ..by_tls.clone() });
    assert_failed(&send(&channel, "text", "+8613800138000"), "status 0xe");
    let (channel, _receipts) =
        opened(SmsSettings { authorities: vec![Identity::new().authority], ..by_tls });
    assert_failed(&send(&channel, "text", "+8613800138000"), "unknown authority");
}

#[test]
fn a_server_that_is_no_sms_centre_ends_at_a_limit() {
    let answering = |answer: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            while socket.write_all(answer).is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        });
        port
    };
    for (answer, timeout, why) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], PATIENT, "speaks no SMPP"),
        (&b"\0\0\x01\0"[..], IMPATIENT, ""),
        (&b"\0"[..], IMPATIENT, "speaks no SMPP"),
    ] {
        let (channel, _receipts) = opened(settings(answering(answer), timeout));
        assert_failed(&send(&channel, "text", "+8613800138000"), why);
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (channel, _receipts) = opened(settings(nobody, PATIENT));
    assert_failed(&send(&channel, "text", "+8613800138000"), "connection refused");
}
