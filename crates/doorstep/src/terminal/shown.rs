//! What a terminal shows, in English and Chinese.

use field::Note;
use money::Currency;
use money::decimal::Decimal;
use peers::Heard;
use peers::terminal::{After, Line, Receipt, Standing, Totals};
use qr::Ground;

use super::orders::HELP;
use crate::words::{Lang, left, right, say, width};

/// Columns of the word in front of a line.
const WORD_COLUMNS: usize = 13;
const AMOUNT_COLUMNS: usize = 14;

/// Shows things in a language, amounts in a currency.
#[derive(Clone, Copy)]
pub struct Screen {
    pub lang: Lang,
    pub currency: Currency,
}

impl Screen {
    fn line(self, word: (&'static str, &'static str), rest: &str) {
        let word = left(self.lang.pick(word.0, word.1), WORD_COLUMNS);
        say!("{}", format!("{word} {rest}").trim_end());
    }

    fn money(self, minor: u64) -> String {
        let amount = Decimal::of_balance(minor.into(), self.currency);
        format!("{} {}", right(&amount.to_string(), AMOUNT_COLUMNS), self.currency.code())
    }

    /// What a person did wrong, or the terminal does not do.
    pub fn wrong(self, why: &str) {
        self.line(("not done", "未办理"), why);
    }

    /// Which card is used.
    pub fn card(self, card: &peers::Card) {
        self.line(("card", "卡"), &format!("{}", card.pan()));
    }

    /// Something on the way to an answer.
    pub fn note(self, note: Note) {
        match note {
            Note::Connected(at) => self.line(("connected", "已连接"), &at.to_string()),
            Note::Unreachable(at) => self.line(("unreachable", "连接不上"), &at.to_string()),
            Note::Lost(at) => {
                let goes_on = self.lang.pick("repeats at the next address", "换地址重发");
                self.line(("lost", "连接中断"), &format!("{at}   {goes_on}"));
            }
            Note::NoAnswer(after) => {
                let then = match after {
                    After::Reverse => self.lang.pick("it is reversed", "将冲正"),
                    After::Repeat => self.lang.pick("it is sent again", "将重发"),
                    After::Nothing => "",
                };
                self.line(("no answer", "无应答"), then);
            }
            Note::SignsOn => self.line(("signs on", "重新签到"), ""),
        }
    }

    /// What came of something.
    pub fn heard(self, heard: &Heard) {
        match heard {
            Heard::SignedOn { batch, abandoned } => {
                let dropped = match abandoned {
                    0 => String::new(),
                    lines => format!(
                        "   {}: {lines}",
                        self.lang.pick("lines of an old batch dropped", "旧批次作废明细")
                    ),
                };
                let word = self.lang.pick("batch", "批次");
                self.line(("signed on", "已签到"), &format!("{word} {batch:06}{dropped}"));
            }
            Heard::SignedOff => self.line(("signed off", "已签退"), ""),
            Heard::Echoed => self.line(("there", "线路正常"), ""),
            Heard::Parameters(parameters) => {
                let words = self.lang.pick("seconds, reversals, echo", "秒数、冲正次数、回响");
                let (wait, echo) = (parameters.answer_within_s, parameters.echo_every_s);
                let rest = format!("{words}: {wait}, {}, {echo}", parameters.reversal_tries);
                self.line(("parameters", "参数"), &rest);
            }
            Heard::Balance(balance) => {
                let amount = Decimal::of_balance(balance.amount.into(), self.currency);
                let amount = right(&amount.to_string(), AMOUNT_COLUMNS);
                self.line(("balance", "余额"), &format!("{amount} {}", self.currency.code()));
            }
            Heard::Approved { receipt, network } => {
                self.line(("approved", "成功"), &format!("{}   {network}", self.receipt(receipt)));
            }
            Heard::Declined(declined) => {
                let code = String::from_utf8_lossy(&declined.code);
                let why = meaning(&declined.code, self.lang);
                let stan = declined.stan;
                let rest = format!("{code}  {why}   STAN {stan:06}   {}", declined.text);
                self.line(("declined", "拒绝"), &rest);
            }
            Heard::QrShown { stan, text } => self.qr(*stan, text),
            Heard::Waiting { stan } => {
                self.line(("waiting", "待付款"), &format!("STAN {stan:06}"));
            }
            Heard::Reversed { stan, code } => {
                let code = String::from_utf8_lossy(code);
                let word = match &*code {
                    "12" => ("stands", "冲正不成立"),
                    _ => ("reversed", "已冲正"),
                };
                self.line(word, &format!("STAN {stan:06}   {code}"));
            }
            Heard::ReversalRefused { stan, code } => {
                let code = String::from_utf8_lossy(code);
                let again = self.lang.pick("it is tried again", "将再冲正");
                let rest = format!("STAN {stan:06}   {code}   {again}");
                self.line(("not reversed", "冲正未成"), &rest);
            }
            Heard::BatchAgreed { batch, totals } => {
                self.batch(("agreed", "对账平"), *batch);
                self.totals(totals);
            }
            Heard::BatchDiffers { batch, ours, theirs } => {
                self.batch(("differs", "对账不平"), *batch);
                self.totals(ours);
                if let Some(theirs) = theirs.filter(|theirs| theirs != ours) {
                    self.line(("the switch", "中心"), "");
                    self.totals(&theirs);
                }
            }
            Heard::UploadGoesOn { lines } | Heard::Uploaded { lines } => {
                let word = self.lang.pick("lines", "笔");
                self.line(("uploaded", "已批上送"), &format!("{lines} {word}"));
            }
            Heard::SignOnFirst { code } => {
                let code = String::from_utf8_lossy(code);
                self.line(("sign on", "请签到"), &code);
            }
            Heard::WrongMac => self.line(("wrong MAC", "MAC 错"), ""),
            Heard::Stray => {}
        }
    }

    fn receipt(self, receipt: &Receipt) -> String {
        let characters = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!(
            "{}   STAN {:06}   RRN {}   {} {}",
            self.money(receipt.amount),
            receipt.stan,
            characters(&receipt.rrn),
            self.lang.pick("auth", "授权"),
            characters(&receipt.authorisation),
        )
    }

    fn qr(self, stan: u32, text: &str) {
        match qr::picture(text, Ground::Dark) {
            Ok(picture) => say!("{}", picture.trim_end_matches('\n')),
            Err(error) => self.wrong(&error.to_string()),
        }
        self.line(("to be paid", "请扫码"), &format!("STAN {stan:06}"));
    }

    fn batch(self, word: (&'static str, &'static str), batch: u32) {
        self.line(word, &format!("{} {batch:06}", self.lang.pick("batch", "批次")));
    }

    fn totals(self, totals: &Totals) {
        let rows = [
            (("card", "卡"), totals.card_debits, totals.card_credits),
            (("cash, QR", "现金、扫码"), totals.other_debits, totals.other_credits),
        ];
        for (word, debits, credits) in rows {
            let back = self.lang.pick("back", "退");
            let taken = format!("{:>4} {}", debits.count, self.money(debits.amount));
            let given = format!("{:>4} {}", credits.count, self.money(credits.amount));
            self.line(word, &format!("{taken}   {back} {given}"));
        }
    }

    /// The journal.
    pub fn journal(self, lines: &[Line], totals: &Totals) {
        for line in lines {
            let standing = match line.standing {
                Standing::Stands => "",
                Standing::Waiting => self.lang.pick("waiting", "待付款"),
                Standing::Reversed => self.lang.pick("reversed", "已冲正"),
                Standing::Ended => self.lang.pick("ended", "已结束"),
            };
            let kind = left(&format!("{:?}", line.receipt.kind), 20);
            say!("{}", format!("{kind} {}   {standing}", self.receipt(&line.receipt)).trim_end());
        }
        self.totals(totals);
    }

    /// What can be typed.
    pub fn help(self) {
        let call = |word: &str, form: &str| format!("{word} {form}");
        let columns = HELP.iter().map(|(word, form, ..)| width(&call(word, form))).max();
        for (word, form, english, chinese) in HELP {
            let call = left(&call(word, form), columns.unwrap_or(0));
            say!("  {call}  {}", self.lang.pick(english, chinese));
        }
    }
}

/// What a response code says, where the terminal's own document has it.
fn meaning(code: &[u8; 2], lang: Lang) -> &'static str {
    let (english, chinese) = match code {
        b"12" => ("it cannot be done in this state", "状态不符"),
        b"13" => ("the amount is wrong", "金额有误"),
        b"14" => ("the card number is wrong", "卡号有误"),
        b"15" => ("no network takes this card", "无此卡通道"),
        b"25" => ("what was before is not known", "原交易不存在"),
        b"30" => ("format error", "报文格式错"),
        b"51" => ("not enough money", "余额不足"),
        b"55" => ("wrong PIN", "密码错"),
        b"58" => ("the terminal is blocked", "终端已停用"),
        b"61" => ("beyond a limit", "超限额"),
        b"64" => ("not the amount of what was before", "金额与原交易不符"),
        b"68" => ("nobody knows; it is being reversed", "超时，冲正中"),
        b"91" => ("no network is up", "通道不可用"),
        b"94" => ("the STAN was used before", "流水号重复"),
        b"95" => ("totals differ", "对账不平"),
        b"96" => ("not at the moment", "系统暂不可用"),
        b"97" => ("the terminal or merchant is not known", "终端或商户未登记"),
        b"99" => ("the PIN block is wrong", "密码密文错"),
        b"P1" => ("no such parcel", "无此包裹"),
        b"P2" => ("the parcel is another courier's", "包裹不属本快递员"),
        b"P3" => ("the parcel cannot be paid any more", "包裹不可再付"),
        b"P4" => ("more than is left to pay", "超过应付余额"),
        b"P5" => ("a payment is being reversed", "有付款冲正中"),
        b"P6" => ("too many payments", "付款次数过多"),
        _ => ("the card's issuer says no", "发卡行拒绝"),
    };
    lang.pick(english, chinese)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_card_number_is_shown_whole() {
        let card = peers::Card::made(622_588, 7, peers::card::Entry::Chip);
        let shown = card.pan().to_string();
        assert!(!shown.contains("6225880000000077") && shown.starts_with("622588"), "{shown}");
    }

    #[test]
    fn every_code_has_words_in_both_languages() {
        assert_eq!(meaning(b"P1", Lang::En), "no such parcel");
        assert_eq!(meaning(b"P1", Lang::Zh), "无此包裹");
        assert_eq!(meaning(b"05", Lang::En), "the card's issuer says no");
    }
}
