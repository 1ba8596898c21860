//! The remittance sheets of courier firms: which parcels' cash is in which deposit.

use books::{BusinessDate, DepositId, PaymentId};
use money::Currency;

use super::day::{CounterpartyDay, payment_name};
use super::faults::{Faultable, Planted};
use super::fields::{LineWriter, csv, decimal, gbk};
use super::truth::TruthItem;
use super::{CounterpartyForm, FilePlace, Lane, RenderedFile, compact};
use crate::chance::Chance;

/// An amount is changed by at most this part of it.
const CHANGED_PART: u64 = 20;
/// What is left of a waybill that was cut.
const WAYBILL_CHARACTERS_LEFT: usize = 12;

/// The deposits of a firm on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SheetDay {
    pub firm: String,
    pub rows: Vec<RemittedCash>,
}

/// The cash of one payment in a deposit, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemittedCash {
    /// `None` for cash that a courier had too much.
    pub payment: Option<PaymentId>,
    pub waybill: String,
    pub order: String,
    pub courier: String,
    pub collected_on: BusinessDate,
    /// In minor units.
    pub amount: i128,
    pub deposit: DepositId,
}

impl TruthItem for RemittedCash {
    fn lane(&self) -> Lane {
        Lane::Firm
    }

    fn kind(&self) -> &'static str {
        if self.payment.is_some() { "remitted" } else { "surplus" }
    }

    fn amount(&self) -> i128 {
        self.amount
    }

    fn deducted(&self) -> i128 {
        0
    }

    fn reference(&self) -> String {
        self.waybill.clone()
    }

    fn belongs_to(&self) -> String {
        self.payment.map_or_else(|| format!("surplus of {}", self.courier), payment_name)
    }
}

impl Faultable for RemittedCash {
    fn can_be_late(&self) -> bool {
        false
    }

    fn change_amount(&mut self, chance: &mut Chance) -> bool {
        let minor = u64::try_from(self.amount).unwrap_or(0);
        self.amount += i128::from(chance.between(1, (minor / CHANGED_PART).max(1)));
        true
    }

    fn cut_reference(&mut self) {
        self.waybill.truncate(WAYBILL_CHARACTERS_LEFT);
        self.order.clear();
    }

    fn drift_fee(&mut self, _: &mut Chance) -> bool {
        false
    }

    fn twin_key(&self) -> Option<(&'static str, i128)> {
        None
    }

    fn become_twins(&mut self, _: &mut RemittedCash) {}
}

/// A firm's sheet of a day.
#[derive(Clone)]
pub(super) struct PlantedSheet {
    pub firm: String,
    date: BusinessDate,
    remitted_on: BusinessDate,
    currency: Currency,
    pub rows: Vec<Planted<RemittedCash>>,
    /// The deposits, with the cash of parcels and the surplus in each.
    deposits: Vec<(DepositId, i128, i128)>,
}

impl PlantedSheet {
    pub(super) fn new(
        sheet: &SheetDay,
        day: &CounterpartyDay,
        rows: Vec<Planted<RemittedCash>>,
    ) -> PlantedSheet {
        let mut deposits: Vec<(DepositId, i128, i128)> = Vec::new();
        for row in &sheet.rows {
            let known = deposits.iter().position(|(deposit, ..)| *deposit == row.deposit);
            let place = known.unwrap_or_else(|| {
                deposits.push((row.deposit, 0, 0));
                deposits.len() - 1
            });
            let (_, of_parcels, surplus) = &mut deposits[place];
            *(if row.payment.is_some() { of_parcels } else { surplus }) += row.amount;
        }
        PlantedSheet {
            firm: sheet.firm.clone(),
            date: day.date,
            remitted_on: day.booked_on,
            currency: day.currency,
            rows,
            deposits,
        }
    }

    /// The firm's own number of a deposit.
    fn remittance(&self, deposit: DepositId) -> String {
        let number = self.deposits.iter().position(|(known, ..)| *known == deposit).unwrap_or(0);
        format!("CRF{}{:03}", compact(self.date), number + 1)
    }
}

pub(super) fn render(form: CounterpartyForm, sheet: &PlantedSheet) -> Vec<RenderedFile> {
    match form {
        _ if sheet.deposits.is_empty() => Vec::new(),
        CounterpartyForm::SheetIndia => vec![parcels_of_india(sheet), remittances_of_india(sheet)],
        CounterpartyForm::SheetChina => vec![sheet_of_china(sheet)],
        _ => Vec::new(),
    }
}

/// A row for each parcel, in Shiprocket's columns. A surplus belongs to no parcel.
fn parcels_of_india(sheet: &PlantedSheet) -> RenderedFile {
    let mut out = LineWriter::new("\n");
    out.line(
        "CRF ID,AWB,Delivered Date,Shipped Date,Order Id,Courier,Order Value,Channel Name,\
         Remmitance Type,Remittance Date,UTR,total_adjusted_amt,Linked CRF Ids",
    );
    let mut places = Vec::new();
    for (index, row) in sheet.rows.iter().enumerate() {
        let row = &row.item;
        if row.payment.is_none() {
            continue;
        }
        let (id, deposit) = (sheet.remittance(row.deposit), row.deposit);
        let (waybill, order) = (csv(&row.waybill), csv(&row.order));
        let (delivered, firm) = (row.collected_on, csv(&sheet.firm));
        let (amount, paid_on) = (decimal(row.amount, sheet.currency), sheet.remitted_on);
        let line = out.line(&format!(
            "{id},{waybill},{delivered},{delivered},{order},{firm},{amount},doorstep,COD,\
             {paid_on},{deposit},0.00,"
        ));
        places.push(FilePlace { index, item: line - 1, line });
    }
    let path = format!("{}/awb-{}.csv", sheet.firm, sheet.date);
    RenderedFile { path, bytes: out.into_bytes(), places }
}

/// A row for each remittance, in Shiprocket's columns.
fn remittances_of_india(sheet: &PlantedSheet) -> RenderedFile {
    let mut out = LineWriter::new("\n");
    out.line(
        "Date,CRF ID,COD Available,Freight Charges from COD,RTO Reversal Amount,\
         Remittance Amount,Remittance Method,UTR,Adjusted Amount,Status,remarks,Early COD Charges",
    );
    for (deposit, of_parcels, surplus) in &sheet.deposits {
        let id = sheet.remittance(*deposit);
        let [available, adjusted, remitted, zero] =
            [*of_parcels, *surplus, of_parcels + surplus, 0]
                .map(|minor| decimal(minor, sheet.currency));
        out.line(&format!(
            "{},{id},{available},{zero},{zero},{remitted},Prepaid,{deposit},{adjusted},\
             Remittance Success,,{zero}",
            sheet.remitted_on
        ));
    }
    let path = format!("{}/crf-{}.csv", sheet.firm, sheet.date);
    RenderedFile { path, bytes: out.into_bytes(), places: Vec::new() }
}

/// A row for each parcel and surplus, in GBK.
fn sheet_of_china(sheet: &PlantedSheet) -> RenderedFile {
    let mut out = LineWriter::new("\r\n");
    out.line_of(&gbk("订单号,件数,揽件人,配送人,代收货款,配送站点,账单编号,生效标识,未匹配原因"));
    let mut places = Vec::new();
    for (index, row) in sheet.rows.iter().enumerate() {
        let row = &row.item;
        let (waybill, courier) = (csv(&row.waybill), csv(&row.courier));
        let (amount, firm) = (decimal(row.amount, sheet.currency), csv(&sheet.firm));
        let (deposit, is_parcel) = (row.deposit, row.payment.is_some());
        let (count, flag, reason) = if is_parcel { (1, "Y", "") } else { (0, "N", "长款") };
        let line = out.line_of(&gbk(&format!(
            "{waybill},{count},{courier},{courier},{amount},{firm},{deposit},{flag},{reason}"
        )));
        places.push(FilePlace { index, item: line - 1, line });
    }
    let path = format!("{}/remittance-{}.csv", sheet.firm, sheet.date);
    RenderedFile { path, bytes: out.into_bytes(), places }
}
