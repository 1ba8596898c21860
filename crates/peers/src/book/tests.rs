use super::*;

const DAY_MS: u64 = 1_377_684_672_000;

fn reference(stan: u32) -> Reference {
    Reference { stan, sent: 828_101_112, terminal: *b"10000001" }
}

fn entry(kind: Kind, stan: u32, amount: u64) -> Entry {
    Entry {
        reference: reference(stan),
        rrn: *b"ABCDEF000001",
        sent_ms: DAY_MS,
        merchant: *b"105331042151234",
        kind,
        amount: Amount::of(amount),
        card: Some(CardEnds { bin: 622_588, last_four: 1_234 }),
        original: None,
        authorisation: None,
    }
}

fn about(kind: Kind, stan: u32, amount: u64, original: &Entry) -> Entry {
    let message_class = original.kind.message_class();
    let original = Some(Original { message_class, reference: original.reference });
    Entry { card: None, original, ..entry(kind, stan, amount) }
}

fn take(book: &mut Book, entry: &Entry) -> [u8; 2] {
    book.take(entry, None).code
}

fn reverse(book: &mut Book, entry: &Entry) -> [u8; 2] {
    let message_class = entry.kind.message_class();
    book.reverse(Original { message_class, reference: entry.reference })
}

fn state(book: &Book, stan: u32) -> State {
    book.item(reference(stan)).unwrap().state
}

#[test]
fn a_repeat_is_answered_as_the_first_and_booked_once() {
    let mut book = Book::new(41);
    let sale = entry(Kind::Sale, 1, 100);
    let first = book.take(&sale, None);
    assert_eq!(first, Verdict { code: *b"00", authorisation: Some(*b"000042") });
    assert_eq!(book.take(&sale, Some(*b"51")), first);
    assert_eq!(book.items().len(), 1);
    assert_eq!(take(&mut book, &entry(Kind::Sale, 1, 101)), *b"94");
    assert_eq!(take(&mut book, &entry(Kind::PreAuthorisation, 1, 100)), *b"94");
    assert_eq!(book.totals().taken, Sum { count: 1, amount: 100 });
}

#[test]
fn a_reversal_before_its_sale_refuses_the_sale() {
    let mut book = Book::new(0);
    let sale = entry(Kind::Sale, 1, 100);
    assert_eq!(reverse(&mut book, &sale), *b"25");
    assert_eq!(take(&mut book, &sale), *b"21");
    assert_eq!(take(&mut book, &sale), *b"21");
    assert_eq!(state(&book, 1), State::Declined);
    assert_eq!(reverse(&mut book, &sale), *b"25", "a repeat is answered as the first");
}

#[test]
fn a_sale_is_reversed_once_however_often_it_is_asked() {
    let mut book = Book::new(0);
    let sale = entry(Kind::Sale, 1, 100);
    take(&mut book, &sale);
    assert_eq!([reverse(&mut book, &sale), reverse(&mut book, &sale)], [*b"00"; 2]);
    assert_eq!(state(&book, 1), State::Reversed);
    assert_eq!(book.totals().reversed, Sum { count: 1, amount: 100 });
    let declined = entry(Kind::Sale, 2, 100);
    assert_eq!(book.take(&declined, Some(*b"51")).code, *b"51");
    assert_eq!(reverse(&mut book, &declined), *b"00");
    assert_eq!(state(&book, 2), State::Declined);
}

#[test]
fn field_90_must_name_the_message_type() {
    let mut book = Book::new(0);
    let sale = entry(Kind::Sale, 1, 100);
    take(&mut book, &sale);
    assert_eq!(book.reverse(Original { message_class: 10, reference: reference(1) }), *b"25");
    assert_eq!(state(&book, 1), State::Approved);
}

#[test]
fn a_void_takes_the_whole_sale_back_and_its_reversal_restores_it() {
    let mut book = Book::new(0);
    let sale = entry(Kind::Sale, 1, 100);
    take(&mut book, &sale);
    assert_eq!(take(&mut book, &about(Kind::Void, 2, 99, &sale)), *b"64");
    let void = about(Kind::Void, 3, 100, &sale);
    assert_eq!(take(&mut book, &void), *b"00");
    assert_eq!(state(&book, 1), State::Voided);
    assert_eq!(book.item(reference(3)).unwrap().card.bin, 622_588, "the original's card");
    assert_eq!(take(&mut book, &about(Kind::Void, 4, 100, &sale)), *b"12");
    assert_eq!(reverse(&mut book, &void), *b"00");
    assert_eq!((state(&book, 1), state(&book, 3)), (State::Approved, State::Reversed));
    assert_eq!(take(&mut book, &about(Kind::Void, 5, 100, &sale)), *b"00");
}

#[test]
fn a_completion_takes_what_was_held_and_its_reversal_holds_it_again() {
    let mut book = Book::new(0);
    let held = entry(Kind::PreAuthorisation, 1, 100);
    take(&mut book, &held);
    assert_eq!(take(&mut book, &about(Kind::Completion, 2, 101, &held)), *b"64");
    let completion = about(Kind::Completion, 3, 80, &held);
    assert_eq!(take(&mut book, &completion), *b"00");
    assert_eq!(book.item(reference(1)).unwrap().completed, Amount::of(80));
    assert_eq!(reverse(&mut book, &held), *b"12", "not while a completion stands on it");
    assert_eq!(reverse(&mut book, &completion), *b"00");
    assert_eq!((state(&book, 1), state(&book, 3)), (State::Approved, State::Reversed));
    assert_eq!(take(&mut book, &about(Kind::VoidPreAuthorisation, 4, 100, &held)), *b"00");
    assert_eq!(state(&book, 1), State::Voided);
    assert_eq!(take(&mut book, &about(Kind::Completion, 5, 80, &held)), *b"12");
}

#[test]
fn a_void_of_a_completion_lets_the_hold_go_and_its_reversal_brings_both_back() {
    let mut book = Book::new(0);
    let held = entry(Kind::PreAuthorisation, 1, 100);
    let completion = about(Kind::Completion, 2, 80, &held);
    let void = about(Kind::Void, 3, 80, &completion);
    assert_eq!([&held, &completion, &void].map(|entry| take(&mut book, entry)), [*b"00"; 3]);
    assert_eq!((state(&book, 1), state(&book, 2)), (State::Voided, State::Voided));
    assert_eq!(reverse(&mut book, &void), *b"00");
    assert_eq!((state(&book, 1), state(&book, 2)), (State::Completed, State::Approved));
    assert_eq!(book.item(reference(1)).unwrap().completed, Amount::of(80));
}

#[test]
fn refunds_never_exceed_the_sale() {
    let mut book = Book::new(0);
    let sale = entry(Kind::Sale, 1, 100);
    take(&mut book, &sale);
    let refund = about(Kind::Refund, 2, 60, &sale);
    assert_eq!(take(&mut book, &refund), *b"00");
    assert_eq!(take(&mut book, &about(Kind::Refund, 3, 41, &sale)), *b"64");
    assert_eq!(take(&mut book, &about(Kind::Void, 4, 100, &sale)), *b"12");
    assert_eq!(reverse(&mut book, &sale), *b"12");
    assert_eq!(reverse(&mut book, &refund), *b"00");
    assert_eq!(take(&mut book, &about(Kind::Refund, 5, 100, &sale)), *b"00");
    assert_eq!(book.totals().refunded, Sum { count: 1, amount: 100 });
}

#[test]
fn what_is_about_nothing_known_is_refused() {
    let mut book = Book::new(0);
    let sale = entry(Kind::Sale, 1, 100);
    for kind in [Kind::Void, Kind::Completion, Kind::Refund, Kind::VoidPreAuthorisation] {
        assert_eq!(take(&mut book, &about(kind, 10, 100, &sale)), *b"25", "{kind:?}");
        book = Book::new(0);
    }
    assert_eq!(take(&mut book, &entry(Kind::Void, 11, 100)), *b"25");
    assert_eq!(take(&mut book, &entry(Kind::Sale, 12, 0)), *b"13");
}

#[test]
fn the_authorisation_must_be_the_original_s() {
    let mut book = Book::new(0);
    let sale = entry(Kind::Sale, 1, 100);
    take(&mut book, &sale);
    let void = |stan, said: &[u8; 6]| Entry {
        authorisation: Some(*said),
        ..about(Kind::Void, stan, 100, &sale)
    };
    assert_eq!(take(&mut book, &void(2, b"000002")), *b"12");
    assert_eq!(take(&mut book, &void(3, b"000001")), *b"00");
}

#[test]
fn an_offline_sale_keeps_its_terminal_s_authorisation() {
    let mut book = Book::new(0);
    let offline = Entry { authorisation: Some(*b"T12345"), ..entry(Kind::Offline, 1, 100) };
    assert_eq!(book.take(&offline, None).authorisation, Some(*b"T12345"));
    assert_eq!(take(&mut book, &about(Kind::Refund, 2, 100, &offline)), *b"00");
}

#[test]
fn books_show_no_card_number() {
    let mut book = Book::new(0);
    take(&mut book, &entry(Kind::Sale, 1, 100));
    let shown = format!("{book:?}");
    assert!(shown.contains("bin: 622588") && shown.contains("last_four: 1234"), "{shown}");
}
