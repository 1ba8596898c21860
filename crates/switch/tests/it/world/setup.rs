//! Set-up: settings, keys and the first commands.

use std::sync::Arc;

use books::*;
use keys::{AesKey, Key, KeyName, KeyPurpose, SoftwareStore, TdesKey};
use money::{Amount, Currency, Rate};
use peers::terminal::TerminalKey;
use switch::{
    BinRange, MerchantSettings, NetworkDialect, NetworkSettings, Settings, TerminalDialect,
    TerminalSettings, Timing, WalletOutcome, WalletSettings, WrongPinLimits,
};
use tariff::{CappedRate, CardKind};

pub const BANK: BankId = BankId(1);
pub const FIRM: FirmId = FirmId(1);
pub const COURIER: CourierId = CourierId(1);
pub const COLLEAGUE: CourierId = CourierId(2);
pub const SELLER: SellerId = SellerId(1);
pub const TARIFF: TariffId = TariffId(1);
pub const CHINA: Jurisdiction = Jurisdiction(*b"CN");
pub const WALLET: WalletId = WalletId(1);

/// A first and a second payment of an order.
pub const FIRST: WalletPaymentId = WalletPaymentId::of(b"first1");
pub const SECOND: WalletPaymentId = WalletPaymentId::of(b"second");

/// Notifications about an order that is paid once.
pub const PAID: WalletOutcome = WalletOutcome::Paid(FIRST);
pub const FAILED: WalletOutcome = WalletOutcome::Failed(None);
pub const REFUNDED: WalletOutcome = WalletOutcome::Refunded(FIRST);
pub const MERCHANT: &[u8; 15] = b"898310042150001";
/// The cheaper network is first.
pub const NETWORKS: [NetworkId; 2] = [NetworkId(1), NetworkId(2)];
pub const ACQUIRER: u64 = 12_345_678;

/// Cards that both networks take, only the second, and none.
pub const BIN: u32 = 622_588;
pub const BIN_OF_SECOND_NETWORK: u32 = 625_000;
pub const BIN_OF_CREDIT_CARDS: u32 = 622_600;
pub const BIN_OF_NO_NETWORK: u32 = 400_000;

/// 2026-11-23T01:00:00Z: nine in the morning in Shanghai.
pub const MORNING: u64 = 1_795_395_600_000;
pub const UTC_OFFSET_MINUTES: i16 = 480;

/// Each key is one repeated byte, so that leaked keys are easy to find.
pub fn terminal_key(dialect: &'static TerminalDialect, terminal: u32) -> TerminalKey {
    let byte = 0x20 + u8::try_from(terminal).unwrap() * 2;
    if dialect == TerminalDialect::DOORSTEP {
        TerminalKey::Link(AesKey::new(&[byte; 16]).unwrap())
    } else {
        TerminalKey::Master(key_of(byte))
    }
}

pub fn link_key(terminal: u32) -> TerminalKey {
    terminal_key(TerminalDialect::DOORSTEP, terminal)
}

pub fn key_of(byte: u8) -> TdesKey {
    let mut bytes = [byte; 16];
    bytes[8..].fill(byte ^ 0x0F);
    keys_with_parity(&mut bytes);
    TdesKey::new(&bytes).unwrap()
}

fn keys_with_parity(bytes: &mut [u8]) {
    for byte in bytes {
        if byte.count_ones() % 2 == 0 {
            *byte ^= 1;
        }
    }
}

pub fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

pub fn network_key(network: usize, pin: bool) -> TdesKey {
    key_of(0xA0 + u8::try_from(network).unwrap() * 0x10 + u8::from(pin) * 4)
}

pub fn exchange_key(network: usize) -> AesKey {
    AesKey::new(&[0x51 + u8::try_from(network).unwrap(); 32]).unwrap()
}

/// With the keys of terminals 1 to 4 in these dialects.
pub fn keys(dialects: [&'static TerminalDialect; 4]) -> Arc<SoftwareStore> {
    let mut all = vec![
        (name("base"), KeyPurpose::Base, Key::Aes(AesKey::new(&[0x11; 32]).unwrap())),
        (name("token"), KeyPurpose::Token, Key::Aes(AesKey::new(&[0x12; 32]).unwrap())),
    ];
    for (terminal, dialect) in (1..).zip(dialects) {
        let name = KeyName::of_terminal(&format!("{terminal:08}")).unwrap();
        all.push(match terminal_key(dialect, terminal) {
            TerminalKey::Link(key) => (name, KeyPurpose::TerminalLink, Key::Aes(key)),
            TerminalKey::Master(key) => (name, KeyPurpose::TerminalMaster, Key::Tdes(key)),
        });
    }
    for place in 0..NETWORKS.len() {
        let key = |pin| Key::Tdes(network_key(place, pin));
        all.push((name(&format!("network{place}/mac")), KeyPurpose::Mac, key(false)));
        all.push((name(&format!("network{place}/pin")), KeyPurpose::PinEncryption, key(true)));
        let exchange = Key::Aes(exchange_key(place));
        all.push((name(&format!("network{place}/exchange")), KeyPurpose::Exchange, exchange));
    }
    Arc::new(SoftwareStore::in_memory(all).unwrap())
}

pub fn settings(networks: usize, links: u8) -> Settings {
    let capped = |ppm| CappedRate { rate: Rate::from_ppm(ppm).unwrap(), cap: None };
    let network = |place: usize| NetworkSettings {
        network: NETWORKS[place],
        name: format!("network-{place}"),
        dialect: NetworkDialect::UNIONPAY,
        currency: Currency::CNY,
        links,
        acquirer: ACQUIRER.to_string(),
        debit: capped(3_000 + 1_000 * u32::try_from(place).unwrap()),
        credit: capped(5_000 - 1_000 * u32::try_from(place).unwrap()),
        mac_key: name(&format!("network{place}/mac")),
        pin_key: name(&format!("network{place}/pin")),
        exchange_key: name(&format!("network{place}/exchange")),
    };
    let bin = |digits: u32, networks: &[NetworkId]| BinRange {
        first_digits: digits.to_string(),
        kind: if digits == BIN_OF_CREDIT_CARDS { CardKind::Credit } else { CardKind::Debit },
        networks: networks.to_vec(),
    };
    let mut bins =
        vec![bin(BIN, &NETWORKS[..networks]), bin(BIN_OF_CREDIT_CARDS, &NETWORKS[..networks])];
    if networks > 1 {
        bins.push(bin(BIN_OF_SECOND_NETWORK, &NETWORKS[1..]));
    }
    Settings {
        utc_offset_minutes: UTC_OFFSET_MINUTES,
        utc_offset_changes: Vec::new(),
        currencies: vec![Currency::CNY],
        country: *b"CN",
        shown_as: ("Doorstep".into(), "Shanghai".into()),
        merchant: MerchantSettings {
            acquirer: *b"898",
            region: *b"3100",
            category: *b"4215",
            firms: Vec::new(),
        },
        terminals: TerminalSettings {
            base_key: name("base"),
            derived_dialect: TerminalDialect::DOORSTEP,
            answer_s: 60,
            reversal_attempts_max: 3,
            echo_s: 300,
            wrong_pins: WrongPinLimits::default(),
        },
        networks: (0..networks).map(network).collect(),
        bins,
        wallet: Some(WalletSettings {
            wallet: WALLET,
            guid: "com.example.wallet".into(),
            merchant: "M0001".into(),
            currency: Currency::CNY,
        }),
        token_key: name("token"),
        timing: Timing::default(),
    }
}

/// The first two persons of the books.
pub const PERSONS: [PersonId; 2] = [PersonId(901), PersonId(902)];

/// The commands before the first message of a terminal.
pub fn first_commands() -> Vec<Command> {
    let text = include_str!("../../../../../tariffs/china-2013.toml");
    let currency = Currency::CNY;
    let tariffs = tariff::file::parse(text).unwrap();
    let terms = tariffs.in_currency(currency).unwrap().versions[0].terms.clone();
    let class = terms.class("general").unwrap();
    let [proposed_by, approved_by] = PERSONS;
    let mut commands = vec![
        Command::OpenBooks(OpenBooks {
            utc_offset_minutes: UTC_OFFSET_MINUTES,
            first_person: proposed_by,
            second_person: approved_by,
            trial: true,
        }),
        Command::RegisterBank(RegisterBank { bank: BANK, currency, reference: "bank".into() }),
        Command::RegisterFirm(RegisterFirm {
            firm: FIRM,
            currency,
            guarantee: Amount::ZERO,
            reference: "firm".into(),
            proposed_by,
            approved_by,
        }),
    ];
    for courier in [COURIER, COLLEAGUE] {
        commands.push(Command::RegisterCourier(RegisterCourier {
            courier,
            firm: FIRM,
            cash_limit: Amount::of(100_000),
            reference: format!("courier {}", courier.0),
            proposed_by,
            approved_by,
        }));
    }
    // Terminals 1 and 2 are the courier's, 3 the colleague's.
    for (terminal, courier) in [(1, COURIER), (2, COURIER), (3, COLLEAGUE)] {
        commands.push(Command::RegisterTerminal(RegisterTerminal {
            terminal: TerminalId(terminal),
            courier,
        }));
    }
    for network in NETWORKS {
        let reference = format!("network {}", network.0);
        commands.push(Command::RegisterNetwork(RegisterNetwork { network, currency, reference }));
    }
    commands.push(Command::RegisterWallet(RegisterWallet {
        wallet: WALLET,
        currency,
        reference: "w".into(),
    }));
    commands.push(Command::SetHoldRule(SetHoldRule {
        jurisdiction: CHINA,
        number: 1,
        rule: HoldRule::AtOnce,
        proposed_by,
        approved_by,
    }));
    commands.push(Command::PublishTariff(PublishTariff {
        tariff: TARIFF,
        version: 1,
        currency: Some(currency),
        from: "2013-02-25".parse().unwrap(),
        until: None,
        terms: Box::new(terms),
        reference: "tariff".into(),
        proposed_by,
        approved_by,
    }));
    commands.push(Command::RegisterSeller(RegisterSeller {
        seller: SELLER,
        kind: SellerKind::Business,
        currency,
        jurisdiction: CHINA,
        tariff: TARIFF,
        class,
        cycle: SettlementCycle::Daily,
        minimum: Amount::ZERO,
        reference: "seller".into(),
    }));
    for terminal in 1..=3 {
        let (each, total) = (Amount::of(50_000), Amount::of(100_000));
        let terminal = TerminalId(terminal);
        commands.push(Command::SetOfflineLimit(SetOfflineLimit {
            terminal,
            number: 1,
            each,
            total,
            proposed_by,
            approved_by,
        }));
    }
    commands
}
