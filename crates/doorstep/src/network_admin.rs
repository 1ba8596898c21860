//! `doorstep network withdraw`, `reinstate` and `status`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, ensure};
use books::Timestamp;
use clap::Args;
use host::control::{CONTROL_SOCKET, ControlError, ControlRequest, send_request};
use money::Currency;
use money::decimal::DecimalAmount;
use node::{Clock, SystemClock};
use office::socket::control_directory;
use office::{OfficeAnswer, Request, fields};
use reports::{RailReport, local_time, rails};
use serde_json::{Map, Value, json};

use crate::data_directory::read_at_head;
use crate::serve::listeners;
use crate::words::{Lang, bilingual, grouped, left, say};
use crate::{chinese, office_requests};

/// A later start of a withdrawal is more likely a misspelt year than a plan.
const WITHDRAWAL_DAYS_AHEAD_MAX: u64 = 366;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Withdraws a network: from a given time on, no new payment is sent to it
///
/// Payments in flight finish, pending reversals continue, and the network's clearing files settle
/// the receivable. Buyers pay over the other networks, by QR code or in cash. Works with a running
/// Doorstep, or on the books alone. A second person approves it: `doorstep approve`.
#[derive(Args, Debug)]
pub struct WithdrawArgs {
    /// The network's name in the settings
    #[arg(value_name = "NETWORK")]
    network: String,
    /// The start time, RFC 3339, as in 2013-08-28T18:00:00+08:00; at most 366 days ahead. A past
    /// time means now [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<u64>,
    #[command(flatten)]
    two: TwoPersonsArgs,
}

/// Reinstates a withdrawn network; a second person approves it
#[derive(Args, Debug)]
pub struct ReinstateArgs {
    /// The network's name in the settings
    #[arg(value_name = "NETWORK")]
    network: String,
    #[command(flatten)]
    two: TwoPersonsArgs,
}

#[derive(Args, Debug)]
struct TwoPersonsArgs {
    /// In trial books, the person who proposes it: a name in persons.toml, or an id
    #[arg(long, value_name = "WHO")]
    person: Option<String>,
    /// In trial books, the second person, who approves it at once
    #[arg(long, value_name = "WHO")]
    approved_by: Option<String>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

impl TwoPersonsArgs {
    fn ask(&self, command: &str, mut fields: Map<String, Value>) -> anyhow::Result<OfficeAnswer> {
        let approved_by = self.approved_by.as_deref();
        fields.extend(approved_by.map(|who| ("approved_by".to_owned(), who.into())));
        let request = Request::Give { command: command.to_owned(), fields };
        office_requests::ask(&self.data, request, self.person.clone())
    }
}

/// Shows the connections of a running Doorstep, and what the books say of networks and wallets
#[derive(Args, Debug)]
pub struct NetworkStatusArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

pub fn withdraw(args: &WithdrawArgs) -> anyhow::Result<ExitCode> {
    // The books take a past time as the time of the command.
    let at = args.at.unwrap_or(0);
    ensure!(
        at.saturating_sub(SystemClock.now().0) <= WITHDRAWAL_DAYS_AHEAD_MAX * DAY_MS,
        bilingual!(
            "the withdrawal would start more than {WITHDRAWAL_DAYS_AHEAD_MAX} days from now; give \
             an earlier time, or none to withdraw the network now",
            "停用时间在 {WITHDRAWAL_DAYS_AHEAD_MAX} 天之后；请给出更早的时间，不给出则立即停用"
        )
    );
    let name = &args.network;
    let fields = [("network".to_owned(), name.as_str().into()), ("from".to_owned(), at.into())];
    let answer = args.two.ask("WithdrawNetwork", fields.into_iter().collect());
    let answer = answer.map_err(|error| explained(error, &args.two.data, name))?;
    let time_text = |ms| local_text(&args.two.data, ms);
    let events = match &answer {
        OfficeAnswer::CarriedOut { events, .. } => events.as_slice(),
        OfficeAnswer::Repeated { .. } => {
            say!("{}", bilingual!("{name} was withdrawn before", "{name} 此前已停用"));
            return Ok(ExitCode::SUCCESS);
        }
        other => {
            office_requests::print(other, false)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    if let Some(from) = events.iter().find_map(|event| event["from"].as_u64()) {
        let past = args.at.filter(|at| *at < from).map(time_text);
        let from = time_text(from);
        say!("{}", bilingual!("{name} is withdrawn from {from} on", "{name} 自 {from} 起停用"));
        if let Some(past) = past {
            say!(
                "{}",
                bilingual!(
                    "note: --at {past} is past, so the withdrawal starts now",
                    "注意：--at {past} 已过去，因此立即停用"
                )
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub fn reinstate(args: &ReinstateArgs) -> anyhow::Result<ExitCode> {
    let name = &args.network;
    let fields = [("network".to_owned(), name.as_str().into())];
    let answer = args.two.ask("ReinstateNetwork", fields.into_iter().collect());
    let answer = answer.map_err(|error| explained(error, &args.two.data, name))?;
    match &answer {
        OfficeAnswer::CarriedOut { .. } => {
            say!("{}", bilingual!("{name} is reinstated", "{name} 已恢复使用"));
        }
        OfficeAnswer::Repeated { .. } => {
            say!(
                "{}",
                bilingual!("{name} is not withdrawn; nothing changed", "{name} 并未停用；未作改动")
            );
        }
        other => office_requests::print(other, false)?,
    }
    Ok(ExitCode::SUCCESS)
}

pub fn status(args: &NetworkStatusArgs) -> anyhow::Result<ExitCode> {
    let socket = control_directory(&args.data).join(CONTROL_SOCKET);
    let asked = send_request(&socket, &ControlRequest::Status {});
    let mut status = match asked {
        Ok(status) => status,
        Err(ControlError::NotRunning(_)) => json!({ "ok": true }),
        Err(error) => return Err(error.into()),
    };
    let read = read_at_head(&args.data)?;
    let in_books = rails(read.books());
    let is_running = status["messages"].is_number();
    if args.json {
        status["running"] = is_running.into();
        status["in_books"] = serde_json::to_value(&in_books)?;
        say!("{}", serde_json::to_string_pretty(&status)?);
        return Ok(ExitCode::SUCCESS);
    }
    let lang = Lang::current();
    let of_running = match is_running {
        true => rows(&status, lang, &|ms| local_time(read.books(), Timestamp(ms))),
        false => vec![(
            lang.pick("not running", "未运行").to_owned(),
            lang.pick("the books say:", "账簿中：").to_owned(),
        )],
    };
    let of_books = in_books.iter().map(|rail| book_row(rail, lang));
    for (what, how) in of_running.into_iter().chain(of_books) {
        say!("{}  {how}", left(&what, 18));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the books say of a network or wallet.
fn book_row(rail: &RailReport, lang: Lang) -> (String, String) {
    let unknown = grouped(&rail.unknown_payments.to_string());
    let owes = match rail.currency.parse::<Currency>() {
        Ok(currency) => DecimalAmount::of_balance(rail.receivable, currency).to_string(),
        Err(_) => rail.receivable.to_string(),
    };
    let (owes, currency) = (grouped(&owes), rail.currency);
    let withdrawn = rail.withdrawn_from.as_ref().map(|from| match lang {
        Lang::En => format!("; withdrawn from {from} on"),
        Lang::Zh => format!("；自 {from} 起停用"),
    });
    let how = match lang {
        Lang::En => format!("{unknown} unknown payments; owes {owes} {currency}"),
        Lang::Zh => format!("{unknown} 笔结果未知的付款；应收清算款 {owes} {currency}"),
    };
    let name = match lang {
        Lang::En => format!("{}, books", rail.name),
        Lang::Zh => format!("{}（账簿）", rail.name),
    };
    (name, format!("{how}{}", withdrawn.unwrap_or_default()))
}

/// The error of a command about a network. If the books have no such network, says which they have.
fn explained(error: anyhow::Error, data: &Path, name: &str) -> anyhow::Error {
    let Ok(read) = read_at_head(data) else { return error };
    let networks = rails(read.books()).into_iter().filter(|rail| rail.kind == "network");
    let names: Vec<String> = networks.map(|rail| rail.name).collect();
    if names.iter().any(|known| known == name) {
        return error;
    }
    let lang = Lang::current();
    let all = match names.as_slice() {
        [] => lang.pick("none", "无").to_owned(),
        names => names.join(lang.pick(", ", "、")),
    };
    anyhow!(bilingual!(
        "the books have no card network `{name}`; they have: {all}",
        "账簿中没有卡组织 `{name}`；现有：{all}"
    ))
}

/// Local time of the books, with their UTC offset.
fn local_text(data: &Path, ms: u64) -> String {
    match read_at_head(data) {
        Ok(read) => local_time(read.books(), Timestamp(ms)),
        Err(_) => time_text(ms),
    }
}

/// A status as rows of a label and a text.
fn rows(status: &Value, lang: Lang, time_text: &dyn Fn(u64) -> String) -> Vec<(String, String)> {
    let list = |key: &str| status[key].as_array().into_iter().flatten();
    let number = |key: &str| grouped(&status[key].to_string());
    let mut rows = Vec::new();
    if status["stopping"] == true {
        let text = lang.pick(
            "finishes what is in flight, takes nothing new",
            "不再受理，处理完在途交易后停止",
        );
        rows.push((lang.pick("stopping", "正在停止").to_owned(), text.to_owned()));
    }
    if status["trial"] == true {
        let text = lang.pick("for trials", "试用");
        rows.push((lang.pick("books", "账簿").to_owned(), text.to_owned()));
    }
    for plain in list("plain") {
        let text = |part: &Value| part.as_str().unwrap_or_default().to_owned();
        let label = lang.pick("in the clear", "明文传输").to_owned();
        rows.push((label, format!("{} {}", text(&plain[0]), text(&plain[1]))));
    }
    for listener in list("listeners") {
        let text = |key: &str| listener[key].as_str().unwrap_or_default();
        let how = listeners::protection(text("protection"), lang);
        let what = format!("{}, {}, {how}", text("address"), text("dialect"));
        rows.push((lang.pick("listens", "监听").to_owned(), what));
    }
    let trusted: Vec<&str> = list("trusted_gateways").filter_map(Value::as_str).collect();
    if !trusted.is_empty() {
        let names = trusted.join(lang.pick(", ", "、"));
        rows.push((listeners::trusted_label(lang).to_owned(), names));
    }
    if let Some(jump_ms) = status["clock_jump_ms"].as_i64() {
        let seconds = grouped(&(jump_ms.unsigned_abs() / 1_000).to_string());
        let text = match (lang, jump_ms > 0) {
            (Lang::En, true) => format!("the machine's jumped ahead by {seconds} s; check it"),
            (Lang::En, false) => format!("the machine's jumped back by {seconds} s; check it"),
            (Lang::Zh, true) => format!("本机时钟向前跳了 {seconds} 秒，请检查"),
            (Lang::Zh, false) => format!("本机时钟向后跳了 {seconds} 秒，请检查"),
        };
        rows.push((lang.pick("clock", "时钟").to_owned(), text));
    }
    for link in list("links") {
        let how = match (link["signed_on"] == true, link["connected"] == true) {
            (true, _) => lang.pick("signed on", "已签到"),
            (false, true) => lang.pick("connected, not signed on", "已连接，未签到"),
            (false, false) => lang.pick("not connected, retrying", "未连接，重试中"),
        };
        let withdrawn = link["withdrawn_from_ms"].as_u64().map(time_text);
        let withdrawn = withdrawn.map(|from| match lang {
            Lang::En => format!("; withdrawn from {from} on"),
            Lang::Zh => format!("；自 {from} 起停用"),
        });
        let name = link["network"].as_str().unwrap_or_default();
        let what = match lang {
            Lang::En => format!("{name}, link {}", link["link"]),
            Lang::Zh => format!("{name} 链路 {}", link["link"]),
        };
        rows.push((what, format!("{how}{}", withdrawn.unwrap_or_default())));
    }
    let mut row = |what: &str, how: String| rows.push((what.to_owned(), how));
    let of = |english: &str, chinese: &str, key: &str| match lang {
        Lang::En => format!("{} {english}", number(key)),
        Lang::Zh => format!("{} {chinese}", number(key)),
    };
    row(lang.pick("terminals", "终端"), of("connected directly", "台直连", "terminals"));
    for gateway in list("gateways") {
        let name = gateway["name"].as_str().unwrap_or_default();
        let terminals = grouped(&gateway["terminals"].to_string());
        let terminals = format!("{terminals} {}", lang.pick("terminals connected", "台终端接入"));
        let trusted = gateway["trusted"] == true;
        let trusted = if trusted { lang.pick("; trusted", "；受信") } else { "" };
        let fingerprint = gateway["fingerprint"].as_str().unwrap_or_default();
        let certificate = lang.pick("certificate", "证书");
        row(name, format!("{terminals}{trusted}; {certificate} {fingerprint}"));
    }
    row(
        lang.pick("messages", "报文"),
        of("from terminals since the start", "条来自终端，自启动起", "messages"),
    );
    row(
        lang.pick("in flight", "处理中"),
        of("requests of terminals wait for an answer", "个终端请求等待应答", "in_flight"),
    );
    row(
        lang.pick("journal", "日志"),
        of("commands wait to be written", "条命令待写入", "waiting_for_journal"),
    );
    let ended = status["ended"].as_object().into_iter().flatten();
    let ended = ended.filter(|(_, count)| **count != 0);
    let ended = ended.map(|(why, count)| {
        format!("{} {}", chinese::connection_end(why, lang), grouped(&count.to_string()))
    });
    let ended: Vec<String> = ended.collect();
    let ended = match ended.as_slice() {
        [] => lang.pick("none", "无").to_owned(),
        ended => ended.join(lang.pick(", ", "，")),
    };
    let accepted = number("accepted");
    row(
        lang.pick("connections", "连接"),
        match lang {
            Lang::En => format!("{accepted} accepted since the start; ended: {ended}"),
            Lang::Zh => format!("自启动起接受 {accepted}；已结束：{ended}"),
        },
    );
    rows
}

/// Milliseconds since 1970, in the form that `--at` takes.
fn time_text(ms: u64) -> String {
    let known = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    known.map_or_else(
        || bilingual!("{ms} ms since 1970", "1970 年起第 {ms} 毫秒"),
        |at| at.to_string(),
    )
}

/// Milliseconds since 1970.
fn instant(text: &str) -> Result<u64, String> {
    fields::instant(text).map_err(|error| chinese::error(&error, Lang::current()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_shown_in_rows() {
        let status = serde_json::json!({
            "links": [
                {"network": "alpha", "link": 0, "connected": true, "signed_on": true,
                 "withdrawn_from_ms": 1_377_684_000_000_u64},
                {"network": "beta", "link": 1, "connected": false, "signed_on": false,
                 "withdrawn_from_ms": null},
            ],
            "gateways": [
                {"name": "gateway-1", "terminals": 15_000, "trusted": true, "fingerprint": "0a1b"},
            ],
            "listeners": [
                {"address": "10.0.0.7:7001", "dialect": "doorstep", "protection": "plain"},
                {"address": "10.0.0.7:7005", "dialect": "unionpay", "protection": "certificates"},
            ],
            "trusted_gateways": ["gateway-1", "gateway-3"],
            "terminals": 2, "messages": 1_204, "in_flight": 0, "waiting_for_journal": 0,
            "accepted": 7, "stopping": false, "trial": true, "clock_jump_ms": -3_600_000,
            "plain": [["terminals", "10.0.0.7:7001"]],
            "ended": {"gone": 3, "idle": 0, "slow": 1},
        });
        let rows: Vec<String> = rows(&status, Lang::En, &time_text)
            .into_iter()
            .map(|(what, how)| format!("{what}: {how}"))
            .collect();
        assert_eq!(
            rows,
            [
                "books: for trials",
                "in the clear: terminals 10.0.0.7:7001",
                "listens: 10.0.0.7:7001, doorstep, plain TCP",
                "listens: 10.0.0.7:7005, unionpay, TLS with the terminals' certificates",
                "trusted: gateway-1, gateway-3",
                "clock: the machine's jumped back by 3,600 s; check it",
                "alpha, link 0: signed on; withdrawn from 2013-08-28T10:00:00Z on",
                "beta, link 1: not connected, retrying",
                "terminals: 2 connected directly",
                "gateway-1: 15,000 terminals connected; trusted; certificate 0a1b",
                "messages: 1,204 from terminals since the start",
                "in flight: 0 requests of terminals wait for an answer",
                "journal: 0 commands wait to be written",
                "connections: 7 accepted since the start; ended: gone 3, slow 1",
            ]
        );
    }
}
