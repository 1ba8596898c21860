//! What a terminal shows, in English and Chinese, on a screen of any width.

use std::io;

use field::Note;
use money::Currency;
use money::decimal::Decimal;
use peers::terminal::{After, Line, Parameters, Receipt, Standing, Sum, TerminalError, Totals};
use peers::{Heard, Terminal};
use qr::Ground;

use super::codes;
use super::orders::{HELP, PinTyped, Wrong};
use crate::words::{Lang, left, right, say, width};

/// Columns of the word in front of a line.
const WORD_COLUMNS: usize = 13;
const KIND_COLUMNS: usize = 12;
const AMOUNT_COLUMNS: usize = 14;
/// Columns behind the word, on the narrowest screen.
const ROOM_COLUMNS_MIN: usize = 16;
/// Between the parts of a line.
const GAP: &str = "   ";

/// Two words that say the same.
type Word = (&'static str, &'static str);

/// Shows things in a language, amounts in a currency.
#[derive(Clone, Copy)]
pub struct Screen {
    pub lang: Lang,
    pub currency: Currency,
    /// How wide it is; nothing for a file or a pipe.
    pub columns: Option<usize>,
}

/// How wide the screen is.
pub fn columns() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(columns, _)| columns.0.into())
}

impl Screen {
    fn line<const N: usize>(self, word: Word, parts: [String; N]) {
        self.row(self.lang.pick(word.0, word.1), parts);
    }

    fn row<const N: usize>(self, word: &str, parts: [String; N]) {
        let word = left(word, WORD_COLUMNS);
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let whole = format!("{word} {}", parts.join(GAP));
        match self.columns {
            Some(columns) if width(&whole) > columns => {
                let room = columns.saturating_sub(WORD_COLUMNS + 1).max(ROOM_COLUMNS_MIN);
                for (place, row) in folded(&parts, room).iter().enumerate() {
                    let word = if place == 0 { &word } else { "" };
                    say!("{} {row}", left(word, WORD_COLUMNS));
                }
            }
            _ => say!("{}", whole.trim_end()),
        }
    }

    fn amount(self, minor: u64) -> String {
        let amount = Decimal::of_balance(minor.into(), self.currency);
        format!("{amount} {}", self.currency.code())
    }

    fn money(self, minor: u64) -> String {
        right(&self.amount(minor), AMOUNT_COLUMNS + 1 + self.currency.code().len())
    }

    fn word(self, english: &'static str, chinese: &'static str) -> String {
        self.lang.pick(english, chinese).to_owned()
    }

    /// Who stands there.
    pub fn greets(self, terminal: &Terminal, card: &peers::Card) {
        let number = format!("{:08}", terminal.number());
        let help = self.word("type help for what it can do", "输入 help 查看命令");
        self.line(("terminal", "终端"), [number, format!("{}", card.pan()), help]);
    }

    /// What a person wrote wrong.
    pub fn wrong(self, line: Option<u64>, wrong: &Wrong) {
        self.at_line(line, codes::wrong(wrong, self.currency, self.lang));
    }

    /// What the terminal does not do.
    pub fn not_done(self, line: Option<u64>, error: &TerminalError) {
        self.at_line(line, codes::not_done(error, self.lang));
    }

    fn at_line(self, line: Option<u64>, why: String) {
        let at = match (line, self.lang) {
            (Some(line), Lang::En) => format!("line {line}: "),
            (Some(line), Lang::Zh) => format!("第 {line} 行："),
            (None, _) => String::new(),
        };
        self.line(("not done", "未办理"), [format!("{at}{why}")]);
    }

    /// What is lost when the terminal is put away.
    pub fn forgets(self, stan: u32) {
        let why = self.word("is not finished, and is forgotten", "未完，将丢失");
        self.line(("forgotten", "丢失"), [format!("STAN {stan:06} {why}")]);
    }

    /// Which card is used.
    pub fn card(self, card: &peers::Card) {
        self.line(("card", "卡"), [card.pan().to_string()]);
    }

    /// What is typed for a PIN.
    pub fn pin(self, pin: PinTyped) {
        let what = match pin {
            PinTyped::Right => self.word("is typed", "输入"),
            PinTyped::Wrong => self.word("a wrong one is typed", "输错"),
            PinTyped::None => self.word("is not typed", "不输"),
        };
        self.line(("PIN", "密码"), [what]);
    }

    /// What a buyer gets back of the cash.
    pub fn change(self, minor: u64) {
        self.line(("change", "找零"), [self.money(minor)]);
    }

    /// Something on the way to an answer.
    pub fn note(self, note: Note) {
        match note {
            Note::Connected(at) => self.line(("connected", "已连接"), [at.to_string()]),
            Note::Unreachable(at) => {
                let again = self.word("tries again", "重试中");
                self.line(("unreachable", "连接不上"), [at.to_string(), again]);
            }
            Note::Lost(at) => {
                let goes_on = self.word("repeats at the next address", "换地址重发");
                self.line(("lost", "连接中断"), [at.to_string(), goes_on]);
            }
            Note::NoAnswer(after) => {
                let then = match after {
                    After::Reverse => self.word("it is reversed", "将冲正"),
                    After::Repeat => self.word("it is sent again", "将重发"),
                    After::Nothing => self.word("nothing is done; ask again", "未办理，可重试"),
                };
                self.line(("no answer", "无应答"), [then]);
            }
            Note::SignsOn => self.line(("signs on", "重新签到"), []),
        }
    }

    /// What came of something.
    pub fn heard(self, heard: &Heard) {
        match heard {
            Heard::SignedOn { batch, abandoned } => {
                let dropped = self.lang.pick("lines of an old batch dropped", "旧批次作废明细");
                let dropped = match abandoned {
                    0 => String::new(),
                    lines => format!("{dropped}: {lines}"),
                };
                self.line(("signed on", "已签到"), [self.batch(*batch), dropped]);
            }
            Heard::SignedOff => self.line(("signed off", "已签退"), []),
            Heard::Echoed => self.line(("there", "线路正常"), []),
            Heard::Parameters(parameters) => self.parameters(parameters),
            Heard::Balance(balance) => {
                let amount = Decimal::of_balance(balance.amount.into(), self.currency);
                let amount = right(&amount.to_string(), AMOUNT_COLUMNS);
                self.line(("balance", "余额"), [format!("{amount} {}", self.currency.code())]);
            }
            Heard::Approved { receipt, network } => self.approved(receipt, network),
            Heard::Declined(declined) => {
                let code = String::from_utf8_lossy(&declined.code);
                let why = format!("{code}  {}", codes::refusal(declined, self.lang));
                let kind = codes::kind(declined.kind, self.lang);
                let stan = format!("{kind} STAN {:06}", declined.stan);
                self.line(("declined", "拒绝"), [why, stan, declined.text.clone()]);
            }
            Heard::QrShown { stan, text } => self.qr(*stan, text),
            Heard::Waiting { stan } => {
                let again = self.word("nobody has paid yet", "尚未付款");
                self.line(("waiting", "待付款"), [format!("STAN {stan:06}"), again]);
            }
            Heard::Reversed { stan, code } => {
                let word = match code {
                    b"12" => ("stands", "冲正不成立"),
                    _ => ("reversed", "已冲正"),
                };
                let why = codes::reversal(*code, self.lang);
                let why = format!("{}  {why}", String::from_utf8_lossy(code));
                self.line(word, [format!("STAN {stan:06}"), why]);
            }
            Heard::ReversalRefused { stan, code } => {
                let code = String::from_utf8_lossy(code).into_owned();
                let again = self.word("it is tried again", "将再冲正");
                self.line(("not reversed", "冲正未成"), [format!("STAN {stan:06}"), code, again]);
            }
            Heard::BatchAgreed { batch, totals } => {
                self.line(("agreed", "对账平"), [self.batch(*batch)]);
                self.totals(totals);
            }
            Heard::BatchDiffers { batch, ours, theirs } => {
                let then = self.word("its lines are sent", "将上送明细");
                self.line(("differs", "对账不平"), [self.batch(*batch), then]);
                self.totals(ours);
                if let Some(theirs) = theirs.filter(|theirs| theirs != ours) {
                    self.line(("the switch", "中心"), []);
                    self.totals(&theirs);
                }
            }
            Heard::UploadGoesOn { lines } | Heard::Uploaded { lines } => {
                let word = match heard {
                    Heard::Uploaded { .. } => ("all uploaded", "批上送完成"),
                    _ => ("uploaded", "已批上送"),
                };
                let lines = format!("{lines} {}", self.lang.pick("lines", "笔"));
                self.line(word, [lines]);
            }
            Heard::SignOnFirst { code } => {
                let code = String::from_utf8_lossy(code).into_owned();
                let again = self.word("type it again: it signs on first", "请重做，将先签到");
                self.line(("sign on", "请签到"), [code, again]);
            }
            Heard::WrongMac => {
                let why = self.word("as if no answer had come", "视同无应答");
                self.line(("wrong MAC", "MAC 错"), [why]);
            }
            Heard::Stray => {}
        }
    }

    fn parameters(self, parameters: &Parameters) {
        let Parameters { answer_within_s, reversal_tries, echo_every_s, .. } = parameters;
        let most = parameters.batch_transactions;
        let (each, all) =
            (self.amount(parameters.offline_each), self.amount(parameters.offline_total));
        let parts = match self.lang {
            Lang::En => [
                format!("answer within {answer_within_s} s"),
                format!("{reversal_tries} tries of a reversal"),
                format!("echo every {echo_every_s} s"),
                format!("{most} in a batch"),
                format!("offline {each} each, {all} together"),
            ],
            Lang::Zh => [
                format!("等待 {answer_within_s} 秒"),
                format!("冲正 {reversal_tries} 次"),
                format!("回响间隔 {echo_every_s} 秒"),
                format!("每批 {most} 笔"),
                format!("离线每笔 {each}，合计 {all}"),
            ],
        };
        self.line(("parameters", "参数"), parts);
    }

    fn approved(self, receipt: &Receipt, network: &str) {
        let kind = left(codes::kind(receipt.kind, self.lang), KIND_COLUMNS);
        let [money, stan, rrn, authorisation] = self.receipt(receipt);
        let done = format!("{kind} {money}");
        let parts = [done, stan, rrn, authorisation, network.to_owned()];
        self.line(("approved", "成功"), parts);
    }

    /// Amount, STAN, RRN, authorisation; the last two where there are any.
    fn receipt(self, receipt: &Receipt) -> [String; 4] {
        let named = |name: &str, bytes: &[u8]| match String::from_utf8_lossy(bytes).trim() {
            "" => String::new(),
            text => format!("{name} {text}"),
        };
        [
            self.money(receipt.amount),
            format!("STAN {:06}", receipt.stan),
            named("RRN", &receipt.rrn),
            named(self.lang.pick("auth", "授权"), &receipt.authorisation),
        ]
    }

    fn qr(self, stan: u32, text: &str) {
        match qr::picture(text, Ground::Dark) {
            Ok(picture) => {
                let wide = picture.lines().map(width).max().unwrap_or(0);
                if self.columns.is_some_and(|columns| columns < wide) {
                    let why = self.word("the screen is too narrow for it", "屏幕太窄");
                    self.line(("QR", "二维码"), [why, text.to_owned()]);
                } else {
                    say!("{}", picture.trim_end_matches('\n'));
                }
            }
            Err(error) => self.line(("QR", "二维码"), [error.to_string()]),
        }
        self.line(("to be paid", "请扫码"), [format!("STAN {stan:06}")]);
    }

    fn batch(self, batch: u32) -> String {
        format!("{} {batch:06}", self.lang.pick("batch", "批次"))
    }

    fn totals(self, totals: &Totals) {
        let rows = [
            (("card", "卡"), totals.card_debits, totals.card_credits),
            (("cash, QR", "现金、扫码"), totals.other_debits, totals.other_credits),
        ];
        let sum = |sum: Sum| format!("{:>4} {}", sum.count, self.money(sum.amount));
        for (word, debits, credits) in rows {
            let back = format!("{} {}", self.lang.pick("back", "退"), sum(credits));
            self.line(word, [sum(debits), back]);
        }
    }

    /// The journal.
    pub fn journal(self, lines: &[Line], totals: &Totals) {
        for line in lines {
            let standing = match line.standing {
                Standing::Stands => String::new(),
                Standing::Waiting => self.word("waiting", "待付款"),
                Standing::Reversed => self.word("reversed", "已冲正"),
                Standing::Ended => self.word("ended", "已结束"),
            };
            let [money, stan, rrn, authorisation] = self.receipt(&line.receipt);
            let kind = codes::kind(line.receipt.kind, self.lang);
            self.row(kind, [money, stan, rrn, authorisation, standing]);
        }
        self.totals(totals);
    }

    /// What can be typed.
    pub fn help(self) {
        let rows = HELP.map(|(word, form, english, chinese)| {
            (format!("{word} {form}").trim_end().to_owned(), self.lang.pick(english, chinese))
        });
        let calls = rows.iter().map(|(call, _)| width(call)).max().unwrap_or(0);
        let texts = rows.iter().map(|(_, text)| width(text)).max().unwrap_or(0);
        let whole = 2 + calls + 2 + texts;
        let narrow = self.columns.is_some_and(|columns| columns < whole);
        for (call, text) in &rows {
            if narrow {
                say!("  {call}");
                say!("      {text}");
            } else {
                say!("  {}  {text}", left(call, calls));
            }
        }
    }
}

/// Parts in rows of a width: a part is kept together where it fits into a row.
fn folded(parts: &[String], room: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for part in parts {
        let words: Vec<&str> = part.split_whitespace().collect();
        let whole = words.join(" ");
        let pieces = match (width(part), width(&whole)) {
            (wide, _) if wide <= room => vec![part.as_str()],
            (_, wide) if wide <= room => vec![whole.as_str()],
            _ => words,
        };
        for (place, piece) in pieces.into_iter().enumerate() {
            let gap = if place == 0 { GAP } else { " " };
            match rows.last_mut() {
                Some(row) if width(row) + gap.len() + width(piece) <= room => {
                    row.push_str(gap);
                    row.push_str(piece);
                }
                _ => rows.push(piece.to_owned()),
            }
        }
    }
    rows
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
    fn what_is_too_wide_goes_on_in_the_next_row() {
        let parts = ["sale             99.19 CNY", "STAN 000502", "no network is up; take cash"];
        let parts = parts.map(str::to_owned);
        let rows = ["sale 99.19 CNY", "STAN 000502   no network", "is up; take cash"];
        assert_eq!(folded(&parts, 25), rows);
        assert_eq!(folded(&parts[..2], 40), ["sale             99.19 CNY   STAN 000502"]);
        assert_eq!(
            folded(&["余额不足".to_owned(), "流水号".to_owned()], 13),
            ["余额不足", "流水号"]
        );
    }
}
