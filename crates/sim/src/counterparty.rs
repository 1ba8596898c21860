//! What networks, wallets, the bank and courier firms state about a simulated day, in the forms of
//! their own files, with the truth beside each line.
//!
//! Written from the published forms, and never from the readers of this product: the other side of
//! reconciliation. `docs/files/simulated.md` says which choices were made where sources differ.
//! Start at [`CounterpartyWriter::files_of`]. It takes the [`CounterpartyDay`] of each day in turn,
//! because a late line stands in the next day's file.

mod bank;
mod day;
mod faults;
mod fields;
mod firm;
mod network;
mod truth;
mod wallet;

use books::BusinessDate;
use money::Currency;

use crate::chance::{Chance, ChancePurpose};
use bank::AccountStatement;
use faults::{FaultRates, Planted, PlantedLines, plant};
use firm::PlantedSheet;
use network::PlantedRail;
use truth::{LineTruth, TruthTable};

pub(crate) use day::{CardRequest, RailReference, StatedDeposit, StatedToday};
pub use day::{CounterpartyDay, RailDay, RailLine};
pub use truth::PlantedFault;

/// A form of files. Each is a directory of its own, with `truth.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CounterpartyForm {
    /// Doorstep's own: clearing files of networks and wallets, bank statements as CSV.
    Ours,
    /// UnionPay's fixed-width files, from each network.
    Cups,
    /// The ZM file of UnionPay's gateway, from each wallet.
    Gateway,
    /// WeChat Pay's bill, from each wallet.
    Wechat,
    /// Alipay's bill, from each wallet.
    Alipay,
    /// camt.053 and camt.054, version 08.
    Camt,
    /// The same, version 02.
    Camt02,
    Mt940,
    Bai2,
    /// The remittance sheets of an Indian courier firm.
    SheetIndia,
    /// The remittance sheet of a Chinese courier firm.
    SheetChina,
}

impl CounterpartyForm {
    pub const ALL: [CounterpartyForm; 11] = [
        CounterpartyForm::Ours,
        CounterpartyForm::Cups,
        CounterpartyForm::Gateway,
        CounterpartyForm::Wechat,
        CounterpartyForm::Alipay,
        CounterpartyForm::Camt,
        CounterpartyForm::Camt02,
        CounterpartyForm::Mt940,
        CounterpartyForm::Bai2,
        CounterpartyForm::SheetIndia,
        CounterpartyForm::SheetChina,
    ];

    /// The name of its directory.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            CounterpartyForm::Ours => "ours",
            CounterpartyForm::Cups => "cups",
            CounterpartyForm::Gateway => "gateway",
            CounterpartyForm::Wechat => "wechat",
            CounterpartyForm::Alipay => "alipay",
            CounterpartyForm::Camt => "camt",
            CounterpartyForm::Camt02 => "camt-02",
            CounterpartyForm::Mt940 => "mt940",
            CounterpartyForm::Bai2 => "bai2",
            CounterpartyForm::SheetIndia => "sheet-india",
            CounterpartyForm::SheetChina => "sheet-china",
        }
    }

    /// Whether the form can state amounts in a currency: some know yuan and fen only.
    #[must_use]
    pub fn states(self, currency: Currency) -> bool {
        match self {
            CounterpartyForm::Cups
            | CounterpartyForm::Gateway
            | CounterpartyForm::Wechat
            | CounterpartyForm::Alipay
            | CounterpartyForm::SheetChina => currency == Currency::CNY,
            CounterpartyForm::Ours
            | CounterpartyForm::Camt
            | CounterpartyForm::Camt02
            | CounterpartyForm::Mt940
            | CounterpartyForm::Bai2
            | CounterpartyForm::SheetIndia => true,
        }
    }
}

/// A file of a day. Some have card numbers: those of the simulated cards.
#[derive(Clone, PartialEq, Eq)]
pub struct CounterpartyFile {
    /// Below the directory of the day: form, sometimes the party, and the file's own name.
    pub path: String,
    pub bytes: Vec<u8>,
}

/// Content stays out of logs: it can have card numbers.
impl std::fmt::Debug for CounterpartyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CounterpartyFile({}, {} bytes)", self.path, self.bytes.len())
    }
}

/// Where an item of a statement stands in a file.
#[derive(Clone, Copy, Debug)]
struct FilePlace {
    /// The index of the item in its statement.
    index: usize,
    /// The number of the line, record or entry in the file, from 1.
    item: u64,
    /// The line of text on which it begins, from 1.
    line: u64,
}

/// A file with the places of a statement's items.
struct RenderedFile {
    /// Below the directory of the form.
    path: String,
    bytes: Vec<u8>,
    places: Vec<FilePlace>,
}

/// A statement of one party about one day, with planted faults.
#[derive(Clone)]
enum Statement {
    Rail(PlantedRail),
    Account(AccountStatement),
    Sheet(PlantedSheet),
}

impl Statement {
    fn render(&self, form: CounterpartyForm) -> Vec<RenderedFile> {
        match self {
            Statement::Rail(rail) if rail.is_wallet => wallet::render(form, rail),
            Statement::Rail(rail) => network::render(form, rail),
            Statement::Account(statement) => bank::render(form, statement),
            Statement::Sheet(sheet) => firm::render(form, sheet),
        }
    }

    fn lines(&self) -> Vec<LineTruth> {
        match self {
            Statement::Rail(rail) => LineTruth::of_all(&rail.reference, &rail.lines),
            Statement::Account(statement) => {
                LineTruth::of_all(&statement.account, &statement.entries)
            }
            Statement::Sheet(sheet) => LineTruth::of_all(&sheet.firm, &sheet.rows),
        }
    }
}

/// Writes the files of one day after another.
pub struct CounterpartyWriter {
    seed: u64,
    rates: FaultRates,
    days: u32,
    /// The lines that come in the next day's file, by network or wallet.
    late_lines: Vec<Vec<Planted<RailLine>>>,
    late_entries: Vec<Planted<bank::AccountEntry>>,
    /// The statements that come a day too late.
    missing: Vec<Statement>,
    /// What the bank says the account has, after its last statement.
    balance: i128,
}

impl CounterpartyWriter {
    /// `faults_percent` scales the rates of [`PlantedFault`]; 0 plants none.
    #[must_use]
    pub fn new(seed: u64, faults_percent: u32) -> CounterpartyWriter {
        CounterpartyWriter {
            seed,
            rates: FaultRates::scaled(faults_percent),
            days: 0,
            late_lines: Vec::new(),
            late_entries: Vec::new(),
            missing: Vec::new(),
            balance: 0,
        }
    }

    /// The files of the next day in each of these forms, and the truth about them. Forms that
    /// cannot state the day's currency are left out.
    pub fn files_of(
        &mut self,
        day: &CounterpartyDay,
        forms: &[CounterpartyForm],
    ) -> Vec<CounterpartyFile> {
        self.days += 1;
        let arrived = std::mem::take(&mut self.missing);
        let (statements, absent) = self.statements(day);
        let mut files = Vec::new();
        for form in forms.iter().filter(|form| form.states(day.currency)) {
            let mut truth = TruthTable::new(day.currency);
            let (late, today) = (arrived.iter(), statements.iter());
            for (statement, was_missing) in
                late.map(|one| (one, true)).chain(today.map(|one| (one, false)))
            {
                let lines = statement.lines();
                for file in statement.render(*form) {
                    truth.add_file(&file, &lines, was_missing);
                    let path = format!("{}/{}", form.name(), file.path);
                    files.push(CounterpartyFile { path, bytes: file.bytes });
                }
            }
            for (lane, line) in &absent {
                if lane.is_in(*form) {
                    truth.add_absent(line);
                }
            }
            let path = format!("{}/truth.csv", form.name());
            files.push(CounterpartyFile { path, bytes: truth.into_bytes() });
        }
        files
    }

    /// What the parties state about a day, and the lines that are in none of its files.
    fn statements(&mut self, day: &CounterpartyDay) -> (Vec<Statement>, Vec<(Lane, LineTruth)>) {
        let (mut statements, mut absent) = (Vec::new(), Vec::new());
        self.late_lines.resize(day.rails.len(), Vec::new());
        let mut entries = Vec::new();
        for (index, rail) in day.rails.iter().enumerate() {
            let mut chance = self.chance(index as u64 + 1);
            let late = std::mem::take(&mut self.late_lines[index]);
            let items = rail.lines.iter().map(|line| Planted::sound(line.clone(), day.date));
            let planted = plant(items.collect(), late, &self.rates.of_lines, &mut chance);
            let PlantedLines { lines, late, mut gone } = planted;
            gone.extend(late.iter().map(|line| line.absent(PlantedFault::Late)));
            self.late_lines[index] = late;
            entries.extend(bank::clearing_entry(rail, &lines, day));
            let lane = if rail.is_wallet { Lane::Wallet } else { Lane::Network };
            let statement = PlantedRail {
                reference: rail.reference.clone(),
                is_wallet: rail.is_wallet,
                // Every second network, so that a day has both files.
                sends_acoma: index % 2 == 1,
                date: day.date,
                booked_on: day.booked_on,
                currency: day.currency,
                utc_offset_minutes: day.utc_offset_minutes,
                lines,
            };
            let of_rail = |one: Planted<RailLine>| (lane, LineTruth::of(&rail.reference, &one));
            absent.extend(gone.into_iter().map(of_rail));
            self.place(
                lane,
                Statement::Rail(statement),
                &mut chance,
                (&mut statements, &mut absent),
            );
        }

        let mut chance = self.chance(u64::from(u8::MAX));
        entries.extend(day.entries.iter().cloned());
        let entries = bank::numbered(entries, day);
        let late = std::mem::take(&mut self.late_entries);
        let planted = plant(entries, late, &self.rates.of_entries, &mut chance);
        let PlantedLines { lines, late, gone } = planted;
        let of_bank = |one: Planted<_>| (Lane::Bank, LineTruth::of(&day.account, &one));
        absent.extend(gone.into_iter().map(of_bank));
        let credit_is_late = |line: &Planted<_>| line.absent(PlantedFault::LateCredit);
        absent.extend(late.iter().map(credit_is_late).map(of_bank));
        self.late_entries = late;
        let statement = AccountStatement::new(day, self.days, self.balance, lines);
        self.balance = statement.closing();
        self.place(
            Lane::Bank,
            Statement::Account(statement),
            &mut chance,
            (&mut statements, &mut absent),
        );

        for (index, sheet) in day.sheets.iter().enumerate() {
            let mut chance = self.chance(u64::from(u8::MAX) + 1 + index as u64);
            let rows = sheet.rows.iter().map(|row| Planted::sound(row.clone(), day.date));
            let planted = plant(rows.collect(), Vec::new(), &self.rates.of_rows, &mut chance);
            let of_firm = |one: Planted<_>| (Lane::Firm, LineTruth::of(&sheet.firm, &one));
            absent.extend(planted.gone.into_iter().map(of_firm));
            let statement = Statement::Sheet(PlantedSheet::new(sheet, day, planted.lines));
            self.place(Lane::Firm, statement, &mut chance, (&mut statements, &mut absent));
        }
        (statements, absent)
    }

    /// Delivers a statement today, or a day later.
    fn place(
        &mut self,
        lane: Lane,
        statement: Statement,
        chance: &mut Chance,
        (today, absent): (&mut Vec<Statement>, &mut Vec<(Lane, LineTruth)>),
    ) {
        if chance.happens(self.rates.missing_file) && !statement.lines().is_empty() {
            let lines = statement.lines().into_iter();
            absent.extend(lines.filter_map(|line| Some((lane, line.of_missing_file()?))));
            self.missing.push(statement);
        } else {
            today.push(statement);
        }
    }

    fn chance(&self, of: u64) -> Chance {
        let stream = crate::chance::stream_of_day(self.days, of);
        Chance::new(self.seed, ChancePurpose::CounterpartyFiles, stream)
    }
}

/// Who states something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Network,
    Wallet,
    Bank,
    Firm,
}

impl Lane {
    const fn name(self) -> &'static str {
        match self {
            Lane::Network => "network",
            Lane::Wallet => "wallet",
            Lane::Bank => "bank",
            Lane::Firm => "firm",
        }
    }

    /// Whether files of a form are of this lane.
    fn is_in(self, form: CounterpartyForm) -> bool {
        use CounterpartyForm as F;
        match self {
            Lane::Network => matches!(form, F::Ours | F::Cups),
            Lane::Wallet => matches!(form, F::Ours | F::Gateway | F::Wechat | F::Alipay),
            Lane::Bank => matches!(form, F::Ours | F::Camt | F::Camt02 | F::Mt940 | F::Bai2),
            Lane::Firm => matches!(form, F::SheetIndia | F::SheetChina),
        }
    }
}

/// `20131111`.
fn compact(date: BusinessDate) -> String {
    date.to_string().replace('-', "")
}

/// `131111`.
fn short(date: BusinessDate) -> String {
    compact(date).split_off(2)
}
