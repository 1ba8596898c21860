//! `doorstep wallet run`: a simulated wallet, in which a person pays the codes of terminals.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use bench::{WalletClient, WalletClientError};
use clap::{Args, Subcommand};
use money::Currency;
use money::decimal::DecimalAmount;
use peers::wallet::{WalletOrder, WalletResult, WalletSimulator, WalletTask};
use zeroize::Zeroizing;

use crate::chinese;
use crate::data_directory::read_text;
use crate::serve::settings::{SECRET_BYTES_MAX, parse_address};
use crate::terminal::masking::{masked_line, masked_start};
use crate::typed_lines::{self, LINE_BYTES_MAX, LineContent, LineError, TypedLines};
use crate::words::{Lang, bilingual, left, say};

#[derive(Subcommand, Debug)]
pub enum Wallet {
    Run(WalletRunArgs),
}

/// Runs a simulated wallet, with commands from the keyboard or a script
///
/// Pays the QR codes that terminals show, and reports it to the switch as docs/door/wallet.md
/// describes. Type `help` for the commands.
///
/// For trials only: there is no buyer, and the secret is in a plain file.
///
/// Exit status: 0 every command was valid and answered; 1 otherwise.
#[derive(Args, Debug)]
#[command(
    override_usage = "doorstep wallet run [OPTIONS] --connect <ADDR> --name <NAME>\n           \
                            --secret <FILE>"
)]
pub struct WalletRunArgs {
    /// The address of the switch for wallets
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    connect: SocketAddr,
    /// The wallet's name in the settings of the switch
    #[arg(long)]
    name: String,
    /// The file with the secret shared with the switch
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    /// The currency of the codes
    #[arg(long, default_value = "CNY")]
    currency: Currency,
    /// Read commands from a file instead of the keyboard; `-` is standard input
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

/// Command, arguments, and help text in English and Chinese.
const COMMANDS: [(&str, &str, &str, &str); 6] = [
    ("pay", "CODE", "pay the text below a QR code, or an order's reference", "付款"),
    ("fail", "REFERENCE", "report that the buyer does not pay", "通知买家不付款"),
    ("status", "REFERENCE", "ask the switch for the status of an order", "查询订单状态"),
    ("refunds", "", "refund what the switch asks for", "办理应退的付款"),
    ("help", "", "show this help", "帮助"),
    ("quit", "", "exit", "退出"),
];
/// Width of the label before a line.
const WORD_COLUMNS: usize = 13;

struct Console {
    client: WalletClient,
    currency: Currency,
    lang: Lang,
    /// A line was invalid, or not carried out.
    failed: bool,
}

pub fn run(args: &WalletRunArgs) -> anyhow::Result<ExitCode> {
    let named = || format!("--secret {}", args.secret.display());
    let secret = Zeroizing::new(read_text(&args.secret, SECRET_BYTES_MAX).with_context(named)?);
    let secret = Zeroizing::new(secret.trim().as_bytes().to_vec());
    let in_path = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    ensure!(
        !args.name.is_empty() && args.name.bytes().all(in_path),
        bilingual!(
            "--name {0}: write letters, digits and hyphens",
            "--name {0}：请写字母、数字和连字符",
            args.name
        )
    );
    let wallet = WalletSimulator::new(args.name.clone(), secret, args.currency);
    let mut console = Console {
        client: WalletClient::new(wallet, args.connect),
        currency: args.currency,
        lang: Lang::current(),
        failed: false,
    };
    let script = args.script.as_deref();
    let named = || script.map(typed_lines::script_name).unwrap_or_default();
    let mut lines = TypedLines::open(script, LineContent::OtherNumbers)?;
    console.work(&mut lines).with_context(named)?;
    let (count, sum) = console.client.wallet().taken();
    let paid = format!("{count}  {}", console.amount(sum));
    console.row(("total paid", "实付合计"), &[paid]);
    Ok(if console.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Console {
    fn work(&mut self, lines: &mut TypedLines) -> anyhow::Result<()> {
        let prompt = self.lang.pick("wallet>", "钱包>");
        if !lines.is_script() {
            let help = self.lang.pick("type help for the commands", "输入 help 查看命令");
            self.row(("wallet", "钱包"), &[help.to_owned()]);
        }
        while let Some(line) = lines.next(prompt)? {
            let line = match line {
                Ok(line) => line,
                Err(wrong) => {
                    self.not_done(&self.line_error(wrong));
                    continue;
                }
            };
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.is_empty() || words[0].starts_with('#') {
                continue;
            }
            if lines.is_script() {
                say!("> {}", masked_line(&line));
            }
            // A code may contain spaces.
            let rest = line.trim().split_once(char::is_whitespace).map_or("", |(_, rest)| rest);
            match (words[0].to_ascii_lowercase().as_str(), &words[1..]) {
                ("pay", [_, ..]) => self.pay(rest.trim()),
                ("fail", [reference]) => self.fail(reference),
                ("status", [reference]) => {
                    if let Some((amount, standing)) = self.order(reference) {
                        let standing = standing_text(&standing, self.lang);
                        self.row(("order", "订单"), &[self.amount(amount), standing]);
                    }
                }
                ("refunds", []) => self.refund_all(),
                ("help", []) => self.help(),
                ("quit", []) => break,
                (word, _) => {
                    let known = COMMANDS.iter().find(|(known, ..)| *known == word);
                    let why = match known {
                        Some((word, form, ..)) => {
                            let form = form_text(form, self.lang);
                            bilingual!("write it as: {word} {form}", "请写作：{word} {form}")
                        }
                        None => {
                            let word = masked_start(words[0]);
                            bilingual!(
                                "unknown command `{word}`; type help",
                                "没有命令 `{word}`，请输入 help"
                            )
                        }
                    };
                    self.not_done(why.trim_end());
                }
            }
        }
        Ok(())
    }

    fn pay(&mut self, code: &str) {
        let order = if is_reference(code) {
            let Some((amount, _)) = self.order(code) else { return };
            WalletOrder { reference: code.to_owned(), amount }
        } else {
            match self.client.wallet().scan(code) {
                Ok(order) => order,
                Err(error) => return self.not_done(&chinese::error(&error, self.lang)),
            }
        };
        let (reference, amount) = (order.reference.clone(), self.amount(order.amount));
        match self.perform(WalletTask::Pay(order)) {
            Some(WalletResult::Accepted) => {
                self.row(("paid", "已付款"), &[amount, self.named(&reference)]);
            }
            Some(WalletResult::MustRefund) => {
                let why = self.lang.pick("too late; the buyer gets it back", "已过期，退还买家");
                self.row(("paid", "已付款"), &[amount, self.named(&reference), why.to_owned()]);
                self.refund(reference);
            }
            _ => {}
        }
    }

    fn fail(&mut self, reference: &str) {
        let Some((amount, _)) = self.order(reference) else { return };
        let order = WalletOrder { reference: reference.to_owned(), amount };
        if self.perform(WalletTask::Fail(order)).is_some() {
            self.row(("not paid", "未付款"), &[self.named(reference)]);
        }
    }

    /// Amount and status of an order, as the switch knows it.
    fn order(&mut self, reference: &str) -> Option<(u64, String)> {
        if !is_reference(reference) {
            let word = masked_start(reference);
            self.not_done(&bilingual!(
                "`{word}` is not an order's reference: write twenty digits",
                "`{word}` 不是订单编号，请写二十位数字"
            ));
            return None;
        }
        match self.perform(WalletTask::Order(reference.to_owned()))? {
            WalletResult::Order { amount, standing } => Some((amount, standing)),
            _ => None,
        }
    }

    fn refund_all(&mut self) {
        let Some(WalletResult::RefundsDue(due)) = self.perform(WalletTask::RefundsDue) else {
            return;
        };
        if due.is_empty() {
            self.row(("refunds", "应退"), &[self.lang.pick("none", "无").to_owned()]);
        }
        for order in due {
            self.refund(order.reference);
        }
    }

    fn refund(&mut self, reference: String) {
        if self.perform(WalletTask::Refund(reference.clone())).is_some() {
            self.row(("refunded", "已退款"), &[self.named(&reference)]);
        }
    }

    /// The answer to a task. `None` if it was not carried out, which is shown.
    fn perform(&mut self, task: WalletTask) -> Option<WalletResult> {
        match self.client.perform(task) {
            Ok(WalletResult::Refused { status, detail }) => {
                self.not_done(&refusal_text(status, &detail, self.lang));
                None
            }
            Ok(result) => Some(result),
            Err(error) => {
                self.not_done(&chinese::error(&error, self.lang));
                if matches!(error, WalletClientError::Connection { .. }) {
                    let remedy = "is the switch running? type the command again";
                    self.row(
                        ("", ""),
                        &[self.lang.pick(remedy, "交换中心是否在运行？请重输命令").into()],
                    );
                }
                None
            }
        }
    }

    fn not_done(&mut self, why: &str) {
        self.failed = true;
        self.row(("not done", "未办理"), &[why.to_owned()]);
    }

    fn row(&self, word: (&'static str, &'static str), parts: &[String]) {
        let word = left(self.lang.pick(word.0, word.1), WORD_COLUMNS);
        say!("{word} {}", parts.join("   "));
    }

    fn amount(&self, minor: u64) -> String {
        let amount = DecimalAmount::of_balance(minor.into(), self.currency);
        format!("{amount} {}", self.currency.code())
    }

    fn named(&self, reference: &str) -> String {
        format!("{} {reference}", self.lang.pick("order", "订单"))
    }

    fn help(&self) {
        for (word, form, english, chinese) in COMMANDS {
            let call = format!("{word} {}", form_text(form, self.lang));
            say!("  {} {}", left(&call, 18), self.lang.pick(english, chinese));
        }
    }

    fn line_error(&self, wrong: LineError) -> String {
        match wrong {
            LineError::TooLong => bilingual!(
                "the line is longer than {LINE_BYTES_MAX} bytes",
                "一行超过 {LINE_BYTES_MAX} 字节"
            ),
            LineError::NotUtf8 => {
                self.lang.pick("the line is not UTF-8 text", "这一行不是 UTF-8 文本").to_owned()
            }
        }
    }
}

/// An order's reference: terminal 8, batch 6, STAN 6 digits. A code is longer.
fn is_reference(text: &str) -> bool {
    text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn form_text(form: &'static str, lang: Lang) -> &'static str {
    match form {
        "CODE" => lang.pick(form, "二维码文本"),
        "REFERENCE" => lang.pick(form, "订单编号"),
        other => other,
    }
}

fn standing_text(standing: &str, lang: Lang) -> String {
    let (english, chinese) = match standing {
        "waiting" => ("the code is shown and can be paid", "待付款"),
        "paid" => ("paid", "已付款"),
        "expired" => ("expired or cancelled", "已过期或已取消"),
        "to_give_back" => ("must be refunded; type refunds", "应退款，请输入 refunds"),
        "given_back" => ("refunded", "已退款"),
        other => return other.to_owned(),
    };
    lang.pick(english, chinese).to_owned()
}

/// Why the switch refused, and what to do.
fn refusal_text(status: u16, detail: &str, lang: Lang) -> String {
    let (english, chinese) = match status {
        401 => (
            "the switch does not believe this wallet; check --name, --secret and the clock",
            "交换中心不认可该钱包；请检查 --name、--secret 和时钟",
        ),
        404 => ("the switch knows no such order", "交换中心没有该订单"),
        409 => ("the books contradict it; type status", "与账簿不符，请输入 status"),
        503 => ("the books cannot answer now; type it again", "账簿暂不能应答，请重输"),
        _ => return format!("HTTP {status}: {detail}"),
    };
    lang.pick(english, chinese).to_owned()
}
