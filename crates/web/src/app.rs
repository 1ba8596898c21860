//! What happens with a request before and after its operation: who sends it, how many, in which
//! language and form; and the headers of each answer.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access::{AccessDenied, AccessFunction, AccessScope, AccessStore, Principal, csrf_of};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use axum::routing::{MethodFilter, MethodRouter};
use books::{BusinessDate, SettlementCycle};
use engine::Timestamp;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use money::Currency;
use node::{Clock, JournalPosition, SystemClock};
use office::socket::CommandLines;
use office::{Language, SharedOffice, SignedInGiver};
use tokio::sync::Semaphore;
use vault::VaultKey;
use views::{Place, ViewColumn, ViewSpec};

use crate::console;
use crate::cursor::CursorKey;
use crate::handlers;
use crate::handlers::checkout::Checkouts;
use crate::idempotency::RunningKeys;
use crate::limits::{
    BODY_BYTES_MAX, BODY_SECONDS_MAX, EXPORTS_MAX, FILES_MAX, PROVIDER_REQUESTS_MAX,
    TURNS_WAITING_MAX,
};
use crate::listing_stores::ListingStores;
use crate::operations::{OPERATIONS, Operation};
use crate::phone::{self, AskSwitch};
use crate::problem::{ErrorInChinese, Problem, ProblemKind};
use crate::provider::{Provider, ProviderSettings};
use crate::readers::{ViewReaders, Writers};
use crate::reference::Reference;
use crate::senders::{RequestsLeft, Sender, Senders};
use crate::shop::{ShopSettings, ShopWindow};
use crate::system::SystemWatch;
use crate::trial_roles::{self, TrialRole};
use crate::words::{wanted_language, words};
use crate::workers::{MakeGiver, Workers};

/// The header with the position of the books that an answer reflects.
pub const POSITION: HeaderName = HeaderName::from_static("doorstep-position");
/// The cookie of a session.
pub const SESSION_COOKIE: &str = "__Host-doorstep";
/// The header against requests from other sites, of a session.
pub const CSRF_HEADER: HeaderName = HeaderName::from_static("doorstep-csrf");

/// The words of commands and fields.
#[derive(Clone, Copy)]
pub struct WebTexts {
    pub chinese: ErrorInChinese,
    /// What a command does.
    pub command: fn(&str, Language) -> String,
    /// What a field of a command means, in Chinese.
    pub field: fn(&str, &str) -> String,
    /// What a variant of a type is called.
    pub variant: fn(&str, &str, Language) -> Option<String>,
    /// What a column of a view says, in Chinese; without a column what one of its rows is.
    pub view: fn(&ViewSpec, Option<&ViewColumn>) -> String,
    /// Why a notice has not arrived.
    pub notice_reason: fn(&str, Language) -> String,
}

/// The first day after a day on which sellers of a cycle are paid in a currency, by the calendar.
pub type PayoutDay =
    Box<dyn Fn(SettlementCycle, Currency, BusinessDate) -> Option<BusinessDate> + Send + Sync>;

/// What was overdue in files when it was looked at last. `None`: it was not looked at yet.
pub type OverdueArrivals = Arc<Mutex<Option<Vec<reports::Arrival>>>>;

/// Makes something happen in a demonstration. Returns the last batch before it, or why not.
pub type DemoAct = Arc<dyn Fn(Language) -> Result<u64, String> + Send + Sync>;

/// What a visitor of a demonstration can make happen.
#[derive(Clone)]
pub struct DemoActs {
    /// Moves the books to the next business day.
    pub next_day: DemoAct,
    /// Gives the courier parcels for the door.
    pub tour: DemoAct,
}

/// What the server needs.
pub struct WebParts {
    /// The data directory.
    pub data: PathBuf,
    pub store: Arc<AccessStore>,
    pub office: SharedOffice,
    pub lines: Arc<dyn CommandLines>,
    pub make_giver: MakeGiver,
    /// Where the views are, if they are written.
    pub views: Option<Place>,
    pub texts: WebTexts,
    /// The names and addresses for which it answers, without a port.
    pub hosts: Vec<String>,
    /// Whether senders reach it by TLS.
    pub is_tls: bool,
    /// Of a principal, a second.
    pub requests_per_second: u32,
    /// More wait in a line.
    pub checkouts_at_once: usize,
    pub connections_max: usize,
    /// Roles that a link switches to: of a demonstration, nowhere else.
    pub trial_roles: Vec<TrialRole>,
    pub payout_day: PayoutDay,
    pub overdue: OverdueArrivals,
    /// Of a demonstration, nowhere else.
    pub demo: Option<DemoActs>,
    /// The shop window, if it is open.
    pub shop: Option<ShopSettings>,
    /// Where there is a switch.
    pub phone: Option<AskSwitch>,
    pub system: SystemWatch,
    /// Where its pages are, as browsers write it: `https://pay.example`. On this machine it follows
    /// from the request.
    pub origin: Option<String>,
    /// Whether anybody may read the policy and its report.
    pub public_policy: bool,
    pub provider: Option<ProviderSettings>,
    /// Reads the links that end the daily report's mails.
    pub vault_key: Option<VaultKey>,
    /// Hears of failures, for the log.
    pub on_failure: fn(&str),
}

/// The state of the server.
pub(crate) struct App {
    pub data: PathBuf,
    pub store: Arc<AccessStore>,
    pub office: SharedOffice,
    pub lines: Arc<dyn CommandLines>,
    /// Gives commands that need no worker.
    pub quick: SignedInGiver,
    pub workers: Workers,
    pub running: RunningKeys,
    pub texts: WebTexts,
    pub reference: Reference,
    pub readers: ViewReaders,
    pub writers: Writers,
    pub cursors: CursorKey,
    pub exports: Arc<Semaphore>,
    /// Files that are in work.
    pub files: Arc<Semaphore>,
    /// For turns of the engine.
    pub turns: Arc<Semaphore>,
    pub senders: Senders,
    pub checkouts: Checkouts,
    pub provider: Option<Arc<Provider>>,
    /// Questions to the provider that may be asked at once.
    pub provider_requests: Arc<Semaphore>,
    pub origin: Option<String>,
    pub public_policy: bool,
    pub trial_roles: Vec<TrialRole>,
    pub payout_day: PayoutDay,
    pub overdue: OverdueArrivals,
    pub demo: Option<DemoActs>,
    pub shop: Option<ShopWindow>,
    pub listings: ListingStores,
    pub phone: Option<AskSwitch>,
    pub system: SystemWatch,
    hosts: Vec<String>,
    pub is_tls: bool,
    pub vault_key: Option<VaultKey>,
    pub on_failure: fn(&str),
}

/// The address of the other side of a connection.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub IpAddr);

/// Who sends a request.
pub(crate) struct SignedInCaller {
    pub principal: Principal,
    /// The token of its session.
    pub session: Option<String>,
}

/// With what a sender says who it is.
enum Credential {
    Nothing,
    /// It is no key.
    Malformed,
    Key(String),
    /// The token of a session.
    Session(String),
}

impl Credential {
    fn of(headers: &HeaderMap) -> Credential {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return session_token(headers).map_or(Credential::Nothing, Credential::Session);
        };
        let pair = value.to_str().ok().and_then(|value| value.split_once(' '));
        match pair {
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => {
                Credential::Key(key.trim().to_owned())
            }
            _ => Credential::Malformed,
        }
    }
}

/// A request whose sender is known.
pub(crate) struct Call {
    pub app: Arc<App>,
    pub operation: &'static Operation,
    pub parts: Parts,
    /// Taken once. The lock lets several tasks look at the rest of a call.
    body: Mutex<Body>,
    pub language: Language,
    /// `None` only where anybody may ask.
    pub caller: Option<SignedInCaller>,
    pub address: IpAddr,
    pub now: Timestamp,
}

/// An answer, or a problem.
pub(crate) type HttpAnswer = Result<Response<Body>, Problem>;

/// The router of all operations.
pub fn router(parts: WebParts) -> Result<Router, getrandom::Error> {
    let cursors = CursorKey::new()?;
    let reference = Reference::new(&parts.texts);
    let app = Arc::new(App {
        listings: ListingStores::new(parts.data.clone(), parts.texts.chinese),
        shop: parts.shop.map(ShopWindow::new),
        data: parts.data,
        store: parts.store,
        office: parts.office,
        lines: parts.lines,
        quick: (parts.make_giver)(),
        workers: Workers::new(parts.make_giver),
        running: RunningKeys::default(),
        texts: parts.texts,
        reference,
        readers: ViewReaders::new(parts.views),
        writers: Writers::default(),
        cursors,
        exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
        files: Arc::new(Semaphore::new(FILES_MAX)),
        turns: Arc::new(Semaphore::new(TURNS_WAITING_MAX)),
        senders: Senders::new(parts.requests_per_second),
        checkouts: Checkouts::new(parts.checkouts_at_once),
        provider: parts.provider.map(|settings| Arc::new(Provider::new(settings))),
        provider_requests: Arc::new(Semaphore::new(PROVIDER_REQUESTS_MAX)),
        origin: parts.origin,
        public_policy: parts.public_policy,
        trial_roles: parts.trial_roles,
        payout_day: parts.payout_day,
        overdue: parts.overdue,
        demo: parts.demo,
        phone: parts.phone,
        system: parts.system,
        hosts: parts.hosts,
        is_tls: parts.is_tls,
        vault_key: parts.vault_key,
        on_failure: parts.on_failure,
    });
    let refuse = |app: &Arc<App>, kind: ProblemKind| {
        let app = app.clone();
        move |request: Request| {
            let app = app.clone();
            async move { app.refuse(&request, kind) }
        }
    };
    let mut paths: Vec<&str> = Vec::new();
    let mut router = Router::new();
    for operation in OPERATIONS.iter() {
        if paths.contains(&operation.path.as_str()) {
            continue;
        }
        paths.push(&operation.path);
        let mut methods = MethodRouter::new();
        for one in OPERATIONS.iter().filter(|one| one.path == operation.path) {
            let filter = match one.method {
                Method::POST => MethodFilter::POST,
                Method::DELETE => MethodFilter::DELETE,
                _ => MethodFilter::GET,
            };
            let app = app.clone();
            methods = methods.on(filter, move |request: Request| app.clone().answer(one, request));
        }
        router = router
            .route(&operation.path, methods.fallback(refuse(&app, ProblemKind::MethodNotAllowed)));
    }
    let router = trial_roles::add(router, &app);
    let router = console::add(router, &app);
    let router = phone::add(router, &app);
    Ok(router.fallback(refuse(&app, ProblemKind::NoSuchPath)))
}

impl App {
    fn refuse(&self, request: &Request, kind: ProblemKind) -> Response<Body> {
        let checked = self.check_host(request.headers(), request.uri().host());
        let problem = checked.err().unwrap_or_else(|| kind.into());
        let mut response = match console::wants_page(request.headers()) {
            true => console::problem_page(self, request.headers(), &problem),
            false => problem.response(language_of(request.headers())),
        };
        self.add_headers(response.headers_mut());
        response
    }

    async fn answer(
        self: Arc<App>,
        operation: &'static Operation,
        request: Request,
    ) -> Response<Body> {
        let language = language_of(request.headers());
        let mut left = None;
        let answer = self.clone().call(operation, request, language, &mut left).await;
        let mut response = answer.unwrap_or_else(|problem| {
            if let Some(cause) = problem.cause() {
                (self.on_failure)(cause);
            }
            problem.response(language)
        });
        if let Some(left) = left {
            add_limits(response.headers_mut(), left);
        }
        self.add_headers(response.headers_mut());
        response
    }

    async fn call(
        self: Arc<App>,
        operation: &'static Operation,
        request: Request,
        language: Language,
        left: &mut Option<RequestsLeft>,
    ) -> HttpAnswer {
        handlers::answer(self.admit(operation, request, language, left).await?).await
    }

    /// Finds out who sends a request, and counts it.
    pub async fn admit(
        self: Arc<App>,
        operation: &'static Operation,
        request: Request,
        language: Language,
        left: &mut Option<RequestsLeft>,
    ) -> Result<Call, Problem> {
        self.check_host(request.headers(), request.uri().host())?;
        let address = request.extensions().get::<PeerAddress>();
        let address = address.ok_or_else(|| Problem::internal("a connection has no address"))?.0;
        let (parts, body) = request.into_parts();
        let now = SystemClock.now();
        let credential = Credential::of(&parts.headers);
        // Before anything is looked up: what nobody has shown before counts for its address.
        let is_known = self.knows(&credential);
        if !is_known {
            self.count(Sender::at(address), left)?;
        }
        let caller = self.caller(credential, now).await;
        match &caller {
            Ok(Some(caller)) => self.count(Sender::Principal(caller.principal.actor), left)?,
            // Revoked, or ended.
            _ if is_known => self.count(Sender::at(address), left)?,
            _ => {}
        }
        let caller = match caller {
            // A sign-in with an old cookie is one without.
            Err(problem) if operation.is_open && problem.status() == StatusCode::UNAUTHORIZED => {
                None
            }
            caller => caller?,
        };
        if caller.is_none() && !operation.is_open {
            return Err(ProblemKind::NotSignedIn.into());
        }
        let by_cookie = caller.as_ref().is_some_and(|caller| caller.session.is_some());
        if parts.method == Method::POST || parts.method == Method::DELETE {
            self.check_site(&parts.headers)?;
            if by_cookie && !operation.is_open {
                check_csrf(&parts.headers, caller.as_ref())?;
            }
        }
        let body = Mutex::new(body);
        Ok(Call { app: self, operation, parts, body, language, caller, address, now })
    }

    /// A name that is not ours can only come from a page that another name was bound to.
    pub fn check_host(&self, headers: &HeaderMap, authority: Option<&str>) -> Result<(), Problem> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (host, more) = (hosts.next(), hosts.next());
        let host = host.and_then(|host| host.to_str().ok()).or(authority);
        let name = host.map(without_port).filter(|_| more.is_none());
        match name {
            Some(name) if self.hosts.iter().any(|one| one.eq_ignore_ascii_case(name)) => Ok(()),
            _ => Err(ProblemKind::WrongHost.into()),
        }
    }

    /// What browsers say about where a request comes from.
    pub fn check_site(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let fetched = text("sec-fetch-site");
        let same_site = fetched.is_none_or(|site| matches!(site, "same-origin" | "none"));
        let origin = text("origin").is_none_or(|origin| {
            let name = origin.split_once("://").map(|(_, host)| without_port(host));
            name.is_some_and(|name| self.hosts.iter().any(|one| one.eq_ignore_ascii_case(name)))
        });
        if same_site && origin { Ok(()) } else { Err(ProblemKind::CrossSite.into()) }
    }

    fn knows(&self, credential: &Credential) -> bool {
        match credential {
            Credential::Nothing | Credential::Malformed => false,
            Credential::Key(token) | Credential::Session(token) => self.store.knows(token),
        }
    }

    fn count(&self, sender: Sender, left: &mut Option<RequestsLeft>) -> Result<(), Problem> {
        let counted = self.senders.count(sender);
        *left = Some(counted);
        match counted.allowed {
            true => Ok(()),
            false => Err(Problem::from(ProblemKind::TooManyRequests).retry_after(1)),
        }
    }

    async fn caller(
        &self,
        credential: Credential,
        now: Timestamp,
    ) -> Result<Option<SignedInCaller>, Problem> {
        let principal = match credential {
            Credential::Nothing => return Ok(None),
            Credential::Malformed => return Err(ProblemKind::NotSignedIn.into()),
            Credential::Session(token) => return self.in_session(token, now).await.map(Some),
            Credential::Key(key) => match self.store.known_key(&key, now) {
                Some(principal) => principal,
                None => {
                    let store = self.store.clone();
                    self.workers.run(move |_| store.authenticate_key(&key, now)).await?
                }
            },
        };
        let principal = principal.map_err(denied)?;
        Ok(Some(SignedInCaller { principal, session: None }))
    }

    async fn in_session(&self, token: String, now: Timestamp) -> Result<SignedInCaller, Problem> {
        let store = self.store.clone();
        let read = self.workers.run(move |_| {
            let principal = store.session(&token, now);
            principal.map(|principal| SignedInCaller { principal, session: Some(token) })
        });
        read.await?.map_err(denied)
    }

    pub fn note_failure(&self, cause: &str) {
        (self.on_failure)(cause);
    }

    pub fn add_headers(&self, headers: &mut HeaderMap) {
        let fixed = HeaderValue::from_static;
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
        // Under `no-referrer` browsers send `Origin: null` with our own forms, which is refused.
        headers.insert(header::REFERRER_POLICY, fixed("same-origin"));
        headers.insert("cross-origin-resource-policy", fixed("same-origin"));
        headers.insert("cross-origin-opener-policy", fixed("same-origin"));
        let nothing = fixed("default-src 'none'; frame-ancestors 'none'");
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
        headers.entry(header::CACHE_CONTROL).or_insert(fixed("no-store"));
        headers.insert(header::VARY, fixed("Accept, Accept-Language, Authorization, Cookie"));
        if self.is_tls {
            let year = fixed("max-age=31536000; includeSubDomains");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
        }
    }
}

fn denied(why: AccessDenied) -> Problem {
    match why {
        AccessDenied::Unknown => ProblemKind::NotSignedIn.into(),
        AccessDenied::Store(error) => Problem::internal(error),
    }
}

pub(crate) fn language_of(headers: &HeaderMap) -> Language {
    let accept = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    wanted_language(accept)
}

/// The host of `host:port`.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The value of a cookie.
pub(crate) fn cookie_value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).map(str::trim);
    pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn session_token(headers: &HeaderMap) -> Option<String> {
    cookie_value(headers, SESSION_COOKIE).map(str::to_owned)
}

fn check_csrf(headers: &HeaderMap, caller: Option<&SignedInCaller>) -> Result<(), Problem> {
    let session = caller.and_then(|caller| caller.session.as_deref());
    let expected = session.map(csrf_of);
    let given = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
    match (expected, given) {
        // Both are of the session: who can compare them has it.
        (Some(expected), Some(given)) if expected == given => Ok(()),
        _ => Err(Problem::from(ProblemKind::CrossSite).with_field(CSRF_HEADER.as_str())),
    }
}

pub(crate) fn add_limits(headers: &mut HeaderMap, left: RequestsLeft) {
    let RequestsLeft { limit, left, .. } = left;
    let mut put = |name: &'static str, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    };
    put("ratelimit-policy", format!("\"second\";q={limit};w=1"));
    put("ratelimit", format!("\"second\";r={left};t=1"));
}

impl Call {
    /// Who sends it.
    pub fn caller(&self) -> Result<&SignedInCaller, Problem> {
        self.caller.as_ref().ok_or_else(|| ProblemKind::NotSignedIn.into())
    }

    /// Where our pages are. Without a setting only on this machine, where it is what was asked for:
    /// a name that browsers resolve to no other machine.
    pub fn origin(&self) -> Option<String> {
        let host = || {
            let host = self.header(header::HOST)?;
            let scheme = if self.app.is_tls { "https" } else { "http" };
            (without_port(host) == "localhost").then(|| format!("{scheme}://{host}"))
        };
        self.app.origin.clone().or_else(host)
    }

    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.parts.headers.get(name).map(|value| value.to_str().unwrap_or("?"))
    }

    /// The text at this place of the path, from 0, decoded.
    pub fn path_part(&self, place: usize) -> Result<String, Problem> {
        let part = self.parts.uri.path().split('/').nth(place + 1).unwrap_or_default();
        let part = crate::query::decoded(&part.replace('+', "%2B"));
        part.filter(|part| crate::json::invisible(part).is_none())
            .ok_or_else(|| ProblemKind::NoSuchPath.into())
    }

    /// Refuses a body of another type.
    pub fn require_content(&self, types: &[&str]) -> Result<(), Problem> {
        if self.parts.headers.contains_key(header::CONTENT_ENCODING) {
            return Err(ProblemKind::UnsupportedEncoding.into());
        }
        let given = self.header(header::CONTENT_TYPE).unwrap_or_default();
        let mut parts = given.split(';').map(|part| part.trim().to_ascii_lowercase());
        let media = parts.next().unwrap_or_default();
        let charset = |part: String| matches!(&*part, "charset=utf-8" | "charset=\"utf-8\"");
        let is_one = self.parts.headers.get_all(header::CONTENT_TYPE).iter().count() == 1;
        if is_one && types.contains(&&*media) && parts.all(charset) {
            return Ok(());
        }
        let list = types.join(", ");
        let detail = words!(
            "this takes the content type {list}; send it in UTF-8, with this Content-Type",
            "此处接受的内容类型为 {list}；请以 UTF-8 发送并给出该 Content-Type"
        );
        Err(Problem::new(ProblemKind::UnsupportedMediaType, detail))
    }

    /// The first of these types that the sender accepts.
    pub fn accepted(&self, types: &'static [&'static str]) -> Result<&'static str, Problem> {
        let accept = self.header(header::ACCEPT).unwrap_or("*/*");
        let mut best: (u32, Option<&'static str>) = (0, None);
        for media in types {
            let weight = weight(accept, media);
            if weight > best.0 {
                best = (weight, Some(media));
            }
        }
        best.1.ok_or_else(|| ProblemKind::NotAcceptable.into())
    }

    /// Takes the body out.
    pub fn take_body(&mut self) -> Body {
        std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// The whole body, within its limits.
    pub async fn whole_body(&mut self) -> Result<Bytes, Problem> {
        self.body_within(BODY_BYTES_MAX).await
    }

    /// The whole body, of at most so many bytes.
    pub async fn body_within(&mut self, bytes_max: usize) -> Result<Bytes, Problem> {
        let too_large = || too_large(bytes_max);
        let announced = self.header(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        if announced.is_some_and(|bytes: u64| bytes > bytes_max as u64) {
            return Err(too_large());
        }
        let body = Limited::new(self.take_body(), bytes_max);
        let within = Duration::from_secs(BODY_SECONDS_MAX);
        match tokio::time::timeout(within, body.collect()).await {
            Err(_) => Err(ProblemKind::BodyTooSlow.into()),
            Ok(Ok(whole)) => Ok(whole.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(ProblemKind::BodyTooSlow.into()),
        }
    }

    /// Refuses what the principal may not do, whatever it is done with.
    pub fn require(&self, function: AccessFunction<'_>) -> Result<(), Problem> {
        let principal = &self.caller()?.principal;
        if principal.lacks_step_up(function) {
            return Err(ProblemKind::StepUpNeeded.into());
        }
        match principal.may(function) {
            AccessScope::Nothing => Err(ProblemKind::NotPermitted.into()),
            AccessScope::All | AccessScope::Own(_) => Ok(()),
        }
    }

    /// Refuses what the principal may only do with its own, or not at all.
    pub fn require_all(&self, function: AccessFunction<'_>) -> Result<(), Problem> {
        self.require(function)?;
        match self.caller()?.principal.may(function) {
            AccessScope::All => Ok(()),
            AccessScope::Own(_) | AccessScope::Nothing => Err(ProblemKind::NotPermitted.into()),
        }
    }
}

fn too_large(bytes_max: usize) -> Problem {
    let most = bytes_max >> 20;
    let detail = words!(
        "the body is larger than {most} MiB; send it in parts",
        "请求体超过 {most} MiB；请分批发送"
    );
    Problem::new(ProblemKind::BodyTooLarge, detail)
}

/// How much a sender wants a media type: that of the most specific range.
fn weight(accept: &str, media: &str) -> u32 {
    let (kind, _) = media.split_once('/').unwrap_or((media, ""));
    let mut found = (0, 0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        let name = parts.next().unwrap_or_default();
        let specific = match &*name {
            "*/*" => 1,
            name if name.strip_suffix("/*") == Some(kind) => 2,
            name if name == media => 3,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").map(crate::words::thousandths));
        if specific > found.0 {
            found = (specific, weight.unwrap_or(1_000));
        }
    }
    found.1
}

/// With the position that it reflects.
pub(crate) fn json_answer(
    status: StatusCode,
    body: &serde_json::Value,
    position: Option<JournalPosition>,
) -> HttpAnswer {
    answer_of(status, body.to_string().into_bytes(), position)
}

/// JSON, with the position that it reflects.
pub(crate) fn answer_of(
    status: StatusCode,
    body: Vec<u8>,
    position: Option<JournalPosition>,
) -> HttpAnswer {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    if let Some(position) = position {
        response.headers_mut().insert(POSITION, position.0.into());
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_counts() {
        assert_eq!(weight("*/*", "text/csv"), 1_000);
        assert_eq!(weight("text/*;q=0.5, */*", "text/csv"), 500);
        assert_eq!(weight("text/csv;q=0, text/*", "text/csv"), 0);
        assert_eq!(weight("application/json", "text/csv"), 0);
    }

    #[test]
    fn a_host_has_a_port_or_none() {
        for (host, name) in [
            ("localhost:8080", "localhost"),
            ("localhost", "localhost"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(without_port(host), name);
        }
    }

    #[test]
    fn the_token_of_a_session_is_found_among_cookies() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=b; __Host-doorstep=token".parse().unwrap());
        assert_eq!(session_token(&headers).as_deref(), Some("token"));
        headers.insert(header::COOKIE, "x__Host-doorstep=token".parse().unwrap());
        assert_eq!(session_token(&headers), None);
    }
}
