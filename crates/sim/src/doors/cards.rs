//! Buyers' cards: which first digits belong to which kind and which networks.

use engine::ParcelId;
use peers::Card;
use peers::card::Entry;
use tariff::CardKind;

/// The first six digits, the kind, and the networks that take it, by place. Made up.
pub(super) const BINS: [(u32, CardKind, &[usize]); 6] = [
    (622_501, CardKind::Debit, &[0]),
    (622_502, CardKind::Debit, &[1]),
    (622_500, CardKind::Debit, &[0, 1]),
    (625_001, CardKind::Credit, &[0]),
    (625_002, CardKind::Credit, &[1]),
    (625_000, CardKind::Credit, &[0, 1]),
];

/// Which networks take a card: one of them, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brand {
    /// The network of this place only.
    Only(usize),
    /// Every network.
    Every,
}

/// The kind of a card by its first six digits.
pub(super) fn kind_of(bin: u32) -> CardKind {
    let row = BINS.iter().find(|(first, _, _)| *first == bin);
    row.map_or(CardKind::Debit, |(_, kind, _)| *kind)
}

/// The card with which a parcel's buyer pays in the `way`th way, and whether a PIN is typed. Of
/// three cards one is read by its stripe, one by its chip, one without contact and without PIN.
pub(crate) fn card(parcel: ParcelId, way: usize, kind: CardKind, brand: Brand) -> (Card, bool) {
    let fits = |networks: &[usize]| match brand {
        Brand::Only(network) => networks == [network],
        Brand::Every => networks.len() > 1,
    };
    let row = BINS.iter().find(|(_, its, networks)| *its == kind && fits(networks));
    let bin = row.map_or(BINS[2].0, |(bin, _, _)| *bin);
    let low = u64::try_from(parcel.bits() & u128::from(u64::MAX)).expect("the lower half");
    let (entry, pin) = match low % 3 {
        0 => (Entry::Stripe, true),
        1 => (Entry::Chip, true),
        _ => (Entry::Contactless, false),
    };
    (Card::made(bin, low.wrapping_add(way as u64), entry), pin)
}
