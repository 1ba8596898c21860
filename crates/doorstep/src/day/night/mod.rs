//! The night before the first day of a demonstration: at midnight a flash sale begins, and buyers
//! order in a shop through the API. Couriers deliver these orders in the day that follows.
//!
//! The shop's server, the clock of the sale and the buyers' requests are real; who buys what
//! follows from the seed. What the buyers were refused is not in the books: it stands in a file
//! beside them.

mod goods;

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use books::{
    ApiKeyId, Command, DAY_MS, GrantAccess, GrantedRole, IssueApiKey, PersonId, Refusal,
    RegisterPerson, RevokeApiKey, SellerId, SellerKind, Timestamp,
};
use engine::{Actor, Engine, Submission};
use listings::TextStore;
use market::MarketRefusal;
use node::{Clock, NodeClient, SystemClock};
use peers::chance::{Chance, ChanceKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sim::{APPROVER, PLANNER};
use web::WebListen;

use self::goods::{COUPON, COUPON_PROMOTION, GOODS};
use super::demo_server;
use super::others::Others;
use super::records::DayRecord;
use crate::data_directory;
use crate::persons;
use crate::remote::ServerAddress;
use crate::remote::server::{RemoteProblem, RemoteSender, RemoteServer, SentCommand};
use crate::serve::web as served_web;
use crate::words::{Lang, bilingual};

const FILE: &str = "night.json";
const VERSION: u32 = 1;
/// The shop is prepared so long before.
const PREPARED_MS: u64 = 30 * 60_000;
/// Buyers who order at once.
const BUYERS_AT_ONCE: u32 = 12;
/// How often a buyer looks at a price that changed.
const LOOKS_MAX: u32 = 8;
/// Each buyer has a stream of its own.
const CHANCE: ChanceKey = ChanceKey { domain: b"doorstep night, edition", purpose: 1 };
/// One in so many wishes is for the last of the goods.
const RARE_ONE_IN: u64 = 40;
/// One in so many buyers wants the flash price, has a coupon, or is not the first of the phone.
const FLASH_ONE_IN: u64 = 2;
const COUPON_ONE_IN: u64 = 4;
const AGAIN_ONE_IN: u64 = 10;
/// The end of a problem's type.
const SOLD_OUT: &str = "not-enough-stock";
const TIMEOUT: Duration = Duration::from_secs(60);
const SHOP: &str = "demo-shop";
const REQUESTS_PER_SECOND: u32 = 1_000_000;
const FILE_BYTES_MAX: usize = 1 << 16;

/// What the buyers were told that the books do not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NightAnswers {
    /// Of them each wanted one order.
    pub buyers: u32,
    /// Wishes of buyers, who ordered the rest.
    pub sold_out: u32,
    /// Asked again because the total had changed since the quote.
    pub asked_again: u32,
    /// Refused for another reason.
    pub refused: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NightRecord {
    version: u32,
    seed: u64,
    buyers: u32,
    /// `None` until all buyers were answered.
    answers: Option<NightAnswers>,
}

/// The night of a data directory, if it had one that is over.
pub fn answers(data: &Path) -> anyhow::Result<Option<NightAnswers>> {
    Ok(read(data)?.and_then(|record| record.answers))
}

fn path(data: &Path) -> PathBuf {
    data.join(FILE)
}

fn read(data: &Path) -> anyhow::Result<Option<NightRecord>> {
    let path = path(data);
    if !path.exists() {
        return Ok(None);
    }
    let text = data_directory::read_text(&path, FILE_BYTES_MAX)?;
    let not_of_a_night = || {
        bilingual!(
            "{0}: this is not the file of a demonstration's night; restore it, or use another \
             data directory",
            "{0}：不是演示夜的文件；请恢复该文件，或换一个数据目录",
            path.display()
        )
    };
    let record: NightRecord = serde_json::from_str(&text).with_context(not_of_a_night)?;
    ensure!(record.version == VERSION, not_of_a_night());
    Ok(Some(record))
}

fn write(data: &Path, record: &NightRecord) -> anyhow::Result<()> {
    let text = serde_json::to_vec(record)?;
    files::atomic::write_atomically(&path(data), |out| out.write_all(&text))?;
    Ok(())
}

/// Lives the night before the first day, if the books are new or their night was interrupted.
pub fn live(data: &Path, day: &DayRecord, buyers: u32, quiet: bool) -> anyhow::Result<()> {
    let is_new = !data.join("journal.sqlite").exists();
    let record = match read(data)? {
        Some(record) if record.answers.is_none() => record,
        None if is_new && buyers > 0 => {
            let record = NightRecord { version: VERSION, seed: day.seed, buyers, answers: None };
            fs::create_dir_all(data).with_context(|| data.display().to_string())?;
            record
        }
        _ => return Ok(()),
    };
    let opened = data_directory::open_or_create(data)?;
    write(data, &record)?;
    let answers = in_open_books(&opened.node, data, day, &record, quiet);
    opened.node.stop()?;
    write(data, &NightRecord { answers: Some(answers?), ..record })
}

#[allow(clippy::print_stderr, reason = "progress is for people")]
fn show(midnight: Timestamp, utc_offset_minutes: i16) {
    let time = midnight.local(utc_offset_minutes).strftime("%Y-%m-%d %H:%M");
    let name = Lang::current().pick("the shop's flash sale", "店铺秒杀开始");
    eprintln!("{time}  {name}");
}

fn in_open_books(
    node: &node::Node,
    data: &Path,
    day: &DayRecord,
    record: &NightRecord,
    quiet: bool,
) -> anyhow::Result<NightAnswers> {
    let shop = PersonId::derived(SHOP);
    persons::name_missing(data, &[(PLANNER, "planner"), (APPROVER, "approver"), (shop, SHOP)])?;
    let inputs = day.inputs(1, &Others::default())?;
    let options = day.options();
    let midnight = Timestamp::start_of_day(day.date, inputs.utc_offset_minutes);
    let client = node.client();
    let last = client.query(Engine::last_at)?.0;
    let at = last.max(Timestamp(midnight.0.saturating_sub(PREPARED_MS)));

    let mut opening: Vec<engine::Command> =
        sim::opening_commands(&inputs, &options).into_iter().map(Into::into).collect();
    let mut kinds = std::collections::BTreeMap::new();
    for seller in goods::sellers() {
        let registered = sim::seller_registration(seller, &inputs, &options);
        if let Command::RegisterSeller(seller) = &registered {
            kinds.insert(seller.seller, seller.kind);
        }
        opening.push(registered.into());
    }
    let kind_of = |seller: SellerId| kinds.get(&seller).copied().unwrap_or(SellerKind::Business);
    let mut texts = TextStore::open(data)?;
    for one in GOODS {
        texts.put_picture(&one.picture())?;
        texts.put(&one.text())?;
    }
    drop(texts);
    let market = goods::commands(midnight, day.currency, kind_of);
    opening.extend(market.into_iter().map(|one| engine::Command::Market(Box::new(one))));
    let (proposed_by, approved_by) = (PLANNER, APPROVER);
    let grant = GrantedRole::Operator;
    // A night that goes on after a kill has a key of its own.
    let key = ApiKeyId(at.0);
    let until = midnight.plus_ms(DAY_MS);
    let access = [
        Command::RegisterPerson(RegisterPerson { person: shop, proposed_by, approved_by }),
        Command::GrantAccess(GrantAccess {
            person: shop,
            number: 1,
            grant,
            proposed_by,
            approved_by,
        }),
        Command::IssueApiKey(IssueApiKey {
            key,
            person: Some(shop),
            grants: vec![grant],
            until,
            proposed_by,
            approved_by,
        }),
    ];
    opening.extend(access.into_iter().map(Into::into));
    carry_out(&client, at, opening)?;
    if !quiet {
        show(midnight, inputs.utc_offset_minutes);
    }

    SystemClock::start_trial_at(last.plus_ms(1).max(midnight));
    let shared = demo_server::shared(node, data, None, Default::default())?;
    let secret = shared.store.make_key_secret(key, SystemClock.now())?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listen = WebListen::open(&[listen], None)?;
    let plan = demo_server::plan(Vec::new(), REQUESTS_PER_SECOND);
    let server = served_web::start(plan, listen, node, data, shared)?;
    let answers = match server.addresses().first() {
        Some(address) => buy(record, &|| {
            let url = ServerAddress::read(&format!("http://{address}"))?;
            RemoteServer::new(url, RemoteSender::key(&secret), &[], TIMEOUT)
        }),
        None => Err(anyhow!("the shop has no address")),
    };
    server.stop();
    carry_out(
        &client,
        SystemClock.now(),
        vec![Command::RevokeApiKey(RevokeApiKey { key, revoked_by: APPROVER }).into()],
    )?;
    answers
}

/// Carries commands out. What an interrupted night gave before is given again and changes nothing.
fn carry_out(
    client: &NodeClient,
    at: Timestamp,
    commands: Vec<engine::Command>,
) -> anyhow::Result<()> {
    let submissions =
        commands.into_iter().map(|one| (Some(at), Submission::new(Actor::System, one))).collect();
    for answer in client.clone().execute(submissions)? {
        match answer {
            Ok(_)
            | Err(
                engine::Refusal::Books(Refusal::Repeated)
                | engine::Refusal::Market(MarketRefusal::Books(Refusal::Repeated)),
            ) => {}
            Err(refusal) => return Err(anyhow!(refusal.to_string())),
        }
    }
    Ok(())
}

/// Each buyer wants one order; several at a time ask the shop.
fn buy(
    record: &NightRecord,
    connect: &(dyn Fn() -> anyhow::Result<RemoteServer> + Sync),
) -> anyhow::Result<NightAnswers> {
    let shop = connect()?;
    let coupons = json!({
        "promotion": COUPON_PROMOTION, "number": 1,
        "coupons": [{ "coupon": COUPON, "single_use": false }],
    });
    let issued = give(&shop, "issue-coupons", "night-coupons", &coupons)?;
    issued.map_err(|problem| anyhow!("the shop's coupons were refused: {problem}"))?;
    let next = AtomicU32::new(0);
    let answers = Mutex::new(NightAnswers { buyers: record.buyers, ..NightAnswers::default() });
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..BUYERS_AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    let shop = connect()?;
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= record.buyers {
                            return anyhow::Ok(());
                        }
                        Buyer::of(record.seed, number).order(&shop, &answers)?;
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|one| one.join().map_err(|_| anyhow!("a buyer of the night failed"))?)
    })?;
    Ok(answers.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Gives a command. `Ok(None)`, and the name of the problem, if the shop refuses it.
fn give(
    shop: &RemoteServer,
    command: &str,
    key: &str,
    fields: &Value,
) -> anyhow::Result<Result<Value, String>> {
    let path = format!("/v1/commands/{command}");
    let body = fields.to_string();
    let sent = SentCommand { path: &path, request_key: key, body: &body };
    match shop.give(&sent) {
        Ok(answer) => Ok(Ok(shop.outcome(answer, key)?)),
        Err(error) => match error.downcast_ref::<RemoteProblem>() {
            Some(problem) => Ok(Err(problem.name.clone())),
            None => Err(error),
        },
    }
}

struct Buyer {
    number: u32,
    phone: String,
    lines: Vec<Value>,
    coupons: Vec<&'static str>,
}

impl Buyer {
    fn of(seed: u64, number: u32) -> Buyer {
        let mut draws = Chance::new(seed, CHANCE, number.into());
        let mut lines = Vec::new();
        if draws.below(FLASH_ONE_IN) == 0 {
            lines.push(json!({ "variant": GOODS[0].path(), "quantity": 1 }));
        }
        let (rare, usual) = (GOODS.len() - 1, GOODS.len() as u64 - 2);
        let more = draws.below(3);
        for _ in 0..if lines.is_empty() { more + 1 } else { more } {
            let is_rare = draws.below(RARE_ONE_IN) == 0;
            let place = usize::try_from(1 + draws.below(usual)).unwrap_or(1);
            let place = if is_rare { rare } else { place };
            let quantity = 1 + draws.below(3);
            lines.push(json!({ "variant": GOODS[place].path(), "quantity": quantity }));
        }
        let coupons = if draws.below(COUPON_ONE_IN) == 0 { vec![COUPON] } else { Vec::new() };
        let is_again = draws.below(AGAIN_ONE_IN) == 0;
        let person = if is_again { number / 2 } else { number };
        Buyer { number, phone: format!("+86 139 {person:08}"), lines, coupons }
    }

    /// Looks at the total and orders for it; when it has changed meanwhile, looks again. What is
    /// sold out is left out.
    fn order(mut self, shop: &RemoteServer, answers: &Mutex<NightAnswers>) -> anyhow::Result<()> {
        let count = |what: fn(&mut NightAnswers)| {
            what(&mut answers.lock().unwrap_or_else(PoisonError::into_inner));
        };
        for _ in 0..LOOKS_MAX {
            if self.lines.is_empty() {
                return Ok(());
            }
            let mut cart = json!({
                "currency": "CNY", "buyer": self.phone, "lines": self.lines,
                "coupons": self.coupons,
            });
            let quote = shop.json(shop.post("/v1/quotes", &cart.to_string())?)?;
            let obstacles = quote["obstacles"].as_array().map_or(&[][..], |all| all);
            if let Some(obstacle) = obstacles.first() {
                let name = obstacle["type"].as_str().unwrap_or_default();
                if !name.ends_with(SOLD_OUT) {
                    count(|all| all.refused += 1);
                    return Ok(());
                }
                count(|all| all.sold_out += 1);
                self.lines.remove(0);
                continue;
            }
            if let Some(fields) = cart.as_object_mut() {
                fields.remove("buyer");
            }
            let house = self.number;
            cart["total"] = quote["total"].clone();
            cart["deliver_to"] = json!({
                "name": format!("买家{house}"), "phone": self.phone,
                "address": format!("上海市浦东新区世纪大道{house}号"),
            });
            let key = format!("night-{}", self.number);
            match give(shop, "checkout", &key, &cart)? {
                Ok(_) => return Ok(()),
                Err(name) => match name.as_str() {
                    // Ordered before the night was interrupted.
                    "idempotency-key-reused" => return Ok(()),
                    "price-changed" => count(|all| all.asked_again += 1),
                    SOLD_OUT => {
                        count(|all| all.sold_out += 1);
                        self.lines.remove(0);
                    }
                    _ => {
                        count(|all| all.refused += 1);
                        return Ok(());
                    }
                },
            }
        }
        count(|all| all.refused += 1);
        Ok(())
    }
}
