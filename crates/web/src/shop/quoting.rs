//! What a cart costs, with its explanation in the words of a buyer.

use std::collections::BTreeMap;

use books::Sha256Digest;
use engine::{Engine, Refusal};
use listings::OfferText;
use market::quote::Quote;
use market::{MarketRefusal, MissingMarketRecord, OfferId, PromotionId, VariantId};
use money::Currency;
use node::{Clock, SystemClock};
use office::{OfficeError, RefusalInCurrency, SignedInGiver};
use pages::PageWords;
use pages::shop::{AppliedLine, QuotedSeller, ShownQuote};
use serde_json::{Map, Value, json};

use super::cart::CartEntry;
use super::labels::{of_promotion, off, plain, with_currency};
use super::offers::{OfferLook, VariantLook, look, shown_content, texts};
use crate::app::App;
use crate::handlers::market::{plain_code, skipped};
use crate::problem::Problem;

/// A line of the cart that can be bought.
pub(super) struct SoldLine {
    pub entry: CartEntry,
    pub offer: OfferLook,
    pub text: OfferText,
    pub variant: VariantLook,
}

/// A cart with its price.
pub(super) struct PricedCart {
    pub sold: Vec<SoldLine>,
    /// Lines that are not sold now, or in another currency than the first one, and their names.
    pub gone: Vec<(CartEntry, String)>,
    pub currency: Option<Currency>,
    /// `None` for an empty cart, and where there is no price: then `refused` says why.
    pub quote: Option<(Quote, ShownQuote)>,
    pub refused: Option<String>,
    /// A code that does not work.
    pub bad_coupon: Option<String>,
}

/// Who asks: in which words, and with which phone number.
#[derive(Clone)]
pub(super) struct PriceAsker {
    pub words: PageWords,
    /// As a token. Without one nothing is known of the buyer.
    pub buyer: Option<String>,
}

/// Looks at the lines of a cart, and asks for their price. Blocks.
pub(super) fn priced(
    app: &App,
    giver: &mut SignedInGiver,
    lines: &[CartEntry],
    coupons: &[String],
    asker: &PriceAsker,
) -> Result<PricedCart, Problem> {
    let words = asker.words;
    let variants: Vec<VariantId> = lines.iter().map(|line| line.variant()).collect();
    let find = move |engine: &Engine| {
        let known = |id: &VariantId| {
            let variant = engine.market().variant_view(*id)?;
            let content = shown_content(engine, variant.offer);
            Some(KnownVariant { offer: variant.offer, sku: variant.sku.to_owned(), content })
        };
        let offers: Vec<Option<KnownVariant>> = variants.iter().map(known).collect();
        let mut distinct: Vec<OfferId> = offers.iter().flatten().map(|one| one.offer).collect();
        distinct.sort_unstable();
        distinct.dedup();
        (offers, look(engine, &distinct, words))
    };
    let (offers, seen) = giver.client.query(find).map_err(Problem::internal)?.0;
    let seen = texts(app, seen)?;
    let mut priced = PricedCart {
        sold: Vec::new(),
        gone: Vec::new(),
        currency: None,
        quote: None,
        refused: None,
        bad_coupon: None,
    };
    for (entry, known) in lines.iter().zip(offers) {
        let offer = known.as_ref().map(|one| one.offer);
        let found = seen.iter().find(|(look, _)| Some(look.offer) == offer);
        let fits = found
            .filter(|(look, _)| *priced.currency.get_or_insert(look.currency) == look.currency);
        let sold = fits.and_then(|(look, text)| {
            let variant = look.variants.iter().find(|one| one.id == entry.variant())?.clone();
            Some(SoldLine { entry: *entry, offer: look.clone(), text: text.clone(), variant })
        });
        match sold {
            Some(sold) => priced.sold.push(sold),
            None => priced.gone.push((*entry, name_of(app, known)?)),
        }
    }
    let Some(currency) = priced.currency.filter(|_| !priced.sold.is_empty()) else {
        return Ok(priced);
    };
    let mut coupons = coupons;
    loop {
        let given = fields(app, &priced.sold, currency, coupons, asker)?;
        match giver.quote(&given) {
            Ok((quoted, _)) => {
                let quote = quoted.cart.quote;
                let shown = shown(app, giver, (&priced.sold, &quote), &quoted.obstacles, words)?;
                priced.quote = Some((quote, shown));
                return Ok(priced);
            }
            Err(OfficeError::Refused { refusal, .. }) => {
                let refusal = &refusal.refusal;
                if let Some(code) = coupon_of(app, refusal, coupons)? {
                    priced.bad_coupon = Some(code);
                    coupons = &[];
                    continue;
                }
                priced.refused = Some(obstacle(app, &priced.sold, refusal, words));
                return Ok(priced);
            }
            Err(error) => return Err(Problem::of_office(error, app.texts.chinese)),
        }
    }
}

/// A variant of the cart, sold or not.
struct KnownVariant {
    offer: OfferId,
    sku: String,
    /// Unless the policy stops the text.
    content: Option<Sha256Digest>,
}

fn name_of(app: &App, known: Option<KnownVariant>) -> Result<String, Problem> {
    let Some(KnownVariant { sku, content, .. }) = known else { return Ok(String::new()) };
    let Some(content) = content else { return Ok(sku) };
    let text = app.listings.with(|store| store.get(content))?;
    Ok(text.map_or_else(|| sku.clone(), |text| format!("{} {sku}", text.title)))
}

/// The fields of a quote, and of a checkout but for the order and the total.
pub(super) fn fields(
    app: &App,
    sold: &[SoldLine],
    currency: Currency,
    coupons: &[String],
    asker: &PriceAsker,
) -> Result<Map<String, Value>, Problem> {
    let lines = sold.iter().map(
        |line| json!({ "variant": line.variant.id.to_string(), "quantity": line.entry.quantity }),
    );
    let tokens: Result<Vec<String>, Problem> =
        coupons.iter().map(|code| coupon_token(app, code)).collect();
    let mut given = Map::new();
    given.insert("currency".to_owned(), currency.code().into());
    given.insert("lines".to_owned(), lines.collect::<Vec<_>>().into());
    given.insert("coupons".to_owned(), tokens?.into());
    let nobody = || market::BuyerToken::default().to_string();
    given.insert("buyer".to_owned(), asker.buyer.clone().unwrap_or_else(nobody).into());
    Ok(given)
}

fn coupon_token(app: &App, code: &str) -> Result<String, Problem> {
    let plain = plain_code(code).unwrap_or_default();
    let token = app.store.token("coupon", &plain).map_err(Problem::internal)?;
    Ok(base16ct::lower::encode_string(&token))
}

/// The code that a refusal is about, if it is about one.
fn coupon_of(
    app: &App,
    refusal: &RefusalInCurrency,
    coupons: &[String],
) -> Result<Option<String>, Problem> {
    use MarketRefusal as M;
    let Refusal::Market(refusal) = &refusal.refusal else { return Ok(None) };
    let token = match refusal {
        M::NotFound(MissingMarketRecord::Coupon(token))
        | M::CouponOfAnotherBuyer(token)
        | M::CouponUsed(token) => token.to_string(),
        M::TwoCouponsOfPromotion(_) | M::TooManyCoupons => return Ok(coupons.last().cloned()),
        _ => return Ok(None),
    };
    for code in coupons {
        if coupon_token(app, code)? == token {
            return Ok(Some(code.clone()));
        }
    }
    Ok(None)
}

/// Why a cart cannot be ordered now.
pub(super) fn obstacle(
    app: &App,
    sold: &[SoldLine],
    refusal: &RefusalInCurrency,
    words: PageWords,
) -> String {
    use MarketRefusal as M;
    let currency = refusal.currency;
    match &refusal.refusal {
        Refusal::Market(M::NotEnoughStock(id, left)) => {
            let line = sold.iter().find(|line| line.variant.id == *id);
            let title = line.map(|line| line.text.title.as_str()).unwrap_or_default();
            words.fill("shop.no_stock", &[("title", &title), ("n", left)])
        }
        Refusal::Market(M::ParcelAboveCap(_, most)) => {
            let most = currency.map(|currency| with_currency(*most, currency));
            words.fill("shop.above_cap", &[("most", &most.unwrap_or_default())])
        }
        Refusal::Market(M::NothingDue(_)) => words.get("shop.nothing_due").to_owned(),
        Refusal::Market(M::TooManyRefusals(_)) => words.get("shop.refused_before").to_owned(),
        Refusal::Market(M::NobodyCollects(_)) | Refusal::Books(books::Refusal::SellerSuspended) => {
            words.get("shop.nobody_brings").to_owned()
        }
        _ => Problem::of_refusal(refusal, app.texts.chinese).detail(words.0).to_owned(),
    }
}

fn shown(
    app: &App,
    giver: &SignedInGiver,
    (sold, quote): (&[SoldLine], &Quote),
    obstacles: &[RefusalInCurrency],
    words: PageWords,
) -> Result<ShownQuote, Problem> {
    let currency = quote.currency;
    let ids: Vec<PromotionId> = quote
        .applied
        .iter()
        .map(|one| one.promotion)
        .chain(quote.skipped.iter().map(|one| one.promotion))
        .collect();
    let sellers: Vec<books::SellerId> = quote.parcels.iter().map(|parcel| parcel.seller).collect();
    let named = move |engine: &Engine| {
        let at = SystemClock.now().max(engine.last_at());
        let label = |id: &PromotionId| {
            let terms = engine.market().promotion_at(*id, at)?;
            Some((*id, of_promotion(words, terms)))
        };
        let seller = |id: &books::SellerId| engine.books().seller_reference(*id).map(str::to_owned);
        let labels: BTreeMap<PromotionId, String> = ids.iter().filter_map(label).collect();
        (labels, sellers.iter().map(seller).collect::<Vec<_>>())
    };
    let (labels, sellers) = giver.client.query(named).map_err(Problem::internal)?.0;
    let label = |id: PromotionId| labels.get(&id).cloned().unwrap_or_else(|| format!("pro_{id}"));
    let title = |id: VariantId| {
        let line = sold.iter().find(|line| line.variant.id == id);
        line.map(|line| format!("{} {}", line.text.title, line.variant.sku)).unwrap_or_default()
    };
    let parcels = quote.parcels.iter().zip(sellers).map(|(parcel, seller)| QuotedSeller {
        seller: seller.unwrap_or_default(),
        goods: with_currency(parcel.goods, currency),
        delivery: with_currency(parcel.delivery_fee, currency),
    });
    let applied = quote.applied.iter().map(|applied| {
        // Units of the same variant with the same share are one line.
        let mut lines: Vec<(VariantId, u64, u32)> = Vec::new();
        for share in applied.shares.iter().filter(|share| !share.amount.is_zero()) {
            let Some(unit) = quote.units.get(usize::from(share.unit)) else { continue };
            let of = (unit.variant, share.amount.minor());
            match lines.iter_mut().find(|(variant, minor, _)| (*variant, *minor) == of) {
                Some((.., units)) => *units += 1,
                None => lines.push((of.0, of.1, 1)),
            }
        }
        let units = lines.into_iter().map(|(variant, minor, units)| {
            let (title, amount) = (title(variant), off(minor * u64::from(units), currency));
            let values: [(&str, &dyn std::fmt::Display); 3] =
                [("title", &title), ("n", &units), ("amount", &amount)];
            words.fill("shop.of_units", &values)
        });
        let deliveries = applied.deliveries.iter().map(|share| {
            words.fill("shop.of_delivery", &[("amount", &off(share.amount.minor(), currency))])
        });
        AppliedLine {
            label: label(applied.promotion),
            amount: off(applied.discount().0.minor(), currency),
            lines: units.chain(deliveries).collect(),
        }
    });
    let skipped = quote.skipped.iter().map(|one| {
        (label(one.promotion), skipped(one.reason, currency).in_language(words.0).to_owned())
    });
    Ok(ShownQuote {
        parcels: parcels.collect(),
        applied: applied.collect(),
        skipped: skipped.collect(),
        total: plain(quote.total, currency),
        currency: currency.to_string(),
        note: words.get("shop.quote_note").to_owned(),
        obstacles: obstacles.iter().map(|one| obstacle(app, sold, one, words)).collect(),
    })
}
