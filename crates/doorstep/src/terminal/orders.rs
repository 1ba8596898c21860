//! What is typed at a terminal.

use money::Currency;
use money::decimal::{self, DecimalStyle};
use peers::card::Entry;

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
    Card { bin_and_number: String, entry: Option<Entry> },
    Pin { typed: bool },
    Help,
    Quit,
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
    ("pin", "on|off", "whether the PIN is typed", "是否输密码"),
    ("help", "", "this", "帮助"),
    ("quit", "", "end", "退出"),
];

/// What a line orders; nothing where it is empty or a remark. An error says what should follow.
pub fn read(line: &str, currency: Currency) -> Result<Option<Order>, String> {
    let line = line.split('#').next().unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let [word, rest @ ..] = words.as_slice() else { return Ok(None) };
    let word = word.to_ascii_lowercase();
    let Some((known, form, ..)) = HELP.iter().find(|(known, ..)| *known == word) else {
        return Err(format!("`{word}` is not known; type help"));
    };
    let wrong = || format!("write it as: {known} {form}");
    order(known, rest, currency).map(Some).ok_or_else(wrong)
}

fn order(word: &str, rest: &[&str], currency: Currency) -> Option<Order> {
    let amount = |text: &str| {
        let amount = decimal::parse(text, currency, DecimalStyle::PLAIN).ok()?;
        Some(amount.minor())
    };
    let waybill = |text: &str| {
        let text = text.to_ascii_uppercase();
        peers::waybill::parcel(&text).is_ok().then_some(text)
    };
    Some(match (word, rest) {
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
            let given = amount(given.first().unwrap_or(sum))?;
            Order::Cash { waybill: waybill(parcel)?, amount: amount(sum)?, given }
        }
        ("card", [card, entry @ ..]) if entry.len() < 2 => {
            let entry = entry.first().map(|entry| self::entry(entry).ok_or(())).transpose();
            Order::Card { bin_and_number: (*card).to_owned(), entry: entry.ok()? }
        }
        ("pin", ["on"]) => Order::Pin { typed: true },
        ("pin", ["off"]) => Order::Pin { typed: false },
        _ => return None,
    })
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|stan| (1..=999_999).contains(stan))
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

    fn read_one(line: &str) -> Result<Option<Order>, String> {
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
        let card = Order::Card { bin_and_number: "1:2".into(), entry: Some(Entry::Contactless) };
        assert_eq!(read_one("card 1:2 tap"), Ok(Some(card)));
        assert_eq!(read_one("  # nothing"), Ok(None));
    }

    #[test]
    fn what_is_not_understood_is_told_how_to_write_it() {
        assert_eq!(read_one("sel 1 2").unwrap_err(), "`sel` is not known; type help");
        let wrong = "write it as: sell WAYBILL AMOUNT";
        assert_eq!(read_one("sell 1 2").unwrap_err(), wrong);
        assert_eq!(read_one(&format!("sell {} 1.234", peers::waybill(1))).unwrap_err(), wrong);
        assert_eq!(read_one("void 0").unwrap_err(), "write it as: void STAN");
        assert_eq!(read_one("card 1:2 wave").unwrap_err().split(':').next(), Some("write it as"));
    }

    #[test]
    fn every_word_of_the_help_is_known() {
        for (word, form, ..) in HELP {
            let read = read_one(word);
            assert_eq!(read.is_err(), !form.is_empty(), "{word}");
        }
    }
}
