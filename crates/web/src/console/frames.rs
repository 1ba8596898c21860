//! What stands around the pages: who looks, what that viewer may open, and the position.

use access::{AccessFunction, AccessGrant, AccessScope, Principal};
use base16ct::lower::encode_string;
use engine::Actor;
use node::{Clock, SystemClock};
use pages::phone::PHONE_PATH;
use pages::{DemoRole, FramePosition, Link, NavLink, PageFrame, PageWords, Viewer, nav_groups};
use views::read::{RowsOf, VIEWS, ViewPosition};

use super::act_table::{ACTS_PATH, may};
use super::arrivals::ARRIVALS;
use super::audit::AUDIT_PATH;
use super::costs::COSTS;
use super::imports::IMPORT_PATH;
use super::market::{MARKET, sees_all};
use super::packing::PACKING;
use super::people::PEOPLE;
use super::policy::POLICY_PATH;
use super::portals::own_party;
use super::pulse::PULSE_PATH;
use super::routing::{ROUTING, sees_routes};
use super::system::SYSTEM;
use super::{PROPOSALS_PATH, Preferences, notices};
use crate::app::{App, SignedInCaller};
use crate::handlers::views::{has_rows_of, rows_of};

/// Bytes of a hash that are shown.
const DIGEST_BYTES: usize = 6;

/// The views that a principal may list, and the pages beside them.
pub(super) fn readable(principal: &Principal) -> Vec<&'static str> {
    let may = VIEWS.iter().filter(|view| match rows_of(principal, view) {
        Ok(RowsOf::Everyone) => true,
        Ok(RowsOf::Own(owners)) => has_rows_of(view, &owners),
        Err(_) => false,
    });
    let mut names: Vec<&'static str> = may.map(|view| view.name).collect();
    let sees = |right| principal.may(AccessFunction::Read(right)) == AccessScope::All;
    let others =
        [("networks", ROUTING), ("balances", ARRIVALS), ("status", SYSTEM), ("roles", PEOPLE)];
    names.extend(others.into_iter().filter(|(right, _)| sees(right)).map(|(_, page)| page));
    if sees_all(principal) {
        names.push(MARKET);
    }
    if names.contains(&"market_parcels") {
        names.push(PACKING);
    }
    // What a collection costs follows from its payment and its network.
    if sees_routes(principal) {
        names.push(COSTS);
    }
    names
}

fn roles_of(words: PageWords, grants: &[AccessGrant]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for grant in grants {
        let name = words.entry("role", grant.role().name()).unwrap_or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { words.get("role.none").to_owned() } else { names.join(", ") }
}

/// The frame of a page, without its title, navigation and position.
pub(super) fn frame(
    app: &App,
    preferences: Preferences,
    caller: Option<&SignedInCaller>,
    path: &str,
) -> PageFrame {
    let words = preferences.words;
    let is_current =
        |person| caller.is_some_and(|one| one.principal.actor == Actor::Person(person));
    let demo = app.trial_roles.iter();
    let demo = demo.map(|role| DemoRole { name: role.name, is_current: is_current(role.person) });
    let viewer = caller.map(|caller| Viewer {
        roles: roles_of(words, &caller.principal.grants),
        csrf: caller.session.as_deref().map(access::csrf_of).unwrap_or_default(),
    });
    let readable = caller.map(|caller| readable(&caller.principal)).unwrap_or_default();
    let shortcuts = caller.filter(|caller| caller.session.is_some());
    let link = |key: &str, address: &str| NavLink {
        text: words.get(key),
        href: address.to_owned(),
        is_current: path.split(['?', '#']).next() == Some(address),
    };
    let shortcuts = shortcuts.map(|caller| {
        let sees = AccessFunction::Read("proposals");
        let waits = caller.principal.may(sees) == AccessScope::All;
        let waits = waits.then(|| link("nav.proposals", PROPOSALS_PATH));
        let own = own_party(&caller.principal).map(|party| link("statement.title", &party.path()));
        let told = notices::are_read_by(&caller.principal);
        let told = told.then(|| link("view.notices", notices::NOTICES_PATH));
        let imports = may(&caller.principal, "AnnounceParcel");
        let imports = imports.then(|| link("import.title", IMPORT_PATH));
        let audits = caller.principal.may(AccessFunction::Read("exports")) == AccessScope::All;
        let audits = audits.then(|| link("audit.title", AUDIT_PATH));
        let is_courier = |grant: &AccessGrant| matches!(grant, AccessGrant::Courier(_));
        let phone = caller.principal.grants.iter().any(is_courier);
        let phone = phone.then(|| link("nav.phone", PHONE_PATH));
        waits
            .into_iter()
            .chain([
                link("nav.acts", ACTS_PATH),
                link("pulse.title", PULSE_PATH),
                link("policy.title", POLICY_PATH),
            ])
            .chain(audits)
            .chain(own)
            .chain(imports)
            .chain(told)
            .chain(phone)
            .collect()
    });
    PageFrame {
        words,
        shortcuts: shortcuts.unwrap_or_default(),
        theme: preferences.theme,
        title: String::new(),
        path: path.to_owned(),
        nav: if caller.is_some() { nav_groups(words, &readable, None, None) } else { Vec::new() },
        viewer,
        position: None,
        demo: demo.collect(),
        has_shop: app.shop.is_some(),
        search: String::new(),
    }
}

pub(super) fn age(words: PageWords, ms: u64) -> String {
    let filled = |key, n: u64| words.fill(key, &[("n", &n)]);
    match ms / 1_000 {
        0 => words.get("position.age_now").to_owned(),
        s @ 1..60 => filled("position.age_s", s),
        s @ 60..3_600 => filled("position.age_min", s / 60),
        s @ 3_600..86_400 => filled("position.age_h", s / 3_600),
        s => filled("position.age_d", s / 86_400),
    }
}

/// What a page says of its position. `query` has the parameters of its address but `at`.
pub(super) fn position(
    words: PageWords,
    found: &ViewPosition,
    pinned: Option<u64>,
    (path, query): (&str, &[(String, String)]),
    (time_ms, offset_minutes): (i64, i16),
) -> FramePosition {
    let is_past = found.batch < found.written;
    let address = |path: &str, at: Option<u64>| {
        let mut link = Link::to(path);
        for (name, value) in query {
            link = link.with(name, value);
        }
        link.at(at).text()
    };
    let here = |at| address(path, at);
    let twin = |end: &str| address(&format!("{path}{end}"), Some(found.batch));
    let now = SystemClock.now().0;
    let since = now.saturating_sub(found.at.cast_unsigned());
    let at_root = path == "/";
    FramePosition {
        batch: pages::forms::number(i128::from(found.batch)),
        is_pinned: pinned.is_some(),
        live: pinned.is_none().then_some(found.written),
        is_past,
        digest: (!is_past).then(|| encode_string(&found.hash.bytes()[..DIGEST_BYTES])),
        time: pages::forms::time(words, time_ms, offset_minutes),
        age: if is_past { String::new() } else { age(words, since) },
        permanent: here(Some(found.batch)),
        latest: pinned.map(|_| here(None)),
        earlier: (found.batch > 1).then(|| here(Some(found.batch - 1))),
        later: is_past.then(|| here(Some(found.batch + 1))),
        json: (!at_root).then(|| twin(".json")),
        csv: (!at_root && path.matches('/').count() == 1).then(|| twin(".csv")),
    }
}
