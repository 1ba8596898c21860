//! Buyers' cards: BINs, card kinds and the networks that accept them.

use books::ParcelId;
use peers::TestCard;
use peers::card::EntryMode;
use peers::ledger::MaskedCard;
use tariff::CardKind;

/// BIN, card kind, and the indexes of the networks that accept it. Invented numbers.
pub(super) const BINS: [(u32, CardKind, &[usize]); 6] = [
    (622_501, CardKind::Debit, &[0]),
    (622_502, CardKind::Debit, &[1]),
    (622_500, CardKind::Debit, &[0, 1]),
    (625_001, CardKind::Credit, &[0]),
    (625_002, CardKind::Credit, &[1]),
    (625_000, CardKind::Credit, &[0, 1]),
];

/// Which networks accept a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CardBrand {
    /// Only the network with this index.
    Only(usize),
    Every,
}

/// The kind of a card by its BIN.
pub(super) fn kind_of(bin: u32) -> CardKind {
    let row = BINS.iter().find(|(first, _, _)| *first == bin);
    row.map_or(CardKind::Debit, |(_, kind, _)| *kind)
}

/// Parcels are paid with at most this many methods.
const METHODS_MAX: u64 = 8;

/// The card of a parcel that has these digits: a network's books have no others.
pub(super) fn card_of(parcel: ParcelId, masked: MaskedCard) -> Option<TestCard> {
    let low = low_half(parcel);
    let (entry, _) = entry_of(low);
    let cards = (0..METHODS_MAX)
        .map(|index| TestCard::generate(masked.bin, low.wrapping_add(index), entry));
    cards.into_iter().find(|card| card.pan().last_four() == masked.last_four)
}

/// The card for a parcel's payment method with this index, and whether a PIN is entered. A third
/// of the cards is read by stripe, a third by chip, a third contactless without PIN.
pub(crate) fn card(
    parcel: ParcelId,
    method_index: usize,
    kind: CardKind,
    brand: CardBrand,
) -> (TestCard, bool) {
    let fits = |networks: &[usize]| match brand {
        CardBrand::Only(network) => networks == [network],
        CardBrand::Every => networks.len() > 1,
    };
    let row = BINS.iter().find(|(_, its, networks)| *its == kind && fits(networks));
    let bin = row.map_or(BINS[2].0, |(bin, _, _)| *bin);
    let low = low_half(parcel);
    let (entry, pin) = entry_of(low);
    (TestCard::generate(bin, low.wrapping_add(method_index as u64), entry), pin)
}

fn low_half(parcel: ParcelId) -> u64 {
    u64::try_from(parcel.bits() & u128::from(u64::MAX)).expect("the lower half")
}

/// How a parcel's card is read, and whether a PIN is entered.
fn entry_of(low: u64) -> (EntryMode, bool) {
    match low % 3 {
        0 => (EntryMode::Stripe, true),
        1 => (EntryMode::Chip, true),
        _ => (EntryMode::Contactless, false),
    }
}
