//! The console: pages over the views, under the same table of rights as the API. A page reads what
//! the API reads, and has its JSON at the same address with `.json`.

mod act_form;
mod act_pages;
mod act_reading;
mod act_table;
mod approvals;
mod arrivals;
mod audit;
mod bank_accounts;
mod belongs;
mod choices;
mod closings;
mod costs;
mod demo;
mod details;
mod form;
mod frames;
mod home;
mod imports;
mod lists;
mod market;
mod notices;
mod own_sign_in;
mod packing;
mod party_accounts;
mod people;
mod policy;
mod portals;
mod preview;
mod pulse;
mod report_mail;
mod routing;
mod rows;
mod searches;
mod second_factor;
mod sessions;
mod statement_rows;
mod statements;
mod system;

use std::sync::{Arc, LazyLock};

use access::Principal;
use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::routing::{MethodFilter, MethodRouter};
use machine::CommandSpec;
use node::JournalPosition;
use office::Language;
use pages::assets::{ASSETS, ICON};
use pages::pulse::REPORT_END_PATH;
use pages::{DesignPage, Link, PageFrame, PageWords, Theme, list_path};
use serde_json::json;
use views::ViewSpec;
use views::read::VIEWS;

use crate::app::{App, Call, HttpAnswer, add_limits, cookie_value, json_answer, language_of};
use crate::handlers;
use crate::handlers::views::{Wanted, wait_for};
use crate::operations::{Action, OPERATIONS, Operation};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::shop::ShopPage;
use crate::words::BilingualText;

use act_table::ACTS_PATH;
use closings::{CLOSINGS_LIST_PATH, CLOSINGS_PATH};
pub(crate) use form::{Form, own_path};
use frames::frame;
use imports::{IMPORT_PATH, ImportForm, OFFERS_PATH};
pub(crate) use sessions::{SECOND_FACTOR_PATH, SIGNED_IN_PATH};
use statements::STATEMENTS_PATH;
pub(crate) use statements::{STATEMENT_PARAMETERS, statement_of};

/// Our own files only, and nothing written into the page.
const POLICY: &str = concat!(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; ",
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
);
/// Cookies of what a viewer prefers. They say nothing of who it is.
const LANGUAGE_COOKIE: &str = "doorstep-language";
const THEME_COOKIE: &str = "doorstep-theme";

/// What waits for a second person.
const PROPOSALS_PATH: &str = "/proposals";
/// A person's own sign-in.
const OWN_SIGN_IN_PATH: &str = "/access";
/// What can be meant by a reference.
const CHOICES_PATH: &str = "/choices";

/// The last batch that pages can show: those of now ask for it.
const POSITION_PATH: &str = "/position";

/// What a page is of.
#[derive(Clone, Copy)]
enum Page {
    Shop(ShopPage),
    Home,
    SignIn,
    GiveSignIn,
    SecondFactor,
    GiveSecondFactor,
    SignedIn,
    OwnSignIn,
    ChangeOwnSignIn,
    SignOut,
    Preferences,
    Search,
    Design,
    Acts,
    ActForm,
    GiveAct,
    Choices,
    Proposals,
    Proposal,
    Decide,
    Import(ImportForm),
    TakeImport(ImportForm),
    Closings,
    ClosingsList,
    TakeClosings,
    Statements,
    Statement,
    NextDay,
    MoveOn,
    NewTour,
    Position,
    Audit,
    Notices,
    Notice,
    NoticeRecipient,
    Policy,
    PolicyTwin,
    HeldTexts,
    HeldTwin,
    Appeals,
    AppealsTwin,
    OfferDecisions,
    PolicyReport,
    PolicyReportTwin,
    PolicyReportFile,
    Pulse,
    PulseList,
    Publication,
    PublishedClaim,
    Figure,
    Claims,
    JudgeClaims,
    EndReport,
    ReportEnded,
    Routing,
    Arrivals,
    Costs,
    Exit,
    Market,
    Packing,
    ShowBuyers,
    Preview,
    GivePreview,
    System,
    People,
    Person,
    ChangePerson,
    BankAccounts,
    ShowBankAccounts,
    List(&'static ViewSpec),
    Detail(&'static ViewSpec),
}

/// Pages tell who is not signed in where to sign in.
pub(crate) static OPEN: LazyLock<Operation> = LazyLock::new(|| Operation {
    id: String::new(),
    method: Method::GET,
    path: String::new(),
    action: Action::Reference,
    about: BilingualText::fixed("", ""),
    is_open: true,
});

/// What a viewer prefers.
#[derive(Clone, Copy)]
pub(crate) struct Preferences {
    pub words: PageWords,
    theme: Theme,
}

/// A request for a page.
pub(crate) struct Visit {
    pub call: Call,
    pub preferences: Preferences,
}

impl Preferences {
    fn of(headers: &HeaderMap) -> Preferences {
        let language = match cookie_value(headers, LANGUAGE_COOKIE) {
            Some("zh") => Language::Zh,
            Some("en") => Language::En,
            _ => language_of(headers),
        };
        let theme = cookie_value(headers, THEME_COOKIE).map_or(Theme::Auto, Theme::named);
        Preferences { words: PageWords(language), theme }
    }
}

impl Visit {
    pub fn words(&self) -> PageWords {
        self.preferences.words
    }

    /// The path and the query.
    fn path(&self) -> &str {
        self.call.parts.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// What a page of the views begins with: who looks, and the frame. Waits for what is wanted.
    async fn open(&self, wanted: Wanted) -> Result<(Arc<App>, Principal, PageFrame), Problem> {
        let principal = self.call.caller()?.principal.clone();
        let app = self.call.app.clone();
        let around = frame(&app, self.preferences, self.call.caller.as_ref(), self.path());
        wait_for(&app, wanted).await?;
        Ok((app, principal, around))
    }
}

/// Whether the sender reads pages.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Adds the pages.
pub(crate) fn add(mut router: Router, app: &Arc<App>) -> Router {
    let on = |methods: MethodRouter, filter, page: Page| {
        let app = app.clone();
        methods.on(filter, move |request: Request| answer(app.clone(), page, request))
    };
    let get = |page| on(MethodRouter::new(), MethodFilter::GET, page);
    let post = |page| on(MethodRouter::new(), MethodFilter::POST, page);
    router = router
        .route("/", get(Page::Home))
        .route("/sign-in", on(get(Page::SignIn), MethodFilter::POST, Page::GiveSignIn))
        .route(
            SECOND_FACTOR_PATH,
            on(get(Page::SecondFactor), MethodFilter::POST, Page::GiveSecondFactor),
        )
        .route(SIGNED_IN_PATH, get(Page::SignedIn))
        .route(
            OWN_SIGN_IN_PATH,
            on(get(Page::OwnSignIn), MethodFilter::POST, Page::ChangeOwnSignIn),
        )
        .route("/sign-out", post(Page::SignOut))
        .route("/preferences", post(Page::Preferences))
        .route("/search", get(Page::Search))
        .route(ACTS_PATH, get(Page::Acts))
        .route(
            &format!("{ACTS_PATH}/{{act}}"),
            on(get(Page::ActForm), MethodFilter::POST, Page::GiveAct),
        )
        .route(CHOICES_PATH, get(Page::Choices))
        .route(IMPORT_PATH, {
            let form = ImportForm::Orders;
            on(get(Page::Import(form)), MethodFilter::POST, Page::TakeImport(form))
        })
        .route(OFFERS_PATH, {
            let form = ImportForm::Offers;
            on(get(Page::Import(form)), MethodFilter::POST, Page::TakeImport(form))
        })
        .route(CLOSINGS_PATH, on(get(Page::Closings), MethodFilter::POST, Page::TakeClosings))
        .route(CLOSINGS_LIST_PATH, get(Page::ClosingsList))
        .route(notices::NOTICES_PATH, get(Page::Notices))
        .route(&format!("{}.json", notices::NOTICES_PATH), get(Page::Notices))
        .route(&format!("{}.csv", notices::NOTICES_PATH), get(Page::Notices))
        .route(&format!("{}/{{number}}", notices::NOTICES_PATH), get(Page::Notice))
        .route(&format!("{}/{{recipient}}", notices::OF_PATH), get(Page::NoticeRecipient))
        .route(policy::POLICY_PATH, get(Page::Policy))
        .route(&format!("{}.json", policy::POLICY_PATH), get(Page::PolicyTwin))
        .route(policy::HELD_PATH, get(Page::HeldTexts))
        .route(&format!("{}.json", policy::HELD_PATH), get(Page::HeldTwin))
        .route(policy::APPEALS_PATH, get(Page::Appeals))
        .route(&format!("{}.json", policy::APPEALS_PATH), get(Page::AppealsTwin))
        .route(&format!("{}/{{offer}}", policy::OFFERS_PATH), get(Page::OfferDecisions))
        .route(policy::REPORT_PATH, get(Page::PolicyReport))
        .route(&format!("{}.json", policy::REPORT_PATH), get(Page::PolicyReportTwin))
        .route(&format!("{}/{{file}}", policy::REPORT_PATH), get(Page::PolicyReportFile))
        .route(pulse::PULSE_PATH, get(Page::Pulse))
        .route(&format!("{}.json", pulse::PULSE_PATH), get(Page::PulseList))
        .route(
            &format!("{}/claims", pulse::PULSE_PATH),
            on(get(Page::Claims), MethodFilter::POST, Page::JudgeClaims),
        )
        .route(&format!("{}/figures/{{figure}}", pulse::PULSE_PATH), get(Page::Figure))
        .route(&format!("{}/{{number}}", pulse::PULSE_PATH), get(Page::Publication))
        .route(&format!("{}/{{number}}/claims/{{id}}", pulse::PULSE_PATH), {
            get(Page::PublishedClaim)
        })
        .route(&format!("{REPORT_END_PATH}/{{link}}"), {
            on(get(Page::EndReport), MethodFilter::POST, Page::ReportEnded)
        })
        .route(POSITION_PATH, get(Page::Position))
        .route(audit::AUDIT_PATH, get(Page::Audit))
        .route(&list_path(routing::ROUTING), get(Page::Routing))
        .route(&list_path(arrivals::ARRIVALS), get(Page::Arrivals))
        .route(&list_path(costs::COSTS), get(Page::Costs))
        .route(&format!("{}/{{network}}", list_path(costs::EXIT)), get(Page::Exit))
        .route(market::MARKET_PATH, get(Page::Market))
        .route(packing::PACKING_PATH, on(get(Page::Packing), MethodFilter::POST, Page::ShowBuyers))
        .route(market::PREVIEW_PATH, on(get(Page::Preview), MethodFilter::POST, Page::GivePreview))
        .route(&list_path(system::SYSTEM), get(Page::System))
        .route(
            &format!("{}/{{seller}}", bank_accounts::BANK_ACCOUNTS_PATH),
            on(get(Page::BankAccounts), MethodFilter::POST, Page::ShowBankAccounts),
        )
        .route(&list_path(people::PEOPLE), get(Page::People))
        .route(
            &format!("{}/{{person}}", list_path(people::PEOPLE)),
            on(get(Page::Person), MethodFilter::POST, Page::ChangePerson),
        )
        .route(STATEMENTS_PATH, get(Page::Statements))
        .route(&format!("{STATEMENTS_PATH}/{{party}}"), get(Page::Statement))
        .route(PROPOSALS_PATH, get(Page::Proposals))
        .route(
            &format!("{PROPOSALS_PATH}/{{number}}"),
            on(get(Page::Proposal), MethodFilter::POST, Page::Decide),
        );
    router = crate::shop::add(router, app, |methods, filter, page| {
        on(methods, filter, Page::Shop(page))
    });
    // Made-up values beside real ones would be taken for them.
    if !app.trial_roles.is_empty() {
        router = router
            .route("/design", get(Page::Design))
            .route(demo::NEXT_DAY_PATH, on(get(Page::NextDay), MethodFilter::POST, Page::MoveOn))
            .route(demo::TOUR_PATH, on(MethodRouter::new(), MethodFilter::POST, Page::NewTour));
    }
    for view in VIEWS {
        let path = list_path(view.name);
        for twin in ["", ".json", ".csv"] {
            router = router.route(&format!("{path}{twin}"), get(Page::List(view)));
        }
        router = router.route(&format!("{path}/{{key}}"), get(Page::Detail(view)));
    }
    for asset in ASSETS {
        let app = app.clone();
        let answer = move |request: Request| {
            let app = app.clone();
            async move {
                let checked = app.check_host(request.headers(), request.uri().host());
                let mut response = match checked {
                    Ok(()) => file(asset.text, asset.media, "public, max-age=31536000, immutable"),
                    Err(problem) => problem.response(language_of(request.headers())),
                };
                app.add_headers(response.headers_mut());
                response
            }
        };
        let methods = MethodRouter::new().on(MethodFilter::GET, answer);
        router = router.route(asset.address(), methods.clone());
        if asset.name == ICON.name {
            router = router.route("/assets/icon.svg", methods);
        }
    }
    router
}

fn file(text: &'static str, media: &'static str, cached: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cached));
    response
}

async fn answer(app: Arc<App>, page: Page, request: Request) -> Response<Body> {
    let preferences = Preferences::of(request.headers());
    let (headers, is_twin) = (request.headers().clone(), twin_of(&request).is_some());
    let mut left = None;
    let admitted = app.clone().admit(&OPEN, request, preferences.words.0, &mut left).await;
    let mut around = frame(&app, preferences, None, "/");
    let answer = match admitted {
        Ok(call) => {
            let visit = Visit { call, preferences };
            around = frame(&app, preferences, visit.call.caller.as_ref(), visit.path());
            show(visit, page).await
        }
        Err(problem) => Err(problem),
    };
    let mut response = answer.unwrap_or_else(|problem| {
        if let Some(cause) = problem.cause() {
            (app.on_failure)(cause);
        }
        match is_twin || !wants_page(&headers) {
            true => problem.response(preferences.words.0),
            false => error_page(around, &problem),
        }
    });
    if let Some(left) = left {
        add_limits(response.headers_mut(), left);
    }
    app.add_headers(response.headers_mut());
    response
}

/// The form of a page that its path asks for.
fn twin_of(request: &Request) -> Option<&'static str> {
    let path = request.uri().path();
    [("application/json", ".json"), ("text/csv", ".csv")]
        .into_iter()
        .find_map(|(media, end)| path.ends_with(end).then_some(media))
}

async fn show(visit: Visit, page: Page) -> HttpAnswer {
    match page {
        Page::SignIn => sessions::sign_in_page(visit),
        Page::GiveSignIn => sessions::sign_in(visit).await,
        Page::SecondFactor => sessions::second_factor_page(visit),
        Page::GiveSecondFactor => sessions::second_factor(visit).await,
        Page::SignedIn => sessions::signed_in(visit),
        Page::Preferences => sessions::prefer(visit).await,
        Page::Shop(page) => crate::shop::show(visit, page).await,
        Page::EndReport => report_mail::ask(&visit).await,
        Page::ReportEnded => report_mail::end(&visit).await,
        Page::Policy
        | Page::PolicyTwin
        | Page::PolicyReport
        | Page::PolicyReportTwin
        | Page::PolicyReportFile
            if visit.call.caller.is_none() && !visit.call.app.public_policy =>
        {
            not_signed_in(&visit)
        }
        Page::Policy => policy::policy(visit).await,
        Page::PolicyReport => policy::report(visit).await,
        Page::PolicyReportFile => policy::file(visit).await,
        Page::PolicyTwin => {
            policy::list_twin(visit, |action| matches!(action, Action::Policy)).await
        }
        Page::PolicyReportTwin => {
            policy::list_twin(visit, |action| matches!(action, Action::PolicyReport)).await
        }
        _ if visit.call.caller.is_none() => not_signed_in(&visit),
        Page::HeldTexts => policy::held(visit).await,
        Page::Appeals => policy::appeals(visit).await,
        Page::OfferDecisions => policy::offer(visit).await,
        Page::HeldTwin => {
            policy::list_twin(visit, |action| matches!(action, Action::HeldTexts)).await
        }
        Page::AppealsTwin => {
            policy::list_twin(visit, |action| matches!(action, Action::OpenAppeals)).await
        }
        Page::OwnSignIn => own_sign_in::page(visit).await,
        Page::ChangeOwnSignIn => own_sign_in::change(visit).await,
        Page::SignOut => sessions::sign_out(visit).await,
        Page::Home => home::home(visit).await,
        Page::Search => searches::search(visit).await,
        Page::Design => {
            QueryParameters::read(visit.call.parts.uri.query(), &[])?;
            let Visit { call, preferences } = &visit;
            let mut frame = frame(&call.app, *preferences, call.caller.as_ref(), visit.path());
            frame.title = frame.t("design.title").to_owned();
            html(&DesignPage::new(frame), StatusCode::OK)
        }
        Page::Acts => act_pages::index(&visit),
        Page::ActForm => {
            let spec = act(&visit)?;
            act_pages::form_page(visit, spec).await
        }
        Page::GiveAct => {
            let spec = act(&visit)?;
            act_pages::give(visit, spec).await
        }
        Page::Choices => choices::fragment(visit).await,
        Page::Proposals => approvals::list(visit).await,
        Page::Proposal => approvals::one(visit).await,
        Page::Decide => approvals::decide(visit).await,
        Page::Import(form) => imports::form(&visit, form),
        Page::TakeImport(form) => imports::take(visit, form).await,
        Page::Closings => closings::form(&visit),
        Page::ClosingsList => closings::list(visit).await,
        Page::TakeClosings => closings::take(visit).await,
        Page::Statements => statements::index(&visit),
        Page::Statement => statements::statement(visit).await,
        Page::Position => {
            QueryParameters::read(visit.call.parts.uri.query(), &[])?;
            let batch = handlers::views::written(&visit.call.app).await?;
            json_answer(StatusCode::OK, &json!({ "batch": batch }), Some(JournalPosition(batch)))
        }
        Page::Audit => audit::bundle(visit).await,
        Page::Notices => notices::list(visit).await,
        Page::Notice => notices::one(visit).await,
        Page::NoticeRecipient => notices::recipient(visit).await,
        Page::Pulse => pulse::page(visit, None).await,
        Page::PulseList => pulse::list(visit).await,
        Page::Publication => pulse::one(visit).await,
        Page::PublishedClaim => pulse::claim(visit).await,
        Page::Figure => pulse::figure(visit).await,
        Page::Claims => pulse::claims(&visit),
        Page::JudgeClaims => pulse::judge(visit).await,
        Page::Routing => routing::routing(visit).await,
        Page::Arrivals => arrivals::arrivals(visit).await,
        Page::Costs => costs::costs(visit).await,
        Page::Exit => costs::exit(visit).await,
        Page::Market => market::market(visit).await,
        Page::Packing => packing::page(visit).await,
        Page::ShowBuyers => packing::disclose(visit).await,
        Page::Preview => preview::page(visit).await,
        Page::GivePreview => preview::give(visit).await,
        Page::System => system::system(visit).await,
        Page::People => people::people(visit).await,
        Page::Person => people::person(visit).await,
        Page::BankAccounts => bank_accounts::page(visit).await,
        Page::ShowBankAccounts => bank_accounts::disclose(visit).await,
        Page::ChangePerson => people::change(visit).await,
        Page::NextDay => demo::moved(visit).await,
        Page::MoveOn => demo::move_on(visit).await,
        Page::NewTour => demo::new_tour(visit).await,
        Page::List(view) => lists::list(visit, view).await,
        Page::Detail(view) => details::detail(visit, view).await,
    }
}

/// The command of a form's address.
fn act(visit: &Visit) -> Result<&'static CommandSpec, Problem> {
    act_table::named(&visit.call.path_part(1)?).ok_or_else(|| ProblemKind::NoSuchPath.into())
}

/// A page, where a person asks; a problem, where a program does.
fn not_signed_in(visit: &Visit) -> HttpAnswer {
    let headers = &visit.call.parts.headers;
    if !wants_page(headers) || visit.call.parts.method != Method::GET {
        return Err(ProblemKind::NotSignedIn.into());
    }
    go_to(&Link::to("/sign-in").with("next", visit.path()).text())
}

/// See other.
pub(crate) fn go_to(address: &str) -> HttpAnswer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let address = HeaderValue::from_str(address).map_err(Problem::internal)?;
    response.headers_mut().insert(header::LOCATION, address);
    Ok(response)
}

pub(crate) fn html(page: &impl Template, status: StatusCode) -> HttpAnswer {
    let body = page.render().map_err(Problem::internal)?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(response)
}

/// The API's answer for the same query, in a form.
async fn twin(
    visit: Visit,
    media: &'static str,
    is_operation: impl Fn(Action) -> bool,
) -> HttpAnswer {
    let Visit { mut call, .. } = visit;
    call.parts.headers.insert(header::ACCEPT, HeaderValue::from_static(media));
    call.operation = OPERATIONS
        .iter()
        .find(|one| is_operation(one.action))
        .ok_or_else(|| Problem::from(ProblemKind::NoSuchPath))?;
    handlers::answer(call).await
}

fn error_page(mut around: PageFrame, problem: &Problem) -> Response<Body> {
    let (words, status) = (around.words, problem.status());
    around.title = words
        .get(match status.as_u16() {
            403 => "error.not_permitted",
            404 => "error.not_found",
            _ => "error.title",
        })
        .to_owned();
    let page = pages::ErrorPage {
        title: around.title.clone(),
        status: status.as_u16(),
        detail: problem.detail(words.0).to_owned(),
        frame: around,
    };
    let mut shown = html(&page, status).unwrap_or_else(|problem| problem.response(words.0));
    shown.headers_mut().extend(problem.headers().clone());
    shown
}

/// What stands around a page of the shop window.
pub(crate) fn console_frame(visit: &Visit) -> PageFrame {
    frame(&visit.call.app, visit.preferences, visit.call.caller.as_ref(), visit.path())
}

/// What stands around a page that the API answers.
pub(crate) fn page_of_call(call: &Call) -> PageFrame {
    let path = call.parts.uri.path();
    frame(&call.app, Preferences::of(&call.parts.headers), None, path)
}

/// What is not there, as a page.
pub(crate) fn problem_page(app: &App, headers: &HeaderMap, problem: &Problem) -> Response<Body> {
    error_page(frame(app, Preferences::of(headers), None, "/"), problem)
}
