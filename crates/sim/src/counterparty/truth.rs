//! The truth about every line of a day's files: `truth.csv`.

use books::BusinessDate;
use money::Currency;

use super::faults::Planted;
use super::fields::{LineWriter, csv};
use super::{FilePlace, Lane, RenderedFile};

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlantedFault {
    /// In no file, and never paid.
    Lost,
    /// Twice in the file, and paid twice.
    Doubled,
    /// In the next day's file, and paid then.
    Late,
    /// Stated and paid with another amount.
    AmountChanged,
    /// Only a part of its reference is left.
    ReferenceCut,
    /// More is deducted than agreed.
    FeeDrift,
    /// Two lines with the same amount and time, whose references are gone.
    Twin,
    /// Its whole file comes a day later.
    MissingFile,
    /// The bank credits it a day later.
    LateCredit,
}

impl PlantedFault {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            PlantedFault::Lost => "lost",
            PlantedFault::Doubled => "doubled",
            PlantedFault::Late => "late",
            PlantedFault::AmountChanged => "amount-changed",
            PlantedFault::ReferenceCut => "reference-cut",
            PlantedFault::FeeDrift => "fee-drift",
            PlantedFault::Twin => "twin",
            PlantedFault::MissingFile => "missing-file",
            PlantedFault::LateCredit => "late-credit",
        }
    }
}

/// An item that a file can state.
pub(super) trait TruthItem {
    fn lane(&self) -> Lane;
    fn kind(&self) -> &'static str;
    /// In minor units, with the sign that it has for the account of Doorstep.
    fn amount(&self) -> i128;
    fn deducted(&self) -> i128;
    /// As the file states it.
    fn reference(&self) -> String;
    /// What it is about.
    fn belongs_to(&self) -> String;
}

/// The truth about a line, wherever it stands.
#[derive(Clone)]
pub(super) struct LineTruth {
    lane: Lane,
    party: String,
    kind: &'static str,
    amount: i128,
    deducted: i128,
    reference: String,
    belongs_to: String,
    true_amount: i128,
    true_deducted: i128,
    /// The day whose file should have it.
    day: BusinessDate,
    fault: Option<PlantedFault>,
}

impl LineTruth {
    pub(super) fn of<T: TruthItem>(party: &str, line: &Planted<T>) -> LineTruth {
        LineTruth {
            lane: line.item.lane(),
            party: party.to_owned(),
            kind: line.item.kind(),
            amount: line.item.amount(),
            deducted: line.item.deducted(),
            reference: line.item.reference(),
            belongs_to: line.belongs_to.clone(),
            true_amount: line.true_amount,
            true_deducted: line.true_deducted,
            day: line.day,
            fault: line.fault,
        }
    }

    pub(super) fn of_all<T: TruthItem>(party: &str, lines: &[Planted<T>]) -> Vec<LineTruth> {
        lines.iter().map(|line| LineTruth::of(party, line)).collect()
    }

    /// What a missing file should have stated; nothing for the second of two doubled lines.
    pub(super) fn of_missing_file(self) -> Option<LineTruth> {
        let (amount, deducted) = (self.true_amount, self.true_deducted);
        let is_second = self.fault == Some(PlantedFault::Doubled);
        let fault = Some(PlantedFault::MissingFile);
        (!is_second).then_some(LineTruth { amount, deducted, fault, ..self })
    }
}

/// Writes `truth.csv`.
pub(super) struct TruthTable {
    currency: Currency,
    out: LineWriter,
}

/// The columns of `truth.csv`. Amounts are in minor units.
const COLUMNS: &str = "file,item,line,lane,party,day,kind,currency,amount,deducted,reference,\
                       belongs_to,true_amount,true_deducted,fault";

impl TruthTable {
    pub(super) fn new(currency: Currency) -> TruthTable {
        let mut out = LineWriter::new("\n");
        out.line(COLUMNS);
        TruthTable { currency, out }
    }

    pub(super) fn add_file(&mut self, file: &RenderedFile, lines: &[LineTruth], was_missing: bool) {
        for FilePlace { index, item, line } in &file.places {
            let place = format!("{},{item},{line}", file.path);
            let truth = &lines[*index];
            let fault = truth.fault.or(was_missing.then_some(PlantedFault::MissingFile));
            self.row(&place, truth, fault);
        }
    }

    /// A line that is in no file of the day.
    pub(super) fn add_absent(&mut self, line: &LineTruth) {
        self.row(",,", line, line.fault);
    }

    fn row(&mut self, place: &str, truth: &LineTruth, fault: Option<PlantedFault>) {
        let LineTruth { party, day, kind, amount, deducted, .. } = truth;
        let (reference, belongs_to) = (csv(&truth.reference), csv(&truth.belongs_to));
        let (lane, currency) = (truth.lane.name(), self.currency.code());
        let (true_amount, true_deducted) = (truth.true_amount, truth.true_deducted);
        let fault = fault.map_or("", PlantedFault::name);
        self.out.line(&format!(
            "{place},{lane},{party},{day},{kind},{currency},{amount},{deducted},{reference},\
             {belongs_to},{true_amount},{true_deducted},{fault}"
        ));
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out.into_bytes()
    }
}
