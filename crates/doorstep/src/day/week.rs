//! A line for each of several days.

use books::BusinessDate;
use money::Currency;
use money::decimal::DecimalAmount;
use sim::SimulatedDay;

use crate::words::{Lang, bilingual, grouped, left, right, say};

/// What a line says of the comparison of the books with the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayVerdict {
    Equal,
    /// With the number of differences.
    NotEqual(usize),
    /// The books were already ahead of the day, which was compared when it ended.
    LivedBefore,
    /// Its clearing stands in files, and was not compared.
    LeftToFiles,
}

const COLUMNS: [(&str, &str, usize); 6] = [
    ("new", "新包裹", 8),
    ("delivered", "已签收", 10),
    ("collected", "收款", 16),
    ("paid", "打款", 16),
    ("held", "待结算", 14),
    ("payable", "应付", 14),
];

pub fn print_head(lang: Lang) {
    let day = left(lang.pick("day", "日期"), 15);
    let columns =
        COLUMNS.map(|(english, chinese, width)| right(lang.pick(english, chinese), width));
    say!("{day}{}", columns.concat());
}

/// Prints what a day added to the day before, and what is held and payable after it.
pub fn print_line(
    day: &SimulatedDay,
    before: Option<&SimulatedDay>,
    verdict: DayVerdict,
    lang: Lang,
) {
    let added = |of: fn(&SimulatedDay) -> u64| {
        i128::from(of(day)) - before.map_or(0, |before| i128::from(of(before)))
    };
    let new = added(|day| day.report.counts.announced);
    let delivered = added(|day| day.report.counts.delivered);
    let collected = added(|day| day.report.counts.collected.total().amount);
    let paid = added(|day| day.report.counts.payouts_paid.amount);
    let held: i128 = day.world.sellers.iter().map(|seller| seller.held).sum();
    let sellers = day.world.sellers.iter();
    let payable: i128 = sellers.map(|seller| seller.earned - seller.held - seller.paid).sum();
    let currency = day.report.currency;
    let counts = [new, delivered].map(|count| grouped(&count.to_string()));
    let amounts = [collected, paid, held, payable].map(|minor| amount(minor, currency));
    let cells = counts.iter().chain(&amounts).zip(COLUMNS);
    let cells: String = cells.map(|(text, (_, _, width))| right(text, width)).collect();
    let verdict = match verdict {
        DayVerdict::Equal => lang.pick("equal", "一致").to_owned(),
        DayVerdict::NotEqual(count) => bilingual!("NOT EQUAL: {count}", "不一致：{count}"),
        DayVerdict::LeftToFiles => lang.pick("left to files", "待文件清算").to_owned(),
        DayVerdict::LivedBefore => lang.pick("lived before", "此前已完成").to_owned(),
    };
    let date = day.report.date;
    let name = format!("{date} {}", weekday(date, lang));
    say!("{}{cells}  {verdict}", left(&name, 15));
}

fn amount(minor: i128, currency: Currency) -> String {
    grouped(&DecimalAmount::of_balance(minor, currency).to_string())
}

fn weekday(date: BusinessDate, lang: Lang) -> &'static str {
    use jiff::civil::Weekday as W;
    match date.civil().weekday() {
        W::Monday => lang.pick("Mon", "周一"),
        W::Tuesday => lang.pick("Tue", "周二"),
        W::Wednesday => lang.pick("Wed", "周三"),
        W::Thursday => lang.pick("Thu", "周四"),
        W::Friday => lang.pick("Fri", "周五"),
        W::Saturday => lang.pick("Sat", "周六"),
        W::Sunday => lang.pick("Sun", "周日"),
    }
}
