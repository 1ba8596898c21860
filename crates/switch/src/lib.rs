//! The switch connects terminals to card networks, wallets and the books.
//!
//! It does no I/O. The caller hands in messages, results from the books and the current time; the
//! switch returns what to send, apply and report as [`Output`]. The same code runs behind sockets,
//! in simulated days and in tests of every order of arrival.
//!
//! Never: sockets, a clock, threads, the ledger; an approval before it is durable (M3); a card
//! number, PIN or key kept longer than its message or shown in an output (M12).
//! Start at [`Switch`]. The protocols are specified in docs/door.
//!
//! A terminal signs on. The caller answers what the switch asks and carries out what it returns:
//!
//! ```
//! use std::sync::Arc;
//!
//! use books::terminal_view::TerminalView;
//! use books::{Command, CourierId, FirmId, OpenBatch, TerminalId, Timestamp};
//! use iso8583::{Envelope, MessageBuilder, Mti, PosHeader, Tpdu, UNIONPAY_POS};
//! use keys::{AesKey, Key, KeyName, KeyPurpose, SoftwareStore};
//! use machine::Actor;
//! use money::{Amount, Currency};
//! use switch::{Output, Query, QueryResult, Switch, TerminalConnection};
//! # use books::NetworkId;
//! # use money::Rate;
//! # use switch::{
//! #     BinRange, MerchantSettings, NetworkDialect, NetworkSettings, Settings, TerminalDialect,
//! #     TerminalSettings, Timing, WrongPinLimits,
//! # };
//! # let name = |text: &str| KeyName::new(text).unwrap();
//! # let cost = tariff::CappedRate { rate: Rate::from_ppm(3_000).unwrap(), cap: None };
//! # let settings = Settings {
//! #     utc_offset_minutes: 480,
//! #     utc_offset_changes: Vec::new(),
//! #     currencies: vec![Currency::CNY],
//! #     country: *b"CN",
//! #     shown_as: ("Doorstep".into(), "Shanghai".into()),
//! #     merchant: MerchantSettings {
//! #         acquirer: *b"898",
//! #         region: *b"3100",
//! #         category: *b"4215",
//! #         firms: Vec::new(),
//! #     },
//! #     terminals: TerminalSettings {
//! #         base_key: name("base"),
//! #         derived_dialect: TerminalDialect::UNIONPAY,
//! #         answer_s: 60,
//! #         reversal_attempts_max: 3,
//! #         echo_s: 300,
//! #         wrong_pins: WrongPinLimits::default(),
//! #     },
//! #     networks: vec![NetworkSettings {
//! #         network: NetworkId(1),
//! #         name: "network".into(),
//! #         dialect: NetworkDialect::UNIONPAY,
//! #         currency: Currency::CNY,
//! #         links: 1,
//! #         acquirer: "12345678".into(),
//! #         debit: cost,
//! #         credit: cost,
//! #         mac_key: name("network/mac"),
//! #         pin_key: name("network/pin"),
//! #         exchange_key: name("network/exchange"),
//! #     }],
//! #     bins: vec![BinRange {
//! #         first_digits: "62".into(),
//! #         kind: tariff::CardKind::Debit,
//! #         networks: vec![NetworkId(1)],
//! #     }],
//! #     wallet: None,
//! #     token_key: name("token"),
//! #     timing: Timing::default(),
//! # };
//!
//! let base = (name("base"), KeyPurpose::Base, Key::Aes(AesKey::new(&[7; 32])?));
//! let mut switch = Switch::new(settings, Arc::new(SoftwareStore::in_memory([base])?))?;
//! let (connection, now) = (TerminalConnection(1), Timestamp(1_795_395_600_000));
//! let sign_on = MessageBuilder::new(&UNIONPAY_POS, Mti::M0800)
//!     .number(11, 1)
//!     .text(41, "00000001")
//!     .text(42, "898310042150001")
//!     .text(60, "00000000003")
//!     .build()?;
//! let mut frame = Vec::new();
//! let tpdu = Tpdu { destination: 0x0003, source: 0 };
//! Envelope { tpdu, header: PosHeader::NORMAL }.write(&mut frame, &sign_on);
//!
//! let mut out = Vec::new();
//! let dialect = TerminalDialect::UNIONPAY;
//! switch.on_terminal_message(connection, dialect, &mut frame, now, &mut out);
//! let [Output::Query { ticket, query: Query::Terminal(terminal) }] = out[..] else { panic!() };
//!
//! let view = TerminalView {
//!     courier: CourierId(1),
//!     firm: FirmId(1),
//!     currency: Currency::CNY,
//!     blocked: false,
//!     courier_suspended: false,
//!     changes: 0,
//!     batch: 0,
//!     batch_open: false,
//!     disputed: false,
//!     transactions: 0,
//!     offline_each: Amount::ZERO,
//!     offline_total: Amount::ZERO,
//!     offline_left: Amount::ZERO,
//! };
//! out.clear();
//! switch.on_query_result(ticket, QueryResult::Terminal(Some(view)), now, &mut out);
//! let [Output::Command { by, command, .. }] = &out[..] else { panic!() };
//! assert_eq!(*by, Actor::Terminal(terminal));
//! assert_eq!(*command, Command::OpenBatch(OpenBatch { terminal: TerminalId(1), batch: 1 }));
//! // The terminal is answered after `Switch::on_command_results`: when its batch is durable.
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bcd;
mod dialect;
mod network;
mod phone;
mod port;
mod response_code;
mod settings;
mod sides;
mod step;
mod switch;
mod terminal;
mod time_fields;
mod timers;
mod unfinished;
mod upkeep;
mod wallet;
pub mod waybill;

pub use dialect::{NetworkDialect, TerminalDialect, UnknownDialect};
pub use phone::{CARD_REQUEST_MS, PhoneAction, PhoneAnswer, PhoneRefusal, PhoneRequest};
pub use port::{
    AuthenticationFailure, LinkId, OperatorEvent, OrderStatus, Output, Query, QueryResult,
    TerminalConnection, WalletAlarm, WalletNotification, WalletOutcome, WalletReply,
};
pub use settings::{
    ANSWER_S_MIN, BinRange, ECHO_S_MIN, MerchantSettings, NetworkSettings, Settings, SettingsError,
    TerminalSettings, Timing, WalletSettings, WrongPinLimits, in_range,
};
pub use switch::Switch;
pub use unfinished::{ResumeError, Unfinished};
pub use wallet::orders::order_trace;
