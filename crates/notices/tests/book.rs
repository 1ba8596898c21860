//! The notice book: addresses that only their reader sees, and versions of the table.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use books::{FirmId, PersonId, SellerId, Timestamp};
use channels::{NoticeLanguage, WebhookKey};
use keys::{Algorithm, KeyName, KeyPurpose, KeyStore, SoftwareStore};
use notices::{
    AddressToAdd, Announcement, ChannelRules, DeliveryRules, NOTICE_BOOK_FILE, NoticeBook,
    NoticeChannel, NoticeError, NoticeQuery, NoticeSubjects, NoticeTable, Outbox, Recipient,
    SHIPPED_TABLE, ToldPublication, event_named, limits, notices_of, tell_of_publication,
};
use vault::VaultKey;

const NOW: Timestamp = Timestamp(1_377_651_600_000);
const SHOP: Recipient = Recipient::Seller(SellerId(7));
const URL: &str = "https://shop.example/hooks?secret=squirrel";

fn key() -> VaultKey {
    let store = SoftwareStore::in_memory([]).unwrap();
    let name = KeyName::new("vault").unwrap();
    store.generate(name, KeyPurpose::DataKeys, Algorithm::Aes256).unwrap();
    VaultKey { store: Arc::new(store), name }
}

fn new(channel: NoticeChannel, address: &str) -> AddressToAdd<'_> {
    AddressToAdd {
        owner: SHOP,
        channel,
        language: NoticeLanguage::En,
        events: &[],
        ed25519: false,
        address,
        by: "uid 7",
    }
}

#[test]
fn an_address_is_sealed_and_opens_with_its_key_only() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let mut book = NoticeBook::open(dir.path(), Some(&key)).unwrap();
    let (number, secret) = book.add(new(NoticeChannel::Webhook, URL), NOW).unwrap();
    let secret = secret.unwrap();
    assert!(secret.starts_with("whsec_"));
    let endpoint = Recipient::Endpoint(number);
    let opened = book.open_address(endpoint, NoticeChannel::Webhook, NOW).unwrap().unwrap();
    assert_eq!(&*opened.address, URL);
    assert_eq!(opened.secrets.as_ref().unwrap().now, secret);
    assert!(!format!("{opened:?} {book:?}").contains("squirrel"));
    let file = std::fs::read(dir.path().join(NOTICE_BOOK_FILE)).unwrap();
    let has = |text: &str| file.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!has("squirrel") && !has(&secret) && has("seller:7"));
    drop(book);
    assert!(matches!(NoticeBook::open(dir.path(), Some(&self::key())), Err(NoticeError::Key(_))));
    let blind = NoticeBook::open(dir.path(), None).unwrap();
    assert_eq!(blind.addresses(Some(SHOP)).unwrap().len(), 1);
    let opened = blind.open_address(endpoint, NoticeChannel::Webhook, NOW);
    assert!(matches!(opened, Err(NoticeError::NoKey)));
}

#[test]
fn both_keys_sign_for_a_day_after_a_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let mut book = NoticeBook::open(dir.path(), Some(&key())).unwrap();
    let ed25519 = AddressToAdd { ed25519: true, ..new(NoticeChannel::Webhook, URL) };
    let (number, first) = book.add(ed25519, NOW).unwrap();
    let second = book.rotate(number, NOW).unwrap();
    assert!(second.starts_with("whpk_") && first.as_ref() != Some(&second));
    let publics = |at: Timestamp| {
        let opened = book.open_address(Recipient::Endpoint(number), NoticeChannel::Webhook, at);
        let secrets = opened.unwrap().unwrap().secrets.unwrap();
        let keys = std::iter::once(&secrets.now).chain(&secrets.before);
        keys.map(|key| WebhookKey::read(key).unwrap().public()).collect::<Vec<_>>()
    };
    let day = limits::SECRET_OVERLAP_MS;
    assert_eq!(publics(NOW.plus_ms(day - 1)), [Some(second.clone()), first]);
    assert_eq!(publics(NOW.plus_ms(day)), [Some(second)]);
    let (mail, _) = book.add(new(NoticeChannel::Mail, "shop@example.com"), NOW).unwrap();
    assert!(matches!(book.rotate(mail, NOW), Err(NoticeError::NoSecret(_))));
    assert!(matches!(book.rotate(99, NOW), Err(NoticeError::NoAddress(99))));
}

#[test]
fn an_owner_has_one_address_of_each_channel_and_ten_endpoints() {
    let dir = tempfile::tempdir().unwrap();
    let mut book = NoticeBook::open(dir.path(), Some(&key())).unwrap();
    for address in ["old@example.com", "new@example.com"] {
        book.add(new(NoticeChannel::Mail, address), NOW).unwrap();
    }
    let opened = book.open_address(SHOP, NoticeChannel::Mail, NOW).unwrap().unwrap();
    assert_eq!(&*opened.address, "new@example.com");
    for _ in 0..limits::ENDPOINTS_OF_OWNER_MAX {
        book.add(new(NoticeChannel::Webhook, URL), NOW).unwrap();
    }
    let more = book.add(new(NoticeChannel::Webhook, URL), NOW);
    assert!(matches!(more, Err(NoticeError::TooManyEndpoints(SHOP))));
    assert_eq!(book.addresses(None).unwrap().len(), 11);
    book.remove_all_of(SHOP).unwrap();
    assert!(book.addresses(None).unwrap().is_empty());
    assert!(matches!(book.remove(1), Err(NoticeError::NoAddress(1))));
}

#[test]
fn what_is_no_address_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut book = NoticeBook::open(dir.path(), Some(&key())).unwrap();
    for (channel, address) in [
        (NoticeChannel::Webhook, "http://shop.example/"),
        (NoticeChannel::Webhook, "https://shop.example/ whsec_AAAA"),
        (NoticeChannel::Wecom, "ftp://example.com"),
        (NoticeChannel::Mail, "nobody"),
        (NoticeChannel::Mail, "a@b.example\nBcc: c@d.example"),
        (NoticeChannel::Sms, ""),
    ] {
        let refused = book.add(new(channel, address), NOW);
        assert!(matches!(refused, Err(NoticeError::Address)), "{address}");
    }
    let buyer = Recipient::Buyer(books::ParcelId::new(7));
    for (owner, channel) in [(buyer, NoticeChannel::Mail), (SHOP, NoticeChannel::Weibo)] {
        let refused = book.add(AddressToAdd { owner, ..new(channel, "a@b.example") }, NOW);
        assert!(matches!(refused, Err(NoticeError::NotReachedBy { .. })), "{owner}");
    }
    let events = ["payout.made".to_owned()];
    let refused =
        book.add(AddressToAdd { events: &events, ..new(NoticeChannel::Webhook, URL) }, NOW);
    assert!(matches!(refused, Err(NoticeError::NoEvent(_))));
}

#[test]
fn versions_of_the_table_are_kept_with_who_and_when() {
    let dir = tempfile::tempdir().unwrap();
    let mut book = NoticeBook::open(dir.path(), None).unwrap();
    assert_eq!(book.table_version().unwrap(), 0);
    assert_eq!(book.table_text(0).unwrap(), SHIPPED_TABLE);
    let short = SHIPPED_TABLE.split("\n[[notice]]").take(3).collect::<Vec<_>>();
    let short = short.join("\n[[notice]]");
    assert!(book.use_table("[[notice]]\nevent = 'x'", "uid 7", NOW).is_err());
    assert_eq!(book.use_table(&short, "uid 7", NOW).unwrap(), 1);
    assert_eq!(book.use_table(SHIPPED_TABLE, "uid 8", NOW.plus_ms(5)).unwrap(), 2);
    assert_eq!(book.table_text(1).unwrap(), short);
    let versions = book.table_versions().unwrap();
    let who: Vec<_> =
        versions.iter().map(|one| (one.version, &*one.used_by, one.used_at_ms)).collect();
    assert_eq!(who, [(1, "uid 7", NOW.0), (2, "uid 8", NOW.0 + 5)]);
    assert!(matches!(book.table_text(3), Err(NoticeError::NoTable(3))));
}

#[test]
fn a_notice_goes_to_who_has_an_address_by_the_first_channel_that_is_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut book = NoticeBook::open(dir.path(), Some(&key())).unwrap();
    book.add(new(NoticeChannel::Mail, "shop@example.com"), NOW).unwrap();
    book.add(new(NoticeChannel::Sms, "+8613800000000"), NOW).unwrap();
    book.add(new(NoticeChannel::Webhook, URL), NOW).unwrap();
    let only = ["invoice.issued".to_owned()];
    let other = AddressToAdd { events: &only, ..new(NoticeChannel::Webhook, URL) };
    book.add(other, NOW).unwrap();
    let table = NoticeTable::parse(SHIPPED_TABLE).unwrap();
    let fields = ["payout", "amount", "currency", "gross", "fees", "refunded"];
    let fields = fields.map(|name| (name.to_owned(), "7".into()));
    let said = |seller| Announcement {
        readers: BTreeSet::new(),
        event: event_named("payout.sent").unwrap(),
        about: NoticeSubjects { seller: Some(SellerId(seller)), ..NoticeSubjects::default() },
        fields: fields.clone().into_iter().collect(),
    };
    let to = |seller, on: &[NoticeChannel]| {
        let on: BTreeSet<NoticeChannel> = on.iter().copied().collect();
        let all = notices_of(&said(seller), (0, &table), &book, &on).unwrap();
        let short = all.into_iter().map(|one| (one.recipient, one.channel, one.others));
        short.collect::<Vec<_>>()
    };
    let endpoint = (Recipient::Endpoint(3), NoticeChannel::Webhook, Vec::new());
    assert_eq!(
        to(7, &NoticeChannel::ALL),
        [(SHOP, NoticeChannel::Mail, vec![NoticeChannel::Sms]), endpoint]
    );
    assert_eq!(
        to(7, &[NoticeChannel::Sms, NoticeChannel::Wechat]),
        [(SHOP, NoticeChannel::Sms, Vec::new())]
    );
    assert!(to(7, &[]).is_empty() && to(8, &NoticeChannel::ALL).is_empty());
    // Everyone of a kind, each once.
    let mut everyone = said(7);
    everyone.event = event_named("network.reinstated").unwrap();
    everyone.fields = [("network".to_owned(), "alpha".into())].into_iter().collect();
    let on: BTreeSet<NoticeChannel> = [NoticeChannel::Mail].into();
    let all = notices_of(&everyone, (0, &table), &book, &on).unwrap();
    assert_eq!(all.iter().map(|one| one.owner).collect::<Vec<_>>(), [SHOP]);
    let person = Recipient::Person(PersonId(7));
    assert!(book.addresses(Some(person)).unwrap().is_empty());
}

#[test]
fn a_report_goes_to_who_asked_for_it_and_its_correction_to_all_who_were_sent_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut book = NoticeBook::open(dir.path(), Some(&key())).unwrap();
    let firm = Recipient::Firm(FirmId(3));
    let refused = book.set_report_reader(SHOP, true, "uid 7", NOW).unwrap_err();
    assert!(matches!(refused, NoticeError::NoMailAddress(SHOP)), "{refused}");
    for owner in [SHOP, firm, Recipient::Staff] {
        let mail = AddressToAdd { owner, ..new(NoticeChannel::Mail, "all@example.com") };
        book.add(mail, NOW).unwrap();
    }
    // Staff is told by an entry of its own, and not twice.
    for owner in [SHOP, Recipient::Staff] {
        book.set_report_reader(owner, true, "uid 7", NOW).unwrap();
    }
    let channels = [(NoticeChannel::Mail, ChannelRules::default())].into();
    let rules = DeliveryRules { channels, ..DeliveryRules::default() };
    let mut outbox = Outbox::open(dir.path(), rules).unwrap();
    outbox.begin_at(journal::JournalHead::default()).unwrap();
    outbox.record_publication(0, &[]).unwrap();
    let (book, outbox) = (Mutex::new(book), Mutex::new(outbox));
    let told = |number, of| {
        let told = ToldPublication { number, of, day: "2026-11-30", at_ms: NOW.0 };
        tell_of_publication(told, &book, &outbox).unwrap();
        let all = outbox.lock().unwrap().list(NoticeQuery { limit: 100, ..Default::default() });
        let command = limits::PUBLICATIONS_FROM + u32::try_from(number).unwrap();
        let id = format!("msg_0_{command}_");
        let of_it = all.unwrap().into_iter().filter(|one| one.id.starts_with(&id));
        of_it.map(|one| one.recipient).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(told(1, None), [SHOP, Recipient::Staff]);
    let set = |owner, wanted| {
        book.lock().unwrap().set_report_reader(owner, wanted, "link", NOW).unwrap();
    };
    set(SHOP, false);
    set(firm, true);
    assert_eq!(told(2, None), [firm, Recipient::Staff]);
    set(Recipient::Staff, false);
    assert_eq!(told(3, None), [firm]);
    // Whoever was sent the first report hears that it was wrong, though it ended the mails.
    assert_eq!(told(4, Some(1)), [SHOP, Recipient::Staff]);
    assert_eq!(told(5, Some(3)), [firm]);
    // Also when the notices of it are no longer kept.
    for days in [31, 31 + 91] {
        outbox.lock().unwrap().prune(Timestamp(NOW.0 + days * 86_400_000)).unwrap();
    }
    assert_eq!(told(6, Some(1)), [SHOP, Recipient::Staff]);
    let mut book = book.into_inner().unwrap();
    book.remove_all_of(SHOP).unwrap();
    assert_eq!(book.report_readers().unwrap(), ([firm].into(), [Recipient::Staff].into()));
}

#[test]
fn a_link_that_ends_the_report_names_nobody_and_is_read_by_its_key_only() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let book = NoticeBook::open(dir.path(), Some(&key)).unwrap();
    let link = book.report_link(SHOP).unwrap();
    assert!(link.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    assert_eq!(book.of_report_link(&link).unwrap(), Some(SHOP));
    let other = NoticeBook::open(tempfile::tempdir().unwrap().path(), Some(&key)).unwrap();
    assert_eq!(other.of_report_link(&link).unwrap(), None);
    for at in 0..link.len() {
        let mut changed = link.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(book.of_report_link(&changed).unwrap(), None, "{changed}");
    }
    for other in ["", "seller:7", "c2VsbGVyOjc", &link[1..], &format!("{link}A")] {
        assert_eq!(book.of_report_link(other).unwrap(), None, "{other}");
    }
}

#[test]
fn a_book_of_the_first_format_is_brought_to_the_last() {
    let (dir, key) = (tempfile::tempdir().unwrap(), key());
    let mut book = NoticeBook::open(dir.path(), Some(&key)).unwrap();
    book.add(new(NoticeChannel::Mail, "shop@example.com"), NOW).unwrap();
    drop(book);
    let file = rusqlite::Connection::open(dir.path().join(NOTICE_BOOK_FILE)).unwrap();
    file.execute_batch("DROP TABLE report_readers; PRAGMA user_version = 1;").unwrap();
    drop(file);
    let mut book = NoticeBook::open(dir.path(), Some(&key)).unwrap();
    book.set_report_reader(SHOP, true, "uid 7", NOW).unwrap();
    assert_eq!(book.report_readers().unwrap(), ([SHOP].into(), BTreeSet::new()));
}
