//! The lines of a profile's file as items, entries or remittances.

use jiff::civil::Date;
use money::{Currency, SignedAmount};

use super::super::FileFault;
use super::super::clearing::{StatedItem, StatedItemKind, StatedPayment, order, rrn, stan};
use super::super::parts::{ClearedItem, ClearingHead, ClearingRole, Deduction, FeeParts, FilePart};
use super::super::parts::{FineAmount, IncomingHead, Instalment, ItemFacts, MerchantSum};
use super::super::parts::{PrivateText, ReferenceKind, RemittanceHead, RemittanceLine};
use super::super::parts::{StatedReference, StatementEntry, StatementHead, StatementKind};
use super::super::scan::Scan;
use super::footer::FooterSums;
use super::rows::ProfileRow;
use super::{FileProfile, ProfileModel};

/// What the lines of a file have made so far.
pub(super) struct RowModel {
    reads: ProfileModel,
    file_date: Option<Date>,
    currency: Option<Currency>,
    account: Option<String>,
    items: u64,
    left_out: u64,
    amount: i128,
    kept_back: i128,
    kept_back_parts: i128,
    deducted: i128,
    days: Option<(Date, Date)>,
    /// Of a statement: the balance before the first line of the file, and after the last one.
    opening: Option<SignedAmount>,
    closing: Option<SignedAmount>,
    /// The line before, of a statement with the newest line first.
    before: Option<(SignedAmount, SignedAmount)>,
}

impl RowModel {
    pub fn new(reads: ProfileModel, file_date: Option<Date>) -> RowModel {
        RowModel {
            reads,
            file_date,
            currency: None,
            account: None,
            items: 0,
            left_out: 0,
            amount: 0,
            kept_back: 0,
            kept_back_parts: 0,
            deducted: 0,
            days: None,
            opening: None,
            closing: None,
            before: None,
        }
    }

    pub fn currency(&self) -> Option<Currency> {
        self.currency
    }

    pub fn take(
        &mut self,
        row: &ProfileRow<'_>,
        kind: Option<StatedItemKind>,
        scan: &mut Scan<'_>,
    ) {
        let Some(currency) = row.currency(scan) else { return };
        if *self.currency.get_or_insert(currency) != currency {
            return scan.add(row.line, row.label("currency"), FileFault::NotTheSame);
        }
        match (self.reads, kind) {
            (ProfileModel::Statement, _) => self.take_entry(row, currency, scan),
            (ProfileModel::Remittance, _) => self.take_remittance(row, currency, scan),
            (_, None) => self.left_out += 1,
            (ProfileModel::MerchantSums, _) => self.take_merchant(row, currency, scan),
            (_, Some(kind)) => self.take_item(row, kind, currency, scan),
        }
    }

    fn take_item(
        &mut self,
        row: &ProfileRow<'_>,
        kind: StatedItemKind,
        currency: Currency,
        scan: &mut Scan<'_>,
    ) {
        let line = row.line;
        let amount = minor(row, "amount", Some(kind), currency, scan);
        let kept = match row.has("kept_back") {
            true => row.amount("kept_back", Some(kind), currency, scan),
            false => Some(FineAmount::default()),
        };
        let payment = payment(row, scan);
        let net = match row.has("net") {
            true => Some(row.amount("net", Some(kind), currency, scan)),
            false => None,
        };
        let facts = facts(row, currency, scan);
        let (Some(amount), Some(kept), Some(payment)) = (amount, kept, payment) else { return };
        let Some(kept_back) = kept.rounded_minor(currency) else {
            return scan.add(line, row.label("kept_back"), FileFault::NotAnAmount(currency));
        };
        if !has_sign_of(kind, amount) {
            scan.add(line, row.label("amount"), FileFault::Sign);
        }
        let fine = FineAmount::of_minor(amount, currency);
        let expected = fine.and_then(|fine| fine.parts().checked_sub(kept.parts()));
        if net.is_some_and(|net| net.is_some_and(|net| Some(net.parts()) != expected)) {
            scan.add(line, row.label("net"), FileFault::Net);
        }
        let mut facts = facts;
        facts.kept_back_fine = kept.exact_minor(currency).is_none().then_some(kept);
        self.items += 1;
        self.amount += i128::from(amount.minor());
        self.kept_back += i128::from(kept_back.minor());
        self.kept_back_parts += i128::from(kept.parts());
        let item = StatedItem { line, payment, kind, amount, kept_back };
        scan.emit(FilePart::Item(ClearedItem { item, facts }));
    }

    fn take_merchant(&mut self, row: &ProfileRow<'_>, currency: Currency, scan: &mut Scan<'_>) {
        let Some(merchant) = row.text("merchant", scan) else {
            return scan.add(row.line, row.label("merchant"), FileFault::Missing);
        };
        let amount = minor(row, "amount", None, currency, scan);
        let kept_back = match row.has("kept_back") {
            true => minor(row, "kept_back", None, currency, scan),
            false => Some(SignedAmount::ZERO),
        };
        let net = row.has("net").then(|| minor(row, "net", None, currency, scan));
        let (Some(amount), Some(kept_back)) = (amount, kept_back) else { return };
        let expected = amount.minor().checked_sub(kept_back.minor());
        if net.flatten().is_some_and(|net| Some(net.minor()) != expected) {
            scan.add(row.line, row.label("net"), FileFault::Net);
        }
        self.items += 1;
        self.amount += i128::from(amount.minor());
        self.kept_back += i128::from(kept_back.minor());
        scan.emit(FilePart::MerchantSum(MerchantSum {
            line: row.line,
            merchant,
            amount,
            kept_back,
        }));
    }

    fn take_entry(&mut self, row: &ProfileRow<'_>, currency: Currency, scan: &mut Scan<'_>) {
        let line = row.line;
        let amount = match row.has("amount") {
            true => minor(row, "amount", None, currency, scan).and_then(|amount| {
                match row.has("direction") {
                    true => directed(amount, row.is_debit(scan)?),
                    false => Some(amount),
                }
            }),
            false => {
                let credit = minor(row, "credit", None, currency, scan);
                let debit = minor(row, "debit", None, currency, scan);
                let both = credit.zip(debit);
                both.and_then(|(credit, debit)| {
                    SignedAmount::new(credit.minor().checked_sub(debit.minor().abs())?)
                })
            }
        };
        let value_date = row.date("value_date", scan);
        let booked_on = row.date("booked_on", scan).or(value_date);
        if let Some(account) = row.text("account", scan) {
            let known = self.account.get_or_insert_with(|| account.clone());
            if *known != account {
                scan.add(line, row.label("account"), FileFault::NotTheSame);
            }
        }
        let Some(amount) = amount else { return };
        if amount == SignedAmount::ZERO {
            return scan.add(line, row.label("amount"), FileFault::Zero);
        }
        let Some(day) = booked_on else {
            return scan.add(line, row.label("booked_on"), FileFault::Missing);
        };
        let (first, last) = self.days.unwrap_or((day, day));
        self.days = Some((first.min(day), last.max(day)));
        self.items += 1;
        self.amount += i128::from(amount.minor());
        if row.has("balance") {
            let balance = minor(row, "balance", None, currency, scan);
            if let Some(balance) = balance {
                self.check_balance(row, amount, balance, scan);
            }
        }
        let kinds = [
            ("bank_reference", ReferenceKind::Bank),
            ("customer_reference", ReferenceKind::Customer),
            ("end_to_end", ReferenceKind::EndToEnd),
        ];
        let mut references = Vec::new();
        for (field, kind) in kinds {
            let text = row.text(field, scan);
            references.extend(text.map(|text| StatedReference { kind, text }));
        }
        let texts = row.texts("text").into_iter().map(PrivateText::new).collect();
        scan.emit(FilePart::Entry(StatementEntry {
            statement: 0,
            line,
            value_date,
            booked_on,
            amount,
            reversal: false,
            references,
            batch: None,
            details: Vec::new(),
            texts,
        }));
    }

    /// Each balance follows from the one before it in time.
    fn check_balance(
        &mut self,
        row: &ProfileRow<'_>,
        amount: SignedAmount,
        balance: SignedAmount,
        scan: &mut Scan<'_>,
    ) {
        let before = balance.minor().checked_sub(amount.minor()).and_then(SignedAmount::new);
        let newest_first = row.is_newest_first();
        if let Some((last_amount, last_balance)) = self.before.replace((amount, balance)) {
            let follows = match newest_first {
                true => {
                    last_balance.minor().checked_sub(last_amount.minor()) == Some(balance.minor())
                }
                false => before == Some(last_balance),
            };
            if !follows {
                scan.add(row.line, row.label("balance"), FileFault::RunningBalance);
            }
        }
        if newest_first {
            self.opening = before;
            self.closing = self.closing.or(Some(balance));
        } else {
            self.opening = self.opening.or(before);
            self.closing = Some(balance);
        }
    }

    fn take_remittance(&mut self, row: &ProfileRow<'_>, currency: Currency, scan: &mut Scan<'_>) {
        let line = row.line;
        let mut one = RemittanceLine {
            line,
            waybill: row.text("waybill", scan),
            order: row.text("order", scan),
            remittance: row.text("remittance", scan),
            paid_on: row.date("paid_on", scan),
            bank_reference: row.text("bank_reference", scan),
            state: row.text("state", scan),
            ..RemittanceLine::default()
        };
        if one.waybill.is_none() && one.order.is_none() && one.remittance.is_none() {
            let field = if row.has("waybill") { "waybill" } else { "remittance" };
            scan.add(line, row.label(field), FileFault::Missing);
        }
        one.collected = minor(row, "collected", None, currency, scan);
        one.net = minor(row, "net", None, currency, scan);
        for (place, rule) in row.columns("deduction") {
            let amount = row.one_amount(place, rule, None, currency, scan);
            let amount = amount.and_then(|amount| amount.exact_minor(currency));
            let Some(amount) = amount else {
                scan.add(line, &rule.label, FileFault::NotAnAmount(currency));
                continue;
            };
            if amount != SignedAmount::ZERO {
                one.deductions.push(Deduction { name: rule.label.clone(), amount });
            }
        }
        for [reference, paid_on, amount] in &row.places.instalments {
            let instalment = Instalment {
                reference: reference.and_then(|(place, _)| row.some_text(place)),
                paid_on: paid_on.and_then(|(place, rule)| row.date_at(place, rule, scan)),
                amount: amount.and_then(|(place, rule)| {
                    row.one_amount(place, rule, None, currency, scan)?.exact_minor(currency)
                }),
            };
            if instalment != Instalment::default() {
                one.instalments.push(instalment);
            }
        }
        let deducted: i128 = one.deductions.iter().map(|one| i128::from(one.amount.minor())).sum();
        if let (Some(collected), Some(net), true) = (one.collected, one.net, row.has("deduction")) {
            let expected = i128::from(collected.minor()) - deducted;
            if expected != i128::from(net.minor()) {
                scan.add(line, row.label("net"), FileFault::Net);
            }
        }
        self.items += 1;
        self.amount += one.collected.map_or(0, |amount| i128::from(amount.minor()));
        self.kept_back += one.net.map_or(0, |amount| i128::from(amount.minor()));
        self.deducted += deducted;
        scan.emit(FilePart::Remitted(one));
    }

    /// The head of the file. `None` if no line said its currency.
    pub fn finish(
        self,
        profile: &FileProfile,
        last: u32,
        footer: Option<&FooterSums>,
        scan: &mut Scan<'_>,
    ) -> Option<IncomingHead> {
        let given = self.currency.or(profile.currency).or(scan.options.currency_given);
        let Some(currency) = given else {
            if scan.faults.is_empty() {
                scan.add(last, "currency", FileFault::Missing);
            }
            return None;
        };
        scan.check_currency(last, "currency", currency);
        let role = match self.reads {
            ProfileModel::Clearing => ClearingRole::Items,
            ProfileModel::FeeDetails => ClearingRole::FeeDetails,
            ProfileModel::MerchantSums => ClearingRole::MerchantSums,
            ProfileModel::Statement => return Some(self.statement(currency, last, scan)),
            ProfileModel::Remittance => {
                return Some(IncomingHead::Remittance(RemittanceHead {
                    currency,
                    lines: self.items,
                    collected: self.amount,
                    deducted: self.deducted,
                    net: self.kept_back,
                    totals_checked: footer.map_or(0, |sums| sums.checked),
                }));
            }
        };
        Some(IncomingHead::Clearing(ClearingHead {
            role,
            name: None,
            date: self.file_date,
            settled: None,
            currency,
            items: self.items,
            amount: self.amount,
            kept_back: self.kept_back,
            kept_back_parts: self.kept_back_parts,
            rounding: footer.and_then(|sums| sums.rounding),
            totals_checked: footer.map_or(0, |sums| sums.checked),
            left_out: self.left_out,
        }))
    }

    fn statement(self, currency: Currency, last: u32, scan: &mut Scan<'_>) -> IncomingHead {
        let head = StatementHead {
            kind: StatementKind::Statement,
            id: None,
            number: None,
            page: None,
            last_page: None,
            account: self.account,
            currency,
            opened_on: self.days.map(|(first, _)| first),
            opening: self.opening,
            closed_on: self.days.map(|(_, last)| last),
            closing: self.closing,
            entries: self.items,
            moved: self.amount,
            pending: 0,
            correction: false,
        };
        if scan.faults.is_empty() {
            scan.check_statement(last, ["account", "balance"], &head);
        }
        IncomingHead::Statements(vec![head])
    }
}

fn directed(amount: SignedAmount, debit: bool) -> Option<SignedAmount> {
    let minor = amount.minor().abs();
    SignedAmount::new(if debit { -minor } else { minor })
}

/// What the sign of an item's amount must be.
fn has_sign_of(kind: StatedItemKind, amount: SignedAmount) -> bool {
    use StatedItemKind as K;
    match kind {
        K::Sale | K::Completion | K::Offline | K::Representment => amount.minor() >= 0,
        K::Refund | K::Chargeback => amount.minor() <= 0,
        // The opposite of what it reverses.
        K::Reversal | K::FeeCorrection => true,
    }
}

/// An amount in minor units. `None` if the file has no such column, or a fault.
fn minor(
    row: &ProfileRow<'_>,
    field: &str,
    kind: Option<StatedItemKind>,
    currency: Currency,
    scan: &mut Scan<'_>,
) -> Option<SignedAmount> {
    let amount = row.amount(field, kind, currency, scan)?;
    let exact = amount.exact_minor(currency);
    if exact.is_none() {
        scan.add(row.line, row.label(field), FileFault::NotAnAmount(currency));
    }
    exact
}

fn payment(row: &ProfileRow<'_>, scan: &mut Scan<'_>) -> Option<StatedPayment> {
    let line = row.line;
    if row.has("order") {
        let text = row.text("order", scan).unwrap_or_default();
        let order = scan.faults.keep(line, row.label("order"), order(&text));
        return order.map(StatedPayment::Order);
    }
    let text = row.text("rrn", scan).unwrap_or_default();
    let rrn = scan.faults.keep(line, row.label("rrn"), rrn(&text));
    let text = row.text("stan", scan).unwrap_or_default();
    let stan = scan.faults.keep(line, row.label("stan"), stan(&text));
    let sent_s = row.time("sent", scan);
    Some(StatedPayment::Request { rrn: rrn?, stan: stan?, sent_s: sent_s? })
}

fn facts(row: &ProfileRow<'_>, currency: Currency, scan: &mut Scan<'_>) -> ItemFacts {
    let mut fee = |field: &str| match row.has(field) {
        true => row.amount(field, None, currency, scan),
        false => None,
    };
    let fees = FeeParts {
        issuer: fee("fee_issuer"),
        network: fee("fee_network"),
        acquirer: fee("fee_acquirer"),
    };
    let original_stan = row.text("original_stan", scan).and_then(|text| text.parse().ok());
    // Zeros stand for no original.
    let original_stan = original_stan.filter(|stan: &u32| *stan > 0);
    ItemFacts {
        card: row.card(scan),
        authorisation: row.text("authorisation", scan),
        terminal: row.text("terminal", scan),
        merchant: row.text("merchant", scan),
        network_reference: row.text("network_reference", scan),
        refund_reference: row.text("refund_reference", scan).filter(|text| text != "0"),
        original: original_stan.and_then(|stan| Some((stan, row.time("original_sent", scan)?))),
        kept_back_fine: None,
        fees,
        booked_on: row.date("booked_on", scan),
        settled_on: row.date("settled_on", scan),
    }
}
