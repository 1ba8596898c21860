//! Bank statements (camt.053) and notifications (camt.054) of ISO 20022, versions 02 to 08.

use std::io::BufRead;

use jiff::civil::Date;
use money::decimal::DecimalStyle;
use money::{Currency, SignedAmount};

use super::parts::{BatchFacts, EntryDetail, FilePart, PrivateText, ReferenceKind};
use super::parts::{StatedReference, StatementEntry, StatementHead, StatementKind};
use super::scan::{STATEMENTS_MAX, Scan};
use super::{FileFault, RefusedFile, values};
use crate::orders::ImportError;

pub(super) mod details;
mod xml;

use xml::{XmlPaths, XmlStep, XmlStop};

/// Transactions of one entry.
const ENTRY_DETAILS_MAX: usize = 100_000;
/// References and texts of one entry or transaction.
const TEXTS_MAX: usize = 64;
const VERSIONS: std::ops::RangeInclusive<&str> = "02"..="08";

/// Reads a file. `None` if it was not read to its end.
pub(super) fn scan(
    input: impl BufRead,
    scan: &mut Scan<'_>,
) -> Result<Option<Vec<StatementHead>>, RefusedFile> {
    let mut xml = XmlPaths::new(input);
    let mut reader = CamtReader::default();
    loop {
        let step = match xml.next() {
            Ok(step) => step,
            Err(XmlStop::Io(source)) => {
                let error = ImportError::Unreadable { file: scan.file.clone(), source };
                return Err(RefusedFile::Unreadable(error));
            }
            Err(XmlStop::Fault(fault)) => {
                let line = xml.line();
                let column = xml.path().rsplit('/').next().unwrap_or_default().to_owned();
                scan.faults.add(line, known_name(&column), fault);
                return Ok(None);
            }
        };
        let line = xml.line();
        match step {
            XmlStep::Ended => break,
            XmlStep::Opened if reader.base.is_none() => {
                if let Err(fault) = reader.find_base(xml.path(), xml.message()) {
                    scan.faults.add(line, None, fault);
                    return Ok(None);
                }
            }
            XmlStep::Opened => {
                if let Some(path) = reader.inside(xml.path()) {
                    reader.open(path.to_owned().as_str(), line, scan);
                }
            }
            XmlStep::Closed => {
                let closed = reader.inside(xml.path()).map(str::to_owned);
                if let Some(path) = closed {
                    reader.close(&path, xml.text(), xml.currency(), line, scan);
                }
            }
        }
    }
    let line = xml.line();
    scan.check_count(line);
    if reader.base.is_none() {
        scan.faults.add(line, None, FileFault::NotAStatement);
    } else if reader.heads.is_empty() && scan.faults.is_empty() {
        scan.add(line, "Stmt", FileFault::MissingRecord);
    }
    Ok(Some(reader.heads))
}

/// A name of the format, for a fault. Others could be anything.
fn known_name(name: &str) -> Option<&str> {
    let short = name.len() <= 24 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (short && !name.is_empty()).then_some(name)
}

/// The path of the messages' own element, and what its statements are.
struct CamtBase {
    path: String,
    kind: StatementKind,
}

#[derive(Default)]
struct CamtReader {
    base: Option<CamtBase>,
    statement: Option<OpenStatement>,
    balance: OpenBalance,
    entry: Option<OpenEntry>,
    heads: Vec<StatementHead>,
}

#[derive(Default)]
struct OpenStatement {
    line: u32,
    id: Option<String>,
    number: Option<u32>,
    page: Option<u32>,
    last_page: Option<bool>,
    account: Option<String>,
    currency: Option<Currency>,
    from: Option<Date>,
    until: Option<Date>,
    /// Booked balances, by their codes.
    balances: Vec<(String, Option<Date>, SignedAmount)>,
    entries: u64,
    moved: i128,
    pending: u64,
}

#[derive(Default)]
struct OpenBalance {
    code: String,
    amount: Option<(String, Option<String>)>,
    debit: Option<bool>,
    date: Option<Date>,
}

#[derive(Default)]
struct OpenEntry {
    line: u32,
    amount: Option<SignedAmount>,
    debit: Option<bool>,
    reversal: bool,
    status: String,
    value_date: Option<Date>,
    booked_on: Option<Date>,
    references: Vec<StatedReference>,
    texts: Vec<PrivateText>,
    batch: Option<BatchFacts>,
    batch_debit: bool,
    details: Vec<EntryDetail>,
    detail: Option<EntryDetail>,
    detail_debit: Option<bool>,
}

impl CamtReader {
    /// Looks for the element of a message below the root.
    fn find_base(&mut self, path: &str, message: Option<&str>) -> Result<(), FileFault> {
        let kind = match path.rsplit('/').next().unwrap_or_default() {
            "BkToCstmrStmt" => StatementKind::Statement,
            "BkToCstmrDbtCdtNtfctn" => StatementKind::Notification,
            name if name.starts_with("BkToCstmrAcctRpt") => {
                return Err(FileFault::NoBookedEntries);
            }
            name if name.starts_with("BkToCstmr") => return Err(FileFault::Version("02 to 08")),
            _ if path.split('/').count() > 3 => return Err(FileFault::NotAStatement),
            _ => return Ok(()),
        };
        let version = message.and_then(|message| message.rsplit('.').next());
        if version.is_some_and(|version| !VERSIONS.contains(&version)) {
            return Err(FileFault::Version("02 to 08"));
        }
        self.base = Some(CamtBase { path: path.to_owned(), kind });
        Ok(())
    }

    /// The path below `Stmt` or `Ntfctn`; empty at these elements themselves.
    fn inside<'p>(&self, path: &'p str) -> Option<&'p str> {
        let below = path.strip_prefix(self.base.as_ref()?.path.as_str())?.strip_prefix('/')?;
        let inside = below.strip_prefix("Stmt").or_else(|| below.strip_prefix("Ntfctn"))?;
        match inside.strip_prefix('/') {
            Some(inside) => Some(inside),
            None => inside.is_empty().then_some(""),
        }
    }

    fn open(&mut self, path: &str, line: u32, scan: &mut Scan<'_>) {
        match path {
            "" => {
                if self.heads.len() == STATEMENTS_MAX {
                    scan.faults.add(line, Some("Stmt"), FileFault::TooMany(STATEMENTS_MAX));
                }
                self.statement = Some(OpenStatement { line, ..OpenStatement::default() });
            }
            "Bal" => self.balance = OpenBalance::default(),
            "Ntry" => self.entry = Some(OpenEntry { line, ..OpenEntry::default() }),
            "Ntry/NtryDtls/Btch" => {
                if let Some(entry) = &mut self.entry {
                    entry.batch = Some(BatchFacts::default());
                }
            }
            "Ntry/NtryDtls/TxDtls" => {
                if let Some(entry) = &mut self.entry {
                    entry.detail = Some(EntryDetail::default());
                    entry.detail_debit = None;
                }
            }
            _ => {}
        }
    }

    fn close(
        &mut self,
        path: &str,
        text: &str,
        currency: Option<&str>,
        line: u32,
        scan: &mut Scan<'_>,
    ) {
        let Some(statement) = &mut self.statement else { return };
        if let Some(path) = path.strip_prefix("Ntry/") {
            let Some(entry) = &mut self.entry else { return };
            return match path.strip_prefix("NtryDtls/") {
                Some(path) => close_detail(statement, entry, path, text, currency, line, scan),
                None => close_entry_field(statement, entry, path, text, currency, line, scan),
            };
        }
        match path {
            "" => self.close_statement(scan),
            "Id" => statement.id = some_text(text),
            "ElctrncSeqNb" => statement.number = text.parse().ok(),
            "LglSeqNb" => statement.number = statement.number.or_else(|| text.parse().ok()),
            "StmtPgntn/PgNb" | "NtfctnPgntn/PgNb" => statement.page = text.parse().ok(),
            "StmtPgntn/LastPgInd" | "NtfctnPgntn/LastPgInd" => {
                statement.last_page = Some(is_true(text));
            }
            "Acct/Id/IBAN" | "Acct/Id/Othr/Id" => statement.account = some_text(text),
            "Acct/Ccy" => {
                let currency = scan.faults.keep(line, "Ccy", super::currency(text));
                statement.currency = currency.or(statement.currency);
            }
            "FrToDt/FrDtTm" => statement.from = date(text, "FrDtTm", line, scan),
            "FrToDt/ToDtTm" => statement.until = date(text, "ToDtTm", line, scan),
            "Bal/Tp/CdOrPrtry/Cd" | "Bal/Tp/Cd" => self.balance.code = text.to_owned(),
            "Bal/Amt" => {
                self.balance.amount = Some((text.to_owned(), currency.map(str::to_owned)));
            }
            "Bal/CdtDbtInd" => self.balance.debit = direction(text, line, scan),
            "Bal/Dt/Dt" | "Bal/Dt/DtTm" => self.balance.date = date(text, "Dt", line, scan),
            "Bal" => {
                let balance = std::mem::take(&mut self.balance);
                close_balance(statement, balance, line, scan);
            }
            "Ntry" => {
                if let Some(entry) = self.entry.take() {
                    close_entry(statement, entry, self.heads.len(), scan);
                }
            }
            _ => {}
        }
    }

    fn close_statement(&mut self, scan: &mut Scan<'_>) {
        let (Some(base), Some(open)) = (&self.base, self.statement.take()) else { return };
        let Some(currency) = open.currency else {
            scan.add(open.line, "Ccy", FileFault::Missing);
            return;
        };
        let of = |code: &str| open.balances.iter().find(|(known, ..)| known == code);
        let paged = || open.page.is_some() || open.last_page == Some(false);
        let between: Vec<_> =
            open.balances.iter().filter(|(code, ..)| code == "ITBD" && paged()).collect();
        let opening = of("OPBD").or(of("PRCD")).or(between.first().copied());
        let last = between.last().copied();
        let last = last.filter(|last| opening.is_none_or(|one| !std::ptr::eq(*last, one)));
        let closing = of("CLBD").or(last);
        let head = StatementHead {
            kind: base.kind,
            id: open.id,
            number: open.number,
            page: open.page,
            last_page: open.last_page,
            account: open.account,
            currency,
            opened_on: opening.and_then(|(_, date, _)| *date).or(open.from),
            opening: opening.map(|(.., amount)| *amount),
            closed_on: closing.and_then(|(_, date, _)| *date).or(open.until),
            closing: closing.map(|(.., amount)| *amount),
            entries: open.entries,
            moved: open.moved,
            pending: open.pending,
            correction: false,
        };
        scan.check_statement(open.line, ["Acct", "Bal"], &head);
        self.heads.push(head);
    }
}

fn close_balance(
    statement: &mut OpenStatement,
    balance: OpenBalance,
    line: u32,
    scan: &mut Scan<'_>,
) {
    // The others are not booked.
    if !matches!(balance.code.as_str(), "OPBD" | "CLBD" | "PRCD" | "ITBD") {
        return;
    }
    let Some((text, currency)) = balance.amount else {
        return scan.add(line, "Amt", FileFault::Missing);
    };
    let amount = amount_of(statement, &text, currency.as_deref(), line, scan);
    if balance.debit.is_none() {
        scan.add(line, "CdtDbtInd", FileFault::Missing);
    }
    if let Some((amount, debit)) = amount.zip(balance.debit) {
        statement.balances.push((balance.code, balance.date, signed(amount, debit)));
    }
}

fn close_entry_field(
    statement: &mut OpenStatement,
    entry: &mut OpenEntry,
    path: &str,
    text: &str,
    currency: Option<&str>,
    line: u32,
    scan: &mut Scan<'_>,
) {
    match path {
        "NtryRef" => keep(&mut entry.references, ReferenceKind::Entry, text),
        "AcctSvcrRef" => keep(&mut entry.references, ReferenceKind::Bank, text),
        "Amt" => entry.amount = amount_of(statement, text, currency, line, scan),
        "CdtDbtInd" => entry.debit = direction(text, line, scan),
        "RvslInd" => entry.reversal = is_true(text),
        "Sts" | "Sts/Cd" if !text.is_empty() => entry.status = text.to_owned(),
        "BookgDt/Dt" | "BookgDt/DtTm" => entry.booked_on = date(text, "BookgDt", line, scan),
        "ValDt/Dt" | "ValDt/DtTm" => entry.value_date = date(text, "ValDt", line, scan),
        "AddtlNtryInf" => keep_text(&mut entry.texts, text),
        _ => {}
    }
}

fn close_detail(
    statement: &mut OpenStatement,
    entry: &mut OpenEntry,
    path: &str,
    text: &str,
    currency: Option<&str>,
    line: u32,
    scan: &mut Scan<'_>,
) {
    if let Some(path) = path.strip_prefix("Btch/") {
        let Some(batch) = &mut entry.batch else { return };
        return match path {
            "MsgId" => keep(&mut entry.references, ReferenceKind::Message, text),
            "PmtInfId" => keep(&mut entry.references, ReferenceKind::PaymentInformation, text),
            "NbOfTxs" => batch.transactions = text.parse().ok(),
            "TtlAmt" => batch.total = own_amount(statement, text, currency),
            "CdtDbtInd" => entry.batch_debit = direction(text, line, scan).unwrap_or_default(),
            _ => {}
        };
    }
    if path == "TxDtls" {
        let Some(mut detail) = entry.detail.take() else { return };
        let debit = entry.detail_debit.or(entry.debit).unwrap_or_default();
        detail.amount = detail.amount.map(|amount| signed(amount, debit));
        if entry.details.len() == ENTRY_DETAILS_MAX {
            return scan.add(line, "TxDtls", FileFault::TooMany(ENTRY_DETAILS_MAX));
        }
        entry.details.push(detail);
        return;
    }
    let (Some(path), Some(detail)) = (path.strip_prefix("TxDtls/"), &mut entry.detail) else {
        return;
    };
    use ReferenceKind as R;
    let kind = match path {
        "Refs/MsgId" => R::Message,
        "Refs/AcctSvcrRef" => R::Bank,
        "Refs/PmtInfId" => R::PaymentInformation,
        "Refs/InstrId" => R::Instruction,
        "Refs/EndToEndId" if text == "NOTPROVIDED" => return,
        "Refs/EndToEndId" => R::EndToEnd,
        "Refs/UETR" => R::Uetr,
        "Refs/TxId" => R::Transaction,
        "Refs/ClrSysRef" => R::ClearingSystem,
        "Refs/AcctOwnrTxId" => R::Customer,
        "RmtInf/Strd/CdtrRefInf/Ref" | "RmtInf/Strd/CdtrRefInf/CdtrRef" => R::Remittance,
        "RmtInf/Strd/RfrdDocInf/Nb" | "RmtInf/Strd/RfrdDocInf/RfrdDocNb" => R::Remittance,
        "Amt" | "AmtDtls/TxAmt/Amt" => {
            detail.amount = detail.amount.or_else(|| own_amount(statement, text, currency));
            return;
        }
        "CdtDbtInd" => {
            entry.detail_debit = direction(text, line, scan);
            return;
        }
        "RmtInf/Ustrd" | "AddtlTxInf" | "RmtInf/Strd/AddtlRmtInf" => {
            return keep_text(&mut detail.texts, text);
        }
        path if path.starts_with("RltdPties/") && path.ends_with("/Nm") => {
            return keep_text(&mut detail.texts, text);
        }
        _ => return,
    };
    keep(&mut detail.references, kind, text);
}

fn close_entry(statement: &mut OpenStatement, entry: OpenEntry, place: usize, scan: &mut Scan<'_>) {
    let line = entry.line;
    match entry.status.as_str() {
        "BOOK" | "" => {}
        _ => {
            statement.pending += 1;
            return;
        }
    }
    let (Some(amount), Some(debit)) = (entry.amount, entry.debit) else {
        return scan.add(line, "Amt, CdtDbtInd", FileFault::Missing);
    };
    let amount = signed(amount, debit);
    let mut batch = entry.batch;
    if let Some(batch) = &mut batch {
        batch.total = batch.total.map(|total| signed(total, entry.batch_debit || debit));
    }
    statement.entries += 1;
    statement.moved += i128::from(amount.minor());
    scan.emit(FilePart::Entry(StatementEntry {
        statement: place,
        line,
        value_date: entry.value_date,
        booked_on: entry.booked_on,
        amount,
        reversal: entry.reversal,
        references: entry.references,
        batch,
        details: entry.details,
        texts: entry.texts,
    }));
}

/// An amount of the statement. Its currency is that of its first amount, if it names none.
fn amount_of(
    statement: &mut OpenStatement,
    text: &str,
    currency: Option<&str>,
    line: u32,
    scan: &mut Scan<'_>,
) -> Option<SignedAmount> {
    let currency = super::currency(currency.unwrap_or_default());
    let found = scan.faults.keep(line, "Ccy", currency)?;
    let wanted = *statement.currency.get_or_insert(found);
    if wanted != found {
        scan.add(line, "Amt", FileFault::OtherCurrency { found, wanted });
        return None;
    }
    let amount = positive(text, found).ok_or(FileFault::NotAnAmount(found));
    scan.faults.keep(line, "Amt", amount)
}

/// An amount in the statement's currency. `None` in another one, such as before an exchange.
fn own_amount(
    statement: &OpenStatement,
    text: &str,
    currency: Option<&str>,
) -> Option<SignedAmount> {
    let currency = super::currency(currency?).ok()?;
    positive(text, currency).filter(|_| statement.currency == Some(currency))
}

fn positive(text: &str, currency: Currency) -> Option<SignedAmount> {
    let amount = values::fine(text, DecimalStyle::PLAIN)?.exact_minor(currency)?;
    Some(amount).filter(|amount| amount.minor() >= 0)
}

fn signed(amount: SignedAmount, debit: bool) -> SignedAmount {
    // The opposite of an amount is one.
    if debit { SignedAmount::of(-amount.minor()) } else { amount }
}

fn direction(text: &str, line: u32, scan: &mut Scan<'_>) -> Option<bool> {
    match text {
        "CRDT" => Some(false),
        "DBIT" => Some(true),
        _ => {
            scan.add(line, "CdtDbtInd", FileFault::NotOneOf("CRDT, DBIT"));
            None
        }
    }
}

fn date(text: &str, column: &str, line: u32, scan: &mut Scan<'_>) -> Option<Date> {
    // The day that the bank writes, whatever the zone.
    let date = text.get(..10).and_then(|day| day.parse().ok());
    scan.faults.keep(line, column, date.ok_or(FileFault::NotADate))
}

fn is_true(text: &str) -> bool {
    matches!(text, "true" | "1")
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn keep(references: &mut Vec<StatedReference>, kind: ReferenceKind, text: &str) {
    if !text.is_empty() && references.len() < TEXTS_MAX {
        references.push(StatedReference { kind, text: text.to_owned() });
    }
}

fn keep_text(texts: &mut Vec<PrivateText>, text: &str) {
    if !text.is_empty() && texts.len() < TEXTS_MAX {
        texts.push(PrivateText::new(text.to_owned()));
    }
}
