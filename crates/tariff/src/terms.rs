//! The terms of one tariff version.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Rate};
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

/// The greater of a fixed amount and a share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct FixedOrShare {
    /// The smallest fee.
    pub fixed: Amount,
    pub share: Rate,
}

impl FixedOrShare {
    #[must_use]
    pub fn of(&self, amount: Amount) -> Amount {
        self.share.of(amount).max(self.fixed)
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
        /// The rates, for example "class `general`, credit cards, with COD fee and commission".
        what: String,
        /// The sum of their shares.
        percent: String,
    },
}

impl Terms {
    /// The index of the class with this name.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<SellerClassNumber> {
        let place = self.classes.iter().position(|class| class.name == name)?;
        u8::try_from(place).ok().map(SellerClassNumber)
    }

    /// The fees of a collection of `amount`. `None` if the version has no such class.
    ///
    /// Each component is rounded half up, once. Components are taken in the order of [`FeeKind`],
    /// each from what the ones before left, so their sum never exceeds the amount.
    #[must_use]
    pub fn fees(
        &self,
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
        take(FeeKind::Commission, self.commission.of(payment).of(amount));
        take(FeeKind::Cod, self.cod.of(payment).of(amount));
        Some(fees)
    }

    /// Checks the terms.
    ///
    /// # Errors
    /// The first problem found.
    pub fn check(&self) -> Result<(), TermsError> {
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
            rates.extend([self.cod.of(payment).share, self.commission.of(payment).share]);
            let ppm: u32 = rates.iter().map(|rate| rate.ppm()).sum();
            if Rate::from_ppm(ppm).is_none() {
                let percent = format!("{}.{:04}%", ppm / 10_000, ppm % 10_000);
                let what = format!("{what}, with COD fee and commission,");
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

    #[test]
    fn shares_above_the_whole_are_refused() {
        let mut terms = terms(general());
        terms.cod.card.share = Rate::from_ppm(995_000).unwrap();
        let error = terms.check().unwrap_err().to_string();
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
