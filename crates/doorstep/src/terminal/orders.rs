//! What is typed at a terminal.

use money::decimal::{self, DecimalStyle};
use money::{Amount, Currency};
use peers::card::Entry;
use peers::waybill::WaybillError;

use super::typed::shortened;

/// One line, understood. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    SignOn,
    SignOff,
    Echo,
    Parameters,
    Balance,
    Sell { waybill: String, amount: u64 },
    PreAuthorise { waybill: String, amount: u64 },
    Complete { stan: u32, amount: u64 },
    Unhold { stan: u32 },
    Void { stan: u32 },
    Refund { stan: u32, amount: u64 },
    Offline { waybill: String, amount: u64 },
    Cash { waybill: String, amount: u64, given: u64 },
    CashBack { stan: u32 },
    Qr { waybill: String, amount: u64 },
    Paid { stan: u32 },
    QrBack { stan: u32 },
    Reverse { stan: u32 },
    Settle,
    Journal,
    Card { bin: u32, number: u64, entry: Option<Entry> },
    Pin(PinTyped),
    Help,
    Quit,
}

/// What is typed where a PIN is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinTyped {
    Right,
    Wrong,
    None,
}

/// A word, what follows it, and what it does in English and Chinese.
pub const HELP: [(&str, &str, &str, &str); 24] = [
    ("signon", "", "open the batch, fetch the keys", "签到"),
    ("sell", "WAYBILL AMOUNT", "sell by card", "刷卡消费"),
    ("cash", "WAYBILL AMOUNT [GIVEN]", "take cash", "收现金"),
    ("qr", "WAYBILL AMOUNT", "show a QR code", "出示二维码"),
    ("paid", "STAN", "ask whether a QR code is paid", "查询二维码是否已付"),
    ("balance", "", "ask for the card's balance", "查询余额"),
    ("void", "STAN", "take a sale back", "撤销消费"),
    ("refund", "STAN AMOUNT", "give money back to the card", "退货"),
    ("cashback", "STAN", "give cash back", "退现金"),
    ("qrback", "STAN", "give a payment by QR back", "退二维码付款"),
    ("hold", "WAYBILL AMOUNT", "pre-authorise", "预授权"),
    ("complete", "STAN AMOUNT", "take what was held", "预授权完成"),
    ("unhold", "STAN", "let what was held go", "撤销预授权"),
    ("offline", "WAYBILL AMOUNT", "sell without asking, then forward it", "离线消费"),
    ("reverse", "STAN", "take back what could not be finished", "冲正"),
    ("settle", "", "compare totals, close the batch", "批结算"),
    ("journal", "", "what the batch has", "交易明细"),
    ("params", "", "fetch parameters", "下载参数"),
    ("echo", "", "ask whether anybody is there", "回响测试"),
    ("signoff", "", "sign off", "签退"),
    ("card", "BIN:NUMBER [chip|tap|stripe|keyed]", "another card", "换卡"),
    ("pin", "on|off|wrong", "whether the PIN is typed, or a wrong one", "是否输密码，或输错密码"),
    ("help", "", "this", "帮助"),
    ("quit", "", "end", "退出"),
];

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// No such word.
    Word(String),
    /// What should follow the word.
    Form(String),
    /// This is no waybill.
    Waybill(String, WaybillError),
    /// This is no amount, or more than a message can carry.
    Amount(String),
    /// This is no STAN.
    Stan(String),
    /// No card. It is not repeated: somebody may have typed a card's number.
    Card,
    /// More than [`LINE_BYTES_MAX`].
    Long,
    /// Not UTF-8.
    Text,
}

/// Bytes of a line at the most.
pub const LINE_BYTES_MAX: usize = 1_024;
/// Twelve digits in field 4.
const AMOUNT_MAX: u64 = 999_999_999_999;
const STAN_MAX: u32 = 999_999;

/// What a line orders; nothing where it is empty or a remark.
pub fn read(line: &str, currency: Currency) -> Result<Option<Order>, Wrong> {
    let line = line.split('#').next().unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let [word, rest @ ..] = words.as_slice() else { return Ok(None) };
    let small = word.to_ascii_lowercase();
    let Some((known, form, ..)) = HELP.iter().find(|(known, ..)| *known == small) else {
        return Err(Wrong::Word(shortened(word)));
    };
    match order(known, rest, currency)? {
        Some(order) => Ok(Some(order)),
        None => Err(Wrong::Form(format!("{known} {form}").trim_end().to_owned())),
    }
}

/// An order; nothing where not as much follows the word as should.
fn order(word: &str, rest: &[&str], currency: Currency) -> Result<Option<Order>, Wrong> {
    let amount = |text: &str| {
        let amount = decimal::parse(text, currency, DecimalStyle::PLAIN).map(Amount::minor);
        let amount = amount.ok().filter(|minor| *minor <= AMOUNT_MAX);
        amount.ok_or_else(|| Wrong::Amount(shortened(text)))
    };
    Ok(Some(match (word, rest) {
        ("signon", []) => Order::SignOn,
        ("signoff", []) => Order::SignOff,
        ("echo", []) => Order::Echo,
        ("params", []) => Order::Parameters,
        ("balance", []) => Order::Balance,
        ("settle", []) => Order::Settle,
        ("journal", []) => Order::Journal,
        ("help", []) => Order::Help,
        ("quit", []) => Order::Quit,
        ("void", [stan]) => Order::Void { stan: number(stan)? },
        ("unhold", [stan]) => Order::Unhold { stan: number(stan)? },
        ("cashback", [stan]) => Order::CashBack { stan: number(stan)? },
        ("paid", [stan]) => Order::Paid { stan: number(stan)? },
        ("qrback", [stan]) => Order::QrBack { stan: number(stan)? },
        ("reverse", [stan]) => Order::Reverse { stan: number(stan)? },
        ("refund", [stan, sum]) => Order::Refund { stan: number(stan)?, amount: amount(sum)? },
        ("complete", [stan, sum]) => Order::Complete { stan: number(stan)?, amount: amount(sum)? },
        ("sell", [parcel, sum]) => Order::Sell { waybill: waybill(parcel)?, amount: amount(sum)? },
        ("hold", [parcel, sum]) => {
            Order::PreAuthorise { waybill: waybill(parcel)?, amount: amount(sum)? }
        }
        ("offline", [parcel, sum]) => {
            Order::Offline { waybill: waybill(parcel)?, amount: amount(sum)? }
        }
        ("qr", [parcel, sum]) => Order::Qr { waybill: waybill(parcel)?, amount: amount(sum)? },
        ("cash", [parcel, sum, given @ ..]) if given.len() < 2 => {
            let (waybill, amount, given) =
                (waybill(parcel)?, amount(sum)?, amount(given.first().unwrap_or(sum))?);
            Order::Cash { waybill, amount, given }
        }
        ("card", [card, entry @ ..]) if entry.len() < 2 => {
            let entry = match entry.first() {
                Some(entry) => match self::entry(entry) {
                    Some(entry) => Some(entry),
                    None => return Ok(None),
                },
                None => None,
            };
            let (bin, number) = super::card_name(card).ok_or(Wrong::Card)?;
            Order::Card { bin, number, entry }
        }
        ("pin", [pin]) => match *pin {
            "on" => Order::Pin(PinTyped::Right),
            "off" => Order::Pin(PinTyped::None),
            "wrong" => Order::Pin(PinTyped::Wrong),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

fn waybill(text: &str) -> Result<String, Wrong> {
    let capital = text.to_ascii_uppercase();
    match peers::waybill::parcel(&capital) {
        Ok(_) => Ok(capital),
        Err(why) => Err(Wrong::Waybill(shortened(text), why)),
    }
}

fn number(text: &str) -> Result<u32, Wrong> {
    let stan = text.parse().ok().filter(|stan| (1..=STAN_MAX).contains(stan));
    stan.ok_or_else(|| Wrong::Stan(shortened(text)))
}

fn entry(text: &str) -> Option<Entry> {
    Some(match text {
        "chip" => Entry::Chip,
        "tap" => Entry::Contactless,
        "stripe" => Entry::Stripe,
        "keyed" => Entry::Keyed,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(line: &str) -> Result<Option<Order>, Wrong> {
        read(line, Currency::CNY)
    }

    #[test]
    fn lines_are_understood() {
        let waybill = peers::waybill(7);
        let sold = read_one(&format!("  SELL {} 12.34 # at the door", waybill.to_lowercase()));
        assert_eq!(sold, Ok(Some(Order::Sell { waybill: waybill.clone(), amount: 1_234 })));
        let cash = read_one(&format!("cash {waybill} 12.34 20"));
        assert_eq!(cash, Ok(Some(Order::Cash { waybill, amount: 1_234, given: 2_000 })));
        assert_eq!(read_one("void 000012"), Ok(Some(Order::Void { stan: 12 })));
        let entry = Some(Entry::Contactless);
        let card = Order::Card { bin: 622_588, number: 2, entry };
        assert_eq!(read_one("card 622588:2 tap"), Ok(Some(card)));
        assert_eq!(read_one("pin wrong"), Ok(Some(Order::Pin(PinTyped::Wrong))));
        assert_eq!(read_one("  # nothing"), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_named_by_itself() {
        let waybill = peers::waybill(1);
        let wrong = |line: &str| read_one(line).unwrap_err();
        assert_eq!(wrong("sel 1 2"), Wrong::Word("sel".into()));
        assert_eq!(wrong("sell"), Wrong::Form("sell WAYBILL AMOUNT".into()));
        assert_eq!(wrong("help me"), Wrong::Form("help".into()));
        assert_eq!(wrong("sell 1 2"), Wrong::Waybill("1".into(), WaybillError::Length));
        for amount in ["1.234", "-1", "1e3", "1,00", "10000000000.00"] {
            assert_eq!(wrong(&format!("sell {waybill} {amount}")), Wrong::Amount(amount.into()));
        }
        assert_eq!(wrong(&format!("cash {waybill} 1 x")), Wrong::Amount("x".into()));
        assert_eq!(wrong("void 0"), Wrong::Stan("0".into()));
        assert_eq!(wrong("refund 1000000 1"), Wrong::Stan("1000000".into()));
        assert_eq!(wrong("card 622588"), Wrong::Card);
        assert!(matches!(wrong("card 622588:2 wave"), Wrong::Form(_)));
        assert!(matches!(wrong("pin maybe"), Wrong::Form(_)));
    }

    #[test]
    fn a_wrong_word_has_no_card_number_and_moves_no_cursor() {
        let word = read_one("\u{1b}[2Jnot").unwrap_err();
        assert_eq!(word, Wrong::Word("\\u{1b}[2Jnot".into()));
        let number = "6225880000000019";
        let waybill = peers::waybill(1);
        for line in [number, &format!("void {number}"), &format!("sell {waybill} {number}")] {
            let wrong = read_one(line).unwrap_err();
            assert!(!format!("{wrong:?}").contains("622588"), "{wrong:?}");
        }
    }

    #[test]
    fn every_word_of_the_help_is_known() {
        for (word, form, ..) in HELP {
            let read = read_one(word);
            assert_eq!(read.is_err(), !form.is_empty(), "{word}");
        }
    }
}
