//! Personal data: shown after the books have recorded it, and erased by two people.

use books::{DataSubject, DisclosurePurpose, ErasureOrder, ParcelId, Timestamp};
use vault::{
    DeliveryToSeal, DocumentKind, ERASURES_FILE, IdentityDocument, RecordKind, RecordName,
    VAULT_FILE,
};

use super::payout_accounts::with_seller;
use super::*;

const NUMBER: &str = "110101199003077416";

fn show(subject: &str) -> Request {
    let purpose = DisclosurePurpose::Dispute;
    Request::ShowPersonalData { subject: subject.to_owned(), purpose }
}

fn erase(subject: &str, ordered_by: Option<ErasureOrder>) -> Request {
    Request::EraseSubject { subject: subject.to_owned(), ordered_by, approved_by: None }
}

fn identity() -> Request {
    let (document, number) = (DocumentKind::IdentityCard, NUMBER.to_owned());
    let identity = IdentityDocument { document, number };
    Request::EnterIdentity { seller: "shop".to_owned(), identity }
}

/// A parcel of the seller with a sealed buyer.
fn with_buyer(bed: &mut Bed) -> ParcelId {
    let announce = json!({
        "seller": "shop", "currency": "CNY", "due": "10.00CNY", "reference": "A1", "shipment": "1",
    });
    bed.must(give("AnnounceParcel", announce), ANNS);
    let parcel = ParcelId::derived(SellerId::derived("shop"), "A1");
    let plain = vault::delivery_bytes(&files::orders::BuyerDetails {
        name: "王小明".to_owned(),
        phone: "13800000000".to_owned(),
        address: "北京市朝阳区".to_owned(),
    });
    let one = DeliveryToSeal { parcel, may_replace: true, plain: &plain };
    let mut vault = Vault::new(bed.path(), Some(bed.key.clone()));
    assert_eq!(vault.seal_deliveries([one]).unwrap().sealed, 1);
    parcel
}

fn has(bed: &Bed, subject: DataSubject, kind: RecordKind) -> bool {
    Vault::new(bed.path(), None).has(RecordName { subject, kind }).unwrap()
}

fn shop() -> DataSubject {
    DataSubject::Seller(SellerId::derived("shop"))
}

#[test]
fn personal_data_are_shown_to_registered_persons_after_the_books_have_recorded_it() {
    let mut bed = with_seller();
    bed.refused(show("seller:shop"), ANNS, "the vault has nothing of seller:shop");
    assert_eq!(bed.count("RecordDisclosure"), 0);
    bed.refused(identity(), UNMAPPED, "is no person of these books");
    bed.must(identity(), ANNS);
    let parcel = with_buyer(&mut bed);
    bed.refused(show("seller:shop"), UNMAPPED, "is no person of these books");
    for wrong in ["shop", "buyer:1", "parcel:", "parcel:nobody", ""] {
        bed.refused(show(wrong), ANNS, "names nobody; write seller:REFERENCE");
    }
    bed.refused(show("seller:other"), ANNS, "the books have no seller `other`");
    assert_eq!(bed.count("RecordDisclosure"), 0);
    let OfficeAnswer::PersonalData { subject, records } = bed.must(show("seller:shop"), BOS) else {
        panic!("nothing is shown")
    };
    assert_eq!((subject, records.len()), (shop(), 1));
    assert_eq!(records[0].fields["number"], NUMBER);
    assert_eq!(bed.count("RecordDisclosure"), 1);
    for named in ["parcel:shop/A1".to_owned(), format!("parcel:{parcel}")] {
        let OfficeAnswer::PersonalData { records, .. } = bed.must(show(&named), BOS) else {
            panic!("nothing is shown")
        };
        assert_eq!(records[0].fields["name"], "王小明");
        assert!(!format!("{records:?}").contains("王小明"));
    }
    assert_eq!(bed.count("RecordDisclosure"), 3, "each time anew");
    for secret in [NUMBER, "王小明", "13800000000", "朝阳"] {
        assert!(!bed.is_kept(secret), "{secret} is in a file");
    }
}

#[test]
fn two_people_erase_a_buyer_and_a_crash_in_between_is_finished_at_the_next_start() {
    let mut bed = with_seller();
    bed.must(identity(), ANNS);
    let parcel = with_buyer(&mut bed);
    let buyer = DataSubject::Buyer(parcel);
    let refused = bed.proposed(erase("parcel:shop/A1", None), ANNS);
    bed.refused(Request::Approve { proposal: refused }, BOS, "the parcel's state does not allow");
    let proposal = bed.proposed(erase("parcel:shop/A1", Some(ErasureOrder::Court)), ANNS);
    bed.refused(Request::Approve { proposal }, ANNS, "is your own");
    assert!(has(&bed, buyer, RecordKind::Delivery));
    let vault = bed.path().join(VAULT_FILE);
    let before = fs::read(&vault).unwrap();
    bed.must(Request::Approve { proposal }, BOS);
    assert!(!has(&bed, buyer, RecordKind::Delivery) && has(&bed, shop(), RecordKind::Identity));
    bed.refused(show("parcel:shop/A1"), ANNS, "the vault has nothing of parcel:shop/A1");
    let list = bed.path().join(ERASURES_FILE);
    let listed = fs::read_to_string(&list).unwrap();
    assert!(listed.contains(&format!("1,buyer,{parcel},")), "{listed}");

    // The process died before the list was written, or before the vault was.
    for is_listed in [false, true] {
        fs::write(&vault, &before).unwrap();
        if !is_listed {
            fs::remove_file(&list).unwrap();
        }
        bed.restart();
        assert!(!has(&bed, buyer, RecordKind::Delivery), "listed: {is_listed}");
        assert!(fs::read_to_string(&list).unwrap().contains(&format!("1,buyer,{parcel},")));
    }
    assert_eq!(bed.count("EraseSubject"), 1);
    let bytes = fs::read(&vault).unwrap();
    let part = &parcel.to_string().into_bytes();
    assert!(!bytes.windows(part.len()).any(|window| window == part));
}

#[test]
fn an_erased_seller_has_no_payout_account_and_can_enter_another() {
    let mut bed = with_seller();
    bed.must(identity(), ANNS);
    let proposal = bed.proposed(payout_accounts::enter(payout_accounts::IBAN), ANNS);
    bed.must(Request::Approve { proposal }, BOS);
    let proposal = bed.proposed(erase("seller:shop", None), ANNS);
    bed.must(Request::Approve { proposal }, BOS);
    assert_eq!(bed.accounts(), [(None, None, None)]);
    assert!(!has(&bed, shop(), RecordKind::Identity));
    let proposal = bed.proposed(payout_accounts::enter(payout_accounts::IBAN), ANNS);
    bed.must(Request::Approve { proposal }, BOS);
    bed.must(identity(), ANNS);
    bed.restart();
    assert_eq!(bed.accounts()[0].0, Some(3));
    assert!(has(&bed, shop(), RecordKind::Identity));
}

#[test]
fn a_list_of_erasures_of_other_books_is_refused() {
    let mut bed = with_seller();
    let proposal = bed.proposed(erase("seller:shop", None), ANNS);
    let other = DataSubject::Buyer(ParcelId::new(7));
    Vault::new(bed.path(), None).erase_subjects([(1, other)], 1, Timestamp(1)).unwrap();
    let error = bed.ask(Request::Approve { proposal }, &who(BOS)).unwrap_err().to_string();
    assert!(error.contains("other erasures than the books"), "{error}");
    // The books have it, and the next start carries it out once the list is theirs.
    assert_eq!(bed.count("EraseSubject"), 1);
    fs::remove_file(bed.path().join(ERASURES_FILE)).unwrap();
    bed.restart();
    let listed = fs::read_to_string(bed.path().join(ERASURES_FILE)).unwrap();
    assert!(listed.contains("1,seller,"), "{listed}");
}

#[test]
fn details_of_a_parcel_that_the_books_never_had_are_erased_at_the_next_start() {
    let mut bed = with_seller();
    let kept = with_buyer(&mut bed);
    let unknown = ParcelId::new(7);
    let one = DeliveryToSeal { parcel: unknown, may_replace: true, plain: b"somebody" };
    Vault::new(bed.path(), Some(bed.key.clone())).seal_deliveries([one]).unwrap();
    assert!(has(&bed, DataSubject::Buyer(unknown), RecordKind::Delivery));
    bed.restart();
    assert!(!has(&bed, DataSubject::Buyer(unknown), RecordKind::Delivery));
    assert!(has(&bed, DataSubject::Buyer(kept), RecordKind::Delivery));
}
