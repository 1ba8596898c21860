//! Alipay's bill of a day: a ZIP with two CSV files, all in GBK, names included. Comments begin
//! with `#`, a tab stands behind each identifier, and totals follow the rows.

use books::{BusinessDate, ClearLineKind};

use super::super::day::RailLine;
use super::super::fields::{LineWriter, csv, decimal, gbk};
use super::super::{FilePlace, RenderedFile, compact};
use super::archive::zip;
use crate::counterparty::network::PlantedRail;

const ACCOUNT: &str = "20881234567890120156";

const COLUMNS: &str = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,\
                       门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,\
                       支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,\
                       券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,\
                       退款批次号/请求号,服务费（元）,分润（元）,备注";
const SUMMARY_COLUMNS: &str = "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,\
                               商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,\
                               服务费（元）,分润（元）,实收净额（元）";
const ZERO: &str = "0.00";

/// Number and sum of payments, or of refunds.
#[derive(Clone, Copy, Default)]
struct BillSum {
    count: u64,
    amount: i128,
}

pub(super) fn render(rail: &PlantedRail) -> RenderedFile {
    let mut out = LineWriter::new("\r\n");
    head(&mut out, "业务明细查询", "业务明细列表", rail);
    out.line_of(&gbk(COLUMNS));
    let mut places = Vec::with_capacity(rail.lines.len());
    let (mut payments, mut refunds, mut fees) = (BillSum::default(), BillSum::default(), 0_i128);
    for (index, planted) in rail.lines.iter().enumerate() {
        let line = &planted.item;
        // A fee alone is in neither sum.
        if line.amount != 0 {
            let sum = if line.amount > 0 { &mut payments } else { &mut refunds };
            sum.count += 1;
            sum.amount += i128::from(line.amount);
        }
        fees -= i128::from(line.deducted);
        let at = out.line_of(&gbk(&row(rail, index, line)));
        places.push(FilePlace { index, item: index as u64 + 1, line: at });
    }
    rule(&mut out, "业务明细列表结束");
    let money = |minor: i128| decimal(minor, rail.currency);
    let (paid, refunded) = (money(payments.amount), money(refunds.amount));
    comment(
        &mut out,
        &format!("交易合计：{}笔，商家实收共{paid}元，商家优惠共{ZERO}元", payments.count),
    );
    comment(
        &mut out,
        &format!(
            "退款合计：{}笔，商家实收退款共{refunded}元，商家优惠退款共{ZERO}元",
            refunds.count
        ),
    );
    foot(&mut out, rail);
    let details = out.into_bytes();

    let mut out = LineWriter::new("\r\n");
    head(&mut out, "业务汇总查询", "业务明细汇总列表", rail);
    out.line_of(&gbk(SUMMARY_COLUMNS));
    let all = money(payments.amount + refunds.amount);
    let net = money(payments.amount + refunds.amount + fees);
    let row = format!(
        "合计,,{},{},{all},{all},{ZERO},{ZERO},{ZERO},{},{ZERO},{net}",
        payments.count,
        refunds.count,
        money(fees)
    );
    out.line_of(&gbk(&row));
    rule(&mut out, "业务明细汇总列表结束");
    foot(&mut out, rail);

    let name = format!("{ACCOUNT}_{}", compact(rail.date));
    let files = [
        (gbk(&format!("{name}_业务明细.csv")), details),
        (gbk(&format!("{name}_业务明细(汇总).csv")), out.into_bytes()),
    ];
    RenderedFile { path: format!("{name}.csv.zip"), bytes: zip(&files, rail.date), places }
}

fn row(rail: &PlantedRail, index: usize, line: &RailLine) -> String {
    let at = rail.local_text(line.sent_at);
    let money = |minor: i64| decimal(minor, rail.currency);
    let (kind, request) = match line.kind {
        _ if line.amount > 0 => ("交易", String::new()),
        ClearLineKind::FeeCorrection => ("其他", String::new()),
        _ => ("退款", format!("{}{:06}\t", compact(rail.date), index + 1)),
    };
    let fields = [
        format!("2088{:0>24}\t", line.order()),
        format!("{}\t", line.order()),
        kind.to_owned(),
        "代收货款".to_owned(),
        at.clone(),
        at,
        String::new(),
        String::new(),
        String::new(),
        format!("{}\t", line.order().get(..8).unwrap_or_default()),
        "*买家(***@example.com)".to_owned(),
        money(line.amount),
        money(line.amount),
        ZERO.to_owned(),
        ZERO.to_owned(),
        ZERO.to_owned(),
        ZERO.to_owned(),
        ZERO.to_owned(),
        String::new(),
        ZERO.to_owned(),
        ZERO.to_owned(),
        request,
        // The fee is below zero; it is given back above zero.
        money(-line.deducted),
        ZERO.to_owned(),
        String::new(),
    ];
    fields.map(|field| csv(&field)).join(",")
}

fn head(out: &mut LineWriter, title: &str, list: &str, rail: &PlantedRail) {
    let (from, until) = (day_text(rail.date), day_text(rail.date.plus_days(1)));
    comment(out, &format!("支付宝{title}"));
    comment(out, &format!("账号：[{ACCOUNT}]"));
    comment(out, &format!("起始日期：[{from} 00:00:00]   终止日期：[{until} 00:00:00]"));
    rule(out, list);
}

fn foot(out: &mut LineWriter, rail: &PlantedRail) {
    comment(out, &format!("导出时间：[{} 07:00:00]", day_text(rail.booked_on)));
}

/// `2013年11月11日`.
fn day_text(date: BusinessDate) -> String {
    let date = date.civil();
    format!("{:04}年{:02}月{:02}日", date.year(), date.month(), date.day())
}

fn comment(out: &mut LineWriter, text: &str) {
    out.line_of(&gbk(&format!("#{text}")));
}

fn rule(out: &mut LineWriter, text: &str) {
    let dashes = "-".repeat(40);
    comment(out, &format!("{dashes}{text}{dashes}"));
}
