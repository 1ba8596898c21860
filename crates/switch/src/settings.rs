//! What the switch is told when it starts.

mod ranges;

use engine::{FirmId, NetworkId, WalletId};
use keys::KeyName;
use money::{Amount, Currency};
use tariff::{Capped, CardKind};

pub use ranges::{ANSWER_S_MIN, ECHO_S_MIN, in_range};

/// Networks at the most.
pub const NETWORKS_MAX: usize = engine::ROUTES_MAX;
/// Links of one network at the most.
pub const LINKS_PER_NETWORK_MAX: usize = 16;
/// Ranges of card numbers at the most.
pub const BINS_MAX: usize = 100_000;

/// How long the switch waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For a network's answer to a transaction; less than terminals wait
    /// ([`TerminalSettings::answer_s`]).
    pub answer_ms: u64,
    /// Before the second sending of a reversal or an advice; each wait is twice the one before.
    pub chase_first_ms: u64,
    /// Between two sendings at the most.
    pub chase_most_ms: u64,
    /// For a network's answer to a sign-on or an echo.
    pub link_answer_ms: u64,
    /// Between a link's last message and an echo.
    pub echo_ms: u64,
    /// How long a QR code can be paid.
    pub qr_ms: u64,
    /// How long a network that has failed several times in a row gets only every so often a
    /// transaction while others are up.
    pub rest_ms: u64,
    /// How many days a pre-authorisation stands after the one on which it was asked for, 1 to
    /// 365.
    pub pre_authorisation_days: u16,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            answer_ms: 15_000,
            chase_first_ms: 2_000,
            chase_most_ms: 60_000,
            link_answer_ms: 10_000,
            echo_ms: 60_000,
            qr_ms: 120_000,
            rest_ms: 30_000,
            pre_authorisation_days: 30,
        }
    }
}

/// Who the terminals belong to, as it is written in fields 42 and 18.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantSettings {
    /// The acquirer: three digits.
    pub acquirer: [u8; 3],
    /// The region: four digits.
    pub region: [u8; 4],
    /// The merchant category: 4215 for couriers.
    pub category: [u8; 4],
    /// Serial numbers of firms; a firm without one has its identifier modulo 10,000.
    pub firms: Vec<(FirmId, u16)>,
}

impl MerchantSettings {
    /// The merchant of a courier firm: acquirer 3, region 4, category 4, serial 4.
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

/// What terminals are told at sign-on and parameter download, and how their keys are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalSettings {
    /// The stored key that all terminals' keys are derived from.
    pub base_key: KeyName,
    /// The generation of the working keys.
    pub generation: u32,
    /// How long a terminal waits for an answer, in seconds.
    pub answer_s: u32,
    /// How often it tries a reversal before somebody must look at it.
    pub reversals: u32,
    /// Seconds between its echoes.
    pub echo_s: u32,
}

/// A card network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSettings {
    /// The network, as the books know it.
    pub network: NetworkId,
    /// Its name, for field 63 and the log: at most 20 letters, digits and hyphens.
    pub name: String,
    /// The currency that it clears in.
    pub currency: Currency,
    /// How many links it has, 1 to [`LINKS_PER_NETWORK_MAX`].
    pub links: u8,
    /// Doorstep's number as acquirer at the network (field 32): up to 11 digits.
    pub acquirer: String,
    /// What it costs by debit card.
    pub debit: Capped,
    /// What it costs by credit card.
    pub credit: Capped,
    /// The stored key of the MACs.
    pub mac_key: KeyName,
    /// The stored key of the PINs.
    pub pin_key: KeyName,
    /// The stored key under which the network sends new ones.
    pub exchange_key: KeyName,
}

impl NetworkSettings {
    /// What the network costs by a kind of card.
    #[must_use]
    pub fn cost(&self, kind: CardKind, amount: Amount) -> Amount {
        match kind {
            CardKind::Debit => self.debit.of(amount),
            CardKind::Credit => self.credit.of(amount),
        }
    }
}

/// A range of card numbers by their first digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BinRange {
    /// The first digits, 1 to 11 of them. The longest that fits a card counts.
    pub first_digits: String,
    /// Debit or credit.
    pub kind: CardKind,
    /// The networks that take these cards.
    pub networks: Vec<NetworkId>,
}

/// A wallet for QR codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletSettings {
    /// The wallet, as the books know it.
    pub wallet: WalletId,
    /// Its globally unique identifier in codes (EMVCo: reverse domain or AID), up to 32 characters.
    pub guid: String,
    /// Doorstep's merchant number at the wallet.
    pub merchant: String,
    /// The currency that it clears in.
    pub currency: Currency,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How far local time is ahead of UTC, in minutes; as in the books.
    pub utc_offset_minutes: i16,
    /// The currency of the terminals.
    pub currency: Currency,
    /// ISO 3166-1 code of the country, for QR codes.
    pub country: [u8; 2],
    /// The name and city that buyers see in their wallet.
    pub shown_as: (String, String),
    /// Merchants.
    pub merchant: MerchantSettings,
    /// Terminals.
    pub terminals: TerminalSettings,
    /// Networks; among those of the same cost the first is taken.
    pub networks: Vec<NetworkSettings>,
    /// Which cards go where.
    pub bins: Vec<BinRange>,
    /// The wallet of the QR codes, if there is one.
    pub wallet: Option<WalletSettings>,
    /// The stored key of card tokens.
    pub token_key: KeyName,
    /// Waits.
    pub timing: Timing,
}

/// Why settings cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Too many of something, or none.
    #[error("{what}: 1 to {most} are possible, here are {count}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many are possible.
        most: usize,
        /// How many there are.
        count: usize,
    },
    /// A text that is not as it must be.
    #[error("{what} `{text}` must be {rule}")]
    Text {
        /// Which.
        what: &'static str,
        /// The text.
        text: String,
        /// What it must be.
        rule: &'static str,
    },
    /// Something is there twice.
    #[error("{what} `{text}` is there twice")]
    Twice {
        /// What.
        what: &'static str,
        /// Which.
        text: String,
    },
    /// A number that is too small or too large.
    #[error("{key} = {value}: it must be from {least} to {most}; {why}")]
    Range {
        /// Its key in doorstep.toml.
        key: &'static str,
        /// The number.
        value: i64,
        /// The least that is possible.
        least: i64,
        /// The most that is possible.
        most: i64,
        /// Why.
        why: String,
    },
    /// Cards are sent to a network that is not there.
    #[error("the cards that begin with {0} are sent to a network that is not in the settings")]
    NoSuchNetwork(String),
}

impl Settings {
    /// Checks that everything is as it must be.
    ///
    /// # Errors
    /// What is not, and how it must be.
    pub fn check(&self) -> Result<(), SettingsError> {
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
        for (place, network) in self.networks.iter().enumerate() {
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
            if self.networks[..place].iter().any(|other| other.network == network.network) {
                let text = network.name.clone();
                return Err(SettingsError::Twice { what: "the network", text });
            }
        }
        let mut seen = std::collections::HashSet::new();
        for bin in &self.bins {
            let any = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
            digits("card range", bin.first_digits.as_bytes(), &any, "1 to 11 digits")?;
            if !seen.insert(&bin.first_digits) {
                let text = bin.first_digits.clone();
                return Err(SettingsError::Twice { what: "the card range", text });
            }
            let known = |id: &NetworkId| self.networks.iter().any(|known| known.network == *id);
            if !bin.networks.iter().all(known) {
                return Err(SettingsError::NoSuchNetwork(bin.first_digits.clone()));
            }
        }
        Ok(())
    }
}

fn count(what: &'static str, most: usize, count: usize) -> Result<(), SettingsError> {
    if (1..=most).contains(&count) {
        Ok(())
    } else {
        Err(SettingsError::Count { what, most, count })
    }
}
