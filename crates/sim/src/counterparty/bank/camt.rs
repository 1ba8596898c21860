//! A statement as camt.053, and a camt.054 with the details of its batches.
//!
//! The deposits of a day are one credit, and the payouts of a plan one debit. The camt.054 has the
//! same entry, under the same `AcctSvcrRef`, with a transaction for each.

use books::PlanId;

use super::super::fields::decimal;
use super::super::{FilePlace, RenderedFile, compact};
use super::xml::XmlWriter;
use super::{AccountEntry, AccountStatement, EntryPurpose};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CamtVersion {
    V02,
    V08,
}

impl CamtVersion {
    const fn number(self) -> &'static str {
        match self {
            CamtVersion::V02 => "02",
            CamtVersion::V08 => "08",
        }
    }
}

/// An entry of the camt.053: one entry of the account, or several.
struct CamtEntry {
    /// Indexes of the statement's entries.
    of: Vec<usize>,
    reference: String,
    batch: Option<Batch>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Batch {
    Deposits,
    Payouts(PlanId),
}

/// The bank booked what was a day late on this day, as everything else.
fn entries_of(statement: &AccountStatement) -> Vec<CamtEntry> {
    let mut entries: Vec<CamtEntry> = Vec::new();
    for (index, entry) in statement.entries.iter().enumerate() {
        let batch = match entry.item.purpose {
            EntryPurpose::Deposit(_) => Some(Batch::Deposits),
            EntryPurpose::Payout { plan: Some(plan), .. } => Some(Batch::Payouts(plan)),
            _ => None,
        };
        let known = entries.iter_mut().find(|entry| batch.is_some() && entry.batch == batch);
        match known {
            Some(known) => known.of.push(index),
            None => {
                let reference = entry.item.bank_reference.clone();
                entries.push(CamtEntry { of: vec![index], reference, batch });
            }
        }
    }
    let date = compact(statement.booked_on);
    for (number, entry) in (1..).zip(&mut entries) {
        if entry.of.len() > 1 {
            entry.reference = format!("S{date}{number:06}");
        } else {
            entry.batch = None;
        }
    }
    entries
}

pub(super) fn render(statement: &AccountStatement, version: CamtVersion) -> Vec<RenderedFile> {
    let entries = entries_of(statement);
    let mut files = vec![CamtFile::new(statement, version).statement(&entries)];
    if entries.iter().any(|entry| entry.batch.is_some()) {
        files.push(CamtFile::new(statement, version).notification(&entries));
    }
    files
}

struct CamtFile<'a> {
    statement: &'a AccountStatement,
    version: CamtVersion,
    xml: XmlWriter,
    places: Vec<FilePlace>,
}

impl CamtFile<'_> {
    fn new(statement: &AccountStatement, version: CamtVersion) -> CamtFile<'_> {
        CamtFile { statement, version, xml: XmlWriter::new(), places: Vec::new() }
    }

    fn statement(mut self, entries: &[CamtEntry]) -> RenderedFile {
        let id = self.begin("053", "BkToCstmrStmt", "Stmt");
        let day = self.statement.booked_on.to_string();
        self.xml.leaf(&["ElctrncSeqNb"], &self.statement.number.to_string());
        self.created();
        self.xml.open("FrToDt");
        self.xml.leaf(&["FrDtTm"], &format!("{day}T00:00:00"));
        self.xml.leaf(&["ToDtTm"], &format!("{day}T23:59:59"));
        self.xml.close();
        self.account();
        self.balance("OPBD", self.statement.opening);
        self.balance("CLBD", self.statement.closing());
        self.summary();
        for (number, entry) in (1..).zip(entries) {
            let line = self.begin_entry(entry);
            let in_entry = |&index: &usize| FilePlace { index, item: number, line };
            self.places.extend(entry.of.iter().map(in_entry));
            self.xml.open("NtryDtls");
            match entry.batch {
                Some(batch) => self.batch(batch, entry),
                None => {
                    self.transaction(entry.of[0]);
                }
            }
            self.xml.close();
            self.xml.close();
        }
        self.end(&id)
    }

    fn notification(mut self, entries: &[CamtEntry]) -> RenderedFile {
        let id = self.begin("054", "BkToCstmrDbtCdtNtfctn", "Ntfctn");
        self.created();
        self.account();
        let mut number = 0;
        for entry in entries {
            let Some(batch) = entry.batch else { continue };
            self.begin_entry(entry);
            self.xml.open("NtryDtls");
            self.batch(batch, entry);
            for &index in &entry.of {
                let line = self.transaction(index);
                number += 1;
                self.places.push(FilePlace { index, item: number, line });
            }
            self.xml.close();
            self.xml.close();
        }
        self.end(&id)
    }

    /// Writes the head, and returns the identifier of the message.
    fn begin(&mut self, kind: &str, root: &'static str, body: &'static str) -> String {
        let AccountStatement { account, number, booked_on, .. } = self.statement;
        let id = format!("{account}-{}-{number:05}-{kind}", compact(*booked_on));
        let version = self.version.number();
        self.xml
            .open_document(&format!("urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version}"));
        self.xml.open(root);
        self.xml.open("GrpHdr");
        self.xml.leaf(&["MsgId"], &id);
        self.created();
        self.xml.close();
        self.xml.open(body);
        self.xml.leaf(&["Id"], &id);
        id
    }

    fn end(self, id: &str) -> RenderedFile {
        RenderedFile {
            path: format!("camt.{}-{id}.xml", &id[id.len() - 3..]),
            bytes: self.xml.into_bytes(),
            places: self.places,
        }
    }

    fn created(&mut self) {
        let made_at = self.statement.made_at.local(0);
        self.xml.leaf(&["CreDtTm"], &format!("{made_at}Z"));
    }

    fn account(&mut self) {
        self.xml.open("Acct");
        self.xml.leaf(&["Id", "Othr", "Id"], &self.statement.account);
        self.xml.leaf(&["Ccy"], self.statement.currency.code());
        self.xml.close();
    }

    fn balance(&mut self, code: &str, minor: i128) {
        self.xml.open("Bal");
        self.xml.leaf(&["Tp", "CdOrPrtry", "Cd"], code);
        self.amount(minor);
        self.xml.leaf(&["Dt", "Dt"], &self.statement.booked_on.to_string());
        self.xml.close();
    }

    /// The amount without its sign, then the sign.
    fn amount(&mut self, minor: i128) {
        let currency = self.statement.currency;
        self.xml.amount("Amt", &decimal(minor.abs(), currency), currency.code());
        self.xml.leaf(&["CdtDbtInd"], sign(minor));
    }

    fn summary(&mut self) {
        let [(_, credited), (_, debited)] = self.statement.sums();
        let currency = self.statement.currency;
        self.xml.open("TxsSummry");
        for (name, sum) in [("TtlCdtNtries", credited), ("TtlDbtNtries", debited)] {
            let sum = decimal(i128::try_from(sum).unwrap_or(i128::MAX), currency);
            self.xml.leaf(&[name, "Sum"], &sum);
        }
        self.xml.close();
    }

    /// Opens an entry and returns its line.
    fn begin_entry(&mut self, entry: &CamtEntry) -> u64 {
        let entries = &self.statement.entries;
        let minor = entry.of.iter().map(|&index| entries[index].item.amount).sum();
        let first = &entries[entry.of[0]].item;
        let line = self.xml.open("Ntry");
        self.amount(minor);
        match self.version {
            CamtVersion::V02 => self.xml.leaf(&["Sts"], "BOOK"),
            CamtVersion::V08 => self.xml.leaf(&["Sts", "Cd"], "BOOK"),
        }
        let date = self.statement.booked_on.to_string();
        self.xml.leaf(&["BookgDt", "Dt"], &date);
        self.xml.leaf(&["ValDt", "Dt"], &date);
        self.xml.leaf(&["AcctSvcrRef"], &entry.reference);
        self.bank_transaction_code(first);
        line
    }

    fn bank_transaction_code(&mut self, entry: &AccountEntry) {
        let (family, sub_family) = match entry.purpose {
            EntryPurpose::Clearing(_) => ("MCRD", "POSC"),
            EntryPurpose::Deposit(_) => ("CNTR", "CDPT"),
            EntryPurpose::Payout { .. } | EntryPurpose::PaidBack(_) => ("ICDT", "DMCT"),
            EntryPurpose::PayoutReturned(_) => ("ICDT", "RRTN"),
            EntryPurpose::Commission => ("ICDT", "DMCT"),
            EntryPurpose::OwnMoney => ("RCDT", "BOOK"),
        };
        self.xml.open("BkTxCd");
        self.xml.open("Domn");
        self.xml.leaf(&["Cd"], "PMNT");
        self.xml.open("Fmly");
        self.xml.leaf(&["Cd"], family);
        self.xml.leaf(&["SubFmlyCd"], sub_family);
        self.xml.close();
        self.xml.close();
        self.xml.close();
    }

    fn batch(&mut self, batch: Batch, entry: &CamtEntry) {
        let entries = &self.statement.entries;
        let minor: i128 = entry.of.iter().map(|&index| entries[index].item.amount).sum();
        let currency = self.statement.currency;
        self.xml.open("Btch");
        if let Batch::Payouts(plan) = batch {
            // The message of the plan's payouts: docs/files/payouts.md.
            let message = format!("TRIAL-PLAN-{:016X}", plan.0);
            self.xml.leaf(&["MsgId"], &message);
            self.xml.leaf(&["PmtInfId"], &format!("{message}-1"));
        }
        self.xml.leaf(&["NbOfTxs"], &entry.of.len().to_string());
        self.xml.amount("TtlAmt", &decimal(minor.abs(), currency), currency.code());
        self.xml.leaf(&["CdtDbtInd"], sign(minor));
        self.xml.close();
    }

    /// Writes a transaction and returns its line.
    fn transaction(&mut self, index: usize) -> u64 {
        let entry = &self.statement.entries[index].item;
        let currency = self.statement.currency;
        let line = self.xml.open("TxDtls");
        self.xml.open("Refs");
        self.xml.leaf(&["AcctSvcrRef"], &entry.bank_reference);
        let ours = Some(&*entry.our_reference).filter(|text| !text.is_empty());
        self.xml.leaf(&["EndToEndId"], ours.unwrap_or("NOTPROVIDED"));
        self.xml.close();
        match self.version {
            CamtVersion::V02 => {
                self.xml.open("AmtDtls");
                self.xml.open("TxAmt");
                self.xml.amount("Amt", &decimal(entry.amount.abs(), currency), currency.code());
                self.xml.close();
                self.xml.close();
            }
            CamtVersion::V08 => self.amount(entry.amount),
        }
        if !entry.party.is_empty() {
            let side = if entry.amount < 0 { "Cdtr" } else { "Dbtr" };
            match self.version {
                CamtVersion::V02 => self.xml.leaf(&["RltdPties", side, "Nm"], &entry.party),
                CamtVersion::V08 => self.xml.leaf(&["RltdPties", side, "Pty", "Nm"], &entry.party),
            }
        }
        self.xml.leaf(&["RmtInf", "Ustrd"], &entry.text());
        if let EntryPurpose::PayoutReturned(_) = entry.purpose {
            // The account of the payee is closed.
            self.xml.leaf(&["RtrInf", "Rsn", "Cd"], "AC04");
        }
        self.xml.close();
        line
    }
}

const fn sign(minor: i128) -> &'static str {
    if minor < 0 { "DBIT" } else { "CRDT" }
}
