//! The texts of transaction kinds, reversals and errors, in English and Chinese.

use money::Currency;
use peers::ResponseCode;
use peers::terminal::{TerminalError, TerminalRequestKind};

use super::commands::TerminalCommandError;
use crate::chinese;
use crate::typed_lines::LINE_BYTES_MAX;
use crate::words::Lang;

/// The name of a transaction in the journal.
pub fn transaction_name(kind: TerminalRequestKind, lang: Lang) -> &'static str {
    let (english, chinese) = match kind {
        TerminalRequestKind::SignOn => ("sign-on", "签到"),
        TerminalRequestKind::Echo => ("echo", "回响"),
        TerminalRequestKind::SignOff => ("sign-off", "签退"),
        TerminalRequestKind::Parameters => ("parameters", "参数"),
        TerminalRequestKind::Parcels => ("parcels", "派件清单"),
        TerminalRequestKind::Balance => ("balance", "余额"),
        TerminalRequestKind::Sale => ("sale", "消费"),
        TerminalRequestKind::PreAuthorisation => ("pre-auth", "预授权"),
        TerminalRequestKind::Void => ("void", "撤销"),
        TerminalRequestKind::VoidPreAuthorisation => ("void pre-auth", "预授权撤销"),
        TerminalRequestKind::Completion => ("completion", "预授权完成"),
        TerminalRequestKind::Refund => ("refund", "退货"),
        TerminalRequestKind::Offline => ("offline sale", "离线消费"),
        TerminalRequestKind::Cash => ("cash", "现金"),
        TerminalRequestKind::CashRefund => ("cash refund", "现金退款"),
        TerminalRequestKind::Qr => ("QR", "扫码"),
        TerminalRequestKind::QrStatus => ("QR status", "扫码查询"),
        TerminalRequestKind::QrRefund => ("QR refund", "扫码退款"),
        TerminalRequestKind::Settlement => ("totals", "批结算"),
        TerminalRequestKind::Upload | TerminalRequestKind::UploadEnd => ("upload", "批上送"),
    };
    lang.pick(english, chinese)
}

/// The result of a reversal.
pub fn reversal_text(code: ResponseCode, lang: Lang) -> &'static str {
    let (english, chinese) = match code {
        ResponseCode::INVALID_TRANSACTION => {
            ("refused: the transaction stands and counts", "原交易已成立，计入批次")
        }
        ResponseCode::ORIGINAL_NOT_FOUND => {
            ("the switch has no such transaction; nobody pays", "中心无此交易，无人付款")
        }
        _ => ("done; nobody pays", "冲正成功，无人付款"),
    };
    lang.pick(english, chinese)
}

/// The error of a line, and the right form.
pub fn command_error_text(wrong: &TerminalCommandError, currency: Currency, lang: Lang) -> String {
    let decimals = usize::try_from(currency.exponent()).unwrap_or(0);
    let amount = match decimals {
        0 => "12".to_owned(),
        _ => format!("12.{}", &"34567"[..decimals.min(5)]),
    };
    match (wrong, lang) {
        (TerminalCommandError::UnknownCommand(word), Lang::En) => {
            format!("unknown command `{word}`; type help")
        }
        (TerminalCommandError::UnknownCommand(word), Lang::Zh) => {
            format!("没有命令 `{word}`，请输入 help")
        }
        (TerminalCommandError::Usage(form), Lang::En) => format!("write it as: {form}"),
        (TerminalCommandError::Usage(form), Lang::Zh) => {
            format!("请写作：{}", form_text(form, lang))
        }
        (TerminalCommandError::Waybill(text, why), Lang::En) => format!("`{text}`: {why}"),
        (TerminalCommandError::Waybill(text, why), Lang::Zh) => {
            format!("`{text}`：{}", chinese::error(why, lang))
        }
        (TerminalCommandError::NotOut(text), Lang::En) => {
            format!("none of your parcels has the waybill `{text}`; type parcels")
        }
        (TerminalCommandError::NotOut(text), Lang::Zh) => {
            format!("派件清单中没有运单 `{text}`，请输入 parcels")
        }
        (TerminalCommandError::Ambiguous(text, count), Lang::En) => {
            format!("`{text}` fits {count} of your parcels; type more characters")
        }
        (TerminalCommandError::Ambiguous(text, count), Lang::Zh) => {
            format!("`{text}` 对应 {count} 件包裹，请多输几位")
        }
        (TerminalCommandError::Amount(text), Lang::En) => {
            format!("`{text}` is not a valid amount; write it as {amount}")
        }
        (TerminalCommandError::Amount(text), Lang::Zh) => {
            format!("`{text}` 不是有效金额，请写作 {amount}")
        }
        (TerminalCommandError::Stan(text), Lang::En) => {
            format!("`{text}` is not a STAN; write it as shown, for example 000123")
        }
        (TerminalCommandError::Stan(text), Lang::Zh) => {
            format!("`{text}` 不是流水号，请写作 000123")
        }
        (TerminalCommandError::Card, Lang::En) => "write it as: card 622588:1".to_owned(),
        (TerminalCommandError::Card, Lang::Zh) => "请写作：card 622588:1".to_owned(),
        (TerminalCommandError::TooLong, Lang::En) => {
            format!("the line is longer than {LINE_BYTES_MAX} bytes")
        }
        (TerminalCommandError::TooLong, Lang::Zh) => format!("一行超过 {LINE_BYTES_MAX} 字节"),
        (TerminalCommandError::NotUtf8, Lang::En) => "the line is not UTF-8 text".to_owned(),
        (TerminalCommandError::NotUtf8, Lang::Zh) => "这一行不是 UTF-8 文本".to_owned(),
    }
}

/// The form of a command with the names of its parts in the language.
pub fn form_text(form: &str, lang: Lang) -> String {
    let parts = [("WAYBILL", "运单号"), ("AMOUNT", "金额"), ("GIVEN", "实收"), ("STAN", "流水号")];
    match lang {
        Lang::En => form.to_owned(),
        Lang::Zh => parts.iter().fold(form.to_owned(), |form, (en, zh)| form.replace(en, zh)),
    }
}

/// Why the terminal cannot do it, and the remedy.
pub fn terminal_error_text(error: &TerminalError, lang: Lang) -> String {
    match (error, lang) {
        (TerminalError::NotInJournal(stan), Lang::En) => {
            format!("the open batch has no such transaction with STAN {stan:06}; see journal")
        }
        (TerminalError::NotInJournal(stan), Lang::Zh) => {
            format!("本批次没有可办的流水号 {stan:06}，请看 journal")
        }
        (TerminalError::OfflineLimitExceeded, Lang::En) => {
            "the offline limit is exceeded; params fetches it, and the office sets it (`doorstep \
             terminals offline-limit`)"
                .to_owned()
        }
        (TerminalError::OfflineLimitExceeded, Lang::Zh) => {
            "超离线限额；params 下载限额，由业务部门设置（`doorstep terminals offline-limit`）"
                .to_owned()
        }
        (TerminalError::BatchFull, Lang::Zh) => "批次已满，请先 settle".to_owned(),
        (TerminalError::PendingMessageFirst, _) => lang
            .pick("an unfinished message must go first; try again", "请先等未完交易，再重做")
            .to_owned(),
        (error, _) => chinese::error(error, lang),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_amount_has_the_currency_s_decimals() {
        let amount = TerminalCommandError::Amount("x".into());
        assert!(
            command_error_text(&amount, Currency::CNY, Lang::En).ends_with("write it as 12.34")
        );
        let yen = "JPY".parse().unwrap();
        assert!(command_error_text(&amount, yen, Lang::En).ends_with("write it as 12"));
    }
}
