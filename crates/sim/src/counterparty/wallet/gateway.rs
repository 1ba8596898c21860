//! The ZM file of UnionPay's gateway: payments of orders, fixed width, with our order's number.

use books::ClearLineKind;

use super::super::day::RailLine;
use super::super::fields::{FixedLine, LineWriter};
use super::super::{FilePlace, RenderedFile, compact, short};
use super::MERCHANT;
use crate::counterparty::network::PlantedRail;

const GATEWAY: &str = "00049992";
const CATEGORY: &str = "4215";
const MERCHANT_NAME: &str = "门到门快递（模拟商户）";

pub(super) fn render(rail: &PlantedRail) -> RenderedFile {
    let (mut out, mut places) = (LineWriter::new("\r\n"), Vec::new());
    for (index, planted) in rail.lines.iter().enumerate() {
        let mut fields = FixedLine::default();
        write(&mut fields, rail, index, &planted.item);
        let at = out.line_of(fields.as_bytes());
        places.push(FilePlace { index, item: at, line: at });
    }
    let path = format!("INN{}88ZM_{MERCHANT}", short(rail.date));
    RenderedFile { path, bytes: out.into_bytes(), places }
}

/// The gateway's own number of a query: 21 digits.
fn query(rail: &PlantedRail, index: usize) -> String {
    format!("{}{:013}", compact(rail.date), index + 1)
}

/// Its code, type and sub-type of a transaction.
const fn codes(kind: ClearLineKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        ClearLineKind::Refund | ClearLineKind::ChargeBack | ClearLineKind::FeeCorrection => {
            ("S30", "04", "00")
        }
        ClearLineKind::Reversal => ("S31", "31", "00"),
        _ => ("S22", "01", "06"),
    }
}

fn write(fields: &mut FixedLine, rail: &PlantedRail, index: usize, line: &RailLine) {
    let (code, kind, sub_kind) = codes(line.kind);
    let number = index as u64 + 1;
    let sent = rail.local_number(line.sent_at);
    let is_later = line.amount <= 0;
    let order = line.order();
    fields.text(3, code).text(11, GATEWAY).text(11, GATEWAY);
    fields.number(6, number % 1_000_000).number(10, sent).text(19, "");
    fields.number(12, line.amount.unsigned_abs()).text(4, CATEGORY).text(2, "08");
    fields.text(21, &query(rail, index)).text(2, "").text(32, order).text(2, "01");
    fields.number(6, 0).number(10, 0);
    fields.signed(13, -line.deducted).signed(13, line.net());
    fields.text(4, "0001").text(15, "").text(2, kind).text(2, sub_kind).text(6, "000201");
    fields.text(2, "01").text(4, "").text(32, "").text(1, "0");
    // The query of a payment cannot be told from its order, so a later one has none.
    fields.text(21, if is_later { "0" } else { "" });
    fields.text(15, MERCHANT).text(1, "0").text(15, "").text(32, MERCHANT_NAME);
    fields.number(13, 0).signed(13, line.net()).text(8, order.get(..8).unwrap_or_default());
    fields.text(32, "").number(13, 0).number(13, 0).number(12, 0);
    fields.number(2, 0).text(1, "1").text(40, "");
}
