//! What the collections of some days would have cost under another tariff, or with a network more.
//! The other fees stay as they are booked.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use books::{BusinessDate, ParcelId, TariffId};
use money::{Amount, Currency};
use serde::Serialize;
use tariff::file::{Tariff, TariffFile};
use tariff::{
    CappedRate, CardKind, EarlierPayments, Fees, PaymentMethod, SellerClassNumber, Terms,
};

use super::book::CostBook;
use super::report::CostKey;
use super::settings::CostSettings;

/// A network that might be added. It takes every card and is always up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIfNetwork {
    pub name: String,
    /// Its fee for debit and for credit cards.
    pub debit: CappedRate,
    pub credit: CappedRate,
}

impl WhatIfNetwork {
    fn cost(&self, method: PaymentMethod, amount: Amount) -> Option<Amount> {
        match method {
            PaymentMethod::Card(CardKind::Debit) => Some(self.debit.of(amount)),
            PaymentMethod::Card(CardKind::Credit) => Some(self.credit.of(amount)),
            PaymentMethod::Qr | PaymentMethod::Cash => None,
        }
    }
}

/// Why nothing is computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhatIfError {
    #[error("the tariff file has no tariff in {0}; name the currency in its `currency`")]
    NoCurrency(Currency),
    #[error(
        "the tariff file has no version in force on {0}; begin its first version on that day or \
         before"
    )]
    NotInForce(BusinessDate),
    #[error("the tariff file has no class `{0}`, which sellers of the books have; add it")]
    NoClass(String),
}

/// What would have been otherwise. Sums are in minor units.
#[derive(Debug, Serialize)]
pub struct WhatIf {
    /// The tariff's name.
    pub tariff: Option<String>,
    /// The name of the network that is added.
    pub network: Option<String>,
    /// Collections that were computed again.
    pub collections: u64,
    /// Collections that were not: reversed ones, and those whose seller's class is not known.
    pub left_out: u64,
    pub groups: Vec<WhatIfGroup>,
    pub totals: Vec<WhatIfGroup>,
    /// How long the computing took, without reading the books. Not in JSON.
    #[serde(skip)]
    pub took: Duration,
}

/// The fees of collections as booked, and as they would have been.
#[derive(Clone, Debug, Serialize)]
pub struct WhatIfGroup {
    pub key: String,
    pub currency: &'static str,
    pub collections: u64,
    /// The fees that the books have.
    pub booked: i128,
    /// The fees by the other tariff: equal to `booked` without one.
    pub fees: i128,
    /// `fees` less `booked`: above zero it would have cost more.
    pub difference: i128,
    /// Card payments that the added network would have taken for less.
    pub moved: u64,
    /// What they would have cost less, by the networks' settings.
    pub saved: i128,
}

/// The little of a row that is computed with: small, so that a month fits the caches better.
struct Input {
    parcel: ParcelId,
    amount: Amount,
    booked: u64,
    /// What the route cost.
    route: Option<u64>,
    /// The place of the terms; of the group.
    terms: u32,
    group: u32,
    class: SellerClassNumber,
    method: PaymentMethod,
    /// The parcel has several payments in these days.
    is_part: bool,
}

/// Sums while computing.
#[derive(Clone, Default)]
struct Sums {
    collections: u64,
    booked: u128,
    fees: u128,
    moved: u64,
    saved: u128,
}

/// Computes the fees of the collections that stand under another tariff, and what a further network
/// would have saved. The rules are those of the books (M8).
///
/// # Errors
/// The tariff file does not fit the collections.
pub fn what_if(
    book: &CostBook,
    by: CostKey,
    settings: &CostSettings,
    tariff: Option<&TariffFile>,
    network: Option<&WhatIfNetwork>,
) -> Result<WhatIf, WhatIfError> {
    let mut inputs = Vec::with_capacity(book.rows.len());
    let mut gathered = Gathered::default();
    let mut left_out = 0;
    let mut seen: HashMap<ParcelId, u8> = HashMap::new();
    for row in book.rows.iter().filter(|row| row.count() > 0) {
        *seen.entry(row.payment.parcel).or_default() += 1;
    }
    for row in book.rows.iter().filter(|row| row.amount != 0) {
        let (Some((tariff_id, class)), Some(method), true) =
            (row.class, row.method, row.count() > 0)
        else {
            left_out += 1;
            continue;
        };
        let (terms, class) = match tariff {
            None => (0, class),
            Some(file) => {
                let found = gathered.terms_of(file, row.currency, row.day)?;
                (found, gathered.class_of(book, tariff_id, class, found)?)
            }
        };
        let minor = |amount: i64| u64::try_from(amount).unwrap_or(0);
        let key = (book.key(row, by, settings), row.currency.code());
        inputs.push(Input {
            parcel: row.payment.parcel,
            amount: Amount::new(minor(row.amount)).unwrap_or(Amount::MAX),
            booked: minor(row.booked.iter().sum()),
            route: row.route.map(|route| minor(route.cost)),
            terms,
            group: gathered.group_of(key),
            class,
            method,
            is_part: seen.get(&row.payment.parcel).is_some_and(|count| *count > 1),
        });
    }
    let begun = Instant::now();
    let sums = compute(&inputs, &gathered.terms, gathered.groups.len(), network);
    let took = begun.elapsed();
    let mut groups: Vec<WhatIfGroup> = gathered
        .groups
        .into_iter()
        .map(|((key, currency), place)| made(key, currency, &sums[place as usize]))
        .collect();
    let mut totals: BTreeMap<&'static str, Sums> = BTreeMap::new();
    for one in &groups {
        let sum = totals.entry(one.currency).or_default();
        let unsigned = |minor: i128| u128::try_from(minor).unwrap_or(0);
        sum.collections += one.collections;
        sum.booked += unsigned(one.booked);
        sum.fees += unsigned(one.fees);
        sum.moved += one.moved;
        sum.saved += unsigned(one.saved);
    }
    if by != CostKey::Day {
        groups.sort_by_key(|group| std::cmp::Reverse(group.booked));
    }
    let totals = totals.into_iter().map(|(currency, sums)| made(String::new(), currency, &sums));
    Ok(WhatIf {
        tariff: tariff.map(|file| file.name.clone()),
        network: network.map(|network| network.name.clone()),
        collections: inputs.len() as u64,
        left_out,
        groups,
        totals: totals.collect(),
        took,
    })
}

fn made(key: String, currency: &'static str, sums: &Sums) -> WhatIfGroup {
    let signed = |minor: u128| i128::try_from(minor).unwrap_or(i128::MAX);
    let (booked, fees) = (signed(sums.booked), signed(sums.fees));
    WhatIfGroup {
        key,
        currency,
        collections: sums.collections,
        booked,
        fees,
        difference: fees - booked,
        moved: sums.moved,
        saved: signed(sums.saved),
    }
}

/// Terms, classes and groups by place.
#[derive(Default)]
struct Gathered {
    terms: Vec<Terms>,
    places: HashMap<(Currency, BusinessDate), u32>,
    versions: HashMap<(Currency, u16), u32>,
    classes: HashMap<(TariffId, SellerClassNumber, u32), SellerClassNumber>,
    groups: BTreeMap<(String, &'static str), u32>,
}

impl Gathered {
    fn terms_of(
        &mut self,
        file: &TariffFile,
        currency: Currency,
        day: BusinessDate,
    ) -> Result<u32, WhatIfError> {
        if let Some(place) = self.places.get(&(currency, day)) {
            return Ok(*place);
        }
        let tariff: &Tariff =
            file.in_currency(currency).ok_or(WhatIfError::NoCurrency(currency))?;
        let version = tariff.in_force(day).ok_or(WhatIfError::NotInForce(day))?;
        let terms = &mut self.terms;
        let place = *self.versions.entry((currency, version.number)).or_insert_with(|| {
            terms.push(version.terms.clone());
            u32::try_from(terms.len() - 1).unwrap_or(u32::MAX)
        });
        self.places.insert((currency, day), place);
        Ok(place)
    }

    /// The class with the same name.
    fn class_of(
        &mut self,
        book: &CostBook,
        tariff: TariffId,
        class: SellerClassNumber,
        terms: u32,
    ) -> Result<SellerClassNumber, WhatIfError> {
        if let Some(found) = self.classes.get(&(tariff, class, terms)) {
            return Ok(*found);
        }
        let names = book.books().tariff_classes(tariff);
        let name = names.get(usize::from(class.0)).copied().unwrap_or_default();
        let found = self.terms.get(terms as usize).and_then(|terms| terms.class(name));
        let found = found.ok_or_else(|| WhatIfError::NoClass(name.to_owned()))?;
        self.classes.insert((tariff, class, terms), found);
        Ok(found)
    }

    fn group_of(&mut self, key: (String, &'static str)) -> u32 {
        let next = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        *self.groups.entry(key).or_insert(next)
    }
}

/// The loop that is measured. `terms` is empty if the tariff stays.
fn compute(
    inputs: &[Input],
    terms: &[Terms],
    groups: usize,
    network: Option<&WhatIfNetwork>,
) -> Vec<Sums> {
    let mut sums = vec![Sums::default(); groups];
    let mut parts: HashMap<ParcelId, EarlierPayments> = HashMap::new();
    for one in inputs {
        let sum = &mut sums[one.group as usize];
        sum.collections += 1;
        sum.booked += u128::from(one.booked);
        sum.fees += match terms.get(one.terms as usize) {
            None => u128::from(one.booked),
            Some(terms) => u128::from(fees(one, terms, &mut parts).total().minor()),
        };
        let saved = network
            .and_then(|network| network.cost(one.method, one.amount))
            .zip(one.route)
            .and_then(|(cost, route)| route.checked_sub(cost.minor()))
            .filter(|saved| *saved > 0);
        if let Some(saved) = saved {
            sum.moved += 1;
            sum.saved += u128::from(saved);
        }
    }
    sums
}

fn fees(one: &Input, terms: &Terms, parts: &mut HashMap<ParcelId, EarlierPayments>) -> Fees {
    if !one.is_part {
        return terms.fees(one.class, one.method, one.amount).unwrap_or_default();
    }
    let earlier = parts.entry(one.parcel).or_default();
    let fees = terms.fees_after(earlier, one.class, one.method, one.amount).unwrap_or_default();
    earlier.add(terms, one.method, one.amount, &fees);
    fees
}

/// Computes made-up collections again and again, for the benchmark: how many, and how long the
/// computing took.
///
/// # Errors
/// The tariff file has no version in force on the day.
pub fn measure_what_if(
    file: &TariffFile,
    currency: Currency,
    day: BusinessDate,
    collections: u32,
) -> Result<(u64, Duration, u128), WhatIfError> {
    let mut gathered = Gathered::default();
    let place = gathered.terms_of(file, currency, day)?;
    let class_count = gathered.terms.first().map_or(1, |terms| terms.classes.len().max(1));
    // The multiplier of Knuth's random numbers of 64 bits: amounts and methods without a pattern.
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let methods = [
        PaymentMethod::Card(CardKind::Debit),
        PaymentMethod::Card(CardKind::Credit),
        PaymentMethod::Qr,
        PaymentMethod::Cash,
    ];
    let inputs: Vec<Input> = (0..collections)
        .map(|number| {
            let (method, class) = (next() % 4, next() % class_count as u64);
            Input {
                // One parcel in ten is paid in two parts.
                parcel: ParcelId::new(u128::from(if number % 20 == 1 {
                    number - 1
                } else {
                    number
                })),
                amount: Amount::of(100 + next() % 100_000),
                booked: 0,
                route: None,
                terms: place,
                group: number % 1_000,
                class: SellerClassNumber(u8::try_from(class).unwrap_or(0)),
                method: methods[usize::try_from(method).unwrap_or(0)],
                is_part: number % 20 < 2,
            }
        })
        .collect();
    let begun = Instant::now();
    let sums = compute(&inputs, &gathered.terms, 1_000, None);
    let took = begun.elapsed();
    Ok((inputs.len() as u64, took, sums.iter().map(|one| one.fees).sum()))
}
