//! The navigation: the views that a viewer may read, in groups.

use crate::PageWords;
use crate::links::{Link, list_path};

/// Some pages under a title.
#[derive(Clone, Debug)]
pub struct NavGroup {
    pub title: &'static str,
    pub links: Vec<NavLink>,
}

/// A link of the navigation.
#[derive(Clone, Debug)]
pub struct NavLink {
    pub text: &'static str,
    pub href: String,
    pub is_current: bool,
}

const GROUPS: [(&str, &[&str]); 6] = [
    (
        "nav.door",
        &[
            "parcels",
            "payments",
            "orders",
            "terminals",
            "batches",
            "open_items",
            "networks",
            "wallets",
            "routing",
        ],
    ),
    (
        "nav.money",
        &[
            "custody",
            "phone_cash",
            "hand_overs",
            "deposits",
            "arrivals",
            "files",
            "bank_entries",
            "clearing_lines",
            "breaks",
            "refunds",
            "refund_payments",
            "plans",
            "payouts",
            "invoices",
            "invoice_payments",
            "commissions",
            "costs",
        ],
    ),
    (
        "nav.market",
        &[
            "market",
            "packing",
            "offers",
            "variants",
            "stock_adjustments",
            "promotions",
            "market_orders",
            "market_parcels",
            "order_units",
            "order_discounts",
            "text_decisions",
            "text_rules",
            "text_appeals",
        ],
    ),
    ("nav.ledger", &["accounts", "postings", "adjustments", "periods", "tariffs", "hold_rules"]),
    ("nav.partners", &["sellers", "firms", "couriers", "banks"]),
    ("nav.system", &["commands", "persons", "people", "system"]),
];

/// The groups for a viewer. `current` is the view of the page; all links are as of the same batch.
#[must_use]
pub fn nav_groups(
    words: PageWords,
    readable: &[&str],
    current: Option<&str>,
    at: Option<u64>,
) -> Vec<NavGroup> {
    let link = |view: &&str| NavLink {
        text: words.entry("view", view).unwrap_or_default(),
        href: Link::to(&list_path(view)).at(at).text(),
        is_current: current == Some(*view),
    };
    let groups = GROUPS.iter().map(|(title, views)| NavGroup {
        title: words.get(title),
        links: views.iter().filter(|view| readable.contains(view)).map(link).collect(),
    });
    groups.filter(|group| !group.links.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use views::read::VIEWS;

    use super::*;

    /// Pages that are no list of a view, named as one.
    const OTHER_PAGES: [&str; 7] =
        ["routing", "arrivals", "costs", "people", "system", "market", "packing"];

    #[test]
    fn every_view_and_page_is_in_one_group() {
        let listed: Vec<&str> =
            GROUPS.iter().flat_map(|(_, views)| views.iter().copied()).collect();
        let views = VIEWS.iter().map(|view| view.name);
        let all: BTreeSet<&str> = views.chain(OTHER_PAGES).collect();
        assert_eq!(listed.len(), all.len());
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), all);
    }
}
