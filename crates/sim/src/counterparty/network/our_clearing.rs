//! A network's or wallet's lines in our own form: `docs/files/clearing.md`.

use sha2::{Digest, Sha256};

use super::super::fields::{LineWriter, decimal};
use super::super::truth::TruthItem;
use super::super::{FilePlace, RenderedFile};
use super::PlantedRail;
use crate::counterparty::day::RailReference;

pub(crate) fn render(rail: &PlantedRail) -> RenderedFile {
    let PlantedRail { reference, date, currency, .. } = rail;
    let mut out = LineWriter::new("\n");
    out.line(&format!("H,1,{reference},{date},{}", currency.code()));
    let mut places = Vec::with_capacity(rail.lines.len());
    let (mut amounts, mut deductions) = (0_i128, 0_i128);
    for (index, planted) in rail.lines.iter().enumerate() {
        let line = &planted.item;
        let by = match &line.reference {
            RailReference::Request(request) => {
                let sent = &line.sent_at.local(0).to_string()[..19];
                let (rrn, stan) = (&request.rrn, request.stan);
                format!("{rrn},{stan:06},{sent}Z,{},{}", request.terminal, request.merchant)
            }
            // The first eight digits of an order are its terminal.
            RailReference::Order(order) => {
                let terminal = order.get(..8).unwrap_or("00000000");
                format!("{order},{terminal},{}", crate::counterparty::wallet::MERCHANT)
            }
        };
        let [amount, deducted, net] =
            [line.amount, line.deducted, line.net()].map(|minor| decimal(minor, *currency));
        amounts += i128::from(line.amount);
        deductions += i128::from(line.deducted);
        let at = out.line(&format!("I,{by},{},{amount},{deducted},{net}", line.kind()));
        places.push(FilePlace { index, item: index as u64 + 1, line: at });
    }
    let [amount, deducted, net] =
        [amounts, deductions, amounts - deductions].map(|minor| decimal(minor, *currency));
    let mut bytes = out.into_bytes();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let count = rail.lines.len();
    bytes.extend_from_slice(format!("T,{count},{amount},{deducted},{net},{digest}\n").as_bytes());
    RenderedFile { path: format!("clearing-{reference}-{date}.csv"), bytes, places }
}
