//! Snapshots restore exactly, or not at all.

use books::terminal_view::PendingRequestKind;
use books::*;
use money::Amount;

use crate::world::*;

type Part = Result<Vec<u8>, String>;

fn write(engine: &Books) -> (Vec<Part>, Digest) {
    let mut parts = Vec::new();
    let written = engine.snapshot().write(|part| {
        parts.push(Ok(part.to_vec()));
        Ok::<_, String>(())
    });
    (parts, written.unwrap())
}

/// The engine restored from its snapshot.
pub fn restored(engine: &Books) -> Books {
    let (parts, digest) = write(engine);
    Books::restore(parts, digest).unwrap()
}

/// A world with a record in each table, free slots, and every kind of pending work.
fn busy() -> World {
    let mut world = World::set(Setup {
        guarantee: 5_000,
        hold: HoldRule::DaysAfterHeld(2),
        ..Setup::default()
    });
    let refunded =
        world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear().last_payment();
    world.parcel("o-2", 5_000).dispatch().cash(5_000);
    world.must(start_hand_over(1)).must(count(1, 5_100));
    world.must(deposit(1, 3_000));
    world.parcel("o-3", 7_000).dispatch().card(3_000).unknown().qr(4_000);
    world.on("2013-08-30").must(release("2013-08-30")).fund_bank(20_000);
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1));
    world.parcel("o-4", 10_000).dispatch().card(10_000).approve().clear();
    world.parcel("o-5", 2_000).dispatch().cash(2_000);
    world.must(start_hand_over(2));
    world.must(Command::CountHandOver(CountHandOver {
        handover: HandOverId(2),
        code_mac: mac_of(HandOverId(2), CODE + 1),
        counted: Amount::of(2_000),
        counted_by: CASHIER,
    }));
    world.must(block_terminal(TERMINAL, 1, true)).must(block_terminal(TERMINAL, 2, false));
    world.must(set_retention(1, 200, [ANNA, BO]));
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Shortfall, 5));
    world.must(propose_resolution(BreakId(1), BreakResolution::WriteOff, ANNA));
    world.on("2013-09-01").must(release("2013-09-01")).must(plan(2, BO));
    world.must(refund(refunded, 1, 50)).must(charge_back(refunded, 2, 10));
    world.must(confirm_refund(refunded, 1, 50)).must(refund(refunded, 3, 5));
    world.parcel_of(OTHER_SELLER, "o-26", 500).dispatch().refuse().return_to_seller();
    world.must(invoice(OTHER_SELLER, 1, 300)).must(pay_invoice(OTHER_SELLER, 1, 1, 100));
    at_the_terminal(&mut world);
    world
}

/// A closed and an open batch with pending requests in each, a forgotten transaction, an earlier
/// pre-authorisation, a reversal without original, a declined request, a balance inquiry, open
/// items with totals and with lines, a closed one, and a planned network withdrawal.
fn at_the_terminal(world: &mut World) {
    world.must(offline_limit_numbered(3, 5_000, 9_000)).must(open_batch(1));
    let [old, sold, pre_authorised, kept] =
        [("o-7", 1_000), ("o-8", 9_000), ("o-9", 5_000), ("o-10", 700)]
            .map(|(order, due)| world.dispatched_parcel(order, due));
    world.must(sell(1, old, 500)).must(outcome_unknown(first(old)));
    world.must(pre_authorise(3, kept, 700)).must(approve(first(kept)));
    world.must(sell_by_qr(2, old, 200)).must(pay(second(old)));
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals)).must(open_batch(2));
    world.must(sell_in(2, 1, sold, 4_000)).must(approve(first(sold)));
    world.must(close_batch(2, BatchTotals::default())).must(reconcile(2, vec![]));
    world.must(open_batch(3));
    world.must(pre_authorise_in(3, 1, pre_authorised, 5_000)).must(approve(first(pre_authorised)));
    world.must(begin_reversal(first(sold)));
    world.must(Command::RecordReversalWithoutOriginal(RecordReversalWithoutOriginal {
        trace: trace_in(3, 9),
    }));
    world.must(Command::DeclineRequest(DeclineRequest {
        trace: trace_in(3, 10),
        request: request_digest(7),
        code: ResponseCode::MORE_THAN_DUE,
    }));
    world.must(Command::RecordBalanceInquiry(RecordBalanceInquiry {
        trace: trace_in(3, 11),
        request: request_digest(7),
    }));
    let from = world.at.plus_ms(1_000);
    world.must(withdraw(1, from));
    let (terminal, totals) = (COLLEAGUES_TERMINAL, BatchTotals::default());
    let other = BatchTotals { other_debits: totals_line(1, 300), ..totals };
    for (batch, totals) in [(1, other), (2, totals), (3, other), (4, other)] {
        world.must(Command::OpenBatch(OpenBatch { terminal, batch }));
        world.must(Command::CloseBatch(CloseBatch { terminal, batch, totals }));
    }
    world.must(close_open_item(3));
}

/// A day of commands after `busy` that touch all of it.
fn next_day() -> Vec<Command> {
    let third = ParcelId::derived(SELLER, "o-3");
    vec![
        count(2, 2_000),
        confirm_deposit(1, 3_000),
        pay(PaymentId { parcel: third, number: 2 }),
        reverse(PaymentId { parcel: third, number: 1 }),
        collect_cash(PaymentId { parcel: third, number: 3 }, 3_000),
        return_payout(1),
        approve_plan(2, ANNA),
        execute(2),
        approve_resolution(BreakId(1), BreakResolution::WriteOff, BO),
        announce(OTHER_SELLER, "o-6", 1),
        start_hand_over(3),
        count(3, 2_500),
        reverse(first(ParcelId::derived(SELLER, "o-7"))),
        Command::ReconcileBatch(ReconcileBatch {
            terminal: COLLEAGUES_TERMINAL,
            batch: 4,
            lines: vec![debit(9, 300)],
        }),
        close_open_item(1),
        reversal_done(first(ParcelId::derived(SELLER, "o-8"))),
        let_go_in_batch_3(),
        reversal_done(first(ParcelId::derived(SELLER, "o-9"))),
        close_batch(3, BatchTotals::default()),
        reinstate(2),
        expire("2013-09-02"),
        reversal_done(first(ParcelId::derived(SELLER, "o-10"))),
    ]
}

/// The pre-authorisation is released.
fn let_go_in_batch_3() -> Command {
    let payment = first(ParcelId::derived(SELLER, "o-9"));
    Command::BeginVoid(BeginVoid {
        trace: trace_in(3, 2),
        duplicate_key: original(1),
        payment,
        network_reference: Some(network_reference(2)),
    })
}

#[test]
fn an_engine_comes_back_with_the_same_digest_and_goes_on_the_same() {
    let mut world = busy();
    let (parts, digest) = write(&world.engine);
    assert_eq!(digest, world.engine.digest());
    let mut restored = Books::restore(parts, digest).unwrap();
    assert_eq!((restored.digest(), restored.check()), (digest, Ok(())));
    assert_eq!(restored.fingerprint(), world.engine.fingerprint());
    assert_eq!(restored.last_at(), world.engine.last_at());
    let mut outcome = CommandOutcome::default();
    world.on("2013-09-02");
    for command in next_day() {
        restored.apply(&command, world.at, &mut outcome).unwrap();
        world.must(command);
        assert_eq!(outcome, world.outcome);
        assert_eq!(restored.fingerprint(), world.engine.fingerprint());
    }
    assert_eq!(restored.digest(), world.engine.digest());
    assert!(restored.pending_requests().eq(world.engine.pending_requests()));
    assert_eq!(restored.open_items().count(), 2);
    assert!(restored.open_items().eq(world.engine.open_items()));
}

#[test]
fn pending_requests_are_known_after_a_restart() {
    let world = busy();
    let (parts, digest) = write(&world.engine);
    let restored = Books::restore(parts, digest).unwrap();
    let pending: Vec<_> = restored
        .pending_requests()
        .map(|one| (one.trace.terminal, one.trace.batch, one.kind))
        .collect();
    assert_eq!(
        pending,
        [
            (SIGNED_ON, 1, PendingRequestKind::PurchaseReversal),
            (SIGNED_ON, 1, PendingRequestKind::Purchase),
            (TERMINAL, 1, PendingRequestKind::PurchaseReversal),
            (TERMINAL, 2, PendingRequestKind::Reversal),
        ]
    );
    assert!(restored.pending_requests().eq(world.engine.pending_requests()));
    // The first transaction is still found by its trace; the one answered with it is not.
    assert_eq!(restored.transaction(trace(1)), world.engine.transaction(trace(1)));
    assert!(restored.transaction(trace(1)).is_some() && restored.transaction(trace(2)).is_none());
    assert_eq!(restored.terminal_view(TERMINAL), world.engine.terminal_view(TERMINAL));
    assert_eq!(restored.network_view(NETWORK), world.engine.network_view(NETWORK));
}

#[test]
fn a_part_in_an_older_format_is_damage() {
    let (parts, digest) = write(&busy().engine);
    for number in 0..parts.len() {
        let mut other = parts.clone();
        part_mut(&mut other, number)[0] -= 1;
        assert!(is_damaged(other, digest), "part {number}");
    }
}

#[test]
fn an_empty_engine_is_an_engine() {
    let (parts, digest) = write(&Books::default());
    assert_eq!(Books::restore(parts, digest).unwrap().digest(), digest);
}

#[test]
fn a_snapshot_is_of_its_moment_whatever_comes_after() {
    let mut world = busy();
    let digest = world.engine.digest();
    let snapshot = world.engine.snapshot();
    world.on("2013-09-02");
    for command in next_day() {
        world.must(command);
    }
    assert_eq!(snapshot.digest(), digest);
    assert_ne!(world.engine.digest(), digest);
}

#[test]
fn the_same_commands_give_the_same_digest() {
    assert_eq!(busy().engine.digest(), busy().engine.digest());
    assert_eq!(busy().engine.fingerprint(), busy().engine.fingerprint());
}

#[test]
fn no_byte_of_a_snapshot_can_change_unseen() {
    let (mut parts, digest) = write(&busy().engine);
    assert!(parts.len() >= 18, "a part for each table, the head and the end");
    for number in 0..parts.len() {
        for at in 0..part(&parts, number).len() {
            for change in [0x01, 0x80, 0xFF] {
                part_mut(&mut parts, number)[at] ^= change;
                let restored = Books::restore(parts.iter().cloned(), digest);
                assert!(restored.is_err(), "part {number}, byte {at}, changed by {change:#x}");
                part_mut(&mut parts, number)[at] ^= change;
            }
        }
    }
}

fn part(parts: &[Part], number: usize) -> &Vec<u8> {
    parts[number].as_ref().expect("parts are there")
}

fn part_mut(parts: &mut [Part], number: usize) -> &mut Vec<u8> {
    parts[number].as_mut().expect("parts are there")
}

fn is_damaged(parts: Vec<Part>, digest: Digest) -> bool {
    matches!(Books::restore(parts, digest), Err(RestoreError::Damaged(_)))
}

#[test]
fn a_part_that_is_missing_doubled_swapped_or_cut_is_damage() {
    let (parts, digest) = write(&busy().engine);
    assert!(is_damaged(Vec::new(), digest), "no part at all");
    for number in 0..parts.len() {
        let mut missing = parts.clone();
        drop(missing.remove(number));
        assert!(is_damaged(missing, digest), "without part {number}");
        let mut doubled = parts.clone();
        doubled.insert(number, parts[number].clone());
        assert!(is_damaged(doubled, digest), "part {number} twice");
        for other in 0..number {
            let mut swapped = parts.clone();
            swapped.swap(number, other);
            assert!(is_damaged(swapped, digest), "parts {other} and {number} swapped");
        }
        let mut cut = parts.clone();
        part_mut(&mut cut, number).pop();
        assert!(is_damaged(cut, digest), "part {number} without its last byte");
        let mut longer = parts.clone();
        part_mut(&mut longer, number).push(0);
        assert!(is_damaged(longer, digest), "part {number} with a byte too many");
    }
}

#[test]
fn a_newer_format_is_named_as_such() {
    let (mut parts, digest) = write(&busy().engine);
    part_mut(&mut parts, 0)[0] = 16;
    let error = Books::restore(parts, digest).unwrap_err();
    assert!(matches!(error, RestoreError::Newer { found: 16 }), "{error}");
}

#[test]
fn a_part_that_cannot_be_read_is_reported_with_its_reason() {
    let (mut parts, digest) = write(&busy().engine);
    parts[3] = Err("the disk is gone".into());
    let error = Books::restore(parts, digest).unwrap_err();
    assert_eq!(error.to_string(), "the disk is gone");
}

#[test]
fn bytes_that_promise_more_than_they_hold_are_refused_at_once() {
    // Parts are decoded before the digest is known, so no length in them can be trusted: neither
    // the record count nor the length of a list or text. Here all bytes of a length are 0xFF.
    let (parts, digest) = write(&busy().engine);
    for (table, format) in
        (0..=u8::MAX).flat_map(|table| (1..=11).map(move |format| (table, format)))
    {
        let mut part = vec![format, 0, table];
        part.extend_from_slice(&[0xFF; 4]);
        for filling in [0x00, 0x01, 0xFF] {
            let mut part = part.clone();
            part.resize(200, filling);
            assert!(is_damaged(vec![Ok(part)], digest), "table {table}, filled with {filling}");
        }
    }
    for number in 0..parts.len() {
        for at in 0..part(&parts, number).len().saturating_sub(4) {
            let mut hostile = parts.clone();
            part_mut(&mut hostile, number)[at..at + 4].fill(0xFF);
            let changed = hostile[number] != parts[number];
            assert!(!changed || Books::restore(hostile, digest).is_err(), "part {number}, {at}");
        }
    }
}
