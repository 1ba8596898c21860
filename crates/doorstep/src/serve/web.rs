//! The API over HTTP, served beside the switch.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use access::{AccessStore, RelyingParty};
use anyhow::{Context, ensure};
use host::tls;
use market::CategoryId;
use node::Node;
use office::socket::CommandLines;
use office::{CodeMacOf, Language, OnEvents, SharedOffice, SignedInGiver};
use rustls::ServerConfig;
use switch::in_range;
use vault::VaultKey;
use views::Place;
use web::limits::{CONNECTIONS_MAX, CONNECTIONS_MIN, WORKERS_MAX};
use web::system::SystemWatch;
use web::{
    DemoActs, OverdueArrivals, PayoutDay, ProviderSettings, ShopCategory, ShopSettings, TrialRole,
    WebListen, WebParts, WebServer, WebTexts,
};

use super::form::{ProviderForm, ShopForm, WebForm};
use super::reload::CurrentCalendar;
use super::settings::{read_secret, tls_identity};
use crate::chinese;
use crate::do_command;
use crate::log::sentence;
use crate::words::{Lang, bilingual};

/// Files that are kept for the API: its fewest connections, the views, proposals, files that were
/// sent.
pub const FILES_MIN: usize = CONNECTIONS_MIN + 2 * WORKERS_MAX;
/// Of a principal, unless the settings say otherwise.
pub const REQUESTS_PER_SECOND: u32 = 1_000;
const REQUESTS_PER_SECOND_MAX: u32 = 1_000_000;
/// Unless the settings say otherwise: enough that all their addresses are sealed in one turn.
pub const CHECKOUTS_AT_ONCE: usize = 256;
const CHECKOUTS_AT_ONCE_MAX: usize = 4_096;
/// A monthly cycle and its holidays lie within.
const PAYOUT_DAYS_LOOKED_AT: u16 = 62;

/// What the settings say of the API.
#[derive(Clone)]
pub struct WebPlan {
    pub addresses: Vec<SocketAddr>,
    pub tls: Option<Arc<ServerConfig>>,
    pub hosts: Vec<String>,
    pub requests_per_second: u32,
    pub checkouts_at_once: usize,
    pub connections_max: usize,
    pub origin: Option<String>,
    pub public_policy: bool,
    pub provider: Option<ProviderSettings>,
    pub shop: Option<ShopSettings>,
}

impl WebPlan {
    /// Takes the files that nobody else needs for connections. Returns a note if they are too few.
    pub fn fit_files(&mut self, spare: u64) -> Option<String> {
        let spare = usize::try_from(spare).unwrap_or(usize::MAX);
        let most = CONNECTIONS_MIN.saturating_add(spare).min(CONNECTIONS_MAX);
        self.connections_max = most;
        (most < CONNECTIONS_MAX).then(|| {
            format!(
                "at most {most} connections of the API, not {CONNECTIONS_MAX}: the terminals have \
                 the other files (`ulimit -n`)"
            )
        })
    }
}

/// Reads the section of the settings. `path` resolves its file names.
pub fn plan(form: &WebForm, path: impl Fn(&Path) -> PathBuf) -> anyhow::Result<WebPlan> {
    ensure!(
        !form.listen.is_empty(),
        bilingual!(
            "web.listen: give at least one address, or leave out [web]",
            "web.listen：请至少给出一个地址，或不写 [web]"
        )
    );
    let tls = form.tls.as_ref().map(|tls| {
        let identity = tls_identity(path(&tls.certificate), path(&tls.key))?;
        Ok::<_, anyhow::Error>(tls::server(&identity, None)?)
    });
    let tls = tls.transpose().context("web.tls")?;
    let addresses: Vec<SocketAddr> = form.listen.iter().map(|one| one.0).collect();
    let beyond = addresses.iter().find(|at| tls.is_none() && !host::is_loopback(**at));
    if let Some(&address) = beyond {
        // As the server itself says it.
        return Err(web::WebError::PlainBeyondLoopback { address }.into());
    }
    let requests_per_second = form.requests_per_second.unwrap_or(REQUESTS_PER_SECOND);
    in_range(
        "web.requests_per_second",
        requests_per_second,
        1..=REQUESTS_PER_SECOND_MAX,
        "with 0 nobody is answered",
    )?;
    let checkouts_at_once = form.checkouts_at_once.unwrap_or(CHECKOUTS_AT_ONCE);
    in_range(
        "web.checkouts_at_once",
        checkouts_at_once,
        1..=CHECKOUTS_AT_ONCE_MAX,
        "with 0 nobody can order",
    )?;
    let mut hosts = form.hosts.clone();
    for at in &addresses {
        hosts.push(match at {
            SocketAddr::V4(at) => at.ip().to_string(),
            SocketAddr::V6(at) => format!("[{}]", at.ip()),
        });
    }
    if addresses.iter().any(|at| host::is_loopback(*at)) {
        hosts.push("localhost".to_owned());
    }
    let origin = form.origin.as_deref().map(origin).transpose()?;
    hosts.extend(origin.as_ref().map(|of| of.id().to_owned()));
    let provider = form.oidc.as_ref().map(|form| provider(form, path)).transpose()?;
    let origin = origin.map(|of| of.origin().to_owned());
    let connections_max = CONNECTIONS_MAX;
    let shop = form.shop.as_ref().filter(|shop| shop.open).map(shop_settings);
    Ok(WebPlan {
        addresses,
        tls,
        hosts,
        requests_per_second,
        checkouts_at_once,
        connections_max,
        origin,
        public_policy: form.public_policy,
        provider,
        shop,
    })
}

fn shop_settings(form: &ShopForm) -> ShopSettings {
    let categories = form.categories.iter().map(|one| ShopCategory {
        id: CategoryId(one.id),
        en: one.en.clone(),
        zh: one.zh.clone(),
    });
    ShopSettings { categories: categories.collect() }
}

fn origin(text: &str) -> anyhow::Result<RelyingParty> {
    RelyingParty::of_origin(text).with_context(|| {
        bilingual!(
            "web.origin: browsers have no passkeys at `{text}`; give https:// and a name, as in \
             https://books.example.com, or http://localhost:8080",
            "web.origin：浏览器在 `{text}` 不提供通行密钥；请写 https:// 和名称，如 \
             https://books.example.com，或 http://localhost:8080"
        )
    })
}

/// Reads who proves people's identities. Its authorities are the machine's, unless given.
fn provider(
    form: &ProviderForm,
    path: impl Fn(&Path) -> PathBuf,
) -> anyhow::Result<ProviderSettings> {
    let secret = form.secret_file.as_ref().map(|file| read_secret(&path(file)));
    let secret = secret.transpose().context("web.oidc.secret_file")?;
    let authorities = match &form.authorities {
        Some(file) => tls::certificates(&path(file)).context("web.oidc.authorities")?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let provider = ProviderSettings {
        issuer: form.issuer.clone(),
        client_id: form.client_id.clone(),
        client_secret: secret.map(|text| text.trim_end_matches(['\r', '\n']).to_owned()),
        authorities: authorities.iter().map(|one| one.to_vec()).collect(),
        trusted_methods: form.trusted_amr.clone(),
        trusted_classes: form.trusted_acr.clone(),
    };
    let issuer = &provider.issuer;
    ensure!(
        provider.is_protected(issuer),
        bilingual!(
            "web.oidc.issuer: `{issuer}` is neither https nor on this machine; give the https:// \
             address exactly as the provider writes it",
            "web.oidc.issuer：`{issuer}` 既非 https 也不在本机；请照提供方的写法给出 https:// 地址"
        )
    );
    Ok(provider)
}

/// What the API shares with the rest of this process.
pub struct WebShared {
    pub office: SharedOffice,
    pub lines: Arc<dyn CommandLines>,
    pub code_mac: Option<CodeMacOf>,
    pub store: Arc<AccessStore>,
    pub views: Option<Place>,
    pub announce: OnEvents,
    /// Roles that a link switches to: of a demonstration.
    pub trial_roles: Vec<TrialRole>,
    pub payout_day: PayoutDay,
    pub overdue: OverdueArrivals,
    pub demo: Option<DemoActs>,
    pub phone: Option<::web::AskSwitch>,
    pub system: SystemWatch,
    pub vault_key: Option<VaultKey>,
}

/// The calendar in force says when sellers are paid.
pub fn payout_day_of(calendar: CurrentCalendar) -> PayoutDay {
    Box::new(move |cycle, currency, after| {
        let calendar = calendar.lock().unwrap_or_else(PoisonError::into_inner);
        let calendar = calendar.as_ref()?;
        let rule = calendar.cycles().iter();
        let mut rule = rule.filter(|rule| (rule.cycle, rule.currency) == (cycle, currency));
        let rule = rule.next()?;
        let days = (1..=PAYOUT_DAYS_LOOKED_AT).map(|days| after.plus_days(days));
        days.into_iter().find(|day| calendar.plans_on(rule, *day))
    })
}

fn lang_of(language: Language) -> Lang {
    match language {
        Language::En => Lang::En,
        Language::Zh => Lang::Zh,
    }
}

/// Starts the API.
pub fn start(
    plan: WebPlan,
    listen: WebListen,
    node: &Node,
    data: &Path,
    shared: WebShared,
) -> anyhow::Result<WebServer> {
    let WebShared {
        office,
        lines,
        code_mac,
        store,
        views,
        announce,
        trial_roles,
        payout_day,
        overdue,
        demo,
        phone,
        system,
        vault_key,
    } = shared;
    let on_events = Arc::new(Mutex::new(announce));
    let (client, directory, shared_office) = (node.client(), data.to_owned(), office.clone());
    let make_giver = Box::new(move || SignedInGiver {
        client: client.clone(),
        office: shared_office.clone(),
        data: directory.clone(),
        code_mac: code_mac.clone(),
        on_events: on_events.clone(),
    });
    let texts = WebTexts {
        chinese: |error| chinese::error(error, Lang::Zh),
        command: |name, language| do_command::about(name, lang_of(language)),
        variant: |of, name, language| sentence::variant(of, name, lang_of(language)),
        field: |command, field| {
            do_command::field_in_chinese(command, field).unwrap_or_default().to_owned()
        },
        notice_reason: |why, language| chinese::notice_reason(why, lang_of(language)),
        view: |view, column| chinese::of_view(view, column).unwrap_or_default().to_owned(),
    };
    let parts = WebParts {
        data: data.to_owned(),
        store,
        office,
        lines,
        make_giver,
        views,
        texts,
        hosts: plan.hosts,
        is_tls: plan.tls.is_some(),
        requests_per_second: plan.requests_per_second,
        checkouts_at_once: plan.checkouts_at_once,
        connections_max: plan.connections_max,
        trial_roles,
        payout_day,
        overdue,
        demo,
        phone,
        system,
        origin: plan.origin,
        public_policy: plan.public_policy,
        provider: plan.provider,
        shop: plan.shop,
        vault_key,
        on_failure: |reason| tracing::error!(target: "web", reason, "a request failed"),
    };
    Ok(WebServer::start(listen, parts)?)
}
