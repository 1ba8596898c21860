//! What codes, kinds and errors mean, in English and Chinese.

use money::Currency;
use peers::terminal::{Declined, Kind, TerminalError};

use super::orders::{LINE_BYTES_MAX, Wrong};
use crate::words::Lang;

/// A transaction as the journal names it.
pub fn kind(kind: Kind, lang: Lang) -> &'static str {
    let (english, chinese) = match kind {
        Kind::SignOn => ("sign-on", "签到"),
        Kind::Echo => ("echo", "回响"),
        Kind::SignOff => ("sign-off", "签退"),
        Kind::Parameters => ("parameters", "参数"),
        Kind::Balance => ("balance", "余额"),
        Kind::Sale => ("sale", "消费"),
        Kind::PreAuthorisation => ("hold", "预授权"),
        Kind::Void => ("void", "撤销"),
        Kind::VoidPreAuthorisation => ("unhold", "预授权撤销"),
        Kind::Completion => ("completion", "预授权完成"),
        Kind::Refund => ("refund", "退货"),
        Kind::Offline => ("offline sale", "离线消费"),
        Kind::Cash => ("cash", "现金"),
        Kind::CashBack => ("cash back", "退现金"),
        Kind::Qr => ("QR", "扫码"),
        Kind::QrStatus => ("QR asked", "扫码查询"),
        Kind::QrBack => ("QR back", "退扫码"),
        Kind::Totals => ("totals", "批结算"),
        Kind::Upload | Kind::UploadEnd => ("upload", "批上送"),
    };
    lang.pick(english, chinese)
}

/// What a refusal says, and what to do next.
pub fn refusal(declined: &Declined, lang: Lang) -> &'static str {
    let by_qr = matches!(declined.kind, Kind::Qr | Kind::QrStatus | Kind::QrBack);
    let (english, chinese) = match &declined.code {
        b"12" => ("it cannot be done in this state; see journal", "状态不符，请看 journal"),
        b"13" => ("the amount is wrong", "金额有误"),
        b"14" => ("the card number is wrong; take another card", "卡号有误，请换卡"),
        b"15" => {
            ("no network takes this card; take another way to pay", "无此卡通道，请换方式付款")
        }
        b"25" => ("what was before is not known", "原交易不存在"),
        b"30" => ("format error", "报文格式错"),
        b"51" => ("not enough money; take another way to pay", "余额不足，请换方式付款"),
        b"55" => ("wrong PIN; type it again", "密码错，请重输"),
        b"58" => ("the terminal is blocked; call the firm", "终端已停用，请联系公司"),
        b"61" => {
            ("beyond a limit; settle, or take another way to pay", "超限额，请结算或换方式付款")
        }
        b"64" => ("not the amount of what was before", "金额与原交易不符"),
        b"68" if declined.kind == Kind::QrStatus => ("nobody has paid in time", "超时未付"),
        b"68" => (
            "nobody knows; it is being reversed; take another way to pay",
            "超时，冲正中，请换方式付款",
        ),
        b"91" if by_qr => {
            ("no wallet is up; take another way to pay", "扫码通道不可用，请换方式付款")
        }
        b"91" => ("no network is up; take another way to pay", "通道不可用，请换方式付款"),
        b"94" => ("the STAN was used before; do it again", "流水号重复，请重做"),
        b"95" => ("totals differ", "对账不平"),
        b"96" if declined.kind == Kind::Totals => (
            "not at the moment: a QR code may be open; do it again later",
            "系统暂不可用，或有扫码未完，请稍后重做",
        ),
        b"96" => ("not at the moment; do it again later", "系统暂不可用，请稍后重做"),
        b"97" => {
            ("the terminal or merchant is not known; call the firm", "终端或商户未登记，请联系公司")
        }
        b"99" => ("the PIN block is wrong", "密码密文错"),
        b"P1" => ("no such parcel", "无此包裹"),
        b"P2" => ("the parcel is another courier's", "包裹不属本快递员"),
        b"P3" => ("the parcel cannot be paid any more", "包裹不可再付"),
        b"P4" => ("more than is left to pay", "超过应付余额"),
        b"P5" => {
            ("a payment is being reversed; take cash, or wait", "有付款冲正中，请收现金或稍候")
        }
        b"P6" => ("too many payments", "付款次数过多"),
        b"P7" => ("the pre-authorisation has expired", "预授权已过期"),
        _ => ("the card's issuer says no; take another way to pay", "发卡行拒绝，请换方式付款"),
    };
    lang.pick(english, chinese)
}

/// What came of a reversal.
pub fn reversal(code: [u8; 2], lang: Lang) -> &'static str {
    let (english, chinese) = match &code {
        b"12" => ("it was done before, and counts", "原交易已成立，计入批次"),
        b"25" => ("it was never heard of; nobody pays for it", "中心无此交易，无人付款"),
        _ => ("taken back; nobody pays for it", "已退回，无人付款"),
    };
    lang.pick(english, chinese)
}

/// What is wrong with a line, and how to write it.
pub fn wrong(wrong: &Wrong, currency: Currency, lang: Lang) -> String {
    let decimals = usize::try_from(currency.exponent()).unwrap_or(0);
    let amount = match decimals {
        0 => "12".to_owned(),
        _ => format!("12.{}", &"34567"[..decimals.min(5)]),
    };
    match (wrong, lang) {
        (Wrong::Word(word), Lang::En) => format!("`{word}` is not known; type help"),
        (Wrong::Word(word), Lang::Zh) => format!("不认识 `{word}`，请输入 help"),
        (Wrong::Form(form), Lang::En) => format!("write it as: {form}"),
        (Wrong::Form(form), Lang::Zh) => format!("请写作：{form}"),
        (Wrong::Waybill(text, why), Lang::En) => format!("`{text}`: {why}"),
        (Wrong::Waybill(text, _), Lang::Zh) => format!("`{text}` 不是运单号，请核对"),
        (Wrong::Amount(text), Lang::En) => {
            format!("`{text}` is no amount that can be sent; write it as {amount}")
        }
        (Wrong::Amount(text), Lang::Zh) => format!("`{text}` 不是有效金额，请写作 {amount}"),
        (Wrong::Stan(text), Lang::En) => {
            format!("`{text}` is no STAN; write the number that was shown, as 000123")
        }
        (Wrong::Stan(text), Lang::Zh) => format!("`{text}` 不是流水号，请写作 000123"),
        (Wrong::Card, Lang::En) => "write it as: card 622588:1".to_owned(),
        (Wrong::Card, Lang::Zh) => "请写作：card 622588:1".to_owned(),
        (Wrong::Long, Lang::En) => format!("the line is longer than {LINE_BYTES_MAX} bytes"),
        (Wrong::Long, Lang::Zh) => format!("一行超过 {LINE_BYTES_MAX} 字节"),
        (Wrong::Text, Lang::En) => "the line is not UTF-8 text".to_owned(),
        (Wrong::Text, Lang::Zh) => "这一行不是 UTF-8 文本".to_owned(),
    }
}

/// Why the terminal does not do it, and what does help.
pub fn not_done(error: &TerminalError, lang: Lang) -> String {
    match (error, lang) {
        (TerminalError::NotInJournal(stan), Lang::En) => {
            format!("the open batch has no such transaction with STAN {stan:06}; see journal")
        }
        (TerminalError::NotInJournal(stan), Lang::Zh) => {
            format!("本批次没有可办的流水号 {stan:06}，请看 journal")
        }
        (TerminalError::OfflineLimit, Lang::En) => {
            "beyond the limit of offline sales; params fetches it".to_owned()
        }
        (TerminalError::OfflineLimit, Lang::Zh) => "超离线限额，可用 params 下载".to_owned(),
        (TerminalError::BatchFull, Lang::Zh) => "批次已满，请先 settle".to_owned(),
        (TerminalError::TooLittleCash, Lang::Zh) => "实收少于应收".to_owned(),
        (TerminalError::SomethingFirst, _) => lang
            .pick("what is not finished goes out first; type it again", "请先等未完交易，再重做")
            .to_owned(),
        (TerminalError::WorkingKeys, Lang::Zh) => "工作密钥不符，请核对主密钥".to_owned(),
        (error, _) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_words_in_both_languages() {
        let declined =
            |kind, code: &[u8; 2]| Declined { kind, stan: 1, code: *code, text: String::new() };
        let sale = declined(Kind::Sale, b"P1");
        assert_eq!(refusal(&sale, Lang::En), "no such parcel");
        assert_eq!(refusal(&sale, Lang::Zh), "无此包裹");
        let other = refusal(&declined(Kind::Sale, b"05"), Lang::En);
        assert!(other.starts_with("the card's issuer says no"));
        assert!(refusal(&declined(Kind::Qr, b"91"), Lang::En).starts_with("no wallet"));
        assert!(refusal(&declined(Kind::Sale, b"91"), Lang::En).starts_with("no network"));
        assert!(refusal(&declined(Kind::Totals, b"96"), Lang::En).contains("QR"));
    }

    #[test]
    fn an_amount_is_asked_for_in_the_currency_s_decimals() {
        let amount = Wrong::Amount("x".into());
        assert!(wrong(&amount, Currency::CNY, Lang::En).ends_with("write it as 12.34"));
        let yen = "JPY".parse().unwrap();
        assert!(wrong(&amount, yen, Lang::En).ends_with("write it as 12"));
    }
}
