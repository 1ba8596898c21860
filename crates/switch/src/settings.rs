//! Settings of the switch.

mod ranges;

use books::{FirmId, NetworkId, PaymentRoute, Timestamp, UtcOffsetChange, WalletId, utc_offset_at};
use keys::KeyName;
use money::{Amount, Currency};
use tariff::{CappedRate, CardKind};

use crate::dialect::{NetworkDialect, TerminalDialect};

pub use ranges::{ANSWER_S_MIN, ECHO_S_MIN, in_range};

pub const CURRENCIES_MAX: usize = 16;
pub const NETWORKS_MAX: usize = books::ROUTE_CANDIDATES_MAX;
pub const LINKS_PER_NETWORK_MAX: usize = 16;
pub const BINS_MAX: usize = 100_000;

/// Waits and timeouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Timeout of a network's response to a payment. Must be less than terminals wait
    /// ([`TerminalSettings::answer_s`]).
    pub answer_ms: u64,
    /// Wait before a reversal or refund is sent the second time. Each further wait is doubled.
    pub resend_first_ms: u64,
    /// Longest wait between two sendings.
    pub resend_max_ms: u64,
    /// Timeout of a network's response to a sign-on or echo.
    pub link_answer_ms: u64,
    /// Silence on a link before an echo is sent.
    pub echo_ms: u64,
    /// Time in which a QR code can be paid.
    pub qr_ms: u64,
    /// Cool-down of a network after repeated failures. It gets no payments while others are up.
    pub cooldown_ms: u64,
    /// Days for which a pre-authorisation stands, after the day on which it was made. 1 to 365.
    pub pre_authorisation_days: u16,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            answer_ms: 15_000,
            resend_first_ms: 2_000,
            resend_max_ms: 60_000,
            link_answer_ms: 10_000,
            echo_ms: 60_000,
            qr_ms: 120_000,
            cooldown_ms: 30_000,
            pre_authorisation_days: 30,
        }
    }
}

/// The merchant in fields 42 and 18.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantSettings {
    /// Three digits.
    pub acquirer: [u8; 3],
    /// Four digits.
    pub region: [u8; 4],
    /// Merchant category code (ISO 18245): 4215 for couriers.
    pub category: [u8; 4],
    /// Serial numbers of courier firms. The default is the firm's id modulo 10,000.
    pub firms: Vec<(FirmId, u16)>,
}

impl MerchantSettings {
    /// Field 42 of a courier firm: acquirer 3, region 4, category 4, serial 4.
    #[must_use]
    pub fn of(&self, firm: FirmId) -> [u8; 15] {
        let given = self.firms.iter().find(|(id, _)| *id == firm).map(|(_, serial)| *serial);
        let serial = given.map_or(firm.0, u64::from) % 10_000;
        let mut merchant = [0; 15];
        merchant[..3].copy_from_slice(&self.acquirer);
        merchant[3..7].copy_from_slice(&self.region);
        merchant[7..11].copy_from_slice(&self.category);
        merchant[11..].copy_from_slice(format!("{serial:04}").as_bytes());
        merchant
    }
}

/// Parameters and keys of the terminals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalSettings {
    /// The stored key from which the terminals' own keys are derived.
    pub base_key: KeyName,
    /// The dialect of the terminals whose keys are derived. A terminal with a key of its own in the
    /// store has the dialect of that key's purpose.
    pub derived_dialect: &'static TerminalDialect,
    /// Seconds for which a terminal waits for an answer.
    pub answer_s: u32,
    /// Attempts at a reversal before the terminal needs service.
    pub reversal_attempts_max: u32,
    /// Seconds between a terminal's echoes.
    pub echo_s: u32,
    pub wrong_pins: WrongPinLimits,
}

/// Wrong PINs after which no further PIN is sent to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongPinLimits {
    /// In a row, of a card on a local day. 1 to 99.
    pub per_card: u32,
    /// At a terminal in an hour of the clock. 1 to 9,999.
    pub per_terminal: u32,
}

impl Default for WrongPinLimits {
    fn default() -> WrongPinLimits {
        WrongPinLimits { per_card: 3, per_terminal: 10 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSettings {
    pub network: NetworkId,
    /// Name for field 63 and the log: at most 20 letters, digits and hyphens.
    pub name: String,
    pub dialect: &'static NetworkDialect,
    /// Clearing currency.
    pub currency: Currency,
    /// Number of links, 1 to `LINKS_PER_NETWORK_MAX`.
    pub links: u8,
    /// Doorstep's acquirer id at the network (field 32): up to 11 digits.
    pub acquirer: String,
    /// Cost of a payment by debit card.
    pub debit: CappedRate,
    /// Cost of a payment by credit card.
    pub credit: CappedRate,
    pub mac_key: KeyName,
    pub pin_key: KeyName,
    /// The key under which the network sends new MAC and PIN keys.
    pub exchange_key: KeyName,
}

impl NetworkSettings {
    /// Cost of a payment of `amount`.
    #[must_use]
    pub fn cost(&self, kind: CardKind, amount: Amount) -> Amount {
        match kind {
            CardKind::Debit => self.debit.of(amount),
            CardKind::Credit => self.credit.of(amount),
        }
    }
}

/// A range of card numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BinRange {
    /// Prefix of 1 to 11 digits. The longest prefix that matches a card applies.
    pub first_digits: String,
    pub kind: CardKind,
    /// The networks that take these cards.
    pub networks: Vec<NetworkId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletSettings {
    pub wallet: WalletId,
    /// Globally unique identifier in QR codes (EMVCo: AID, UUID or reverse domain name), up to 32
    /// characters.
    pub guid: String,
    /// Doorstep's merchant id at the wallet.
    pub merchant: String,
    /// Clearing currency.
    pub currency: Currency,
}

impl Settings {
    /// Whether the settings have a payment's network or wallet.
    pub(crate) fn has(&self, route: PaymentRoute) -> bool {
        match route {
            PaymentRoute::Card { network, .. } => {
                self.networks.iter().any(|known| known.network == network)
            }
            PaymentRoute::Qr { wallet } => {
                self.wallet.as_ref().is_some_and(|ours| ours.wallet == wallet)
            }
        }
    }

    /// Minutes by which local time is ahead of UTC at an instant.
    pub(crate) fn utc_offset_minutes_at(&self, at: Timestamp) -> i16 {
        utc_offset_at(self.utc_offset_minutes, &self.utc_offset_changes, at)
    }

    /// Fields 12 and 13 of a message.
    pub(crate) fn local_time_and_date(&self, at: Timestamp) -> (u32, u16) {
        crate::time_fields::local_time_and_date(at, self.utc_offset_minutes_at(at))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Minutes by which local time is ahead of UTC, before the first change. Must be equal to the
    /// books', as the changes.
    pub utc_offset_minutes: i16,
    /// In order of time.
    pub utc_offset_changes: Vec<UtcOffsetChange>,
    /// Currencies of the terminals. A terminal has its courier firm's.
    pub currencies: Vec<Currency>,
    /// ISO 3166-1 country code, for QR codes.
    pub country: [u8; 2],
    /// Merchant name and city in the buyer's wallet.
    pub shown_as: (String, String),
    pub merchant: MerchantSettings,
    pub terminals: TerminalSettings,
    /// Among networks of the same cost, the first is chosen.
    pub networks: Vec<NetworkSettings>,
    pub bins: Vec<BinRange>,
    /// The wallet for QR codes.
    pub wallet: Option<WalletSettings>,
    /// The stored key of the card tokens.
    pub token_key: KeyName,
    pub timing: Timing,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("{what}: {count} given, there must be 1 to {max}")]
    Count { what: &'static str, max: usize, count: usize },
    #[error("{what} `{text}` must be {rule}")]
    Text { what: &'static str, text: String, rule: &'static str },
    #[error("{what} `{text}` is given twice: remove one")]
    Duplicate { what: &'static str, text: String },
    #[error("{key} = {value}: it must be from {min} to {max}; {why}")]
    Range {
        /// Key in doorstep.toml.
        key: &'static str,
        value: i64,
        min: i64,
        max: i64,
        /// Reason for the range.
        why: String,
    },
    /// The prefix of a card range.
    #[error("card range `{0}` names a network that is not in the settings")]
    UnknownNetwork(String),
}

impl Settings {
    pub fn check(&self) -> Result<(), SettingsError> {
        count("currencies", CURRENCIES_MAX, self.currencies.len())?;
        count("networks", NETWORKS_MAX, self.networks.len())?;
        count("card ranges", BINS_MAX, self.bins.len())?;
        let digits = |what, text: &[u8], count: &[usize], rule| {
            let text = String::from_utf8_lossy(text).into_owned();
            let good = count.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            if good { Ok(()) } else { Err(SettingsError::Text { what, text, rule }) }
        };
        digits("acquirer", &self.merchant.acquirer, &[3], "three digits")?;
        digits("region", &self.merchant.region, &[4], "four digits")?;
        digits("merchant category", &self.merchant.category, &[4], "four digits")?;
        ranges::check(self)?;
        for (index, network) in self.networks.iter().enumerate() {
            count("links of a network", LINKS_PER_NETWORK_MAX, usize::from(network.links))?;
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            if network.name.is_empty()
                || network.name.len() > 20
                || !network.name.bytes().all(plain)
            {
                return Err(SettingsError::Text {
                    what: "name of a network",
                    text: network.name.clone(),
                    rule: "1 to 20 letters, digits and hyphens",
                });
            }
            let any = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
            digits("acquirer of a network", network.acquirer.as_bytes(), &any, "1 to 11 digits")?;
            if self.networks[..index].iter().any(|other| other.network == network.network) {
                let text = network.name.clone();
                return Err(SettingsError::Duplicate { what: "network", text });
            }
        }
        let mut seen = std::collections::HashSet::new();
        for bin in &self.bins {
            let any = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
            digits("card range", bin.first_digits.as_bytes(), &any, "1 to 11 digits")?;
            if !seen.insert(&bin.first_digits) {
                let text = bin.first_digits.clone();
                return Err(SettingsError::Duplicate { what: "card range", text });
            }
            let known = |id: &NetworkId| self.networks.iter().any(|known| known.network == *id);
            if !bin.networks.iter().all(known) {
                return Err(SettingsError::UnknownNetwork(bin.first_digits.clone()));
            }
        }
        Ok(())
    }
}

fn count(what: &'static str, max: usize, count: usize) -> Result<(), SettingsError> {
    if (1..=max).contains(&count) { Ok(()) } else { Err(SettingsError::Count { what, max, count }) }
}
