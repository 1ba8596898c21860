//! Who declined a request, why, and what to do next, in English and Chinese.

use peers::terminal::{DeclinedRequest, TerminalRequestKind};

use crate::words::Lang;

/// A text in English and Chinese.
type Text = (&'static str, &'static str);

/// Before the code of a network that the terminal gets as 91 (docs/door/terminal.md, field 44).
const NETWORK_ANSWERED: &str = "network answered: ";

/// The reason, and the next step.
pub fn reason(declined: &DeclinedRequest, lang: Lang) -> &'static str {
    let (english, chinese) = match declined {
        _ if is_ours(declined) => our_reason(declined),
        _ => issuer_reason(&declined.code.bytes()),
    };
    lang.pick(english, chinese)
}

/// Who declined.
pub fn decliner(declined: &DeclinedRequest, lang: Lang) -> String {
    let network = &declined.network;
    match (lang, network.as_str()) {
        (Lang::En, "") => "declined by Doorstep".to_owned(),
        (Lang::Zh, "") => "由 Doorstep 拒绝".to_owned(),
        (Lang::En, _) if is_ours(declined) => format!("no decision by the network {network}"),
        (Lang::Zh, _) if is_ours(declined) => format!("卡组织 {network} 未作决定"),
        (Lang::En, _) => format!("declined by the issuer, over {network}"),
        (Lang::Zh, _) => format!("由发卡行拒绝，经 {network}"),
    }
}

/// Field 44. What the reason says already is left out.
pub fn detail(declined: &DeclinedRequest, lang: Lang) -> String {
    let text = declined.text.as_str();
    let said = [
        "merchant",
        "terminal not registered",
        "no network for this BIN",
        "no wallet in settings",
        "key store",
        "card",
        "terminal",
        "reversed",
    ];
    match lang {
        _ if said.contains(&text) => String::new(),
        Lang::En => text.to_owned(),
        Lang::Zh => {
            if let Some(code) = text.strip_prefix(NETWORK_ANSWERED) {
                return format!("卡组织应答：{code}");
            }
            let words = [
                (" down", " 未连接"),
                (" withdrawn", " 已停用"),
                (" other currency", " 币种不符"),
                (" too many unknown", " 结果未知过多"),
                ("network not in settings", "配置中已无该卡组织"),
                ("wallet not in settings", "配置中已无该钱包"),
                ("ask with a new STAN", "请用新的流水号查询"),
                ("the batch is closed", "批次已结算"),
            ];
            words
                .iter()
                .fold(text.to_owned(), |text, (english, chinese)| text.replace(english, chinese))
        }
    }
}

/// Whether the code is Doorstep's: no network answered, or with a code that is not for terminals.
fn is_ours(declined: &DeclinedRequest) -> bool {
    declined.network.is_empty() || declined.text.starts_with(NETWORK_ANSWERED)
}

fn our_reason(declined: &DeclinedRequest) -> Text {
    use TerminalRequestKind as K;
    let by_qr = matches!(declined.kind, K::Qr | K::QrStatus | K::QrRefund);
    match (&declined.code.bytes(), declined.text.as_str()) {
        (b"12", _) => ("not possible in this state; see journal", "状态不符，请看 journal"),
        (b"13", _) => ("invalid amount", "金额有误"),
        (b"14", _) => ("invalid card number; use another card", "卡号有误，请换卡"),
        (b"15", _) => (
            "no network in the settings takes cards with these first digits; add a [[bin]], or use \
             another card",
            "配置中没有受理该卡 BIN 的卡组织；请增加 [[bin]]，或换卡",
        ),
        (b"25", _) => ("the original transaction is not found", "原交易不存在"),
        (b"30", _) => ("format error", "报文格式错"),
        (b"40", _) => ("the switch does not offer this transaction", "交换中心不办理该交易"),
        (b"58", _) => ("the terminal is blocked; call your firm", "终端已停用，请联系公司"),
        (b"61", _) => {
            ("limit exceeded; settle, or use another payment method", "超限额，请结算或换方式付款")
        }
        (b"64", _) => ("the amount differs from the original transaction", "金额与原交易不符"),
        (b"68", _) if declined.kind == K::QrStatus => ("not paid in time", "超时未付"),
        (b"68", _) => (
            "no answer that can be trusted came in time; being reversed; use another payment \
             method",
            "未及时收到可信应答，冲正中，请换方式付款",
        ),
        (b"91", "no wallet in settings") => {
            ("there is no [wallet] in the settings of the switch", "交换中心的配置中没有 [wallet]")
        }
        (b"91", _) if by_qr => {
            ("no wallet is available; use another payment method", "扫码通道不可用，请换方式付款")
        }
        (b"91", text) if text.starts_with(NETWORK_ANSWERED) => (
            "the network did not process it; the card is not at fault: check our keys and number \
             at the network",
            "卡组织未处理，与卡无关；请检查与卡组织的密钥和机构号",
        ),
        (b"91", _) => (
            "no network for this card is available; use another payment method",
            "受理该卡的卡组织均不可用，请换方式付款",
        ),
        (b"75", "terminal") => (
            "too many wrong PINs at this terminal in an hour; use another payment method",
            "本终端一小时内密码错误次数超限，请换方式付款",
        ),
        (b"75", _) => (
            "too many wrong PINs of this card today; use another card",
            "该卡今日密码错误次数超限，请换卡",
        ),
        (b"94", _) => ("the STAN was used before; try again", "流水号重复，请重做"),
        (b"95", _) => ("the totals differ", "对账不平"),
        (b"96", _) if declined.kind == K::Settlement => (
            "unavailable, or a QR code is still open; try again later",
            "系统暂不可用，或有扫码未完，请稍后重做",
        ),
        (b"96", "key store") => (
            "a key of the switch is missing or unusable; the card is not at fault",
            "交换中心的密钥缺失或不可用，与卡无关",
        ),
        (b"96", _) => ("unavailable; try again later", "系统暂不可用，请稍后重做"),
        (b"97", "merchant") => (
            "the merchant number is not that of the terminal's firm; check --merchant and \
             [merchant]",
            "商户号与终端所属快递公司不符；请检查 --merchant 和 [merchant]",
        ),
        (b"97", _) => (
            "the terminal is not registered in the books; call your firm",
            "终端未登记，请联系公司",
        ),
        (b"A0", _) => {
            ("the terminal's key is not the one that the switch has", "终端的密钥与交换中心的不同")
        }
        (b"P1", _) => ("no such parcel", "无此包裹"),
        (b"P2", _) => ("the parcel belongs to another courier", "包裹不属本快递员"),
        (b"P3", _) => ("the parcel can no longer be paid", "包裹不可再付"),
        (b"P4", _) => ("the amount exceeds what is left to pay", "超过待收金额"),
        (b"P5", _) => {
            ("a payment is being reversed; take cash, or wait", "有付款冲正中，请收现金或稍候")
        }
        (b"P6", _) => ("too many payments", "付款次数过多"),
        (b"P7", _) => ("the pre-authorisation has expired", "预授权已过期"),
        (b"P8", _) => (
            "the courier is suspended: only cash and offline sales are recorded; call your firm",
            "快递员已暂停，只登记现金和离线消费，请联系公司",
        ),
        (b"P9", _) => ("the transaction was reversed; it has no effect", "交易已冲正，不生效"),
        _ => ("not done", "未办理"),
    }
}

/// The codes of issuers and networks.
fn issuer_reason(code: &[u8; 2]) -> Text {
    match code {
        b"01" | b"02" => ("the buyer must call the bank; use another card", "请持卡人联系发卡行"),
        b"03" => (
            "the network does not know the merchant number; the card is not at fault",
            "卡组织不认识该商户号，与卡无关",
        ),
        b"04" | b"07" | b"33" | b"34" | b"35" | b"37" | b"67" => {
            ("the card is blocked; use another card", "卡已被没收或冻结，请换卡")
        }
        b"05" => ("do not honour; use another payment method", "不予承兑，请换方式付款"),
        b"06" | b"22" | b"96" => ("the issuer cannot answer; try again", "发卡行故障，请重试"),
        b"12" => ("the issuer does not allow this transaction", "发卡行不支持该交易"),
        b"13" => ("the issuer does not accept the amount", "发卡行不接受该金额"),
        b"14" => ("no such card number; use another card", "无此卡号，请换卡"),
        b"15" => {
            ("the network knows no issuer of this card; use another card", "无此发卡行，请换卡")
        }
        b"25" => ("the network does not find the original transaction", "卡组织查无原交易"),
        b"31" => (
            "the network does not know our acquirer number; check `acquirer` in the settings",
            "卡组织不认识我方机构号，请检查配置中的 `acquirer`",
        ),
        b"36" | b"62" => ("the card is restricted; use another card", "受限制的卡，请换卡"),
        b"38" | b"75" => ("too many wrong PINs; use another card", "密码错误次数超限，请换卡"),
        b"41" => ("the card is reported lost; keep it", "挂失卡，请没收"),
        b"43" => ("the card is reported stolen; keep it", "被盗卡，请没收"),
        b"40" | b"57" => {
            ("the card is not for such payments; use another card", "此卡不能办理该交易")
        }
        b"45" => ("use the chip of this card", "请使用芯片，不可降级"),
        b"51" => ("insufficient funds; use another payment method", "余额不足，请换方式付款"),
        b"54" => ("the card has expired; use another card", "过期卡，请换卡"),
        b"55" => ("wrong PIN; enter it again", "密码错，请重输"),
        b"61" => ("the card's limit is exceeded; use another payment method", "超出卡的金额限制"),
        b"64" => ("the amount differs from the original transaction", "金额与原交易不符"),
        b"65" => ("too many payments by this card; use another card", "超出卡的次数限制，请换卡"),
        b"68" => ("the issuer did not answer in time; try again", "发卡行超时，请重试"),
        b"91" => ("the issuer cannot be reached; use another card", "发卡行不能操作，请换卡"),
        b"92" => ("the network cannot reach the issuer; try again", "卡组织与发卡行线路异常"),
        _ => ("declined; use another payment method", "交易被拒，请换方式付款"),
    }
}

#[cfg(test)]
mod tests {
    use peers::ResponseCode;

    use super::*;

    fn declined(code: &[u8; 2], text: &str, network: &str) -> DeclinedRequest {
        let code = ResponseCode::new(*code).unwrap();
        let (text, network) = (text.to_owned(), network.to_owned());
        DeclinedRequest { kind: TerminalRequestKind::Sale, stan: 1, code, text, network }
    }

    #[test]
    fn the_same_code_has_another_reason_from_the_issuer() {
        for code in [b"15", b"61", b"68", b"91", b"14", b"12"] {
            let (ours, theirs) = (declined(code, "", ""), declined(code, "", "alpha"));
            assert_ne!(reason(&ours, Lang::En), reason(&theirs, Lang::En));
            assert_eq!(decliner(&ours, Lang::En), "declined by Doorstep");
            assert_eq!(decliner(&theirs, Lang::Zh), "由发卡行拒绝，经 alpha");
        }
    }

    #[test]
    fn a_wrong_setting_is_not_blamed_on_the_card() {
        let key = declined(b"91", "network answered: A0", "alpha");
        assert!(reason(&key, Lang::En).contains("the card is not at fault"));
        assert_eq!(decliner(&key, Lang::En), "no decision by the network alpha");
        assert_eq!(detail(&key, Lang::Zh), "卡组织应答：A0");
        let bin = declined(b"15", "no network for this BIN", "");
        assert!(reason(&bin, Lang::En).contains("[[bin]]"));
        assert_eq!(detail(&bin, Lang::En), "");
        let down = declined(b"91", "alpha down, beta withdrawn", "");
        assert_eq!(detail(&down, Lang::Zh), "alpha 未连接, beta 已停用");
        assert!(reason(&declined(b"97", "merchant", ""), Lang::En).contains("--merchant"));
    }

    #[test]
    fn the_kind_of_request_changes_the_reason() {
        let of = |kind, code| reason(&DeclinedRequest { kind, ..declined(code, "", "") }, Lang::En);
        assert!(of(TerminalRequestKind::Qr, b"91").starts_with("no wallet"));
        assert!(of(TerminalRequestKind::Settlement, b"96").contains("QR"));
        assert_eq!(of(TerminalRequestKind::QrStatus, b"68"), "not paid in time");
        let pins = |text| reason(&declined(b"75", text, ""), Lang::En);
        assert!(pins("card").contains("card today") && pins("terminal").contains("terminal"));
    }
}
