//! The API and the office over the books of a demonstration, until Ctrl-C.
//!
//! The books live on at their own time, so that the next simulated day follows the last one. Codes
//! of second factors follow the machine's clock, as apps do.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use access::{AccessStore, NodeBooks, base32};
use anyhow::{Context, anyhow, ensure};
use base16ct::upper::encode_string as hex;
use books::{
    AnnounceParcel, AssignParcels, AssignedParcel, CourierId, DispatchParcels, DispatchedParcel,
    FirmId, GrantAccess, GrantedRole, ParcelId, PersonId, RegisterPerson, SellerId, Timestamp,
};
use calendar::Calendar;
use engine::{Actor, Engine, Submission};
use host::control::CONTROL_SOCKET;
use keys::{Algorithm, Key, KeyName, KeyPurpose, KeyStore, MasterKey, SoftwareStore};
use money::{Amount, Currency};
use node::{Clock, Node, NodeClient, SystemClock};
use office::socket::{OfficeServer, control_directory, make_control_directory};
use office::{Language, SharedOffice};
use sim::{APPROVER, PLANNER};
use vault::{VaultKey, VaultOptions};
use views::Place;
use web::limits::CONNECTIONS_MAX;
use web::{DemoAct, DemoActs, TRIAL_ROLES_PATH, TrialRole, WebListen};

use super::demo_door::DemoDoor;
use super::{demo_shop, demo_texts};
use crate::calendar_command::carry_out;
use crate::data_directory;
use crate::do_command::sign_ins::factor_uri;
use crate::office_requests::{self, OfficeKeys, code_mac_under};
use crate::over_socket::serving::ServedLines;
use crate::serve::metrics::{MetricsSources, Watch};
use crate::serve::office_socket_error;
use crate::serve::pulse::{PulsePlan, PulsePublisher};
use crate::serve::views::ViewsFollower;
use crate::serve::web::{
    self as served_web, CHECKOUTS_AT_ONCE, REQUESTS_PER_SECOND, WebPlan, WebShared,
};
use crate::views_command::bring_up;
use crate::words::{Lang, bilingual, left, say};
use crate::{chinese, persons, texts};

/// The port, and how many after it are tried.
const PORT: u16 = 8080;
const PORTS_TRIED_MAX: u16 = 100;
/// Offices open at this hour of the local day.
const DAY_BEGINS_MS: u64 = 10 * 3_600_000;
/// Of the parcels of a courier's tour, in minor units. A courier may hold the sum in cash.
const TOUR_DUE: &[u64] = &[12_800, 5_990, 34_250, 1_800, 27_700];
const KEYS_FILE: &str = "demo-keys.json";
const MASTER_FILE: &str = "demo-master.key";
const VAULT_KEY: &str = "vault";
const CODES_KEY: &str = "codes";

/// A role, who has it, and what that person is called.
struct DemoRole {
    name: &'static str,
    chinese: &'static str,
    person: PersonId,
    grant: GrantedRole,
    /// Decides with others: staff, who are registered by two.
    is_staff: bool,
}

/// The courier, seller and firm of a demonstration.
type Subjects = (CourierId, SellerId, FirmId);

/// The first of each in the books.
fn subjects(engine: &Engine) -> Option<Subjects> {
    let books = engine.books();
    let (courier, firm) = books.couriers().next()?;
    Some((courier, books.seller_accounts().next()?.0, firm))
}

fn roles(subjects: Subjects) -> [DemoRole; 9] {
    use GrantedRole as G;
    let (courier, seller, firm) = subjects;
    let role = |name: &'static str, chinese, grant, is_staff| DemoRole {
        name,
        chinese,
        person: match grant {
            G::Courier => PersonId(courier.0),
            _ => PersonId::derived(&format!("demo-{name}")),
        },
        grant,
        is_staff,
    };
    [
        role("administrator", "管理员", G::Administrator, true),
        role("operator", "运营", G::Operator, true),
        role("finance", "财务", G::Finance, true),
        // Approves what the first one proposes.
        role("approver", "复核", G::Finance, true),
        role("auditor", "审计", G::Auditor, true),
        role("hub", "网点", G::Hub, true),
        role("courier", "快递员", G::Courier, false),
        role("seller", "卖家", G::Seller(seller), false),
        role("firm", "快递公司", G::Firm(firm), false),
    ]
}

/// Serves until Ctrl-C or SIGTERM.
pub fn serve(data: &Path, lang: Lang) -> anyhow::Result<()> {
    let opened = data_directory::open(data)?;
    let mut client = opened.node.client();
    let (found, is_trial, last_at) =
        client.query(|engine| (subjects(engine), engine.books().is_trial(), engine.last_at()))?.0;
    ensure!(
        is_trial,
        bilingual!(
            "{0}: these books are real; a demonstration has trial books",
            "{0}：这是正式账簿；演示只用试用账簿",
            data.display()
        )
    );
    SystemClock::start_trial_at(last_at.plus_ms(1));
    let found = found.ok_or_else(|| {
        let data = data.display();
        anyhow!(bilingual!("{data}: no courier or seller yet", "{data}：尚无快递员或卖家"))
    })?;
    let roles = roles(found);
    grant(&client, &roles)?;
    let seller = roles.iter().find(|role| role.name == "seller").map(|role| role.person);
    if let Some(by) = seller {
        demo_texts::fill(&mut client, data, (found.1, by))?;
    }
    let (names, people): (Vec<_>, Vec<_>) =
        roles.iter().map(|role| (format!("demo-{}", role.name), role.person)).unzip();
    let named: Vec<_> = people.into_iter().zip(names.iter().map(String::as_str)).collect();
    persons::name_missing(data, &named)?;
    let place = Place::in_directory(data);
    bring_up(data, &place, false)?;
    let served = serve_until_stopped(&opened.node, data, &place, (found, &roles), lang);
    opened.node.stop()?;
    served
}

/// Registers who has a role, and grants it. A role that somebody revoked stays so.
fn grant(client: &NodeClient, roles: &[DemoRole]) -> anyhow::Result<()> {
    let (proposed_by, approved_by) = (PLANNER, APPROVER);
    for role in roles {
        let (person, grant) = (role.person, role.grant);
        let look = move |engine: &Engine| {
            let books = engine.books();
            let is_known = books.persons().any(|(one, _)| one == person);
            (is_known, books.grants_of(person).unwrap_or_default().is_empty())
        };
        let (is_known, has_none) = client.query(look)?.0;
        let mut commands = Vec::new();
        if role.is_staff && !is_known {
            commands.push(books::Command::RegisterPerson(RegisterPerson {
                person,
                proposed_by,
                approved_by,
            }));
        }
        if has_none {
            let number = 1;
            commands.push(books::Command::GrantAccess(GrantAccess {
                person,
                number,
                grant,
                proposed_by,
                approved_by,
            }));
        }
        let by = Actor::Person(proposed_by);
        let commands = commands.into_iter().map(|one| (None, Submission::new(by, one))).collect();
        for answer in client.clone().execute(commands)? {
            match answer.map_err(engine::Refusal::into_books) {
                // Granted and revoked before: it stays so.
                Ok(_) | Err(books::Refusal::Repeated | books::Refusal::ChangesOutOfOrder) => {}
                Err(refusal) => return Err(anyhow!(chinese::refusal(&refusal, Lang::current()))),
            }
        }
    }
    Ok(())
}

/// The keys of a demonstration, beside its books. They keep what is sealed readable next time.
fn keys(data: &Path) -> anyhow::Result<OfficeKeys> {
    let path = data.join(MASTER_FILE);
    let named = || path.display().to_string();
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let master = hex(Key::random(Algorithm::Aes256)?.expose());
            file.write_all(master.as_bytes()).with_context(named)?;
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(named),
    }
    let master = MasterKey::from_file(&path)?;
    let store = SoftwareStore::open_or_create(&data.join(KEYS_FILE), master)?;
    let (vault, codes) = (KeyName::new(VAULT_KEY)?, KeyName::new(CODES_KEY)?);
    let listed = store.list()?;
    for (name, purpose, algorithm) in [
        (vault, KeyPurpose::DataKeys, Algorithm::Aes256),
        (codes, KeyPurpose::HandOverCode, Algorithm::Aes128),
    ] {
        if !listed.iter().any(|one| one.name == name) {
            store.generate(name, purpose, algorithm)?;
        }
    }
    let store: Arc<dyn KeyStore> = Arc::new(store);
    let code_mac = Some(code_mac_under(store.clone(), codes));
    let key = Some(VaultKey { store, name: vault });
    Ok(OfficeKeys { code_mac, vault: VaultOptions { key, server: None } })
}

/// Listens at `localhost`, at the first port that is free at all of its addresses: a browser may
/// ask any.
fn listen() -> anyhow::Result<(Vec<SocketAddr>, WebListen)> {
    let own: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    // A machine may have only one of them.
    let have: Vec<_> =
        own.into_iter().filter(|ip| TcpListener::bind(SocketAddr::new(*ip, 0)).is_ok()).collect();
    let last = PORT + PORTS_TRIED_MAX;
    let open_at = |port: u16| {
        let addresses: Vec<_> = have.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        let opened = WebListen::open(&addresses, None).ok()?;
        Some((addresses, opened))
    };
    let opened = (PORT..last).filter(|_| !have.is_empty()).find_map(open_at);
    opened.ok_or_else(|| {
        anyhow!(bilingual!(
            "no port from {PORT} to {0} is free on this machine; end a program that listens there, \
             or use --once",
            "本机 {PORT} 至 {0} 端口均被占用；请结束占用端口的程序，或使用 --once",
            last - 1
        ))
    })
}

/// What a server over the books of a demonstration shares with the rest of the process.
pub fn shared(
    node: &Node,
    data: &Path,
    views: Option<Place>,
    reached: Arc<AtomicU64>,
) -> anyhow::Result<WebShared> {
    let OfficeKeys { code_mac, vault } = keys(data)?;
    let books = Box::new(NodeBooks::new(node.client()));
    let store = Arc::new(AccessStore::open(data, vault.key.clone(), books)?);
    let keys = OfficeKeys { code_mac: code_mac.clone(), vault: vault.clone() };
    let office = office_requests::office(data, node.client(), Box::new(|_| {}), keys)?;
    let lines = Arc::new(ServedLines {
        data: data.to_owned(),
        client: Mutex::new(node.client()),
        config: None,
        reloader: None,
        vault,
        // Of trial books they are made up.
        debtors: BTreeMap::new(),
    });
    let look = |engine: &Engine| engine.books().currencies().collect::<Vec<_>>();
    let (currencies, _) = node.client().query(look)?;
    let watch = Watch::new(MetricsSources {
        data: data.to_owned(),
        control: control_directory(data).join(CONTROL_SOCKET),
        client: node.client(),
        views: views.is_some().then_some(reached),
        answers: OnceLock::new(),
        notices: Arc::default(),
        overdue: Arc::default(),
        certificates: Vec::new(),
    });
    Ok(WebShared {
        office: SharedOffice::new(office),
        lines,
        code_mac,
        store,
        views,
        announce: Box::new(|_| {}),
        trial_roles: Vec::new(),
        payout_day: served_web::payout_day_of(Arc::new(Mutex::new(Some(calendar(&currencies)?)))),
        overdue: Arc::default(),
        demo: None,
        phone: None,
        system: Arc::new(move || watch.figures()),
        vault_key: None,
    })
}

/// A server on this machine alone.
pub fn plan(addresses: Vec<SocketAddr>, requests_per_second: u32) -> WebPlan {
    WebPlan {
        addresses,
        tls: None,
        hosts: ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec(),
        requests_per_second,
        checkouts_at_once: CHECKOUTS_AT_ONCE,
        connections_max: CONNECTIONS_MAX,
        origin: None,
        public_policy: true,
        provider: None,
        shop: None,
    }
}

fn serve_until_stopped(
    node: &Node,
    data: &Path,
    place: &Place,
    (subjects, roles): (Subjects, &[DemoRole]),
    lang: Lang,
) -> anyhow::Result<()> {
    let mut stopped = stop_signals().context(texts::text(lang, "error.signals"))?;
    let reached = Arc::default();
    let mut shared = shared(node, data, Some(place.clone()), Arc::clone(&reached))?;
    demo_shop::promote(&node.client(), &shared.store)?;
    let (addresses, listen) = listen()?;
    let port = addresses.first().map_or(PORT, SocketAddr::port);
    let url = format!("http://localhost:{port}");
    let shown = sign_ins(&shared.store, roles, &url, lang)?;
    shared.trial_roles = shown.roles;
    shared.demo = Some(acts(node.client(), subjects));
    // Without it the phone takes cash only.
    let door = DemoDoor::start(node, subjects.0);
    if let Err(error) = &door {
        tracing::warn!(target: "demo", %error, "no switch: the phone takes cash only");
    }
    let door = door.ok();
    shared.phone = door.as_ref().map(|door| door.ask.clone());
    let (offices, lines) = (shared.office.clone(), shared.lines.clone());
    let _views = ViewsFollower::start(data, place.clone(), reached)?;
    let _pulse = PulsePublisher::start(data, place.clone(), PulsePlan::AT_ONCE, node.client())?;
    let directory = control_directory(data);
    let office = make_control_directory(&directory, None)
        .and_then(|()| OfficeServer::start(offices, lines, &directory, None))
        .map_err(|error| office_socket_error(&directory, &error))?;
    let shop = Some(demo_shop::settings());
    let plan = WebPlan { shop, ..plan(addresses, REQUESTS_PER_SECOND) };
    let server = match served_web::start(plan, listen, node, data, shared) {
        Ok(server) => server,
        Err(error) => {
            office.stop();
            return Err(error);
        }
    };
    say!(
        "\n{}",
        bilingual!(
            "The console of these books: {url}  (Ctrl-C ends it)",
            "本账簿的控制台：{url}（按 Ctrl-C 结束）"
        )
    );
    say!(
        "{}",
        lang.pick(
            "Sign-ins of this run: role, name, password; second factor; link that switches to it",
            "本次运行的登录：角色、登录名、密码；第二因素；切换到该角色的链接"
        )
    );
    for line in &shown.lines {
        say!("{line}");
    }
    std::io::stdout().flush().map_err(|error| anyhow!(crate::words::stdout_error_text(&error)))?;
    // Ends by a signal.
    let waited = stopped.read_exact(&mut [0]);
    // First: its requests use the office.
    server.stop();
    office.stop();
    if let Some(door) = door {
        door.stop();
    }
    Ok(waited?)
}

/// What the office does by itself: it releases what is due, and plans the payouts of each cycle, on
/// the days on which the simulated nights pay. The plans wait for people.
fn calendar(currencies: &[Currency]) -> anyhow::Result<Calendar> {
    let mut file = "[release]\nat = \"01:00\"\n".to_owned();
    for currency in currencies {
        for days in
            ["\"daily\"", "\"weekly\"\nweekdays = [\"friday\"]", "\"monthly\"\nmonth_days = [1]"]
        {
            let cycle =
                format!("[[cycle]]\ncycle = {days}\ncurrency = \"{currency}\"\nat = \"09:00\"\n");
            file.push_str(&cycle);
        }
    }
    Ok(calendar::file::parse(&file)?)
}

fn acts(client: NodeClient, subjects: Subjects) -> DemoActs {
    // Two who ask at once would move the clock by two days.
    let client = Arc::new(Mutex::new(client));
    let act = |run: fn(&mut NodeClient, Subjects) -> anyhow::Result<u64>| -> DemoAct {
        let client = client.clone();
        Arc::new(move |language| {
            let lang = if language == Language::Zh { Lang::Zh } else { Lang::En };
            let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
            run(&mut client, subjects).map_err(|error| chinese::error(&*error, lang))
        })
    };
    DemoActs { next_day: act(|client, _| move_on(client)), tour: act(give_tour) }
}

/// A seller's new parcels are out with the courier.
fn give_tour(client: &mut NodeClient, subjects: Subjects) -> anyhow::Result<u64> {
    let (courier, seller, firm) = subjects;
    let look = move |engine: &Engine| {
        engine
            .books()
            .seller_accounts()
            .find(|(one, _)| *one == seller)
            .map(|(_, currency)| currency)
    };
    let (currency, before) = client.query(look)?;
    let currency = currency.context("the seller is not known")?;
    let order = |number: usize| format!("tour-{}-{number}", before.0);
    let announce = |(number, due): (usize, &u64)| {
        let (reference, shipment) = (order(number), 1);
        let parcel = ParcelId::derived(seller, &reference);
        let due = Amount::of(*due);
        AnnounceParcel { parcel, seller, currency, due, reference, shipment }
    };
    let announced: Vec<_> = (1..).zip(TOUR_DUE).map(announce).collect();
    let ids: Vec<_> = announced.iter().map(|one| one.parcel).collect();
    let mut commands: Vec<_> = announced.into_iter().map(books::Command::AnnounceParcel).collect();
    let parcels = ids.iter().map(|&parcel| AssignedParcel { parcel, number: 1 }).collect();
    commands.push(books::Command::AssignParcels(AssignParcels { firm, parcels }));
    let parcels = ids.iter().map(|&parcel| DispatchedParcel { parcel, attempt: 1 }).collect();
    commands.push(books::Command::DispatchParcels(DispatchParcels { courier, parcels }));
    let commands = commands.into_iter().map(|one| (None, Submission::new(Actor::System, one)));
    for answer in client.execute(commands.collect())? {
        let answer = answer.map_err(engine::Refusal::into_books);
        answer.map_err(|refusal| anyhow!(chinese::refusal(&refusal, Lang::current())))?;
    }
    Ok(before.0)
}

/// Moves the clock of this process to the next morning, and carries out what is due then.
fn move_on(client: &mut NodeClient) -> anyhow::Result<u64> {
    let now = SystemClock.now();
    let look = move |engine: &Engine| {
        let books = engine.books();
        let date = books.business_date(now).zip(books.utc_offset_minutes_at(now));
        (date, books.currencies().collect::<Vec<_>>())
    };
    let ((date, currencies), before) = client.query(look)?;
    let (date, offset) = date.context("the books are not open")?;
    let calendar = calendar(&currencies)?;
    let mut next = date.plus_days(1);
    while !calendar.is_business_day(next) {
        next = next.plus_days(1);
    }
    SystemClock::start_trial_at(Timestamp::start_of_day(next, offset).plus_ms(DAY_BEGINS_MS));
    for one in carry_out(client, &calendar, SystemClock.now())? {
        // What the books refuse stays due: the next morning asks again.
        if let Err(refusal) = one.result {
            tracing::warn!(target: "calendar", reason = %refusal, "step refused");
        }
    }
    Ok(before.0)
}

struct ShownSignIns {
    roles: Vec<TrialRole>,
    lines: Vec<String>,
}

/// Makes the sign-ins anew.
fn sign_ins(
    store: &AccessStore,
    roles: &[DemoRole],
    url: &str,
    lang: Lang,
) -> anyhow::Result<ShownSignIns> {
    let now = SystemClock.now();
    store.forget_trial_sign_ins(PLANNER, now)?;
    let mut shown = ShownSignIns { roles: Vec::new(), lines: Vec::new() };
    for role in roles {
        let name = format!("demo-{}", role.name);
        let password = base32(Key::random(Algorithm::Aes128)?.expose()).to_ascii_lowercase();
        let factor = match store.add_trial_sign_in(role.person, &name, &password, now) {
            Err(access::AccessError::NoGrant(_)) => continue,
            factor => factor?,
        };
        shown.roles.push(TrialRole { name: role.name, person: role.person });
        let word = left(lang.pick(role.name, role.chinese), 14);
        shown.lines.push(format!("  {word} {} {password}", left(&name, 20)));
        shown.lines.push(format!("                 {}", factor_uri(&name, &factor)));
        shown.lines.push(format!("                 {url}{TRIAL_ROLES_PATH}{}", role.name));
    }
    Ok(shown)
}

/// Gives a byte at a signal.
fn stop_signals() -> std::io::Result<UnixStream> {
    let (reader, writer) = UnixStream::pair()?;
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    Ok(reader)
}
