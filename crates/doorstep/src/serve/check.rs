//! `doorstep serve --check`: what a start would do, without a start.

use std::path::Path;

use node::{Clock, SystemClock};
use reports::{BooksAtHead, ReportError};
use serde_json::json;
use switch::Unfinished;

use super::settings::{LoadedSettings, check_master};
use super::{check_against_books, listeners, no_books, resumed_switch};
use crate::data_directory::{check_time, print_notice};
use crate::words::{Lang, bilingual, grouped, left, say};

const LABEL_COLUMNS: usize = 12;

/// Prints what a start with these settings would do. An error says why it would not start.
pub fn run(said: LoadedSettings, data: &Path, config: &Path, as_json: bool) -> anyhow::Result<()> {
    let read = BooksAtHead::read(data, &print_notice).map_err(|error| match error {
        ReportError::Directory(error) => no_books(error),
        error => error.into(),
    })?;
    let (engine, books) = (&read.engine, read.books());
    check_time(engine)?;
    check_master(said.master_from_environment, books.is_trial())?;
    check_against_books(engine, &said.zone, &said.networks, &said.firms)?;
    listeners::require_protected(said.forgeable.as_deref(), books.is_trial())?;
    let ids: Vec<_> = said.networks.iter().map(|(network, ..)| *network).collect();
    let waiting = books.pending_requests().count();
    resumed_switch(said.settings, said.keys, Unfinished::of(books, &ids))?;
    let known: Vec<&str> = books.rail_views().map(|rail| rail.reference).collect();
    let names = said.networks.iter().map(|(.., name)| name);
    let names = names.chain(said.wallet.iter().map(|(.., name)| name));
    let new: Vec<&String> = names.filter(|name| !known.contains(&name.as_str())).collect();
    let sets_zone = said.zone.setting_for(books, SystemClock.now()).is_some();
    let lang = Lang::current();
    if as_json {
        let listeners = listeners::rows(&said.plan, lang).into_iter();
        let object = json!({
            "settings": config.display().to_string(),
            "data": data.display().to_string(),
            "date": books.last_date().to_string(),
            "batch": read.batch().number(),
            "waiting_payments": waiting,
            "registers": new,
            "listeners": listeners.map(|(with, at)| json!({ "with": with, "at": at }))
                .collect::<Vec<_>>(),
            "in_the_clear": said.plan.plain_beyond_loopback().into_iter()
                .map(|(with, address)| json!({ "with": with, "address": address.to_string() }))
                .collect::<Vec<_>>(),
            "sets_time_zone": sets_zone.then_some(&said.zone.zone),
        });
        say!("{object}");
        return Ok(());
    }
    let row = |label: &str, what: &str| say!("{}{what}", left(label, LABEL_COLUMNS));
    row(lang.pick("settings", "配置"), &config.display().to_string());
    let (date, batch) = (books.last_date(), read.batch());
    row(
        lang.pick("books", "账簿"),
        &bilingual!(
            "{}: {date}, after batch {batch}",
            "{}：{date}，第 {batch} 批之后",
            data.display()
        ),
    );
    row(
        lang.pick("goes on", "继续处理"),
        &bilingual!(
            "with {} payments that wait for an answer",
            "{} 笔等待应答的付款",
            grouped(&waiting.to_string())
        ),
    );
    for name in new {
        row(lang.pick("registers", "登记"), name);
    }
    for (label, what) in listeners::rows(&said.plan, lang) {
        row(label, &what);
    }
    for address in said.web.iter().flat_map(|web| &web.addresses) {
        row("web", &address.to_string());
    }
    for address in said.metrics.iter().flat_map(|metrics| &metrics.addresses) {
        row(lang.pick("metrics", "监控"), &address.to_string());
    }
    for (with, address) in said.plan.plain_beyond_loopback() {
        row(lang.pick("in the clear", "明文传输"), &format!("{with} {address}"));
    }
    if sets_zone {
        row(lang.pick("time zone", "时区"), &said.zone.zone);
    }
    say!(
        "{}",
        lang.pick(
            "It can start. Nothing was changed, and no address was opened.",
            "可以启动。未作任何改动，也未打开任何地址。"
        )
    );
    Ok(())
}
