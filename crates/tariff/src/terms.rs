//! The terms of one tariff version.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Currency, Rate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FeeKind, Fees};

/// Seller classes in one version.
pub const CLASSES_MAX: usize = 32;

pub const CLASS_NAME_BYTES_MAX: usize = 32;

/// How a payment is made at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum PaymentMethod {
    /// On a terminal.
    Card(CardKind),
    /// A wallet's QR code.
    Qr,
    Cash,
}

impl PaymentMethod {
    #[must_use]
    pub fn is_card(self) -> bool {
        matches!(self, PaymentMethod::Card(_))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum CardKind {
    Debit,
    Credit,
}

/// Index of a class in its version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct SellerClassNumber(pub u8);

/// A share of the amount, with an optional cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct CappedRate {
    pub rate: Rate,
    /// The highest fee.
    pub cap: Option<Amount>,
}

impl CappedRate {
    /// The share of `amount`, rounded half up, at most the cap.
    #[must_use]
    pub fn of(&self, amount: Amount) -> Amount {
        let share = self.rate.of(amount);
        self.cap.map_or(share, |cap| share.min(cap))
    }
}

/// The three parts of a card fee.
///
/// The Chinese schedule of 2013 sets three rates per merchant class and can cap their sum ("capped
/// at 80 yuan"). The schedule of 2016 caps single parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct CardRates {
    /// For the bank that issued the card.
    pub issuer: CappedRate,
    /// For the card network.
    pub network: CappedRate,
    /// For the acquirer: Doorstep.
    pub acquirer: CappedRate,
    /// Limit on the sum of the three parts. A higher sum is reduced, each part by its share.
    pub cap: Option<Amount>,
}

impl CardRates {
    /// The issuer's, network's and acquirer's part of `amount`.
    #[must_use]
    pub fn of(&self, amount: Amount) -> [Amount; 3] {
        let parts = [self.issuer.of(amount), self.network.of(amount), self.acquirer.of(amount)];
        let Some(cap) = self.cap else { return parts };
        let sum: u128 = parts.iter().map(|part| u128::from(part.minor())).sum();
        if sum <= u128::from(cap.minor()) {
            return parts;
        }
        let split = cap.split(&parts.map(Amount::minor));
        [split[0], split[1], split[2]]
    }
}

/// A class of sellers in the schedule of card fees: general, dining, livelihood, …
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct SellerClass {
    /// Unique in the version.
    pub name: String,
    pub debit: CardRates,
    pub credit: CardRates,
    /// The wallet's fee for a QR payment.
    pub wallet: CappedRate,
}

/// The greater of a fixed amount and a share. A parcel bears it once, however many payments it
/// takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct FixedOrShare {
    /// The smallest fee.
    pub fixed: Amount,
    pub share: Rate,
}

impl FixedOrShare {
    /// The fee of a payment of `amount`: what the parcel bears with it, less what the earlier
    /// payments bore.
    fn of(&self, amount: Amount, earlier: &EarlierFee) -> Amount {
        if *self == FixedOrShare::default() {
            return Amount::ZERO;
        }
        if *earlier == EarlierFee::default() {
            return self.share.of(amount).max(self.fixed);
        }
        let shares = earlier.shares + exact_share(self.share, amount);
        rounded(shares).max(self.fixed).saturating_sub(earlier.borne)
    }
}

/// A share of an amount, in millionths of a minor unit.
fn exact_share(share: Rate, amount: Amount) -> u128 {
    u128::from(amount.minor()) * u128::from(share.ppm())
}

/// Rounded half up to the minor unit, at most the largest amount.
fn rounded(millionths: u128) -> Amount {
    let whole = u128::from(Rate::WHOLE_PPM);
    let minor = u64::try_from((millionths + whole / 2) / whole);
    minor.ok().and_then(Amount::new).unwrap_or(Amount::MAX)
}

/// One kind of fee of a parcel's earlier payments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct EarlierFee {
    /// The exact shares, in millionths of a minor unit.
    shares: u128,
    /// What the payments bore.
    borne: Amount,
}

/// A parcel's earlier payments, for the fees of its next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EarlierPayments {
    commission: EarlierFee,
    cod: EarlierFee,
    vat: EarlierFee,
}

impl EarlierPayments {
    /// The payments' exact shares of a commission, a COD fee or VAT, in millionths of a minor unit,
    /// and what they bore. Zero for other kinds, which have nothing to do with earlier payments.
    #[must_use]
    pub fn of(&self, kind: FeeKind) -> (u128, Amount) {
        match kind {
            FeeKind::Commission => (self.commission.shares, self.commission.borne),
            FeeKind::Cod => (self.cod.shares, self.cod.borne),
            FeeKind::Vat => (self.vat.shares, self.vat.borne),
            _ => (0, Amount::ZERO),
        }
    }

    /// Adds a payment of `amount` whose fees are posted. `terms` are those of its own tariff
    /// version.
    pub fn add(&mut self, terms: &Terms, payment: PaymentMethod, amount: Amount, fees: &Fees) {
        let (commission, cod) = (terms.commission.of(payment).share, terms.cod.of(payment).share);
        for (earlier, share, base, kind) in [
            (&mut self.commission, commission, amount, FeeKind::Commission),
            (&mut self.cod, cod, amount, FeeKind::Cod),
            (&mut self.vat, terms.vat, fees.bearing_vat(), FeeKind::Vat),
        ] {
            earlier.shares += exact_share(share, base);
            let borne = earlier.borne.checked_add(fees.of(kind));
            earlier.borne = borne.unwrap_or(Amount::MAX);
        }
    }
}

/// One value per payment method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct PerMethod<T> {
    pub card: T,
    pub qr: T,
    pub cash: T,
}

impl<T: Copy> PerMethod<T> {
    #[must_use]
    pub fn of(&self, payment: PaymentMethod) -> T {
        match payment {
            PaymentMethod::Card(_) => self.card,
            PaymentMethod::Qr => self.qr,
            PaymentMethod::Cash => self.cash,
        }
    }
}

/// Who bears the loss of an offline sale that the network rejected after the parcel was delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum LossOwner {
    /// The seller gets nothing for it.
    #[default]
    Seller,
    /// The courier firm, off its commission. The seller is paid.
    Firm,
    /// Doorstep writes it off. The seller is paid.
    Doorstep,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct Terms {
    /// 1 to [`CLASSES_MAX`].
    pub classes: Vec<SellerClass>,
    /// Fee for collecting at the door.
    pub cod: PerMethod<FixedOrShare>,
    /// Paid to the courier firm for each collection.
    pub commission: PerMethod<FixedOrShare>,
    /// Fee for returning a refused parcel.
    pub return_fee: Amount,
    /// For carrying a parcel that is delivered, or returned undamaged. Owed to the courier firm.
    #[serde(default)]
    pub freight: Amount,
    /// On what the service charges the seller: commission, COD fee, freight and return fee.
    #[serde(default)]
    pub vat: Rate,
    #[serde(default)]
    pub offline_loss: LossOwner,
}

/// Why terms are invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    #[error("a version has 1 to {CLASSES_MAX} classes, this one has {0}")]
    ClassCount(usize),
    #[error("`{0}` is not a valid class name: use 1 to {CLASS_NAME_BYTES_MAX} of a-z, 0-9 and `-`")]
    ClassName(String),
    #[error("the class `{0}` is defined twice")]
    ClassTwice(String),
    #[error("the shares of {what} add up to {percent}, more than the whole amount")]
    AboveWhole {
        /// The rates, for example "class `general`, cash, with COD fee and commission".
        what: String,
        /// The sum of their shares.
        percent: String,
    },
    #[error("{0} is a sum: name the tariff's currency, or use rates only")]
    SumWithoutCurrency(String),
    #[error(
        "{0} is above {most} minor units, the most that one sum can be: correct it",
        most = Amount::ENTRY_MAX.minor()
    )]
    SumAboveLimit(String),
}

impl Terms {
    /// The index of the class with this name.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<SellerClassNumber> {
        let place = self.classes.iter().position(|class| class.name == name)?;
        u8::try_from(place).ok().map(SellerClassNumber)
    }

    /// The fees of a parcel's only payment, of `amount`. `None` if the version has no such class.
    #[must_use]
    pub fn fees(
        &self,
        class: SellerClassNumber,
        payment: PaymentMethod,
        amount: Amount,
    ) -> Option<Fees> {
        self.fees_after(&EarlierPayments::default(), class, payment, amount)
    }

    /// The fees of a parcel's next payment, of `amount`. `None` if the version has no such class.
    ///
    /// Rates of cards and wallets are charged for each payment. A commission or COD fee is charged
    /// once for the parcel: its payments together bear the greater of the fixed amount and the sum
    /// of their shares, and this payment bears what the earlier ones did not. So is VAT on the two.
    ///
    /// Each component is rounded half up, once. Components are taken in the order of [`FeeKind`],
    /// each from what the ones before left, so their sum never exceeds the amount.
    #[must_use]
    pub fn fees_after(
        &self,
        earlier: &EarlierPayments,
        class: SellerClassNumber,
        payment: PaymentMethod,
        amount: Amount,
    ) -> Option<Fees> {
        let class = self.classes.get(usize::from(class.0))?;
        let mut fees = Fees::default();
        let mut left = amount;
        let mut take = |kind: FeeKind, fee: Amount| {
            let fee = fee.min(left);
            left = left.saturating_sub(fee);
            fees.set(kind, fee);
        };
        match payment {
            PaymentMethod::Card(kind) => {
                let rates = match kind {
                    CardKind::Debit => &class.debit,
                    CardKind::Credit => &class.credit,
                };
                let [issuer, network, acquirer] = rates.of(amount);
                take(FeeKind::Issuer, issuer);
                take(FeeKind::Network, network);
                take(FeeKind::Acquirer, acquirer);
            }
            PaymentMethod::Qr => take(FeeKind::Wallet, class.wallet.of(amount)),
            PaymentMethod::Cash => {}
        }
        take(FeeKind::Commission, self.commission.of(payment).of(amount, &earlier.commission));
        take(FeeKind::Cod, self.cod.of(payment).of(amount, &earlier.cod));
        let vat = FixedOrShare { fixed: Amount::ZERO, share: self.vat };
        let vat = vat.of(fees.bearing_vat(), &earlier.vat);
        fees.set(FeeKind::Vat, vat.min(left));
        Some(fees)
    }

    /// Checks the terms of a tariff in a currency. `None` means every currency: a sum would be
    /// another value in each, so there are only rates.
    ///
    /// # Errors
    /// The first problem found.
    pub fn check(&self, currency: Option<Currency>) -> Result<(), TermsError> {
        for (what, sum) in self.sums() {
            if currency.is_none() {
                return Err(TermsError::SumWithoutCurrency(what));
            }
            if sum > Amount::ENTRY_MAX {
                return Err(TermsError::SumAboveLimit(what));
            }
        }
        if !(1..=CLASSES_MAX).contains(&self.classes.len()) {
            return Err(TermsError::ClassCount(self.classes.len()));
        }
        for (place, class) in self.classes.iter().enumerate() {
            let plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            let length = (1..=CLASS_NAME_BYTES_MAX).contains(&class.name.len());
            if !length || !class.name.bytes().all(plain) {
                return Err(TermsError::ClassName(class.name.chars().take(40).collect()));
            }
            if self.classes[..place].iter().any(|other| other.name == class.name) {
                return Err(TermsError::ClassTwice(class.name.clone()));
            }
            self.check_shares(class)?;
        }
        Ok(())
    }

    /// Each fixed fee, return fee, freight and cap.
    fn sums(&self) -> Vec<(String, Amount)> {
        let mut sums = Vec::new();
        let fees = [("the return fee", self.return_fee), ("the freight", self.freight)];
        let fixed = |what, PerMethod { card, qr, cash }: &PerMethod<FixedOrShare>| {
            [card, qr, cash].map(|fee| (what, fee.fixed))
        };
        let (cod, commission) = (
            fixed("the fixed COD fee", &self.cod),
            fixed("the fixed commission", &self.commission),
        );
        let fixed = fees.into_iter().chain(cod).chain(commission);
        sums.extend(fixed.filter(|(_, sum)| !sum.is_zero()).map(|(what, sum)| (what.into(), sum)));
        for class in &self.classes {
            let caps = |rates: &CardRates| {
                [rates.cap, rates.issuer.cap, rates.network.cap, rates.acquirer.cap]
            };
            let caps = [caps(&class.debit), caps(&class.credit)].concat().into_iter();
            let cap = |sum| (format!("a cap of class `{}`", class.name), sum);
            sums.extend(caps.chain([class.wallet.cap]).flatten().map(cap));
        }
        sums
    }

    fn check_shares(&self, class: &SellerClass) -> Result<(), TermsError> {
        let card =
            |rates: &CardRates| vec![rates.issuer.rate, rates.network.rate, rates.acquirer.rate];
        let name = &class.name;
        let cases = [
            (
                format!("class `{name}`, debit cards"),
                card(&class.debit),
                PaymentMethod::Card(CardKind::Debit),
            ),
            (
                format!("class `{name}`, credit cards"),
                card(&class.credit),
                PaymentMethod::Card(CardKind::Credit),
            ),
            (format!("class `{name}`, wallets"), vec![class.wallet.rate], PaymentMethod::Qr),
            ("cash".to_owned(), Vec::new(), PaymentMethod::Cash),
        ];
        for (what, mut rates, payment) in cases {
            let own = [self.cod.of(payment).share, self.commission.of(payment).share];
            rates.extend(own);
            let vat = exact_share(
                self.vat,
                Amount::of(own.map(|rate| u64::from(rate.ppm())).iter().sum()),
            );
            let vat = u32::try_from(vat.div_ceil(Rate::WHOLE_PPM.into())).expect("of 200% at most");
            let ppm = rates.iter().map(|rate| rate.ppm()).sum::<u32>() + vat;
            if Rate::from_ppm(ppm).is_none() {
                let percent = format!("{}.{:04}%", ppm / 10_000, ppm % 10_000);
                let vat = if vat > 0 { " and their VAT" } else { "" };
                let what = format!("{what}, with COD fee and commission{vat},");
                return Err(TermsError::AboveWhole { what, percent });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn share(ppm: u32) -> CappedRate {
        CappedRate { rate: Rate::from_ppm(ppm).unwrap(), cap: None }
    }

    /// The general class of 25 February 2013: 0.55 / 0.08 / 0.15.
    fn general() -> CardRates {
        CardRates { issuer: share(5_500), network: share(800), acquirer: share(1_500), cap: None }
    }

    fn terms(rates: CardRates) -> Terms {
        let class = SellerClass {
            name: "general".into(),
            debit: rates,
            credit: rates,
            wallet: share(6_000),
        };
        Terms { classes: vec![class], ..Terms::default() }
    }

    #[test]
    fn each_part_of_a_card_fee_is_rounded_by_itself() {
        // 104.41: 0.574255, 0.083528, 0.156615.
        let fees = terms(general()).fees(
            SellerClassNumber(0),
            PaymentMethod::Card(CardKind::Debit),
            Amount::of(10_441),
        );
        let fees = fees.unwrap();
        assert_eq!(fees.of(FeeKind::Issuer), Amount::of(57));
        assert_eq!(fees.of(FeeKind::Network), Amount::of(8));
        assert_eq!(fees.of(FeeKind::Acquirer), Amount::of(16));
        assert_eq!(fees.total(), Amount::of(81));
        assert_eq!(fees.deducted_by_network(), Amount::of(65));
    }

    #[test]
    fn a_cap_on_the_sum_cuts_each_part_by_its_share_to_the_fen() {
        let capped = CardRates {
            issuer: share(9_000),
            network: share(1_300),
            acquirer: share(2_200),
            cap: Some(Amount::of(8_000)),
        };
        // 1.25% of 10,000.00 is 125.00; 80.00 is left: 57.60, 8.32, 14.08.
        assert_eq!(capped.of(Amount::of(1_000_000)), [5_760, 832, 1_408].map(Amount::of));
        assert_eq!(capped.of(Amount::of(10_000)), [90, 13, 22].map(Amount::of));
    }

    #[test]
    fn a_capped_rate_is_the_share_up_to_its_cap() {
        // 1% capped at 0.80.
        let rate = Rate::from_ppm(10_000).unwrap();
        let capped = CappedRate { rate, cap: Some(Amount::of(80)) };
        let fees = [5_000, 8_000, 9_000].map(|minor| capped.of(Amount::of(minor)).minor());
        assert_eq!(fees, [50, 80, 80]);
    }

    #[test]
    fn the_cod_fee_is_the_greater_of_fixed_and_share() {
        let mut terms = terms(general());
        terms.cod.cash =
            FixedOrShare { fixed: Amount::of(200), share: Rate::from_ppm(10_000).unwrap() };
        let cod = |amount| {
            terms
                .fees(SellerClassNumber(0), PaymentMethod::Cash, Amount::of(amount))
                .unwrap()
                .of(FeeKind::Cod)
                .minor()
        };
        assert_eq!([cod(10_000), cod(30_000), cod(150)], [200, 300, 150]);
    }

    /// Pays a parcel in parts by the same method. Returns each part's commission and COD fee.
    fn in_parts(terms: &Terms, method: PaymentMethod, parts: &[u64]) -> Vec<[u64; 2]> {
        let mut earlier = EarlierPayments::default();
        let pay = |&minor: &u64| {
            let amount = Amount::of(minor);
            let fees = terms.fees_after(&earlier, SellerClassNumber(0), method, amount).unwrap();
            earlier.add(terms, method, amount, &fees);
            [FeeKind::Commission, FeeKind::Cod].map(|kind| fees.of(kind).minor())
        };
        parts.iter().map(pay).collect()
    }

    /// Cash: commission 1.00 or 0.5%, COD fee 2.00 or 1%. QR: 0.20, and 0.50 or 0.2%.
    fn terms_with_sums() -> Terms {
        let fee = |fixed, ppm| FixedOrShare {
            fixed: Amount::of(fixed),
            share: Rate::from_ppm(ppm).unwrap(),
        };
        let mut terms = terms(general());
        (terms.commission.cash, terms.cod.cash) = (fee(100, 5_000), fee(200, 10_000));
        (terms.commission.qr, terms.cod.qr) = (fee(20, 0), fee(50, 2_000));
        terms
    }

    #[test]
    fn sixteen_part_payments_bear_each_fixed_fee_once() {
        let parts = in_parts(&terms_with_sums(), PaymentMethod::Cash, &[500; 16]);
        assert_eq!(parts[0], [100, 200]);
        assert_eq!(parts[1..], [[0, 0]; 15]);
    }

    #[test]
    fn a_small_first_part_leaves_the_rest_of_a_fixed_fee_to_the_next() {
        // The commission takes 1.00 of 1.50, the COD fee the rest. 1.50 of it is left.
        let parts = in_parts(&terms_with_sums(), PaymentMethod::Cash, &[150, 5_000, 5_000]);
        assert_eq!(parts, [[100, 50], [0, 150], [0, 0]]);
    }

    #[test]
    fn shares_of_parts_are_rounded_once_for_the_parcel() {
        let mut terms = terms(general());
        terms.cod.cash.share = Rate::from_ppm(10_000).unwrap();
        // 1% of 0.40 is 0.004: the sums are 0.004, 0.008, 0.012, 0.016.
        let parts = in_parts(&terms, PaymentMethod::Cash, &[40; 4]);
        assert_eq!(parts, [[0, 0], [0, 1], [0, 0], [0, 1]]);
    }

    proptest! {
        #[test]
        fn part_payments_bear_together_what_one_payment_would(
            parts in prop::collection::vec(300_u64..1_000_000, 1..17),
        ) {
            // From 3.00 on, the first part can pay both fixed fees.
            let terms = terms_with_sums();
            let whole = in_parts(&terms, PaymentMethod::Cash, &[parts.iter().sum()])[0];
            let each = in_parts(&terms, PaymentMethod::Cash, &parts);
            let sums = [0, 1].map(|kind| each.iter().map(|part| part[kind]).sum::<u64>());
            prop_assert_eq!(sums, whole);
        }
    }

    #[test]
    fn shares_above_the_whole_are_refused() {
        let mut terms = terms(general());
        terms.cod.card.share = Rate::from_ppm(995_000).unwrap();
        let error = terms.check(None).unwrap_err().to_string();
        assert_eq!(
            error,
            "the shares of class `general`, debit cards, with COD fee and commission, add up to \
             100.2800%, more than the whole amount"
        );
    }

    proptest! {
        #[test]
        fn fees_never_exceed_the_amount(
            minor in 0..=Amount::MAX.minor(),
            fixed in any::<u32>(),
            cap in prop::option::of(0..=Amount::MAX.minor()),
        ) {
            let mut terms = terms(CardRates { cap: cap.map(Amount::of), ..general() });
            terms.cod.card.fixed = Amount::of(u64::from(fixed));
            terms.commission.card.fixed = Amount::of(u64::from(fixed / 2));
            let amount = Amount::of(minor);
            let credit = PaymentMethod::Card(CardKind::Credit);
            let fees = terms.fees(SellerClassNumber(0), credit, amount).unwrap();
            prop_assert!(fees.total() <= amount);
        }
    }
}
