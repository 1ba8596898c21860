//! A checkout with the address of its buyer: that is in the vault before the parcels are announced.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use books::ParcelId;
use engine::{Engine, QuotedCart};
use market::quote::Cart;
use market::{BuyerToken, CartLine, Checkout, CouponToken, MarketCommand, parcel_of_order};
use money::{Amount, Currency};
use node::{Clock, JournalPosition, SystemClock};
use serde_json::{Map, Value};
use vault::DeliveryToSeal;
use zeroize::Zeroizing;

use crate::currencies::RefusalInCurrency;
use crate::defaults;
use crate::error::OfficeError;
use crate::giving::{self, Giving, Looks};
use crate::office::{BooksFacts, Office, OfficeResult};
use crate::signed_in::{SharedOffice, SignedInCommand, SignedInGiver};

/// The command of an order.
pub const CHECKOUT: &str = "Checkout";

/// A cart as a sender wrote it, in the declared form.
struct ReadCart {
    fields: Map<String, Value>,
}

impl ReadCart {
    fn field<T: serde::de::DeserializeOwned + Default>(&self, name: &str) -> OfficeResult<T> {
        let value = self.fields.get(name).cloned().unwrap_or_default();
        if value.is_null() {
            return Ok(T::default());
        }
        serde_json::from_value(value).map_err(|error| OfficeError::Declared {
            command: CHECKOUT.to_owned(),
            why: format!("{name}: {error}"),
        })
    }

    fn currency(&self) -> OfficeResult<Currency> {
        let missing = || OfficeError::MissingFields {
            command: CHECKOUT.to_owned(),
            missing: vec!["currency".to_owned()],
        };
        self.field::<Option<Currency>>("currency")?.ok_or_else(missing)
    }
}

/// What a quote answers: a price with its explanation, or why there is none.
pub struct Quoted {
    pub cart: QuotedCart,
    /// The obstacles in the words of the currency.
    pub obstacles: Vec<RefusalInCurrency>,
}

impl SignedInGiver {
    fn read_cart(&mut self, given: &Map<String, Value>) -> OfficeResult<ReadCart> {
        let typed = giving::typed(CHECKOUT, given, engine::ActorKind::Key)?;
        let wanted: BTreeSet<_> = defaults::wanted_parties(CHECKOUT, typed.of, given);
        let facts = self
            .client
            .look_ahead(move |engine: &Engine| BooksFacts::of(engine.books(), &wanted))?;
        if !facts.open {
            return Err(OfficeError::BooksNotOpen);
        }
        let looks = Looks::Ahead(&mut self.client);
        let mut giving = Giving { looks, data: &self.data, code_mac: None };
        Ok(ReadCart { fields: giving.read(&typed, &facts)?.0 })
    }

    /// What a cart costs now, and why. Changes nothing.
    ///
    /// # Errors
    /// A field is no value, or what is asked for has no price.
    pub fn quote(&mut self, given: &Map<String, Value>) -> OfficeResult<(Quoted, JournalPosition)> {
        let read = self.read_cart(given)?;
        let currency = read.currency()?;
        let lines: Vec<CartLine> = read.field("lines")?;
        let coupons: Vec<CouponToken> = read.field("coupons")?;
        let buyer: BuyerToken = read.field("buyer")?;
        let reservation = read.field("reservation")?;
        let look = move |engine: &Engine| {
            let (lines, coupons) = (&lines[..], &coupons[..]);
            let cart = Cart { buyer, currency, lines, coupons, reservation };
            let asked = asked(&cart);
            let shown = |refusal| RefusalInCurrency::of(refusal, &asked, engine);
            match engine.quote(&cart, SystemClock.now()) {
                Ok(cart) => {
                    let obstacles = cart.obstacles.iter().cloned().map(shown).collect();
                    Ok(Quoted { cart, obstacles })
                }
                Err(refusal) => Err(OfficeError::Refused {
                    command: CHECKOUT.to_owned(),
                    refusal: shown(refusal).into(),
                }),
            }
        };
        let (quoted, position) = self.client.query(look)?;
        quoted.map(|quoted| (quoted, position))
    }

    /// Seals who gets the parcels of a checkout, before it is given. Returns the parcels. Nothing
    /// is sealed for a checkout that was answered before.
    ///
    /// # Errors
    /// A field is no value, or the vault cannot be written.
    pub fn seal_checkout(
        &mut self,
        one: &SignedInCommand<'_>,
        plain: &[u8],
    ) -> OfficeResult<Vec<ParcelId>> {
        let read = self.read_cart(one.fields)?;
        let lines: Vec<CartLine> = read.field("lines")?;
        let order = read.field::<Option<market::OrderId>>("order")?;
        let (by, key) = (one.by, one.key.clone());
        let parcels = self.client.look_ahead(move |engine: &Engine| {
            let at = SystemClock.now().max(engine.last_at());
            let is_new = matches!(engine.answered_before(by, &key, at), Ok(None));
            let order = order.filter(|id| is_new && engine.market().order_view(*id).is_none())?;
            let seller = |line: &CartLine| Some(engine.market().variant_view(line.variant)?.seller);
            let sellers: BTreeSet<_> = lines.iter().filter_map(seller).collect();
            let parcels = sellers.into_iter().map(|seller| parcel_of_order(order, seller));
            Some(parcels.collect::<Vec<_>>())
        })?;
        let parcels = parcels.unwrap_or_default();
        if !parcels.is_empty() {
            self.office.seal_with_others(&parcels, plain)?;
        }
        Ok(parcels)
    }

    /// Erases the details of buyers that were sealed for a checkout which was refused.
    ///
    /// # Errors
    /// The vault cannot be written.
    pub fn forget_checkout(&mut self, parcels: Vec<ParcelId>) -> OfficeResult<()> {
        let unknown = move |engine: &Engine| {
            let is_unknown = |parcel: &ParcelId| engine.books().parcel_view(*parcel).is_none();
            parcels.into_iter().filter(is_unknown).collect::<Vec<_>>()
        };
        let unknown = self.client.query(unknown)?.0;
        if unknown.is_empty() {
            return Ok(());
        }
        self.office.with(|office| office.erase_deliveries(&unknown))
    }
}

/// The checkout of a cart, to find what its refusals are about.
fn asked(cart: &Cart<'_>) -> engine::Command {
    engine::Command::of_market(MarketCommand::from(Checkout {
        order: market::OrderId(0),
        buyer: cart.buyer,
        currency: cart.currency,
        lines: Vec::new(),
        coupons: Vec::new(),
        reservation: None,
        total: Amount::ZERO,
    }))
}

/// Details of a buyer that wait to be sealed.
#[derive(Debug)]
pub(crate) struct WaitingSeal {
    parcels: Vec<ParcelId>,
    plain: Zeroizing<Vec<u8>>,
    sealed: AtomicBool,
}

impl SharedOffice {
    /// Whoever has the office next seals for all who wait, so that many checkouts wait for the disk
    /// once.
    fn seal_with_others(&self, parcels: &[ParcelId], plain: &[u8]) -> OfficeResult<()> {
        let own = Arc::new(WaitingSeal {
            parcels: parcels.to_vec(),
            plain: plain.to_vec().into(),
            sealed: AtomicBool::new(false),
        });
        let waiting = || self.seals.lock().unwrap_or_else(PoisonError::into_inner);
        waiting().push(own.clone());
        self.with(|office| {
            if own.sealed.load(Ordering::Acquire) {
                return Ok(());
            }
            let mut all = std::mem::take(&mut *waiting());
            // Somebody took it before, and failed.
            if !all.iter().any(|one| Arc::ptr_eq(one, &own)) {
                all.push(own.clone());
            }
            let deliveries = all.iter().flat_map(|one| {
                let plain = &one.plain[..];
                let delivery = move |parcel: &ParcelId| DeliveryToSeal {
                    parcel: *parcel,
                    may_replace: true,
                    plain,
                };
                one.parcels.iter().map(delivery)
            });
            office.options.vault.seal_deliveries(deliveries)?;
            all.iter().for_each(|one| one.sealed.store(true, Ordering::Release));
            Ok(())
        })
    }
}

impl Office {
    fn erase_deliveries(&mut self, parcels: &[ParcelId]) -> OfficeResult<()> {
        self.options.vault.erase_deliveries(parcels)?;
        Ok(())
    }
}
