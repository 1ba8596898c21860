//! `doorstep notices`.

use std::io::{Read as _, read_to_string, stdin};
use std::path::{Path, PathBuf};

use ::notices::{
    AddressToAdd, AddressView, DeliveryRules, NoticeBook, NoticeChannel, NoticeQuery, NoticeState,
    NoticeTable, NoticeView, Outbox, Recipient, limits,
};
use anyhow::Context;
use books::Timestamp;
use channels::NoticeLanguage;
use clap::{Args, Subcommand};
use host::control::user_id;
use node::{Clock, SystemClock};
use reports::{BooksAtHead, local_time};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::chinese;
use crate::data_directory::{read_at_head, read_text};
use crate::looks::table::Table;
use crate::looks::{columns, find_courier, find_firm, find_seller};
use crate::office_requests::check_owner;
use crate::private_files::check_books;
use crate::serve::settings;
use crate::texts::{filled, text};
use crate::words::{Lang, say};

/// An address with the end of its line.
const ADDRESS_FILE_BYTES_MAX: u64 = 2_050;

/// Shows who was told what, and how people and programs are reached
#[derive(Args, Debug)]
pub struct NoticesArgs {
    #[command(subcommand)]
    what: NoticesTask,
}

#[derive(Subcommand, Debug)]
enum NoticesTask {
    List(ListArgs),
    Show(ShowArgs),
    Retry(RetryArgs),
    Consent(ConsentArgs),
    /// Sends a recipient the daily report by mail
    Subscribe(ReaderArgs),
    /// Sends a recipient no more daily reports by mail, whatever the table says
    Unsubscribe(ReaderArgs),
    /// Adds, lists and removes addresses: webhook endpoints, mail, phones, robots, open ids
    Endpoint {
        #[command(subcommand)]
        what: EndpointTask,
    },
    /// Shows, checks and replaces the table: who is told of what, with which words
    Table {
        #[command(subcommand)]
        what: TableTask,
    },
}

/// Lists notices, the newest first
#[derive(Args, Debug)]
struct ListArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only in this state: waiting, held, in_digest, sending, failed, delivered, refused, gone,
    /// given_up, not_known or folded
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<NoticeState>,
    /// Only before this one: its number, for the next page
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Shows a recipient's page: addresses, consents, and everything that was sent
///
/// Recipients are seller:, firm: or courier: and a reference or id, person: or endpoint: and an id,
/// buyer: and a parcel's id, staff and public.
#[derive(Args, Debug)]
struct ShowArgs {
    /// The recipient
    #[arg(value_name = "RECIPIENT")]
    recipient: String,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only before this one: its number, for the next page
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Sends again what did not arrive, the oldest first, and starts an endpoint that was stopped
#[derive(Args, Debug)]
struct RetryArgs {
    /// The recipient: of webhooks endpoint: and its number
    #[arg(value_name = "RECIPIENT")]
    recipient: String,
    /// Only by this channel: webhook, mail, sms, wecom, wechat or weibo
    #[arg(long, value_name = "CHANNEL", value_parser = channel)]
    channel: Option<NoticeChannel>,
    /// Send what may have arrived again, too: the recipient may get it twice
    #[arg(long)]
    not_known: bool,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Notes consents of a recipient in WeChat: each is used up by one notice
#[derive(Args, Debug)]
struct ConsentArgs {
    /// The recipient
    #[arg(value_name = "RECIPIENT")]
    recipient: String,
    /// How many
    #[arg(value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    count: u32,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

#[derive(Args, Debug)]
struct ReaderArgs {
    /// The recipient, who has a mail address
    #[arg(value_name = "RECIPIENT")]
    recipient: String,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

#[derive(Subcommand, Debug)]
enum EndpointTask {
    Add(AddArgs),
    /// Lists addresses, without the addresses themselves
    List {
        /// Only of this owner
        #[arg(long, value_name = "OWNER")]
        owner: Option<String>,
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Removes an address
    Remove {
        /// Its number
        #[arg(value_name = "NUMBER")]
        number: u32,
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Makes a new key for a webhook endpoint; the one before signs, too, for 24 hours more
    #[command(override_usage = "doorstep notices endpoint rotate --data <DIR>\n           \
                          --config <FILE> <NUMBER> [OPTIONS]")]
    Rotate {
        /// Its number
        #[arg(value_name = "NUMBER")]
        number: u32,
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The settings with the key store, doorstep.toml
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// Adds an address; but for webhooks it replaces the owner's one before
///
/// The address is read from a file or from standard input, because it can be a secret or a phone
/// number: a URL, a mail address, a phone number, an open id of WeChat, or a token of Weibo. It is
/// kept sealed under the vault's key. Of a webhook endpoint, prints what it verifies signatures
/// with.
#[derive(Args, Debug)]
#[command(
    override_usage = "doorstep notices endpoint add <OWNER> --channel <CHANNEL>\n           \
                            --file <FILE> [OPTIONS]"
)]
struct AddArgs {
    /// Whose it is: a recipient, but no buyer
    #[arg(value_name = "OWNER")]
    owner: String,
    /// webhook, mail, sms, wecom, wechat or weibo
    #[arg(long, value_name = "CHANNEL", value_parser = channel)]
    channel: NoticeChannel,
    /// The file with the address; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// The language of texts: en or zh
    #[arg(long, value_name = "LANGUAGE", default_value = "zh", value_parser = language)]
    language: NoticeLanguage,
    /// An event that a webhook endpoint gets; several times for several [default: all]
    #[arg(long, value_name = "EVENT")]
    event: Vec<String>,
    /// Sign webhooks by ed25519, and not by HMAC
    #[arg(long)]
    ed25519: bool,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The settings with the key store, doorstep.toml
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Subcommand, Debug)]
enum TableTask {
    /// Prints the table in force, or another version; 0 is the one that comes with Doorstep
    Show {
        /// The version [default: the one in force]
        #[arg(long, value_name = "NUMBER")]
        version: Option<u32>,
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Lists the versions of the table, with who put them in force and when
    Versions {
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Checks a table
    Check {
        /// The table
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Puts a table in force, for what happens from now on
    Use {
        /// The table
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

fn one_of<T>(found: Option<T>, names: &[&str]) -> Result<T, String> {
    let lang = Lang::current();
    let names = names.join(text(lang, "log.separator"));
    found.ok_or_else(|| filled(lang, "vault.one_of", &[("names", &names)]))
}

fn state(name: &str) -> Result<NoticeState, String> {
    one_of(NoticeState::named(name), &NoticeState::ALL.map(|(_, name)| name))
}

fn channel(name: &str) -> Result<NoticeChannel, String> {
    one_of(NoticeChannel::named(name), &NoticeChannel::ALL.map(NoticeChannel::name))
}

fn language(name: &str) -> Result<NoticeLanguage, String> {
    let found = match name {
        "en" => Some(NoticeLanguage::En),
        "zh" => Some(NoticeLanguage::Zh),
        _ => None,
    };
    one_of(found, &["en", "zh"])
}

pub fn run(args: NoticesArgs) -> anyhow::Result<()> {
    match args.what {
        NoticesTask::List(args) => list(&args),
        NoticesTask::Show(args) => show(&args),
        NoticesTask::Retry(args) => retry(&args),
        NoticesTask::Consent(args) => consent(&args),
        NoticesTask::Subscribe(args) => read_report(&args, true),
        NoticesTask::Unsubscribe(args) => read_report(&args, false),
        NoticesTask::Endpoint { what } => match what {
            EndpointTask::Add(args) => add(&args),
            EndpointTask::List { owner, data, json } => addresses(&data, owner.as_deref(), json),
            EndpointTask::Remove { number, data } => {
                book(&data, None)?.remove(number)?;
                say!("{}", filled(Lang::current(), "told.removed", &[("number", &number)]));
                Ok(())
            }
            EndpointTask::Rotate { number, data, config } => {
                let verifies = book(&data, Some(&config))?.rotate(number, SystemClock.now())?;
                say!("{}", filled(Lang::current(), "told.rotated", &[("number", &number)]));
                say!("{verifies}");
                Ok(())
            }
        },
        NoticesTask::Table { what } => table(what),
    }
}

/// The notice book. Its key is needed to add addresses.
fn book(data: &Path, config: Option<&Path>) -> anyhow::Result<NoticeBook> {
    check_data(data)?;
    let key = match config {
        Some(config) => {
            let accounts = settings::accounts(config)?;
            let is_trial = read_at_head(data)?.books().is_trial();
            settings::check_master(accounts.master_from_environment, is_trial)?;
            accounts.vault.key
        }
        None => None,
    };
    Ok(NoticeBook::open(data, key.as_ref())?)
}

fn check_data(data: &Path) -> anyhow::Result<()> {
    check_books(data)?;
    // Before a file is put where there are no books.
    if !journal::has_journal(data) {
        read_at_head(data)?;
    }
    check_owner(data)
}

fn outbox(data: &Path) -> anyhow::Result<Outbox> {
    check_data(data)?;
    Ok(Outbox::open(data, DeliveryRules::default())?)
}

/// A recipient by its reference or id.
fn recipient(data: &Path, wanted: &str) -> anyhow::Result<Recipient> {
    let (kind, name) = wanted.split_once(':').unwrap_or((wanted, ""));
    Ok(match kind {
        "seller" => Recipient::Seller(find_seller(read_at_head(data)?.books(), name)?),
        "firm" => Recipient::Firm(find_firm(read_at_head(data)?.books(), name)?),
        "courier" => Recipient::Courier(find_courier(read_at_head(data)?.books(), name)?),
        _ => wanted.parse::<Recipient>()?,
    })
}

fn user() -> String {
    format!("uid {}", user_id())
}

/// Shows times in the time zone of the books.
struct Clocks {
    data: PathBuf,
    books: Option<BooksAtHead>,
}

impl Clocks {
    fn show(&mut self, at_ms: u64) -> anyhow::Result<String> {
        if self.books.is_none() {
            self.books = Some(read_at_head(&self.data)?);
        }
        let books = self.books.as_ref().map(BooksAtHead::books);
        Ok(books.map_or_else(String::new, |books| local_time(books, Timestamp(at_ms))))
    }
}

fn fields_text(notice: &NoticeView) -> String {
    let values = notice.fields.values().filter_map(Value::as_str);
    values.collect::<Vec<_>>().join(" ")
}

fn notice_json(one: &NoticeView) -> Value {
    json!({
        "number": one.number,
        "id": one.id,
        "recipient": one.recipient.to_string(),
        "owner": one.owner.to_string(),
        "channel": one.channel.name(),
        "event": one.event,
        "fields": one.fields,
        "table_version": one.table_version,
        "state": one.state.name(),
        "attempts": one.attempts,
        "made_at_ms": one.made_at_ms,
        "tried_at_ms": one.tried_at_ms,
        "next_at_ms": one.next_at_ms,
        "ended_at_ms": one.ended_at_ms,
        "sent_with": one.sent_with,
        "why": one.why,
        "receipt": one.receipt,
    })
}

fn print_notices(data: &Path, notices: &[NoticeView]) -> anyhow::Result<()> {
    let lang = Lang::current();
    if notices.is_empty() {
        say!("{}", text(lang, "told.none"));
        return Ok(());
    }
    let mut clocks = Clocks { data: data.to_owned(), books: None };
    let mut table = Table::new()
        .number(text(lang, "told.number"))
        .text(text(lang, "told.at"))
        .text(text(lang, "told.event"))
        .text(text(lang, "told.recipient"))
        .text(text(lang, "told.channel"))
        .text(text(lang, "told.state"))
        .extra(text(lang, "told.fields"))
        .extra(text(lang, "told.why"));
    for one in notices {
        let state = crate::texts::entry(lang, "told.states", one.state.name());
        table.row([
            one.number.to_string(),
            clocks.show(one.made_at_ms)?,
            one.event.clone(),
            one.recipient.to_string(),
            one.channel.name().to_owned(),
            state.unwrap_or(one.state.name()).to_owned(),
            fields_text(one),
            one.why.as_deref().map(|why| chinese::notice_reason(why, lang)).unwrap_or_default(),
        ]);
    }
    table.print(columns());
    Ok(())
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let outbox = outbox(&args.data)?;
    let (state, before, limit) = (args.state, args.before, args.limit);
    let query = NoticeQuery { state, before, limit, ..NoticeQuery::default() };
    let (notices, counts) = (outbox.list(query)?, outbox.counts()?);
    if args.json {
        let all: Vec<Value> = notices.iter().map(notice_json).collect();
        let batch = outbox.checkpoint()?.map(|head| head.sequence.number());
        say!("{}", json!({ "batch": batch, "counts": counts, "notices": all }));
        return Ok(());
    }
    print_notices(&args.data, &notices)?;
    let values: [(&str, &dyn std::fmt::Display); 6] = [
        ("open", &counts.open),
        ("delivered", &counts.delivered),
        ("not_delivered", &counts.not_delivered),
        ("not_known", &counts.not_known),
        ("folded", &counts.folded),
        ("stopped", &counts.stopped),
    ];
    say!("{}", filled(Lang::current(), "told.counts", &values));
    Ok(())
}

fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let outbox = outbox(&args.data)?;
    let book = NoticeBook::open(&args.data, None)?;
    let wanted = recipient(&args.data, &args.recipient)?;
    let address = match wanted {
        Recipient::Endpoint(_) => book.address_of(wanted, NoticeChannel::Webhook)?,
        _ => None,
    };
    let owner = address.as_ref().map_or(wanted, |address| address.owner);
    let query = NoticeQuery {
        owner: Some(owner),
        recipient: matches!(wanted, Recipient::Endpoint(_)).then_some(wanted),
        before: args.before,
        limit: limits::LISTED_MAX,
        ..NoticeQuery::default()
    };
    let notices = outbox.list(query)?;
    let all = book.addresses(Some(owner))?;
    let consents = outbox.consents_of(owner, NoticeChannel::Wechat)?;
    let is_theirs = |one: &Recipient| {
        *one == wanted || all.iter().any(|own| Recipient::Endpoint(own.number) == *one)
    };
    let stopped = outbox.stopped()?;
    let stopped = stopped.iter().filter(|(recipient, ..)| is_theirs(recipient));
    if args.json {
        let notices: Vec<Value> = notices.iter().map(notice_json).collect();
        let stopped = stopped.map(|(recipient, channel, why)| {
            json!({ "recipient": recipient.to_string(), "channel": channel.name(), "why": why })
        });
        say!(
            "{}",
            json!({
                "recipient": wanted.to_string(),
                "addresses": all.iter().map(address_json).collect::<Vec<_>>(),
                "consents": consents,
                "stopped": stopped.collect::<Vec<_>>(),
                "notices": notices,
            })
        );
        return Ok(());
    }
    print_addresses(&args.data, &all)?;
    let lang = Lang::current();
    if consents > 0 {
        say!("{}", filled(lang, "told.consents", &[("count", &consents)]));
    }
    for (recipient, channel, why) in stopped {
        let why = crate::texts::entry(lang, "told.stops", why).unwrap_or(why.as_str());
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("recipient", recipient), ("channel", channel), ("why", &why)];
        say!("{}", filled(lang, "told.is_stopped", &values));
    }
    print_notices(&args.data, &notices)
}

fn retry(args: &RetryArgs) -> anyhow::Result<()> {
    let mut outbox = outbox(&args.data)?;
    let wanted = recipient(&args.data, &args.recipient)?;
    let mut count = 0;
    let channels = NoticeChannel::ALL.into_iter();
    for channel in channels.filter(|one| args.channel.is_none_or(|only| only == *one)) {
        count += outbox.retry(wanted, channel, args.not_known, SystemClock.now())?;
    }
    say!("{}", filled(Lang::current(), "told.again", &[("count", &count)]));
    Ok(())
}

fn consent(args: &ConsentArgs) -> anyhow::Result<()> {
    let mut outbox = outbox(&args.data)?;
    let wanted = recipient(&args.data, &args.recipient)?;
    let count = outbox.add_consents(wanted, NoticeChannel::Wechat, args.count)?;
    say!("{}", filled(Lang::current(), "told.consents", &[("count", &count)]));
    Ok(())
}

fn read_report(args: &ReaderArgs, wanted: bool) -> anyhow::Result<()> {
    let mut book = book(&args.data, None)?;
    let owner = recipient(&args.data, &args.recipient)?;
    book.set_report_reader(owner, wanted, &user(), SystemClock.now())?;
    let said = if wanted { "told.reads_report" } else { "told.reads_no_report" };
    say!("{}", filled(Lang::current(), said, &[("recipient", &owner)]));
    Ok(())
}

fn add(args: &AddArgs) -> anyhow::Result<()> {
    let mut book = book(&args.data, Some(&args.config))?;
    let owner = recipient(&args.data, &args.owner)?;
    let address = match args.file.to_str() {
        Some("-") => read_to_string(stdin().take(ADDRESS_FILE_BYTES_MAX))?,
        _ => read_text(&args.file, limits::ADDRESS_BYTES_MAX + 1)?,
    };
    let address = Zeroizing::new(address);
    let by = user();
    let new = AddressToAdd {
        owner,
        channel: args.channel,
        language: args.language,
        events: &args.event,
        ed25519: args.ed25519,
        address: address.trim(),
        by: &by,
    };
    let (number, verifies) = book.add(new, SystemClock.now())?;
    if args.channel != NoticeChannel::Webhook {
        outbox(&args.data)?.on_new_address(owner, args.channel)?;
    }
    say!("{}", filled(Lang::current(), "told.added", &[("number", &number)]));
    if let Some(verifies) = verifies {
        say!("{verifies}");
    }
    Ok(())
}

fn address_json(one: &AddressView) -> Value {
    json!({
        "number": one.number,
        "owner": one.owner.to_string(),
        "channel": one.channel.name(),
        "language": language_name(one.language),
        "events": one.events,
        "made_at_ms": one.made_at_ms,
        "made_by": one.made_by,
    })
}

fn language_name(language: NoticeLanguage) -> &'static str {
    match language {
        NoticeLanguage::En => "en",
        NoticeLanguage::Zh => "zh",
    }
}

fn print_addresses(data: &Path, all: &[AddressView]) -> anyhow::Result<()> {
    let lang = Lang::current();
    if all.is_empty() {
        say!("{}", text(lang, "told.no_address"));
        return Ok(());
    }
    let mut clocks = Clocks { data: data.to_owned(), books: None };
    let mut table = Table::new()
        .number(text(lang, "told.endpoint"))
        .text(text(lang, "told.owner"))
        .text(text(lang, "told.channel"))
        .text(text(lang, "told.language"))
        .text(text(lang, "told.at"))
        .extra(text(lang, "told.by"))
        .extra(text(lang, "told.events"));
    for one in all {
        table.row([
            one.number.to_string(),
            one.owner.to_string(),
            one.channel.name().to_owned(),
            language_name(one.language).to_owned(),
            clocks.show(one.made_at_ms)?,
            one.made_by.clone(),
            one.events.join(" "),
        ]);
    }
    table.print(columns());
    Ok(())
}

fn addresses(data: &Path, owner: Option<&str>, as_json: bool) -> anyhow::Result<()> {
    let book = book(data, None)?;
    let owner = owner.map(|wanted| recipient(data, wanted)).transpose()?;
    let all = book.addresses(owner)?;
    if as_json {
        say!("{}", json!({ "addresses": all.iter().map(address_json).collect::<Vec<_>>() }));
        return Ok(());
    }
    print_addresses(data, &all)
}

fn read_table(file: &Path) -> anyhow::Result<String> {
    let toml = read_text(file, limits::TABLE_BYTES_MAX)?;
    NoticeTable::parse(&toml).with_context(|| file.display().to_string())?;
    Ok(toml)
}

fn table(what: TableTask) -> anyhow::Result<()> {
    let lang = Lang::current();
    match what {
        TableTask::Show { version, data } => {
            let book = book(&data, None)?;
            let version = version.map_or_else(|| book.table_version(), Ok)?;
            say!("{}", book.table_text(version)?.trim_end());
        }
        TableTask::Versions { data, json } => {
            let book = book(&data, None)?;
            let versions = book.table_versions()?;
            if json {
                let all = versions.iter().map(|one| {
                    let (at, by) = (one.used_at_ms, &one.used_by);
                    json!({ "version": one.version, "used_at_ms": at, "used_by": by })
                });
                say!("{}", json!({ "versions": all.collect::<Vec<_>>() }));
                return Ok(());
            }
            let mut clocks = Clocks { data, books: None };
            let mut table = Table::new()
                .number(text(lang, "told.version"))
                .text(text(lang, "told.at"))
                .text(text(lang, "told.by"));
            table.row(["0".to_owned(), String::new(), text(lang, "told.shipped").to_owned()]);
            for one in versions {
                let at = clocks.show(one.used_at_ms)?;
                table.row([one.version.to_string(), at, one.used_by]);
            }
            table.print(columns());
        }
        TableTask::Check { file } => {
            read_table(&file)?;
            say!("{}", text(lang, "told.table_valid"));
        }
        TableTask::Use { file, data } => {
            let toml = read_table(&file)?;
            let version = book(&data, None)?.use_table(&toml, &user(), SystemClock.now())?;
            say!("{}", filled(lang, "told.table_used", &[("version", &version)]));
        }
    }
    Ok(())
}
