//! How a fee follows from the terms of a tariff.

use money::Amount;
use serde::{Serialize, Serializer};
use tariff::{
    CappedRate, CardKind, EarlierPayments, FeeKind, Fees, PaymentMethod, SellerClassNumber, Terms,
};

/// How a fee was computed. Amounts are in minor units.
#[derive(Debug, Serialize)]
pub struct FeeCalculation {
    /// The name of the fee.
    pub fee: &'static str,
    /// A percentage, for example `0.55%`. Empty for freight and a return fee.
    pub rate: String,
    /// The amount of the payment; of VAT the fees that bear it.
    pub base: u64,
    /// The fixed fee, charged once for the parcel.
    pub at_least: u64,
    /// The cap of this fee.
    pub at_most: Option<u64>,
    /// The cap of the three card fees together.
    pub together_at_most: Option<u64>,
    /// The shares of the parcel's earlier payments, in millionths of a minor unit. Text in JSON.
    #[serde(serialize_with = "as_text")]
    pub earlier_shares: u128,
    /// What the parcel's earlier payments bore of this fee.
    pub earlier_borne: u64,
    pub amount: u64,
    /// The account that the fee was posted to, as in exports.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
}

fn as_text<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// How the fees of a payment of `amount` were computed, without their accounts.
#[must_use]
pub fn fee_calculations(
    terms: &Terms,
    class: SellerClassNumber,
    method: PaymentMethod,
    amount: Amount,
    fees: &Fees,
    earlier: &EarlierPayments,
) -> Vec<FeeCalculation> {
    let class = terms.classes.get(usize::from(class.0));
    let card = class.zip(match method {
        PaymentMethod::Card(kind) => Some(kind),
        _ => None,
    });
    let card = card.map(|(class, kind)| match kind {
        CardKind::Debit => class.debit,
        CardKind::Credit => class.credit,
    });
    let rate_of = |kind: FeeKind| match kind {
        FeeKind::Issuer => card.map(|card| card.issuer),
        FeeKind::Network => card.map(|card| card.network),
        FeeKind::Acquirer => card.map(|card| card.acquirer),
        FeeKind::Wallet => class.map(|class| class.wallet),
        FeeKind::Vat => Some(CappedRate { rate: terms.vat, cap: None }),
        FeeKind::Commission | FeeKind::Cod | FeeKind::Return | FeeKind::Freight => None,
    };
    let calculation = |(kind, fee): (FeeKind, Amount)| {
        let once = match kind {
            FeeKind::Commission => Some(terms.commission.of(method)),
            FeeKind::Cod => Some(terms.cod.of(method)),
            _ => None,
        };
        let once_rate = once.map(|once| CappedRate { rate: once.share, cap: None });
        let CappedRate { rate, cap } = rate_of(kind).or(once_rate).unwrap_or_default();
        let (earlier_shares, borne) = earlier.of(kind);
        let in_card = matches!(kind, FeeKind::Issuer | FeeKind::Network | FeeKind::Acquirer);
        let together = card.and_then(|card| card.cap).filter(|_| in_card);
        FeeCalculation {
            fee: kind.name(),
            rate: rate.to_string(),
            base: if kind == FeeKind::Vat { fees.bearing_vat() } else { amount }.minor(),
            at_least: once.map_or(0, |once| once.fixed.minor()),
            at_most: cap.map(Amount::minor),
            together_at_most: together.map(Amount::minor),
            earlier_shares,
            earlier_borne: borne.minor(),
            amount: fee.minor(),
            account: String::new(),
        }
    };
    fees.iter().map(calculation).collect()
}

/// How freight or a return fee, and its VAT, were computed, without their accounts.
#[must_use]
pub fn charge_calculations(
    terms: &Terms,
    kind: FeeKind,
    charge: Amount,
    vat: Amount,
) -> Vec<FeeCalculation> {
    let calculation = |kind: FeeKind, rate: String, base: Amount, amount: Amount| FeeCalculation {
        fee: kind.name(),
        at_least: if rate.is_empty() { amount.minor() } else { 0 },
        rate,
        base: base.minor(),
        at_most: None,
        together_at_most: None,
        earlier_shares: 0,
        earlier_borne: 0,
        amount: amount.minor(),
        account: String::new(),
    };
    let own = calculation(kind, String::new(), Amount::ZERO, charge);
    let vat = calculation(FeeKind::Vat, terms.vat.to_string(), charge, vat);
    [own, vat].into_iter().filter(|one| one.amount > 0).collect()
}

/// `debit card`, `credit card`, `QR` or `cash`.
#[must_use]
pub fn method_name(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card(CardKind::Debit) => "debit card",
        PaymentMethod::Card(CardKind::Credit) => "credit card",
        PaymentMethod::Qr => "QR",
        PaymentMethod::Cash => "cash",
    }
}
