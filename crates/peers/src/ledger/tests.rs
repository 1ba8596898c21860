use super::*;

const DAY_MS: u64 = 1_377_684_672_000;

fn reference(stan: u32) -> TransactionReference {
    TransactionReference { stan, transmission_time: 828_101_112, terminal: *b"10000001" }
}

fn entry(kind: NetworkTransactionKind, stan: u32, amount: u64) -> TransactionRequest {
    TransactionRequest {
        reference: reference(stan),
        rrn: Rrn::new(*b"ABCDEF000001").unwrap(),
        sent_ms: DAY_MS,
        merchant: *b"105331042151234",
        kind,
        amount: Amount::of(amount),
        card: Some(MaskedCard { bin: 622_588, last_four: 1_234 }),
        original: None,
        authorisation: None,
    }
}

fn about(
    kind: NetworkTransactionKind,
    stan: u32,
    amount: u64,
    original: &TransactionRequest,
) -> TransactionRequest {
    let message_class = original.kind.message_class();
    let original = Some(OriginalTransaction { message_class, reference: original.reference });
    TransactionRequest { card: None, original, ..entry(kind, stan, amount) }
}

fn take(ledger: &mut NetworkLedger, entry: &TransactionRequest) -> [u8; 2] {
    ledger.authorise(entry, None).code.bytes()
}

fn reverse(ledger: &mut NetworkLedger, entry: &TransactionRequest) -> [u8; 2] {
    let message_class = entry.kind.message_class();
    ledger.reverse(OriginalTransaction { message_class, reference: entry.reference }).bytes()
}

fn state(ledger: &NetworkLedger, stan: u32) -> NetworkTransactionState {
    ledger.transaction(reference(stan)).unwrap().state
}

#[test]
fn a_repeat_gets_the_first_answer_and_is_booked_once() {
    let mut ledger = NetworkLedger::new(41);
    let sale = entry(NetworkTransactionKind::Sale, 1, 100);
    let first = ledger.authorise(&sale, None);
    assert_eq!(
        first,
        AuthorisationDecision {
            code: ResponseCode::APPROVED,
            authorisation: AuthorisationCode::new(*b"000042")
        }
    );
    assert_eq!(ledger.authorise(&sale, Some(ResponseCode::INSUFFICIENT_FUNDS)), first);
    assert_eq!(ledger.items().len(), 1);
    assert_eq!(take(&mut ledger, &entry(NetworkTransactionKind::Sale, 1, 101)), *b"94");
    assert_eq!(take(&mut ledger, &entry(NetworkTransactionKind::PreAuthorisation, 1, 100)), *b"94");
    assert_eq!(ledger.totals().collected, NetworkSum { count: 1, amount: 100 });
}

#[test]
fn a_reversal_before_its_sale_declines_the_sale() {
    let mut ledger = NetworkLedger::new(0);
    let sale = entry(NetworkTransactionKind::Sale, 1, 100);
    assert_eq!(reverse(&mut ledger, &sale), *b"25");
    assert_eq!(take(&mut ledger, &sale), *b"21");
    assert_eq!(take(&mut ledger, &sale), *b"21");
    assert_eq!(state(&ledger, 1), NetworkTransactionState::Declined);
    assert_eq!(reverse(&mut ledger, &sale), *b"25", "a repeat gets the first answer");
}

#[test]
fn a_repeated_reversal_reverses_once() {
    let mut ledger = NetworkLedger::new(0);
    let sale = entry(NetworkTransactionKind::Sale, 1, 100);
    take(&mut ledger, &sale);
    assert_eq!([reverse(&mut ledger, &sale), reverse(&mut ledger, &sale)], [*b"00"; 2]);
    assert_eq!(state(&ledger, 1), NetworkTransactionState::Reversed);
    assert_eq!(ledger.totals().reversed, NetworkSum { count: 1, amount: 100 });
    let declined = entry(NetworkTransactionKind::Sale, 2, 100);
    assert_eq!(
        ledger.authorise(&declined, Some(ResponseCode::INSUFFICIENT_FUNDS)).code,
        ResponseCode::INSUFFICIENT_FUNDS
    );
    assert_eq!(reverse(&mut ledger, &declined), *b"00");
    assert_eq!(state(&ledger, 2), NetworkTransactionState::Declined);
}

#[test]
fn field_90_must_name_the_message_type() {
    let mut ledger = NetworkLedger::new(0);
    let sale = entry(NetworkTransactionKind::Sale, 1, 100);
    take(&mut ledger, &sale);
    assert_eq!(
        ledger.reverse(OriginalTransaction { message_class: 10, reference: reference(1) }),
        ResponseCode::ORIGINAL_NOT_FOUND
    );
    assert_eq!(state(&ledger, 1), NetworkTransactionState::Approved);
}

#[test]
fn a_void_cancels_the_whole_sale_and_its_reversal_restores_it() {
    let mut ledger = NetworkLedger::new(0);
    let sale = entry(NetworkTransactionKind::Sale, 1, 100);
    take(&mut ledger, &sale);
    assert_eq!(take(&mut ledger, &about(NetworkTransactionKind::Void, 2, 99, &sale)), *b"64");
    let void = about(NetworkTransactionKind::Void, 3, 100, &sale);
    assert_eq!(take(&mut ledger, &void), *b"00");
    assert_eq!(state(&ledger, 1), NetworkTransactionState::Voided);
    assert_eq!(ledger.transaction(reference(3)).unwrap().card.bin, 622_588, "the original's card");
    assert_eq!(take(&mut ledger, &about(NetworkTransactionKind::Void, 4, 100, &sale)), *b"12");
    assert_eq!(reverse(&mut ledger, &void), *b"00");
    assert_eq!(
        (state(&ledger, 1), state(&ledger, 3)),
        (NetworkTransactionState::Approved, NetworkTransactionState::Reversed)
    );
    assert_eq!(take(&mut ledger, &about(NetworkTransactionKind::Void, 5, 100, &sale)), *b"00");
}

#[test]
fn a_completion_takes_the_hold_and_its_reversal_restores_it() {
    let mut ledger = NetworkLedger::new(0);
    let held = entry(NetworkTransactionKind::PreAuthorisation, 1, 100);
    take(&mut ledger, &held);
    assert_eq!(
        take(&mut ledger, &about(NetworkTransactionKind::Completion, 2, 101, &held)),
        *b"64"
    );
    let completion = about(NetworkTransactionKind::Completion, 3, 80, &held);
    assert_eq!(take(&mut ledger, &completion), *b"00");
    assert_eq!(ledger.transaction(reference(1)).unwrap().completed, Amount::of(80));
    assert_eq!(reverse(&mut ledger, &held), *b"12", "not while a completion is in force");
    assert_eq!(reverse(&mut ledger, &completion), *b"00");
    assert_eq!(
        (state(&ledger, 1), state(&ledger, 3)),
        (NetworkTransactionState::Approved, NetworkTransactionState::Reversed)
    );
    assert_eq!(
        take(&mut ledger, &about(NetworkTransactionKind::VoidPreAuthorisation, 4, 100, &held)),
        *b"00"
    );
    assert_eq!(state(&ledger, 1), NetworkTransactionState::Voided);
    assert_eq!(take(&mut ledger, &about(NetworkTransactionKind::Completion, 5, 80, &held)), *b"12");
}

#[test]
fn a_void_of_a_completion_voids_the_hold_and_its_reversal_restores_both() {
    let mut ledger = NetworkLedger::new(0);
    let held = entry(NetworkTransactionKind::PreAuthorisation, 1, 100);
    let completion = about(NetworkTransactionKind::Completion, 2, 80, &held);
    let void = about(NetworkTransactionKind::Void, 3, 80, &completion);
    assert_eq!([&held, &completion, &void].map(|entry| take(&mut ledger, entry)), [*b"00"; 3]);
    assert_eq!(
        (state(&ledger, 1), state(&ledger, 2)),
        (NetworkTransactionState::Voided, NetworkTransactionState::Voided)
    );
    assert_eq!(reverse(&mut ledger, &void), *b"00");
    assert_eq!(
        (state(&ledger, 1), state(&ledger, 2)),
        (NetworkTransactionState::Completed, NetworkTransactionState::Approved)
    );
    assert_eq!(ledger.transaction(reference(1)).unwrap().completed, Amount::of(80));
}

#[test]
fn refunds_never_exceed_the_sale() {
    let mut ledger = NetworkLedger::new(0);
    let sale = entry(NetworkTransactionKind::Sale, 1, 100);
    take(&mut ledger, &sale);
    let refund = about(NetworkTransactionKind::Refund, 2, 60, &sale);
    assert_eq!(take(&mut ledger, &refund), *b"00");
    assert_eq!(take(&mut ledger, &about(NetworkTransactionKind::Refund, 3, 41, &sale)), *b"64");
    assert_eq!(take(&mut ledger, &about(NetworkTransactionKind::Void, 4, 100, &sale)), *b"12");
    assert_eq!(reverse(&mut ledger, &sale), *b"12");
    assert_eq!(reverse(&mut ledger, &refund), *b"00");
    assert_eq!(take(&mut ledger, &about(NetworkTransactionKind::Refund, 5, 100, &sale)), *b"00");
    assert_eq!(ledger.totals().refunded, NetworkSum { count: 1, amount: 100 });
}

#[test]
fn a_request_about_an_unknown_original_is_declined() {
    let mut ledger = NetworkLedger::new(0);
    let sale = entry(NetworkTransactionKind::Sale, 1, 100);
    for kind in [
        NetworkTransactionKind::Void,
        NetworkTransactionKind::Completion,
        NetworkTransactionKind::Refund,
        NetworkTransactionKind::VoidPreAuthorisation,
    ] {
        assert_eq!(take(&mut ledger, &about(kind, 10, 100, &sale)), *b"25", "{kind:?}");
        ledger = NetworkLedger::new(0);
    }
    assert_eq!(take(&mut ledger, &entry(NetworkTransactionKind::Void, 11, 100)), *b"25");
    assert_eq!(take(&mut ledger, &entry(NetworkTransactionKind::Sale, 12, 0)), *b"13");
}

#[test]
fn the_authorisation_code_must_match_the_original() {
    let mut ledger = NetworkLedger::new(0);
    let sale = entry(NetworkTransactionKind::Sale, 1, 100);
    take(&mut ledger, &sale);
    let void = |stan, said: [u8; 6]| TransactionRequest {
        authorisation: AuthorisationCode::new(said),
        ..about(NetworkTransactionKind::Void, stan, 100, &sale)
    };
    assert_eq!(take(&mut ledger, &void(2, *b"000002")), *b"12");
    assert_eq!(take(&mut ledger, &void(3, *b"000001")), *b"00");
}

#[test]
fn an_offline_sale_keeps_its_authorisation_code() {
    let mut ledger = NetworkLedger::new(0);
    let offline = TransactionRequest {
        authorisation: AuthorisationCode::new(*b"T12345"),
        ..entry(NetworkTransactionKind::Offline, 1, 100)
    };
    assert_eq!(ledger.authorise(&offline, None).authorisation, offline.authorisation);
    assert_eq!(take(&mut ledger, &about(NetworkTransactionKind::Refund, 2, 100, &offline)), *b"00");
}

#[test]
fn books_show_no_card_number() {
    let mut ledger = NetworkLedger::new(0);
    take(&mut ledger, &entry(NetworkTransactionKind::Sale, 1, 100));
    let shown = format!("{ledger:?}");
    assert!(shown.contains("bin: 622588") && shown.contains("last_four: 1234"), "{shown}");
}
