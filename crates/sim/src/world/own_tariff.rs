//! The world's own reading of a tariff file, and its own arithmetic of fees.
//!
//! Written from docs/files/tariff.md. Rates are whole parts per million, sums whole minor units,
//! dates the text of the file: `2013-02-25` sorts as it reads.
//!
//! Never: a function of the tariff crate or of the books that computes a fee.

use money::Currency;
use tariff::{CardKind, FeeKind, PaymentMethod};
use toml::{Table, Value};

use crate::world::LossBearer;

/// Parts per million in the whole.
const WHOLE: u128 = 1_000_000;

/// Decimals of a rate in percent.
const PERCENT_DECIMALS: u32 = 4;

/// The fees of one payment, by the order of [`FeeKind::ALL`], in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnFees([u64; FeeKind::ALL.len()]);

impl OwnFees {
    pub(crate) fn of(&self, kind: FeeKind) -> u64 {
        self.0[kind as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (FeeKind, u64)> {
        FeeKind::ALL.into_iter().zip(self.0)
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// What the card network or wallet keeps for itself and the issuer.
    pub(crate) fn kept_by_rail(&self) -> u64 {
        self.of(FeeKind::Issuer) + self.of(FeeKind::Network) + self.of(FeeKind::Wallet)
    }
}

/// What a parcel's payments so far owe together of a fee that is charged once for the parcel.
#[derive(Clone, Copy, Debug, Default)]
struct Shared {
    /// The exact shares, in millionths of a minor unit.
    shares: u128,
    borne: u64,
}

/// The commission, the COD fee and VAT of one parcel's payments so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ParcelFees([Shared; 3]);

/// A rate with an optional cap.
#[derive(Clone, Copy, Debug)]
struct Share {
    ppm: u128,
    cap: Option<u64>,
}

impl Share {
    fn of(self, minor: u64) -> u64 {
        let fee = half_up(u128::from(minor) * self.ppm);
        self.cap.map_or(fee, |cap| fee.min(cap))
    }
}

/// Issuer, network and acquirer, with the cap on their sum.
#[derive(Clone, Debug)]
struct CardShares {
    parts: [Share; 3],
    cap: Option<u64>,
}

/// A fee that a parcel bears once: the greater of the two.
#[derive(Clone, Copy, Debug, Default)]
struct Once {
    fixed: u64,
    ppm: u128,
}

#[derive(Clone, Debug)]
struct Version {
    from: String,
    until: Option<String>,
    return_fee: u64,
    freight: u64,
    vat_ppm: u128,
    offline_loss: LossBearer,
    /// Commission, then COD fee; each for card, QR and cash.
    once: [[Once; 3]; 2],
    debit: CardShares,
    credit: CardShares,
    wallet: Share,
}

/// A tariff file as the world reads it: one currency, one class of sellers.
#[derive(Clone, Debug)]
pub(crate) struct OwnTariff(Vec<Version>);

/// Why the world cannot read a tariff file: a place in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulated world cannot read the tariff file: {0}")]
pub struct UnreadableTariff(pub String);

impl OwnTariff {
    /// Reads the sums in `currency` and the rates of `class`.
    pub(crate) fn read(
        text: &str,
        currency: Currency,
        class: &str,
    ) -> Result<OwnTariff, UnreadableTariff> {
        let file: Table =
            text.parse().map_err(|error: toml::de::Error| unreadable(error.message()))?;
        let versions = file.get("version").and_then(Value::as_array);
        let versions = versions.ok_or_else(|| unreadable("version"))?;
        let reader = Reader { currency, class };
        let read = versions.iter().map(|version| reader.version(version));
        Ok(OwnTariff(read.collect::<Result<_, _>>()?))
    }

    /// The version in force on a date as text.
    fn on(&self, date: &str) -> &Version {
        let holds = |version: &&Version| {
            *version.from <= *date && version.until.as_deref().is_none_or(|until| date < until)
        };
        self.0.iter().find(holds).expect("the tariff was checked for the days of the day")
    }

    pub(crate) fn return_fee(&self, date: &str) -> u64 {
        self.on(date).return_fee
    }

    pub(crate) fn freight(&self, date: &str) -> u64 {
        self.on(date).freight
    }

    /// The wallet's rate in parts per million.
    pub(crate) fn wallet_ppm(&self, date: &str) -> u64 {
        whole(self.on(date).wallet.ppm)
    }

    /// VAT on freight or a return fee.
    pub(crate) fn vat_of(&self, charge: u64, date: &str) -> u64 {
        half_up(u128::from(charge) * self.on(date).vat_ppm)
    }

    /// Who bears the loss of a rejected offline sale.
    pub(crate) fn offline_loss(&self, date: &str) -> LossBearer {
        self.on(date).offline_loss
    }

    /// The fees of a parcel's next payment, which `parcel` remembers.
    pub(crate) fn fees(
        &self,
        parcel: &mut ParcelFees,
        method: PaymentMethod,
        minor: u64,
        date: &str,
    ) -> OwnFees {
        let version = self.on(date);
        let mut wanted: Vec<(FeeKind, u64)> = Vec::with_capacity(5);
        let place = match method {
            PaymentMethod::Card(kind) => {
                let rates = if kind == CardKind::Debit { &version.debit } else { &version.credit };
                let [issuer, network, acquirer] = card_parts(rates, minor);
                wanted.extend([
                    (FeeKind::Issuer, issuer),
                    (FeeKind::Network, network),
                    (FeeKind::Acquirer, acquirer),
                ]);
                0
            }
            PaymentMethod::Qr => {
                wanted.push((FeeKind::Wallet, version.wallet.of(minor)));
                1
            }
            PaymentMethod::Cash => 2,
        };
        let kinds = [FeeKind::Commission, FeeKind::Cod];
        for (index, kind) in kinds.into_iter().enumerate() {
            let Once { fixed, ppm } = version.once[index][place];
            let shared = &mut parcel.0[index];
            shared.shares += u128::from(minor) * ppm;
            let nothing = fixed == 0 && ppm == 0;
            let of_parcel = if nothing { 0 } else { half_up(shared.shares).max(fixed) };
            wanted.push((kind, of_parcel.saturating_sub(shared.borne)));
        }
        // In this order, each from what the ones before left of the payment.
        let (mut fees, mut left) = (OwnFees::default(), minor);
        for (kind, fee) in wanted {
            let fee = fee.min(left);
            left -= fee;
            fees.0[kind as usize] = fee;
        }
        for (index, kind) in kinds.into_iter().enumerate() {
            parcel.0[index].borne += fees.of(kind);
        }
        // VAT is a share of what this payment bore of the two.
        let vat = &mut parcel.0[2];
        let bearing = fees.of(FeeKind::Commission) + fees.of(FeeKind::Cod);
        vat.shares += u128::from(bearing) * version.vat_ppm;
        let of_parcel = if version.vat_ppm == 0 { 0 } else { half_up(vat.shares) };
        let of_payment = of_parcel.saturating_sub(vat.borne).min(left);
        vat.borne += of_payment;
        fees.0[FeeKind::Vat as usize] = of_payment;
        fees
    }
}

/// The three parts of a card fee. If the cap is lower than their sum, each is reduced by its share;
/// the minor units that are left go to the largest remainders, the earlier part first.
fn card_parts(rates: &CardShares, minor: u64) -> [u64; 3] {
    let parts = rates.parts.map(|part| part.of(minor));
    let sum: u64 = parts.iter().sum();
    let Some(cap) = rates.cap.filter(|cap| *cap < sum) else { return parts };
    let exact = parts.map(|part| u128::from(part) * u128::from(cap));
    let mut cut = exact.map(|part| whole(part / u128::from(sum)));
    let mut by_remainder = [0, 1, 2];
    by_remainder.sort_by_key(|&place| std::cmp::Reverse(exact[place] % u128::from(sum)));
    let left = cap - cut.iter().sum::<u64>();
    for &place in by_remainder.iter().take(usize::try_from(left).unwrap_or(3)) {
        cut[place] += 1;
    }
    cut
}

/// Millionths of a minor unit, rounded half up to the minor unit.
fn half_up(millionths: u128) -> u64 {
    whole((millionths + WHOLE / 2) / WHOLE)
}

fn whole(minor: u128) -> u64 {
    u64::try_from(minor).expect("a fee is a part of an amount")
}

fn unreadable(place: &str) -> UnreadableTariff {
    UnreadableTariff(place.to_owned())
}

struct Reader<'a> {
    currency: Currency,
    class: &'a str,
}

impl Reader<'_> {
    fn version(&self, version: &Value) -> Result<Version, UnreadableTariff> {
        let text = |key: &str| version.get(key).and_then(Value::as_str).map(str::to_owned);
        let classes = version.get("class").and_then(Value::as_array);
        let named = |class: &&Value| class.get("name").and_then(Value::as_str) == Some(self.class);
        let class = classes.into_iter().flatten().find(named);
        let class = class.ok_or_else(|| unreadable("class"))?;
        let cards = |kind: &str| {
            let rates = class.get(kind).or_else(|| class.get("card"));
            self.cards(rates.ok_or_else(|| unreadable(kind))?)
        };
        let wallet = class.get("wallet").map(|rate| self.share(rate)).transpose()?;
        Ok(Version {
            from: text("from").ok_or_else(|| unreadable("from"))?,
            until: text("until"),
            return_fee: self.sum(version.get("return_fee"))?.unwrap_or(0),
            freight: self.sum(version.get("freight"))?.unwrap_or(0),
            vat_ppm: version.get("vat").map(percent).transpose()?.unwrap_or(0).into(),
            offline_loss: match text("offline_loss").as_deref() {
                None | Some("seller") => LossBearer::Seller,
                Some("firm") => LossBearer::Firm,
                Some("doorstep") => LossBearer::Doorstep,
                Some(_) => return Err(unreadable("offline_loss")),
            },
            once: [self.once(version.get("commission"))?, self.once(version.get("cod"))?],
            debit: cards("debit")?,
            credit: cards("credit")?,
            wallet: wallet.unwrap_or(Share { ppm: 0, cap: None }),
        })
    }

    fn cards(&self, rates: &Value) -> Result<CardShares, UnreadableTariff> {
        let part = |key: &str| self.share(rates.get(key).ok_or_else(|| unreadable(key))?);
        Ok(CardShares {
            parts: [part("issuer")?, part("network")?, part("acquirer")?],
            cap: self.sum(rates.get("cap"))?,
        })
    }

    /// `"0.55%"`, or `{ rate = "0.55%", cap = "13.00" }`.
    fn share(&self, share: &Value) -> Result<Share, UnreadableTariff> {
        let rate = share.get("rate").unwrap_or(share);
        Ok(Share { ppm: u128::from(percent(rate)?), cap: self.sum(share.get("cap"))? })
    }

    fn once(&self, per_method: Option<&Value>) -> Result<[Once; 3], UnreadableTariff> {
        let mut once = [Once::default(); 3];
        for (place, key) in ["card", "qr", "cash"].into_iter().enumerate() {
            let Some(fee) = per_method.and_then(|fees| fees.get(key)) else { continue };
            let ppm = fee.get("share").map(percent).transpose()?.unwrap_or(0);
            let fixed = self.sum(fee.get("fixed"))?.unwrap_or(0);
            once[place] = Once { fixed, ppm: u128::from(ppm) };
        }
        Ok(once)
    }

    /// A sum in minor units: text, or a table with the text of each currency.
    fn sum(&self, sum: Option<&Value>) -> Result<Option<u64>, UnreadableTariff> {
        let Some(sum) = sum else { return Ok(None) };
        let text = sum.as_str().or_else(|| sum.get(self.currency.code()).and_then(Value::as_str));
        let text = text.ok_or_else(|| unreadable("a sum"))?;
        decimal(text, self.currency.exponent()).map(Some)
    }
}

/// A percentage in parts per million.
fn percent(rate: &Value) -> Result<u64, UnreadableTariff> {
    let text = rate.as_str().and_then(|text| text.strip_suffix('%'));
    decimal(text.ok_or_else(|| unreadable("a rate"))?, PERCENT_DECIMALS)
}

/// A decimal number as a whole number of its last decimal.
fn decimal(text: &str, decimals: u32) -> Result<u64, UnreadableTariff> {
    let (units, part) = text.split_once('.').unwrap_or((text, ""));
    let missing = decimals.checked_sub(u32::try_from(part.len()).unwrap_or(u32::MAX));
    let missing = missing.ok_or_else(|| unreadable(text))?;
    let digits: u64 = format!("{units}{part}").parse().map_err(|_| unreadable(text))?;
    digits.checked_mul(10_u64.pow(missing)).ok_or_else(|| unreadable(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        currency = ["BRL", "JPY", "KWD"]

        [[version]]
        from = "2013-02-25"
        until = "2014-01-01"
        return_fee = { BRL = "4.00", JPY = "80", KWD = "0.200" }
        commission.cash = { share = "0.5%" }

        [version.cod.cash]
        fixed = { BRL = "2.00", JPY = "40", KWD = "0.100" }
        share = "1%"

        [[version.class]]
        name = "general"
        card = { issuer = "0.55%", network = "0.08%", acquirer = "0.15%" }
        wallet = { rate = "0.6%" }

        [[version]]
        from = "2014-01-01"

        [[version.class]]
        name = "general"
        debit = { issuer = "0.9%", network = "0.13%", acquirer = "0.22%" }
        wallet = { rate = "0.6%" }

        [version.class.credit]
        issuer = "0.9%"
        network = "0.13%"
        acquirer = "0.22%"
        cap = { BRL = "80.00", JPY = "1600", KWD = "4.000" }
    "#;

    const CREDIT: PaymentMethod = PaymentMethod::Card(CardKind::Credit);

    fn tariff(code: &str) -> OwnTariff {
        OwnTariff::read(FILE, code.parse().unwrap(), "general").unwrap()
    }

    /// The table at the end of docs/files/tariff.md.
    #[test]
    fn part_payments_bear_a_fee_once() {
        let (tariff, mut parcel) = (tariff("BRL"), ParcelFees::default());
        let cod = [10_000, 5_000, 25_000].map(|minor| {
            let fees = tariff.fees(&mut parcel, PaymentMethod::Cash, minor, "2013-08-28");
            fees.of(FeeKind::Cod)
        });
        assert_eq!(cod, [200, 0, 200]);
    }

    /// The example of the page.
    #[test]
    fn vat_is_rounded_once_for_the_parcels_payments() {
        let page = include_str!("../../../../docs/files/tariff.md");
        let example = page.split("```").nth(1).and_then(|text| text.strip_prefix("toml"));
        let tariff = OwnTariff::read(example.unwrap(), Currency::BRL, "general").unwrap();
        let mut parcel = ParcelFees::default();
        let bears = [10_050, 14_950].map(|minor| {
            let fees = tariff.fees(&mut parcel, PaymentMethod::Cash, minor, "2014-01-01");
            [FeeKind::Commission, FeeKind::Cod, FeeKind::Vat].map(|kind| fees.of(kind))
        });
        assert_eq!(bears, [[50, 200, 25], [75, 50, 13]]);
        let freight = tariff.freight("2014-01-01");
        assert_eq!((freight, tariff.vat_of(freight, "2014-01-01")), (600, 60));
    }

    #[test]
    fn sums_are_in_minor_units_of_their_currency() {
        let fees = ["BRL", "JPY", "KWD"].map(|code| {
            let tariff = tariff(code);
            let mut parcel = ParcelFees::default();
            let fees = tariff.fees(&mut parcel, PaymentMethod::Cash, 1_000, "2013-12-31");
            (fees.of(FeeKind::Commission), fees.of(FeeKind::Cod), tariff.return_fee("2013-12-31"))
        });
        assert_eq!(fees, [(5, 200, 400), (5, 40, 80), (5, 100, 200)]);
    }

    #[test]
    fn a_capped_sum_is_shared_by_its_parts() {
        let fees =
            |minor| tariff("BRL").fees(&mut ParcelFees::default(), CREDIT, minor, "2014-01-01");
        let parts = |fees: OwnFees| {
            [FeeKind::Issuer, FeeKind::Network, FeeKind::Acquirer].map(|kind| fees.of(kind))
        };
        assert_eq!(parts(fees(1_000_000)), [5_760, 832, 1_408]);
        assert_eq!(parts(fees(10_000)), [90, 13, 22]);
        assert_eq!(fees(1_000_000).kept_by_rail(), 6_592);
    }

    #[test]
    fn fees_never_exceed_the_payment() {
        let mut parcel = ParcelFees::default();
        let fees = tariff("BRL").fees(&mut parcel, PaymentMethod::Cash, 150, "2013-02-25");
        assert_eq!((fees.of(FeeKind::Commission), fees.of(FeeKind::Cod)), (1, 149));
    }

    #[test]
    fn what_it_cannot_read_is_named() {
        let text = FILE.replace("0.55%", "0,55%");
        let error = OwnTariff::read(&text, Currency::BRL, "general").unwrap_err();
        assert_eq!(error.0, "0,55");
    }
}
