//! The commands of the interactive terminal.

use money::decimal::{self, DecimalStyle};
use money::{Amount, Currency};
use peers::card::EntryMode;
use peers::waybill::{WAYBILL_CHARS, WaybillFormatError};

use super::masking::masked_start;
use super::parcels::SHORT_CHARS_MIN;
use crate::typed_lines::LineError;

/// Amounts are in minor units; `None` is what is left to collect. A waybill may be short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalCommand {
    SignOn,
    SignOff,
    Echo,
    Parameters,
    Balance,
    Parcels,
    Sale { waybill: String, amount: Option<u64> },
    PreAuthorisation { waybill: String, amount: Option<u64> },
    Completion { stan: u32, amount: u64 },
    VoidPreAuthorisation { stan: u32 },
    Void { stan: u32 },
    Refund { stan: u32, amount: u64 },
    Offline { waybill: String, amount: Option<u64> },
    Cash { waybill: String, amount: Option<u64>, given: Option<u64> },
    RefundCash { stan: u32 },
    Qr { waybill: String, amount: Option<u64> },
    QrStatus { stan: u32 },
    RefundQr { stan: u32 },
    Reverse { stan: u32 },
    Settle,
    Journal,
    Card { bin: u32, number: u64, entry: Option<EntryMode> },
    Pin(PinEntry),
    Help,
    Quit,
}

/// The PIN entered on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinEntry {
    Correct,
    Wrong,
    None,
}

/// Command, arguments, and help text in English and Chinese.
pub const COMMANDS: [(&str, &str, &str, &str); 25] = [
    ("signon", "", "sign on: open the batch, fetch the keys", "签到"),
    ("parcels", "", "list the parcels to deliver", "派件清单"),
    ("sell", "WAYBILL [AMOUNT]", "card sale", "刷卡消费"),
    ("cash", "WAYBILL [AMOUNT [GIVEN]]", "cash payment", "收现金"),
    ("qr", "WAYBILL [AMOUNT]", "show a QR code", "出示二维码"),
    ("qr-status", "STAN", "check whether a QR code is paid", "查询二维码是否已付"),
    ("balance", "", "show the card's balance", "查询余额"),
    ("void", "STAN", "void a sale", "撤销消费"),
    ("refund", "STAN AMOUNT", "refund to the card", "退货"),
    ("refund-cash", "STAN", "refund a cash payment", "现金退款"),
    ("refund-qr", "STAN", "refund a QR payment", "扫码退款"),
    ("preauth", "WAYBILL [AMOUNT]", "pre-authorisation", "预授权"),
    ("complete", "STAN AMOUNT", "complete a pre-authorisation", "预授权完成"),
    ("void-preauth", "STAN", "void a pre-authorisation", "预授权撤销"),
    ("offline", "WAYBILL [AMOUNT]", "offline sale, forwarded later", "离线消费"),
    ("reverse", "STAN", "reverse an unfinished transaction", "冲正"),
    ("settle", "", "compare totals and close the batch", "批结算"),
    ("journal", "", "list the batch's transactions", "交易明细"),
    ("params", "", "fetch parameters", "下载参数"),
    ("echo", "", "test the connection", "回响测试"),
    ("signoff", "", "sign off", "签退"),
    ("card", "BIN:NUMBER [chip|tap|stripe|keyed]", "use another card", "换卡"),
    ("pin", "on|off|wrong", "enter the PIN, none, or a wrong one", "输入密码、不输、或输错"),
    ("help", "", "show this help", "帮助"),
    ("quit", "", "exit", "退出"),
];

/// Why a line is not a valid command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalCommandError {
    UnknownCommand(String),
    /// The right form of the command.
    Usage(String),
    Waybill(String, WaybillFormatError),
    /// A short waybill of none of the courier's parcels.
    NotOut(String),
    /// A short waybill of several parcels.
    Ambiguous(String, usize),
    /// Not an amount, or too large for field 4.
    Amount(String),
    Stan(String),
    /// The text is not repeated: it may be a real card number.
    Card,
    /// Longer than a line can be.
    TooLong,
    NotUtf8,
}

impl From<LineError> for TerminalCommandError {
    fn from(error: LineError) -> TerminalCommandError {
        match error {
            LineError::TooLong => TerminalCommandError::TooLong,
            LineError::NotUtf8 => TerminalCommandError::NotUtf8,
        }
    }
}

impl TerminalCommand {
    /// The waybill and the amount of a payment.
    pub fn payment_mut(&mut self) -> Option<(&mut String, &mut Option<u64>)> {
        match self {
            TerminalCommand::Sale { waybill, amount }
            | TerminalCommand::PreAuthorisation { waybill, amount }
            | TerminalCommand::Offline { waybill, amount }
            | TerminalCommand::Qr { waybill, amount }
            | TerminalCommand::Cash { waybill, amount, .. } => Some((waybill, amount)),
            _ => None,
        }
    }
}

/// Field 4 has twelve digits.
const AMOUNT_MAX: u64 = 999_999_999_999;
const STAN_MAX: u32 = 999_999;

/// Parses a line; none if it is empty or a `#` comment.
pub fn parse(
    line: &str,
    currency: Currency,
) -> Result<Option<TerminalCommand>, TerminalCommandError> {
    let line = line.split('#').next().unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let [word, rest @ ..] = words.as_slice() else { return Ok(None) };
    let lower = word.to_ascii_lowercase();
    let Some((known, form, ..)) = COMMANDS.iter().find(|(known, ..)| *known == lower) else {
        return Err(TerminalCommandError::UnknownCommand(masked_start(word)));
    };
    match order(known, rest, currency)? {
        Some(order) => Ok(Some(order)),
        None => Err(TerminalCommandError::Usage(format!("{known} {form}").trim_end().to_owned())),
    }
}

/// None if the arguments do not match the command's form.
fn order(
    word: &str,
    rest: &[&str],
    currency: Currency,
) -> Result<Option<TerminalCommand>, TerminalCommandError> {
    let amount = |text: &str| {
        let amount = decimal::parse(text, currency, DecimalStyle::PLAIN).map(Amount::minor);
        let amount = amount.ok().filter(|minor| *minor <= AMOUNT_MAX);
        amount.ok_or_else(|| TerminalCommandError::Amount(masked_start(text)))
    };
    Ok(Some(match (word, rest) {
        ("signon", []) => TerminalCommand::SignOn,
        ("signoff", []) => TerminalCommand::SignOff,
        ("echo", []) => TerminalCommand::Echo,
        ("params", []) => TerminalCommand::Parameters,
        ("balance", []) => TerminalCommand::Balance,
        ("settle", []) => TerminalCommand::Settle,
        ("parcels", []) => TerminalCommand::Parcels,
        ("journal", []) => TerminalCommand::Journal,
        ("help", []) => TerminalCommand::Help,
        ("quit", []) => TerminalCommand::Quit,
        ("void", [stan]) => TerminalCommand::Void { stan: number(stan)? },
        ("void-preauth", [stan]) => TerminalCommand::VoidPreAuthorisation { stan: number(stan)? },
        ("refund-cash", [stan]) => TerminalCommand::RefundCash { stan: number(stan)? },
        ("qr-status", [stan]) => TerminalCommand::QrStatus { stan: number(stan)? },
        ("refund-qr", [stan]) => TerminalCommand::RefundQr { stan: number(stan)? },
        ("reverse", [stan]) => TerminalCommand::Reverse { stan: number(stan)? },
        ("refund", [stan, sum]) => {
            TerminalCommand::Refund { stan: number(stan)?, amount: amount(sum)? }
        }
        ("complete", [stan, sum]) => {
            TerminalCommand::Completion { stan: number(stan)?, amount: amount(sum)? }
        }
        ("sell" | "preauth" | "offline" | "qr", [parcel, sum @ ..]) if sum.len() < 2 => {
            let waybill = waybill(parcel)?;
            let amount = sum.first().copied().map(amount).transpose()?;
            match word {
                "sell" => TerminalCommand::Sale { waybill, amount },
                "preauth" => TerminalCommand::PreAuthorisation { waybill, amount },
                "offline" => TerminalCommand::Offline { waybill, amount },
                _ => TerminalCommand::Qr { waybill, amount },
            }
        }
        ("cash", [parcel, sums @ ..]) if sums.len() < 3 => TerminalCommand::Cash {
            waybill: waybill(parcel)?,
            amount: sums.first().copied().map(amount).transpose()?,
            given: sums.get(1).copied().map(amount).transpose()?,
        },
        ("card", [card, entry @ ..]) if entry.len() < 2 => {
            let entry = match entry.first() {
                Some(entry) => match self::entry(entry) {
                    Some(entry) => Some(entry),
                    None => return Ok(None),
                },
                None => None,
            };
            let (bin, number) = super::card_name(card).ok_or(TerminalCommandError::Card)?;
            TerminalCommand::Card { bin, number, entry }
        }
        ("pin", [pin]) => match *pin {
            "on" => TerminalCommand::Pin(PinEntry::Correct),
            "off" => TerminalCommand::Pin(PinEntry::None),
            "wrong" => TerminalCommand::Pin(PinEntry::Wrong),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

fn waybill(text: &str) -> Result<String, TerminalCommandError> {
    let capital = text.to_ascii_uppercase();
    match peers::waybill::parse_waybill(&capital) {
        Ok(_) => Ok(capital),
        Err(WaybillFormatError::Length) if is_short_waybill(&capital) => Ok(capital),
        Err(why) => Err(TerminalCommandError::Waybill(masked_start(text), why)),
    }
}

/// Whether it may be the first or last characters of a waybill.
pub fn is_short_waybill(capital: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"*~$=".contains(&byte);
    (SHORT_CHARS_MIN..WAYBILL_CHARS).contains(&capital.len()) && capital.bytes().all(known)
}

fn number(text: &str) -> Result<u32, TerminalCommandError> {
    let stan = text.parse().ok().filter(|stan| (1..=STAN_MAX).contains(stan));
    stan.ok_or_else(|| TerminalCommandError::Stan(masked_start(text)))
}

fn entry(text: &str) -> Option<EntryMode> {
    Some(match text {
        "chip" => EntryMode::Chip,
        "tap" => EntryMode::Contactless,
        "stripe" => EntryMode::Stripe,
        "keyed" => EntryMode::Keyed,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(line: &str) -> Result<Option<TerminalCommand>, TerminalCommandError> {
        parse(line, Currency::CNY)
    }

    #[test]
    fn lines_are_parsed() {
        let waybill = peers::format_waybill(7);
        let sold = read_one(&format!("  SELL {} 12.34 # at the door", waybill.to_lowercase()));
        assert_eq!(
            sold,
            Ok(Some(TerminalCommand::Sale { waybill: waybill.clone(), amount: Some(1_234) }))
        );
        let cash = read_one(&format!("cash {waybill} 12.34 20"));
        let (amount, given) = (Some(1_234), Some(2_000));
        assert_eq!(cash, Ok(Some(TerminalCommand::Cash { waybill, amount, given })));
        let short = TerminalCommand::Qr { waybill: "0ABC".into(), amount: None };
        assert_eq!(read_one("qr 0abc"), Ok(Some(short)));
        assert_eq!(read_one("void 000012"), Ok(Some(TerminalCommand::Void { stan: 12 })));
        let entry = Some(EntryMode::Contactless);
        let card = TerminalCommand::Card { bin: 622_588, number: 2, entry };
        assert_eq!(read_one("card 622588:2 tap"), Ok(Some(card)));
        assert_eq!(read_one("pin wrong"), Ok(Some(TerminalCommand::Pin(PinEntry::Wrong))));
        assert_eq!(read_one("  # nothing"), Ok(None));
    }

    #[test]
    fn each_error_names_the_wrong_part() {
        let waybill = peers::format_waybill(1);
        let wrong = |line: &str| read_one(line).unwrap_err();
        assert_eq!(wrong("sel 1 2"), TerminalCommandError::UnknownCommand("sel".into()));
        assert_eq!(wrong("sell"), TerminalCommandError::Usage("sell WAYBILL [AMOUNT]".into()));
        assert_eq!(wrong("help me"), TerminalCommandError::Usage("help".into()));
        assert_eq!(
            wrong("sell 1 2"),
            TerminalCommandError::Waybill("1".into(), WaybillFormatError::Length)
        );
        for amount in ["1.234", "-1", "1e3", "1,00", "10000000000.00"] {
            assert_eq!(
                wrong(&format!("sell {waybill} {amount}")),
                TerminalCommandError::Amount(amount.into())
            );
        }
        assert_eq!(wrong(&format!("cash {waybill} 1 x")), TerminalCommandError::Amount("x".into()));
        assert_eq!(wrong("void 0"), TerminalCommandError::Stan("0".into()));
        assert_eq!(wrong("refund 1000000 1"), TerminalCommandError::Stan("1000000".into()));
        assert_eq!(wrong("card 622588"), TerminalCommandError::Card);
        assert!(matches!(wrong("card 622588:2 wave"), TerminalCommandError::Usage(_)));
        assert!(matches!(wrong("pin maybe"), TerminalCommandError::Usage(_)));
    }

    #[test]
    fn an_error_shows_no_card_number_and_no_control_characters() {
        let word = read_one("\u{1b}[2Jnot").unwrap_err();
        assert_eq!(word, TerminalCommandError::UnknownCommand("\\u{1b}[2Jnot".into()));
        let number = "6225880000000019";
        let waybill = peers::format_waybill(1);
        for line in [number, &format!("void {number}"), &format!("sell {waybill} {number}")] {
            let wrong = read_one(line).unwrap_err();
            assert!(!format!("{wrong:?}").contains("622588"), "{wrong:?}");
        }
    }

    #[test]
    fn every_command_of_the_help_is_parsed() {
        for (word, form, ..) in COMMANDS {
            let read = read_one(word);
            assert_eq!(read.is_err(), !form.is_empty(), "{word}");
        }
    }
}
