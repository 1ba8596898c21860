//! The interactive terminal's output, in English and Chinese, for any screen width.

use std::io;

use bench::TerminalNotice;
use money::Currency;
use money::decimal::DecimalAmount;
use peers::terminal::{
    JournalLine, JournalLineStatus, Receipt, TerminalCardRequest, TerminalError,
    TerminalParameters, TerminalParcel, TerminalSum, TerminalTotals, TimeoutAction,
};
use peers::{ResponseCode, TerminalOutcome, TerminalSimulator};
use qr::Background;

use super::codes;
use super::commands::{COMMANDS, PinEntry, TerminalCommandError};
use super::declines;
use super::parcels::CourierParcels;
use crate::words::{Lang, left, right, say, width};

/// Width of the label before a line.
const WORD_COLUMNS: usize = 13;
const KIND_COLUMNS: usize = 12;
const AMOUNT_COLUMNS: usize = 14;
/// Width after the label, on the narrowest screen.
const ROOM_COLUMNS_MIN: usize = 16;
/// Separates the parts of a line.
const GAP: &str = "   ";

/// A label in English and Chinese.
type Label = (&'static str, &'static str);

#[derive(Clone, Copy)]
pub struct Screen {
    pub lang: Lang,
    pub currency: Currency,
    /// The screen's width; none for a file or a pipe.
    pub columns: Option<usize>,
}

/// The screen's width, or else that of the variable COLUMNS; none for a file or a pipe.
pub fn columns() -> Option<usize> {
    let screen = terminal_size::terminal_size_of(io::stdout());
    let variable = || std::env::var("COLUMNS").ok()?.parse().ok();
    screen.map(|(columns, _)| columns.0.into()).or_else(variable)
}

impl Screen {
    fn line<const N: usize>(self, label: Label, parts: [String; N]) {
        self.row(self.lang.pick(label.0, label.1), parts);
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
        let amount = DecimalAmount::of_balance(minor.into(), self.currency);
        format!("{amount} {}", self.currency.code())
    }

    fn money(self, minor: u64) -> String {
        right(&self.amount(minor), AMOUNT_COLUMNS + 1 + self.currency.code().len())
    }

    fn word(self, english: &'static str, chinese: &'static str) -> String {
        self.lang.pick(english, chinese).to_owned()
    }

    fn stan(self, stan: u32) -> String {
        format!("{} {stan:06}", self.lang.pick("STAN", "流水号"))
    }

    pub fn welcome(self, terminal: &TerminalSimulator, card: &peers::TestCard) {
        let number = format!("{:08}", terminal.number());
        let help = self.word("type help for the commands", "输入 help 查看命令");
        self.line(("terminal", "终端"), [number, format!("{}", card.pan()), help]);
    }

    pub fn command_error(self, line: Option<u64>, wrong: &TerminalCommandError) {
        self.at_line(line, codes::command_error_text(wrong, self.currency, self.lang));
    }

    pub fn terminal_error(self, line: Option<u64>, error: &TerminalError) {
        self.at_line(line, codes::terminal_error_text(error, self.lang));
    }

    fn at_line(self, line: Option<u64>, why: String) {
        let at = match (line, self.lang) {
            (Some(line), Lang::En) => format!("line {line}: "),
            (Some(line), Lang::Zh) => format!("第 {line} 行："),
            (None, _) => String::new(),
        };
        self.line(("not done", "未办理"), [format!("{at}{why}")]);
    }

    /// An unfinished transaction that is lost when the program ends.
    pub fn discarded(self, stan: u32) {
        let why = self.word("is unfinished and lost", "未完，将丢失");
        self.line(("lost", "丢失"), [format!("{} {why}", self.stan(stan))]);
    }

    pub fn card(self, card: &peers::TestCard) {
        self.line(("card", "卡"), [card.pan().to_string()]);
    }

    pub fn pin(self, pin: PinEntry) {
        let what = match pin {
            PinEntry::Correct => self.word("entered", "输入"),
            PinEntry::Wrong => self.word("a wrong one is entered", "输错"),
            PinEntry::None => self.word("not entered", "不输"),
        };
        self.line(("PIN", "密码"), [what]);
    }

    pub fn change(self, minor: u64) {
        self.line(("change", "找零"), [self.money(minor)]);
    }

    /// An event while an answer is awaited.
    pub fn note(self, note: TerminalNotice) {
        match note {
            TerminalNotice::Connected(at) => self.line(("connected", "已连接"), [at.to_string()]),
            TerminalNotice::Unreachable(at) => {
                let again = self.word("retrying", "重试中");
                self.line(("unreachable", "连接不上"), [at.to_string(), again]);
            }
            TerminalNotice::Lost(at) => {
                let then = self.word("repeating at the next address", "换地址重发");
                self.line(("disconnected", "连接中断"), [at.to_string(), then]);
            }
            TerminalNotice::NoAnswer(after) => {
                let then = match after {
                    TimeoutAction::Reverse => self.word("it will be reversed", "将冲正"),
                    TimeoutAction::Repeat => self.word("it will be repeated", "将重发"),
                    TimeoutAction::Nothing => {
                        self.word("nothing was done; try again", "未办理，可重试")
                    }
                };
                self.line(("no answer", "无应答"), [then]);
            }
            TerminalNotice::SigningOn => self.line(("signing on", "重新签到"), []),
        }
    }

    /// The result of a task.
    pub fn result(self, heard: &TerminalOutcome) {
        match heard {
            TerminalOutcome::SignedOn { batch, dropped_lines: abandoned } => {
                let dropped =
                    self.lang.pick("transactions of an old batch discarded", "旧批次作废明细");
                let dropped = match abandoned {
                    0 => String::new(),
                    lines => format!("{dropped}: {lines}"),
                };
                self.line(("signed on", "已签到"), [self.batch(*batch), dropped]);
            }
            TerminalOutcome::SignedOff => self.line(("signed off", "已签退"), []),
            TerminalOutcome::Echoed => self.line(("connected", "线路正常"), []),
            TerminalOutcome::Parameters(parameters) => self.parameters(parameters),
            // Shown when the list is whole.
            TerminalOutcome::Parcels { .. } => {}
            TerminalOutcome::Balance(balance) => {
                let amount = DecimalAmount::of_balance(balance.amount.into(), self.currency);
                let amount = right(&amount.to_string(), AMOUNT_COLUMNS);
                self.line(("balance", "余额"), [format!("{amount} {}", self.currency.code())]);
            }
            TerminalOutcome::Approved { receipt, network, note } => {
                self.approved(receipt, network, note);
            }
            TerminalOutcome::Declined(declined) => {
                let why = format!("{}  {}", declined.code, declines::reason(declined, self.lang));
                let kind = codes::transaction_name(declined.kind, self.lang);
                let stan = format!("{kind} {}", self.stan(declined.stan));
                let who = declines::decliner(declined, self.lang);
                let detail = declines::detail(declined, self.lang);
                self.line(("declined", "拒绝"), [why, who, stan, detail]);
            }
            TerminalOutcome::QrShown { stan, text } => self.qr(*stan, text),
            TerminalOutcome::QrPending { stan } => {
                let again = self.word("not paid yet", "尚未付款");
                self.line(("waiting", "待付款"), [self.stan(*stan), again]);
            }
            TerminalOutcome::Reversed { stan, code } => {
                let word = match *code {
                    ResponseCode::INVALID_TRANSACTION => ("not reversed", "冲正不成立"),
                    _ => ("reversed", "已冲正"),
                };
                let why = codes::reversal_text(*code, self.lang);
                let why = format!("{code}  {why}");
                self.line(word, [self.stan(*stan), why]);
            }
            TerminalOutcome::ReversalRefused { stan, code } => {
                let again = self.word("it will be tried again", "将再冲正");
                self.line(
                    ("not reversed", "冲正未成"),
                    [self.stan(*stan), code.to_string(), again],
                );
            }
            TerminalOutcome::BatchAgreed { batch, totals } => {
                self.line(("agreed", "对账平"), [self.batch(*batch)]);
                self.totals(totals);
            }
            TerminalOutcome::BatchDiffers { batch, terminal_totals: ours, host_totals: theirs } => {
                let then = self.word("the batch will be uploaded", "将批上送");
                self.line(("differs", "对账不平"), [self.batch(*batch), then]);
                self.totals(ours);
                if let Some(theirs) = theirs.filter(|theirs| theirs != ours) {
                    self.line(("the switch", "交换中心"), []);
                    self.totals(&theirs);
                }
            }
            TerminalOutcome::UploadContinues { lines } | TerminalOutcome::Uploaded { lines } => {
                let word = match heard {
                    TerminalOutcome::Uploaded { .. } => ("all uploaded", "批上送完成"),
                    _ => ("uploaded", "已批上送"),
                };
                let lines = format!("{lines} {}", self.lang.pick("transactions", "笔"));
                self.line(word, [lines]);
            }
            TerminalOutcome::SignOnRequired { code } => {
                let again = self.word("try again: the terminal signs on first", "请重做，将先签到");
                self.line(("sign on", "请签到"), [code.to_string(), again]);
            }
            TerminalOutcome::WrongMac => {
                let why = self.word("treated as no answer", "视同无应答");
                self.line(("wrong MAC", "MAC 错"), [why]);
            }
            TerminalOutcome::Unmatched => {}
        }
    }

    /// The courier asks for a card by phone.
    pub fn card_asked(self, asked: &TerminalCardRequest) {
        let TerminalCardRequest { waybill, amount, .. } = asked;
        let parts = [waybill.clone(), self.money(*amount)];
        self.line(("card asked", "手机请刷卡"), parts);
    }

    /// The parcels that are out, with their short waybills.
    pub fn parcels(self, list: &CourierParcels) {
        let columns = AMOUNT_COLUMNS + 1 + self.currency.code().len();
        let heads = [self.word("due", "应收"), self.word("left to collect", "待收金额")];
        self.line(("parcel", "运单"), heads.map(|head| right(&head, columns)));
        for (short, parcel) in list.short_waybills().into_iter().zip(list.parcels()) {
            self.row(short, [self.money(parcel.due), self.money(parcel.left)]);
        }
        let sum = |amount: fn(&TerminalParcel) -> u64| {
            list.parcels().iter().map(amount).fold(0, u64::saturating_add)
        };
        let count = format!("{} {}", list.parcels().len(), self.lang.pick("in all", "件合计"));
        self.row(&count, [self.money(sum(|one| one.due)), self.money(sum(|one| one.left))]);
    }

    fn parameters(self, parameters: &TerminalParameters) {
        let TerminalParameters {
            answer_timeout_s: answer_within_s,
            reversal_tries_max: reversal_tries,
            echo_interval_s: echo_every_s,
            ..
        } = parameters;
        let most = parameters.batch_transactions_max;
        let (each, all) =
            (self.amount(parameters.offline_sale_max), self.amount(parameters.offline_total_max));
        let parts = match self.lang {
            Lang::En => [
                format!("answer within {answer_within_s} s"),
                format!("reversal tries {reversal_tries}"),
                format!("echo every {echo_every_s} s"),
                format!("{most} per batch"),
                format!("offline {each} each, {all} in total"),
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

    fn approved(self, receipt: &Receipt, network: &str, note: &str) {
        let kind = left(codes::transaction_name(receipt.kind, self.lang), KIND_COLUMNS);
        let [money, stan, rrn, authorisation] = self.receipt(receipt);
        let done = format!("{kind} {money}");
        let parts = [done, stan, rrn, authorisation, network.to_owned(), note.to_owned()];
        self.line(("approved", "成功"), parts);
    }

    /// Amount, STAN, RRN, authorisation code; the last two may be empty.
    fn receipt(self, receipt: &Receipt) -> [String; 4] {
        let rrn = receipt.rrn.map(|rrn| format!("{} {rrn}", self.lang.pick("RRN", "检索参考号")));
        let code = receipt.authorisation;
        let code = code.map(|code| format!("{} {code}", self.lang.pick("auth", "授权码")));
        [
            self.money(receipt.amount),
            self.stan(receipt.stan),
            rrn.unwrap_or_default(),
            code.unwrap_or_default(),
        ]
    }

    fn qr(self, stan: u32, text: &str) {
        match qr::render(text, Background::Dark) {
            Ok(picture) => {
                let wide = picture.lines().map(width).max().unwrap_or(0);
                if self.columns.is_some_and(|columns| columns < wide) {
                    let why = self.word("the screen is too narrow", "屏幕太窄");
                    self.line(("QR", "二维码"), [why, text.to_owned()]);
                } else {
                    say!("{}", picture.trim_end_matches('\n'));
                    // Not wrapped, so that it can be copied.
                    say!("{}", text);
                }
            }
            Err(error) => self.line(("QR", "二维码"), [error.to_string()]),
        }
        self.line(("scan to pay", "请扫码"), [self.stan(stan)]);
    }

    fn batch(self, batch: u32) -> String {
        format!("{} {batch:06}", self.lang.pick("batch", "批次"))
    }

    fn totals(self, totals: &TerminalTotals) {
        let rows = [
            (("card", "卡"), totals.card_debits, totals.card_credits),
            (("cash, QR", "现金、扫码"), totals.other_debits, totals.other_credits),
        ];
        let sum = |sum: TerminalSum| format!("{:>4} {}", sum.count, self.money(sum.amount));
        for (word, debits, credits) in rows {
            let refunds = format!("{} {}", self.lang.pick("refunds", "退款"), sum(credits));
            self.line(word, [sum(debits), refunds]);
        }
    }

    pub fn journal(self, lines: &[JournalLine], totals: &TerminalTotals) {
        for line in lines {
            let standing = match line.status {
                JournalLineStatus::Effective => String::new(),
                JournalLineStatus::Pending => self.word("waiting", "待付款"),
                JournalLineStatus::Reversed => self.word("reversed", "已冲正"),
                JournalLineStatus::Closed => self.word("ended", "已结束"),
            };
            let [money, stan, rrn, authorisation] = self.receipt(&line.receipt);
            let kind = codes::transaction_name(line.receipt.kind, self.lang);
            self.row(kind, [money, stan, rrn, authorisation, standing]);
        }
        self.totals(totals);
    }

    pub fn help(self) {
        let rows = COMMANDS.map(|(word, form, english, chinese)| {
            let call = format!("{word} {}", codes::form_text(form, self.lang));
            (call.trim_end().to_owned(), self.lang.pick(english, chinese))
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

/// Wraps parts into rows of a width. A part that fits into a row is not split.
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
        let card = peers::TestCard::generate(622_588, 7, peers::card::EntryMode::Chip);
        let shown = card.pan().to_string();
        assert!(!shown.contains("6225880000000077") && shown.starts_with("622588"), "{shown}");
    }

    #[test]
    fn wide_lines_are_wrapped() {
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
