//! Offers of a file against those of the market: which commands bring the market there, and the
//! same offers as a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use books::{SellerId, Sha256Digest};
use engine::{Engine, Timestamp};
use files::offers::{
    ExportedOffer, ExportedVariant, ImportedOffer, ImportedVariant, VARIANTS_MAX, write_csv,
};
use listings::{OfferText, OfferTextFault, StoreError, TextStore};
use market::{
    AddVariant, AdjustStock, CategoryId, DraftOffer, MarketCommand, MarketRefusal, NewVariant,
    OfferId, OfferState, ReviseOffer, SetOfferState, SetPrice, StockReason, VariantId,
};
use money::Currency;

/// Why an offer of a file cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferFault {
    #[error("there is no seller `{0}` among yours; register the seller, or correct the reference")]
    NoSeller(String),
    #[error("the offer is new and has no title; write one")]
    NoTitle,
    #[error("the offer has ended for ever; offer it under another reference")]
    Ended,
    #[error("the offer is in {is}, not in {given}; offer it in {given} under another reference")]
    Currency { is: Currency, given: Currency },
    #[error("the seller can draft {left} more offers, and the file has more; end some")]
    TooMany { left: u32 },
    #[error("with those of the market the offer has more than {VARIANTS_MAX} variants; split it")]
    TooManyVariants,
    #[error(transparent)]
    Text(#[from] OfferTextFault),
    #[error(transparent)]
    Market(MarketRefusal),
}

/// An offer of a file, with what follows from its text.
#[derive(Clone, Debug)]
pub struct OfferOfFile {
    offer: ImportedOffer,
    text: OfferText,
    content: Sha256Digest,
    fault: Option<OfferTextFault>,
}

impl OfferOfFile {
    #[must_use]
    pub fn of(offer: &ImportedOffer) -> OfferOfFile {
        let text = OfferText {
            title: offer.title.clone(),
            description: offer.description.clone(),
            captions: offer.captions.clone(),
            ..OfferText::default()
        };
        let fault = if text.title.is_empty() { None } else { text.check().err() };
        OfferOfFile { offer: offer.clone(), content: text.content(), text, fault }
    }
}

/// Commands for one offer of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedOffer {
    /// In the file.
    pub place: usize,
    pub offer: OfferId,
    /// Its content, where it is another one than the market has.
    pub text: Option<OfferText>,
    pub commands: Vec<MarketCommand>,
}

/// What a file changes.
#[derive(Clone, Debug, Default)]
pub struct OfferPlan {
    pub offers: Vec<PlannedOffer>,
    /// Offers that are so already.
    pub unchanged: usize,
    /// By place in the file.
    pub refused: Vec<(usize, OfferFault)>,
}

/// The texts of the offers of a market that a file names, by content.
pub type KnownTexts = BTreeMap<[u8; 32], OfferText>;

/// The contents of the offers that a file names.
#[must_use]
pub fn named_contents(engine: &Engine, offers: &[OfferOfFile]) -> Vec<Sha256Digest> {
    let content = |OfferOfFile { offer: one, .. }: &OfferOfFile| {
        let seller = engine.books().seller_by_reference(&one.seller)?;
        let known = engine.market().offer_view(OfferId::of_reference(seller, &one.reference))?;
        Some(known.content)
    };
    offers.iter().filter_map(content).collect()
}

/// Whether a text is another one, but for blanks at its ends.
fn is_other(one: &OfferText, other: &OfferText) -> bool {
    let parts = |text: &OfferText| {
        let all = [&text.title, &text.description].into_iter().chain(&text.captions);
        all.map(|part| part.trim().to_owned()).collect::<Vec<_>>()
    };
    parts(one) != parts(other)
}

struct Planner<'p> {
    engine: &'p Engine,
    at: Timestamp,
    sellers: Option<&'p BTreeSet<SellerId>>,
    texts: &'p KnownTexts,
    /// Offers that each seller can still draft.
    left: BTreeMap<(SellerId, String), (u32, u32)>,
}

/// Finds what a file changes. Only offers of some sellers are taken, if they are given.
#[must_use]
pub fn plan(
    engine: &Engine,
    at: Timestamp,
    offers: &[OfferOfFile],
    sellers: Option<&BTreeSet<SellerId>>,
    texts: &KnownTexts,
) -> OfferPlan {
    let mut planner = Planner { engine, at, sellers, texts, left: BTreeMap::new() };
    let mut plan = OfferPlan::default();
    for (place, offer) in offers.iter().enumerate() {
        match planner.offer(place, offer) {
            Ok(planned) if planned.commands.is_empty() => plan.unchanged += 1,
            Ok(planned) => plan.offers.push(planned),
            Err(fault) => plan.refused.push((place, fault)),
        }
    }
    plan
}

impl Planner<'_> {
    fn offer(&mut self, place: usize, of: &OfferOfFile) -> Result<PlannedOffer, OfferFault> {
        let OfferOfFile { offer: one, text, content, fault } = of;
        let content = *content;
        let seller = self.engine.books().seller_by_reference(&one.seller);
        let seller = seller.filter(|own| self.sellers.is_none_or(|all| all.contains(own)));
        let seller = seller.ok_or_else(|| OfferFault::NoSeller(one.seller.clone()))?;
        let market = self.engine.market();
        let left = market.offers_left(seller, one.currency, self.at).map_err(OfferFault::Market)?;
        let offer = OfferId::of_reference(seller, &one.reference);
        if let Some(fault) = fault {
            return Err((*fault).into());
        }
        let mut planned =
            PlannedOffer { place, offer, text: None, commands: Vec::with_capacity(1) };
        let Some(known) = market.offer_view(offer) else {
            if text.title.is_empty() {
                return Err(OfferFault::NoTitle);
            }
            let key = (seller, one.currency.code().to_owned());
            let counted = self.left.entry(key).or_insert((left, left));
            counted.0 = counted.0.checked_sub(1).ok_or(OfferFault::TooMany { left: counted.1 })?;
            let (currency, reference) = (one.currency, one.reference.clone());
            let category = CategoryId(one.category);
            let variants = one.variants.iter().map(|variant| new_variant(offer, variant)).collect();
            let draft =
                DraftOffer { offer, seller, currency, category, reference, content, variants };
            planned.commands.push(draft.into());
            for variant in &one.variants {
                planned.commands.extend(stock(VariantId::of_sku(offer, &variant.sku), variant));
            }
            if one.is_listed {
                let listed = SetOfferState { offer, number: 1, state: OfferState::Listed };
                planned.commands.push(listed.into());
            }
            planned.text = Some(text.clone());
            return Ok(planned);
        };
        if known.state == OfferState::Ended {
            return Err(OfferFault::Ended);
        }
        if known.currency != one.currency {
            return Err(OfferFault::Currency { is: known.currency, given: one.currency });
        }
        // A text that is not kept, as one that was erased, is another one. A file has no pictures:
        // those of the offer stay.
        let before = self.texts.get(&known.content.0);
        let text = match before {
            Some(OfferText { pictures, language, .. }) => {
                OfferText { pictures: pictures.clone(), language: language.clone(), ..text.clone() }
            }
            None => text.clone(),
        };
        let has_other = !text.title.is_empty()
            && content != known.content
            && before.is_none_or(|old| is_other(old, &text));
        let category = CategoryId(one.category);
        if has_other || category != known.category {
            let content = if has_other { text.content() } else { known.content };
            let number = known.changes + 1;
            planned.commands.push(ReviseOffer { offer, number, category, content }.into());
            planned.text = has_other.then_some(text);
        }
        let mut count = known.variants;
        for variant in &one.variants {
            let own = market.variants_of(offer).find(|own| own.sku == variant.sku);
            let Some(own) = own else {
                count += 1;
                let added = new_variant(offer, variant);
                let id = added.variant;
                planned.commands.push(AddVariant { offer, variant: added }.into());
                planned.commands.extend(stock(id, variant));
                continue;
            };
            if own.price != variant.price {
                let (variant, price) = (own.variant, variant.price);
                let number = own.price_number + 1;
                planned.commands.push(SetPrice { variant, number, price }.into());
            }
        }
        if count > VARIANTS_MAX {
            return Err(OfferFault::TooManyVariants);
        }
        Ok(planned)
    }
}

fn new_variant(offer: OfferId, one: &ImportedVariant) -> NewVariant {
    NewVariant {
        variant: VariantId::of_sku(offer, &one.sku),
        sku: one.sku.clone(),
        price: one.price,
        weight_g: one.weight_g.unwrap_or(0),
    }
}

/// The first units of a new variant.
fn stock(variant: VariantId, one: &ImportedVariant) -> Option<MarketCommand> {
    let quantity = one.stock.filter(|units| *units > 0)?;
    Some(AdjustStock { variant, number: 1, quantity, reason: StockReason::Received }.into())
}

/// The offers of a market as a file, without their texts, each with the digest of its own. Those
/// that ended are left out.
#[must_use]
pub fn exported(
    engine: &Engine,
    at: Timestamp,
    sellers: Option<&BTreeSet<SellerId>>,
) -> Vec<(ExportedOffer, Sha256Digest)> {
    let market = engine.market();
    let offers = market.offer_ids().filter_map(|id| {
        let offer = market.offer_view(id)?;
        if sellers.is_some_and(|own| !own.contains(&offer.seller)) {
            return None;
        }
        let state = match offer.state {
            OfferState::Draft => "draft",
            OfferState::Listed => "listed",
            OfferState::Paused => "paused",
            OfferState::Ended => return None,
        };
        let variants = market.variants_of(id).map(|one| ExportedVariant {
            sku: one.sku.to_owned(),
            price: one.price,
            weight_g: one.weight_g,
            left: market.units_left(one.variant, at).unwrap_or(0),
        });
        let exported = ExportedOffer {
            seller: engine.books().seller_reference(offer.seller)?.to_owned(),
            reference: offer.reference.to_owned(),
            state,
            category: offer.category.0,
            currency: offer.currency,
            title: String::new(),
            description: String::new(),
            captions: Vec::new(),
            variants: variants.collect(),
        };
        Some((exported, offer.content))
    });
    offers.collect()
}

/// Adds the texts that are kept.
///
/// # Errors
/// The store cannot be read, or a text is damaged.
pub fn with_texts(
    offers: Vec<(ExportedOffer, Sha256Digest)>,
    store: &TextStore,
) -> Result<Vec<ExportedOffer>, StoreError> {
    let with = |(mut offer, content): (ExportedOffer, Sha256Digest)| {
        if let Some(text) = store.get(content)? {
            offer.title = text.title;
            offer.description = text.description;
            offer.captions = text.captions;
        }
        Ok(offer)
    };
    offers.into_iter().map(with).collect()
}

/// The same as CSV.
///
/// # Errors
/// As [`with_texts`].
pub fn as_csv(
    offers: Vec<(ExportedOffer, Sha256Digest)>,
    data: &Path,
) -> Result<Vec<u8>, StoreError> {
    let mut csv = Vec::new();
    let offers = with_texts(offers, &TextStore::open(data)?)?;
    write_csv(&mut csv, offers).expect("a list takes what is written");
    Ok(csv)
}
