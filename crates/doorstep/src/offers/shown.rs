//! What came of a file of offers, for people and as JSON.

use files::offers::{OfferImport, OfferProfile};
use market::MarketCommand;
use serde_json::{Value, json};

use crate::chinese;
use crate::orders::LISTED_MAX;
use crate::texts::{filled, text};
use crate::words::{Lang, grouped, say};

/// What a file changed. Lines about offers are: line of the file, reference, why.
#[derive(Default)]
pub struct ImportedOffers {
    pub imported: bool,
    pub drafted: u64,
    pub revised: u64,
    pub variants_added: u64,
    pub prices_set: u64,
    pub units_added: u64,
    pub listed: u64,
    pub unchanged: usize,
    pub refused: Vec<(u32, String, String)>,
    pub not_listed: Vec<(u32, String, String)>,
    /// Commands that were refused though nothing said so before: something changed meanwhile.
    pub late: Vec<(u32, String, String)>,
}

impl ImportedOffers {
    pub fn count(&mut self, command: &MarketCommand) {
        match command {
            MarketCommand::DraftOffer(_) => self.drafted += 1,
            MarketCommand::ReviseOffer(_) => self.revised += 1,
            MarketCommand::AddVariant(_) => self.variants_added += 1,
            MarketCommand::SetPrice(_) => self.prices_set += 1,
            MarketCommand::AdjustStock(one) => self.units_added += u64::from(one.quantity),
            MarketCommand::SetOfferState(_) => self.listed += 1,
            _ => {}
        }
    }

    fn has_changed(&self) -> bool {
        let counts = [
            self.drafted,
            self.revised,
            self.variants_added,
            self.prices_set,
            self.units_added,
            self.listed,
        ];
        counts.iter().any(|count| *count > 0)
    }
}

pub fn print_json(profile: &OfferProfile, found: &OfferImport, done: &ImportedOffers) {
    let lang = Lang::current();
    let bad = found.bad_lines.iter().map(|bad| {
        let column = bad.column.as_deref();
        json!({ "line": bad.line, "column": column, "reason": chinese::error(&bad.reason, lang) })
    });
    let about = |lines: &[(u32, String, String)]| {
        let line =
            |one: &(u32, String, String)| json!({ "line": one.0, "offer": one.1, "reason": one.2 });
        Value::from_iter(lines.iter().map(line))
    };
    say!(
        "{}",
        json!({
            "lines": found.lines,
            "offers": found.offers.len(),
            "variants": found.offers.iter().map(|one| one.variants.len()).sum::<usize>(),
            "left_out": found.left_out,
            "errors": found.bad,
            "bad_lines": Value::from_iter(bad),
            "warning": profile.head().warning(),
            "refused": about(&done.refused),
            "imported": done.imported,
            "drafted": done.drafted,
            "revised": done.revised,
            "variants_added": done.variants_added,
            "prices_set": done.prices_set,
            "units_added": done.units_added,
            "listed": done.listed,
            "unchanged": done.unchanged,
            "not_listed": about(&done.not_listed),
        })
    );
}

pub fn print_text(
    has_data: bool,
    is_check: bool,
    profile: &OfferProfile,
    found: &OfferImport,
    done: &ImportedOffers,
) {
    let lang = Lang::current();
    let count = |count: u64| grouped(&count.to_string());
    if let Some(warning) = profile.head().warning() {
        say!("{warning}");
    }
    let variants: usize = found.offers.iter().map(|one| one.variants.len()).sum();
    let values: [(&str, &dyn std::fmt::Display); 3] = [
        ("lines", &count(found.lines)),
        ("offers", &count(found.offers.len() as u64)),
        ("variants", &count(variants as u64)),
    ];
    say!("{}", filled(lang, "offers.read", &values));
    for (reason, lines) in &found.left_out {
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("reason", reason), ("lines", &count(*lines))];
        say!("  {}", filled(lang, "offers.left_out", &values));
    }
    for bad in found.bad_lines.iter().take(LISTED_MAX) {
        let why = chinese::error(&bad.reason, lang);
        let column = bad.column.as_deref().unwrap_or_default();
        let key = if column.is_empty() { "offers.bad_line" } else { "offers.bad_cell" };
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("line", &bad.line), ("column", &column), ("why", &why)];
        say!("  {}", filled(lang, key, &values));
    }
    crate::orders::print_unlisted(found.bad, lang);
    for (line, offer, why) in done.refused.iter().chain(&done.not_listed).take(LISTED_MAX) {
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("line", line), ("offer", offer), ("why", why)];
        say!("  {}", filled(lang, "offers.refused", &values));
    }
    if !has_data {
        say!("{}", text(lang, "offers.only_read"));
    } else if is_check {
        say!("{}", text(lang, "offers.only_checked"));
    } else if done.imported && !done.has_changed() {
        say!("{}", filled(lang, "offers.same", &[("count", &done.unchanged)]));
    } else if done.imported {
        let values: [(&str, &dyn std::fmt::Display); 7] = [
            ("drafted", &count(done.drafted)),
            ("revised", &count(done.revised)),
            ("variants", &count(done.variants_added)),
            ("prices", &count(done.prices_set)),
            ("units", &count(done.units_added)),
            ("listed", &count(done.listed)),
            ("unchanged", &done.unchanged),
        ];
        say!("{}", filled(lang, "offers.imported", &values));
    }
}
