//! The whole market as parts of bytes.
//!
//! Offers, variants, orders and buyers have a part for each chunk, so that a chunk that has not
//! changed since an earlier snapshot need not be written again. The rest is one part. A market
//! without any command has no part.

use std::collections::BTreeMap;
use std::io;

use books::{ChunkId, PartSink, RestoreError, SellerId};
use borsh::{BorshDeserialize, BorshSerialize};
use chunks::{CHUNK_RECORDS, ChunkedVec, LooseChunk};
use machine::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::command::{AdmitSeller, OfferState, PublishMarketProfile};
use crate::ids::{PromotionId, ReservationId};
use crate::market::{CurrencyKey, Market, TablePlace};
use crate::offers::{Offer, Variant};
use crate::order::MarketOrder;
use crate::promotion::{Promotion, ScopeKey};
use crate::reservations::StockReservation;
use crate::sellers::Buyer;

/// What each part of a market begins with, and its newest format.
pub const MARKET_FORMAT: [u8; 4] = [0x4D, 0xFF, 2, 0];

/// The market at one moment. Making one copies pointers and the small tables, not the records of
/// offers, orders and buyers.
#[derive(Debug)]
pub struct MarketSnapshot {
    small: SmallTables,
    offers: ChunkedVec<Offer>,
    variants: ChunkedVec<Variant>,
    orders: ChunkedVec<MarketOrder>,
    buyers: ChunkedVec<Buyer>,
}

#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
struct SmallTables {
    last_at: Timestamp,
    fingerprint: u64,
    profiles: BTreeMap<(CurrencyKey, u8), Vec<PublishMarketProfile>>,
    admissions: BTreeMap<(SellerId, CurrencyKey), Vec<AdmitSeller>>,
    promotions: BTreeMap<PromotionId, Promotion>,
    reservations: BTreeMap<ReservationId, StockReservation>,
}

/// Their numbers as tables of a snapshot, which no table of the books has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
enum MarketTable {
    Small = 200,
    Offers = 201,
    Variants = 202,
    Orders = 203,
    Buyers = 204,
}

impl Market {
    #[must_use]
    pub fn snapshot(&self) -> MarketSnapshot {
        MarketSnapshot {
            small: SmallTables {
                last_at: self.last_at,
                fingerprint: self.fingerprint,
                profiles: self.profiles.clone(),
                admissions: self.admissions.clone(),
                promotions: self.promotions.clone(),
                reservations: self.reservations.clone(),
            },
            offers: self.offers.clone(),
            variants: self.variants.clone(),
            orders: self.orders.clone(),
            buyers: self.buyers.clone(),
        }
    }

    /// Whether no command was applied yet.
    #[must_use]
    pub fn is_pristine(&self) -> bool {
        self.fingerprint == 0
    }
}

impl MarketSnapshot {
    /// Whether no command was applied yet. Then there are no parts.
    #[must_use]
    pub fn is_pristine(&self) -> bool {
        self.small.fingerprint == 0
    }

    /// Writes the parts that `sink` does not have, in order, and gives SHA-256 over the SHA-256 of
    /// all parts.
    ///
    /// # Errors
    /// Whatever `sink` gives.
    pub fn write_to<S: PartSink>(self, sink: &mut S) -> Result<[u8; 32], S::Error> {
        let mut hasher = Sha256::new();
        if self.is_pristine() {
            return Ok(hasher.finalize().into());
        }
        let small = part(MarketTable::Small, std::slice::from_ref(&self.small));
        hasher.update(sink.write(None, &small)?);
        write_chunks(MarketTable::Offers, self.offers, sink, &mut hasher)?;
        write_chunks(MarketTable::Variants, self.variants, sink, &mut hasher)?;
        write_chunks(MarketTable::Orders, self.orders, sink, &mut hasher)?;
        write_chunks(MarketTable::Buyers, self.buyers, sink, &mut hasher)?;
        Ok(hasher.finalize().into())
    }
}

fn part<T: BorshSerialize>(table: MarketTable, records: &[T]) -> Vec<u8> {
    let mut bytes = MARKET_FORMAT.to_vec();
    table.serialize(&mut bytes).expect("writing into memory does not fail");
    let count = u32::try_from(records.len()).expect("a chunk is small");
    count.serialize(&mut bytes).expect("writing into memory does not fail");
    for record in records {
        record.serialize(&mut bytes).expect("writing into memory does not fail");
    }
    bytes
}

fn write_chunks<T: BorshSerialize, S: PartSink>(
    table: MarketTable,
    records: ChunkedVec<T>,
    sink: &mut S,
    hasher: &mut Sha256,
) -> Result<(), S::Error> {
    records.consume(|chunk| {
        let id = ChunkId { table: table as u8, number: chunk.number, written: chunk.written };
        let hash = match sink.kept(id)? {
            Some(hash) => hash,
            None => sink.write(Some(id), &part(table, chunk.records))?,
        };
        hasher.update(hash);
        Ok(())
    })
}

/// A part whose records are decoded. Parts can be decoded at the same time.
#[derive(Debug)]
pub struct DecodedMarketPart(Decoded);

#[derive(Debug)]
enum Decoded {
    Small(Box<SmallTables>),
    Offers(LooseChunk<Offer>),
    Variants(LooseChunk<Variant>),
    Orders(LooseChunk<MarketOrder>),
    Buyers(LooseChunk<Buyer>),
}

impl DecodedMarketPart {
    /// Decodes a part that begins with the first two bytes of [`MARKET_FORMAT`].
    ///
    /// # Errors
    /// If the part is damaged or has another format.
    pub fn decode<E>(part: &[u8]) -> Result<DecodedMarketPart, RestoreError<E>> {
        let damaged = |error: io::Error| RestoreError::Damaged(error.to_string());
        let unknown = || RestoreError::Damaged("a part has an unknown format".into());
        let mut bytes = part.strip_prefix(&MARKET_FORMAT[..]).ok_or_else(unknown)?;
        let bytes = &mut bytes;
        let table = MarketTable::deserialize_reader(bytes).map_err(damaged)?;
        let count = u32::deserialize_reader(bytes).map_err(damaged)?;
        let decoded = match table {
            MarketTable::Small => {
                SmallTables::deserialize_reader(bytes).map(|small| Decoded::Small(Box::new(small)))
            }
            MarketTable::Offers => chunk(count, bytes).map(Decoded::Offers),
            MarketTable::Variants => chunk(count, bytes).map(Decoded::Variants),
            MarketTable::Orders => chunk(count, bytes).map(Decoded::Orders),
            MarketTable::Buyers => chunk(count, bytes).map(Decoded::Buyers),
        };
        let decoded = decoded.map_err(damaged)?;
        if !bytes.is_empty() {
            return Err(RestoreError::Damaged("a part is longer than its records".into()));
        }
        Ok(DecodedMarketPart(decoded))
    }
}

fn chunk<T: Default + BorshDeserialize>(
    count: u32,
    bytes: &mut &[u8],
) -> io::Result<LooseChunk<T>> {
    let len = usize::try_from(count).ok().filter(|len| (1..=CHUNK_RECORDS).contains(len));
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "a chunk has too many records");
    LooseChunk::read(len.ok_or_else(bad)?, || T::deserialize_reader(bytes))
}

/// Puts a market together from the parts of a snapshot.
#[derive(Debug, Default)]
pub struct MarketBuilder {
    market: Market,
    hasher: Sha256,
}

impl MarketBuilder {
    /// Adds the next part, whose SHA-256 is `hash`. Returns which chunk it is.
    ///
    /// # Errors
    /// If the part is in the wrong place.
    pub fn add<E>(
        &mut self,
        hash: &[u8; 32],
        DecodedMarketPart(part): DecodedMarketPart,
    ) -> Result<Option<ChunkId>, RestoreError<E>> {
        self.hasher.update(hash);
        let market = &mut self.market;
        let id = |table: MarketTable, before: usize| {
            let number = u32::try_from(before / CHUNK_RECORDS).unwrap_or(u32::MAX);
            Some(ChunkId { table: table as u8, number, written: 0 })
        };
        let (fits, chunk) = match part {
            Decoded::Small(small) => {
                (market.last_at, market.fingerprint) = (small.last_at, small.fingerprint);
                (market.profiles, market.admissions) = (small.profiles, small.admissions);
                market.promotions = small.promotions;
                market.reservations = small.reservations;
                (true, None)
            }
            Decoded::Offers(chunk) => {
                let id = id(MarketTable::Offers, market.offers.len());
                (market.offers.push_chunk(chunk), id)
            }
            Decoded::Variants(chunk) => {
                let id = id(MarketTable::Variants, market.variants.len());
                (market.variants.push_chunk(chunk), id)
            }
            Decoded::Orders(chunk) => {
                let id = id(MarketTable::Orders, market.orders.len());
                (market.orders.push_chunk(chunk), id)
            }
            Decoded::Buyers(chunk) => {
                let id = id(MarketTable::Buyers, market.buyers.len());
                (market.buyers.push_chunk(chunk), id)
            }
        };
        if fits {
            return Ok(chunk);
        }
        Err(RestoreError::Damaged("a chunk follows one that is not full".into()))
    }

    /// SHA-256 over the SHA-256 of the parts.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.hasher.clone().finalize().into()
    }

    /// Puts the market together. Call it only if the digest is the expected one.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn finish(self) -> Result<Market, String> {
        let mut market = self.market;
        for (place, offer) in places(&market.offers) {
            market.offer_places.insert(offer.id, place);
            if offer.state != OfferState::Ended {
                let key = (offer.seller, offer.currency.into());
                *market.offers_of.entry(key).or_default() += 1;
            }
        }
        for (place, variant) in places(&market.variants) {
            market.variant_places.insert(variant.id, place);
        }
        for (place, order) in places(&market.orders) {
            market.order_places.insert(order.id, place);
            for parcel in &order.parcels {
                market.parcel_places.insert(parcel.parcel.bits(), place);
            }
        }
        for (place, buyer) in places(&market.buyers) {
            market.buyer_places.insert(buyer.token, place);
        }
        for (&id, promotion) in &market.promotions {
            market.coupons.extend(promotion.coupons.keys().map(|&token| (token, id)));
            if promotion.ended_at.is_none() {
                let scopes = promotion.versions.iter().flat_map(|one| ScopeKey::of(&one.scope));
                for key in scopes {
                    market.promotions_by_scope.entry(key).or_default().insert(id);
                }
            }
        }
        for (&id, reservation) in &market.reservations {
            market.reservation_ends.insert((reservation.until, id));
            for &(place, units) in &reservation.units {
                market.reserved_units.insert((place, reservation.until, id), units);
            }
        }
        let broken = market.check();
        broken.map(|()| market).map_err(|rules| rules.join("; "))
    }
}

fn places<T>(table: &ChunkedVec<T>) -> impl Iterator<Item = (TablePlace, &T)> {
    (0..).zip(table.iter())
}
