//! WeChat Pay's bill of all transactions: 27 columns, a backtick before each value, then a header
//! and a line of totals. Fees have five decimals and are not rounded; what is paid is.

use books::ClearLineKind;

use super::super::day::RailLine;
use super::super::fields::{LineWriter, csv, decimal};
use super::super::{FilePlace, RenderedFile};
use crate::counterparty::network::PlantedRail;

const ACCOUNT: &str = "1900000109";
const APPLICATION: &str = "wx8888888888888888";

const COLUMNS: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,\
                       用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,\
                       微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,\
                       商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const TOTALS: &str = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,\
                      订单总金额,申请退款总金额";

pub(super) fn render(rail: &PlantedRail) -> RenderedFile {
    let mut out = LineWriter::new("\r\n");
    // The bill begins with a byte-order mark.
    out.line(&format!("\u{feff}{COLUMNS}"));
    let mut places = Vec::with_capacity(rail.lines.len());
    let (mut paid, mut refunded, mut fees) = (0_i128, 0_i128, 0_i128);
    for (index, planted) in rail.lines.iter().enumerate() {
        let line = &planted.item;
        let number = index + 1;
        let (fee, rate) = fee(line);
        let is_payment = line.amount > 0;
        let money = |minor: i64| decimal(minor.abs(), rail.currency);
        let (settled, taken) = if is_payment { (line.amount, 0) } else { (0, line.amount) };
        paid += i128::from(settled);
        refunded -= i128::from(taken);
        fees += fee;
        let (state, kind, done) = match line.kind {
            _ if is_payment => ("SUCCESS", "", ""),
            ClearLineKind::Reversal => ("REVOKED", "ORIGINAL", "SUCCESS"),
            _ => ("REFUND", "ORIGINAL", "SUCCESS"),
        };
        let (refund, our_refund) = if is_payment {
            ("0".to_owned(), "0".to_owned())
        } else {
            let date = super::super::compact(rail.date);
            (format!("5000000{date}{number:013}"), format!("R{}-{number}", line.order()))
        };
        let values = [
            rail.local_text(line.sent_at),
            APPLICATION.to_owned(),
            ACCOUNT.to_owned(),
            "0".to_owned(),
            line.order().get(..8).unwrap_or_default().to_owned(),
            transaction(line),
            line.order().to_owned(),
            format!("o{:0>27}", transaction(line).split_off(18)),
            "NATIVE".to_owned(),
            state.to_owned(),
            "OTHERS".to_owned(),
            rail.currency.code().to_owned(),
            money(settled),
            money(0),
            refund,
            our_refund,
            money(taken),
            money(0),
            kind.to_owned(),
            done.to_owned(),
            "代收货款".to_owned(),
            String::new(),
            five_decimals(fee),
            rate,
            money(settled),
            money(taken),
            String::new(),
        ];
        let values = values.map(|value| csv(&format!("`{value}")));
        let at = out.line(&values.join(","));
        places.push(FilePlace { index, item: index as u64 + 1, line: at });
    }
    out.line(TOTALS);
    let money = |minor: i128| decimal(minor, rail.currency);
    let totals = [
        rail.lines.len().to_string(),
        money(paid),
        money(refunded),
        money(0),
        five_decimals(fees),
        money(paid),
        money(refunded),
    ];
    out.line(&totals.map(|value| format!("`{value}")).join(","));
    let date = rail.date;
    let path = format!("{ACCOUNT}All{date}_{date}.csv");
    RenderedFile { path, bytes: out.into_bytes(), places }
}

/// The wallet's number of a payment, the same for what happens to it later.
fn transaction(line: &RailLine) -> String {
    format!("42000000{:0>20}", line.order())
}

/// Hundred-thousandths of a yuan in a fen.
const PARTS_PER_FEN: i128 = 1_000;

/// The fee in hundred-thousandths of a yuan, and the rate. The exact share of the amount, if that
/// has five decimals and is what was deducted before it was rounded.
fn fee(line: &RailLine) -> (i128, String) {
    let rounded = i128::from(line.deducted) * PARTS_PER_FEN;
    let Some(ppm) = line.wallet_rate_ppm else { return (rounded, "0.00%".to_owned()) };
    let rate = format!("{}.{:02}%", ppm / 10_000, ppm % 10_000 / 100);
    let millionths = i128::from(line.amount) * i128::from(ppm);
    let half_up = (millionths.abs() + 500_000) / 1_000_000 * millionths.signum();
    // Not so if the fee has a cap.
    let is_share = half_up * PARTS_PER_FEN == rounded && millionths % PARTS_PER_FEN == 0;
    (if is_share { millionths / PARTS_PER_FEN } else { rounded }, rate)
}

fn five_decimals(parts: i128) -> String {
    let sign = if parts < 0 { "-" } else { "" };
    let parts = parts.unsigned_abs();
    format!("{sign}{}.{:05}", parts / 100_000, parts % 100_000)
}
