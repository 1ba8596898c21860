//! Errors of figures, reports and files of claims.

use std::error::Error;

use ::pulse::claims::{
    CLAIMS_MAX, ClaimFileError, ClaimFileProblem, DIGITS_MAX, ENTRIES_MAX, FILE_BYTES_MAX,
    FigureError, TEXT_CHARS_MAX,
};
use money::decimal::DecimalAmount;

use ::pulse::figures::{
    FIGURES_MAX, FigureFileError, FigureProblem, IDENTITIES_MAX,
    TEXT_CHARS_MAX as FIGURE_TEXT_CHARS_MAX,
};
use ::pulse::folders::{FILES_MAX, PulseDataError};
use ::pulse::run::{FigureRunError, IdentityRun, STATEMENT_TIME};
use ::pulse::store::PublicationError;
use ::views::read::{ASKED_TEXT_BYTES_MAX, AskedFault};

use super::{toml_message, zh_error};

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(claim_file_error))
        .or_else(|| error.downcast_ref().map(claim_file_problem))
        .or_else(|| error.downcast_ref().map(data_error))
        .or_else(|| error.downcast_ref().map(figure_file_error))
        .or_else(|| error.downcast_ref().map(figure_problem))
        .or_else(|| error.downcast_ref().map(run_error))
        .or_else(|| error.downcast_ref().map(publication_error))
}

/// What the parser says. The rest of its English stays, as a detail.
fn toml_text(english: &str) -> String {
    let known = toml_message(english);
    if known != english {
        return known;
    }
    if let Some((found, known)) = english
        .strip_prefix("unknown variant ")
        .and_then(|rest| rest.split_once(", expected one of "))
    {
        return format!("没有 {found}；可用：{}", known.replace(", ", "、"));
    }
    let called = |english: &str| {
        let names = [
            ("integer", "整数"),
            ("floating point", "小数"),
            ("string", "文本"),
            ("boolean", "真假值"),
            ("sequence", "列表"),
            ("map", "表"),
            ("struct", "表"),
        ];
        let name = names.iter().find(|(name, _)| english.contains(name));
        name.map_or_else(|| english.to_owned(), |(_, name)| (*name).to_owned())
    };
    if let Some((found, expected)) =
        english.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("此处是{}，应为{}；请改正", called(found), called(expected));
    }
    format!("不是有效的 TOML；请检查引号、括号和等号（{english}）")
}

fn claim_file_error(error: &ClaimFileError) -> String {
    format!("第 {} 行：{}", error.line, claim_file_problem(&error.what))
}

fn claim_file_problem(problem: &ClaimFileProblem) -> String {
    use ClaimFileProblem as P;
    match problem {
        P::FileTooLong => {
            format!("文件超过 {FILE_BYTES_MAX} 字节；请拆分，并一次给出所有文件")
        }
        P::TooManyClaims => format!("论断超过 {CLAIMS_MAX} 条；请分次判断"),
        P::Toml(message) => toml_text(message),
        P::Unquoted(figure) => {
            format!("`{figure}` 没有引号；数字请写作 \"437.13\"，以保留其位数")
        }
        P::NoClaims => "没有论断；请以 [[claim]] 开始一条".to_owned(),
        P::NotADate(text) => {
            format!("`{text}` 不是日期；请写成 2013-08-12、2013-08 或 2013")
        }
        P::EmptyText(key) => format!("`{key}` 为空；请写文字，可省略的键也可以不写"),
        P::LongText(key) => format!("`{key}` 超过 {TEXT_CHARS_MAX} 个字符；请缩短"),
        P::ControlText(key) => format!("`{key}` 含有控制字符；请去掉"),
        P::SameId(id) => format!("两条论断的 id 都是 `{id}`；请改其中一个"),
        P::TooManyEntries(key) => format!("`{key}` 超过 {ENTRIES_MAX} 项；请拆分论断"),
        P::SameValue { name, currency } => {
            let of =
                currency.map_or("不带币种的".to_owned(), |currency| format!("{currency} "));
            format!("`{name}` 有两个{of}数值；请删除一个，或为另一个改名")
        }
        P::NoParts(whole) => format!("`{whole}` 没有组成部分；请在 `of` 中至少写一个"),
        P::PartOfItself(name) => format!("`{name}` 是自身的一部分；请写另一个整体或部分"),
        P::SamePart { whole, part } => {
            format!("`{part}` 在 `{whole}` 的组成部分中出现两次；请删除一个")
        }
        P::SameShare { part, whole } => {
            format!("`{part}` 占 `{whole}` 的比例出现两次；请删除一个")
        }
        P::SameGrowth { value, over } => {
            format!("`{value}` 相对于 {over} 的增长出现两次；请删除一个")
        }
        P::OverItself(period) => {
            format!("`over` 写的是论断自己的期间 {period}；请写更早的期间")
        }
        P::SameRate { from, to } => format!("{from} 与 {to} 的汇率出现两次；请删除一个"),
        P::RateToItself(currency) => format!("汇率由 {currency} 兑自身；请写两个币种"),
        P::Currency(error) => zh_error(error),
        P::Figure { key, error } => format!("`{key}`：{}", figure_error(error)),
    }
}

fn figure_error(error: &FigureError) -> String {
    use FigureError as E;
    match error {
        E::Empty => "数字为空；请写出其位数".to_owned(),
        E::Negative(shown) => format!("`{shown}` 是负数；请写零或正数"),
        E::ZeroRate(shown) => format!("`{shown}` 为零；汇率请写大于零的数"),
        E::Scientific(shown) => format!("`{shown}` 是科学记数法；请写出全部数字"),
        E::Separators(shown) => {
            format!("`{shown}` 有千位分隔符；请不带分隔符书写，例如 1234.5")
        }
        E::PercentSign(shown) => format!("`{shown}` 有百分号；请只写数字，例如 36.1"),
        E::TooManyDigits(shown) => {
            format!("`{shown}` 超过 {DIGITS_MAX} 位数字；请写公布的位数")
        }
        E::Malformed(shown) => format!("`{shown}` 不是数字；请写带小数点的数字，例如 437.13"),
        E::OutOfRange { shown, least, most } => {
            format!("`{shown}` 超出范围；请写 {least} 至 {most} 之间的百分比")
        }
    }
}

fn data_error(error: &PulseDataError) -> String {
    use PulseDataError as E;
    match error {
        E::File(error) => publication_error(error),
        E::TooManyFiles { path } => {
            format!("{} 中的文件超过 {FILES_MAX} 个；请移走一些", path.display())
        }
        E::NoText { path } => {
            format!("{} 过大或不是 UTF-8 文本；请修正或删除该文件", path.display())
        }
        E::Figures(error) => figure_file_error(error),
        E::Claims { path, source } => {
            format!("{}：{}", path.display(), claim_file_error(source))
        }
        E::Ids { path, source } => format!("{}：{}", path.display(), claim_file_problem(source)),
    }
}

fn figure_file_error(error: &FigureFileError) -> String {
    format!("{}：{}", error.file, figure_problem(&error.what))
}

fn figure_problem(problem: &FigureProblem) -> String {
    use FigureProblem as P;
    match problem {
        P::FileTooLong => "文件过大；请拆分".to_owned(),
        P::Toml { line, what } => format!("第 {line} 行：{}", toml_text(what)),
        P::TooMany => format!("指标超过 {FIGURES_MAX} 个，或恒等式超过 {IDENTITIES_MAX} 个"),
        P::Id(id) => format!("`{id}` 不是标识；请用 a-z、0-9 和 _ 书写，至多 60 个字符"),
        P::Twice(id) => format!("有两处的标识都是 `{id}`；请改其中一个"),
        P::Language { of, key, language } => {
            format!("`{of}` 缺少 {key}.{language}；请同时写英文和中文")
        }
        P::Text { of, key } => {
            format!("`{of}` 的 {key} 超过 {FIGURE_TEXT_CHARS_MAX} 个字符，或含有控制字符")
        }
        P::Statement { figure, key, fault } => {
            format!("指标 `{figure}`，{key}：{}", asked_fault(fault))
        }
        P::NoWith { figure, name } => {
            format!("指标 `{figure}` 以 `{name}` 开头，而 [with] 中没有该语句")
        }
        P::NoView { figure, view } => {
            format!("指标 `{figure}` 的组成在视图 `{view}` 中，而没有该视图")
        }
        P::NoFigure { identity, figure } => {
            format!("恒等式 `{identity}` 引用指标 `{figure}`，而没有该指标")
        }
        P::OtherUnit { identity, figure } => {
            format!("恒等式 `{identity}` 中的 `{figure}` 单位不同；请去掉")
        }
        P::NoParts(identity) => {
            format!("恒等式 `{identity}` 没有组成部分；请至少写一个指标，或写 parts = [\"zero\"]")
        }
        P::Circle(ids) => format!("下列恒等式循环引用，核对不了任何东西：{}", ids.join(" → ")),
    }
}

fn asked_fault(fault: &AskedFault) -> String {
    use AskedFault as F;
    match fault {
        F::TooLong => format!("语句超过 {ASKED_TEXT_BYTES_MAX} 字节；请缩短"),
        F::Mark(mark) => {
            format!("语句中有 `{mark}`；请去掉：它在 SQLite 与 PostgreSQL 中含义不同")
        }
        F::OpenText => "语句中有未结束的文本；请用 ' 结束".to_owned(),
        F::Parameter(name) => {
            format!("没有参数 `:{name}`；可用 :from、:until、:position 和 :day")
        }
        F::Writes(what) => format!("语句不只是读取（{what}）；请写一个 SELECT"),
        F::Forbidden { table, column } => {
            format!("语句读取 `{table}` 的 `{column}`，其受众无权查看；请用其他视图或受众")
        }
        F::Function { name } => format!("语句调用 `{name}`；不可使用该函数"),
        F::Recursive => "语句是递归的，可能永不结束；请勿使用 WITH RECURSIVE".to_owned(),
        F::NeverEnds => "语句在空表上一秒内未结束；请简化".to_owned(),
        F::Invalid(what) => format!("语句无效：{what}"),
    }
}

fn broken(run: &IdentityRun) -> String {
    let currency = run.currency.as_ref().and_then(|code| code.parse().ok());
    let shown = |value: i128| match currency {
        Some(currency) => DecimalAmount::of_balance(value, currency).to_string(),
        None => value.to_string(),
    };
    let mut parts = String::new();
    for (place, term) in run.parts.iter().enumerate() {
        parts.push_str(match (place, term.adds) {
            (0, true) => "",
            (_, true) => " + ",
            (_, false) => " - ",
        });
        parts.push_str(&format!("{} {}", term.figure, shown(term.value)));
    }
    let parts = if parts.is_empty() { "0".to_owned() } else { parts };
    let unit = run.currency.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
    let (name, whole, value, by) =
        (&run.identity, &run.whole, shown(run.value), shown(run.difference));
    format!("{name} 相差 {by}{unit}：{whole} {value} 不等于 {parts}")
}

fn run_error(error: &FigureRunError) -> String {
    use FigureRunError as E;
    match error {
        E::Views(error) => zh_error(error),
        E::Asked(error) => zh_error(error),
        E::TooLong { figure } => {
            let seconds = STATEMENT_TIME.as_secs();
            format!("指标 `{figure}` 用时超过 {seconds} 秒；请将其语句限于当日批次")
        }
        E::NotWhole { figure } => {
            format!("指标 `{figure}` 的数值不是整数，或超出 64 位；请以最小货币单位的整数计")
        }
        E::TooManyRows { figure, most } => {
            format!("指标 `{figure}` 超过 {most} 行；请按更少的列分组")
        }
        E::Day(day) => format!("`{day}` 不是日期；请写成 2026-11-29 的形式"),
        E::NoDay { day, last } => format!("账簿中没有 {day} 的内容；最后一天是 {last}"),
        E::SinceAfter { since, day } => {
            format!("起始日 {since} 晚于截止日 {day}；请对调")
        }
        E::NotOver { day } => format!(
            "{day} 尚未结束：账簿中还没有其后一天的内容；请待其结束后公布，或用 \
             `doorstep pulse run` 查看"
        ),
        E::Beyond { written, asked } => {
            format!("视图止于批次 {written}，早于批次 {asked}；请查询更早的批次")
        }
        E::BeforeDay { position, day, until } => {
            format!("批次 {position} 早于 {day} 结束时的批次 {until}；请查询更晚的批次")
        }
        E::Broken(all) => {
            let said: Vec<String> = all.iter().take(5).map(broken).collect();
            let more = all.len().saturating_sub(5);
            let more = if more > 0 { format!("；另有 {more} 项") } else { String::new() };
            format!("M17：未公布任何内容：{}{more}", said.join("；"))
        }
        E::NotRecomputed { figure, day, published, now } => format!(
            "M17：未公布任何内容：{day} 的指标 `{figure}` 已公布为 {published}，\
             在同一位置重新计算得 {now}；\
             请用 `doorstep views rebuild` 重建视图，若仍如此，请更正报告"
        ),
        E::WithoutCause { figure, day, old, new } => format!(
            "M17：未公布任何内容：{day} 的指标 `{figure}` 由 {old} 变为 {new}，日志中没有原因；\
             请用 `doorstep views rebuild` 重建视图，并报告此事"
        ),
        E::NoFigure(id) => format!("没有指标 `{id}`；`doorstep pulse run` 显示全部指标"),
        E::NoParts(id) => format!("指标 `{id}` 没有组成部分"),
    }
}

fn publication_error(error: &PublicationError) -> String {
    use PublicationError as E;
    match error {
        E::File { doing, path, source } => {
            let doing = match *doing {
                "read" => "读取",
                "write" => "写入",
                "make" => "创建",
                _ => "删除",
            };
            format!("无法{doing} {}：{source}", path.display())
        }
        E::Damaged { path, what } => {
            format!("{} 已损坏：{what}；请从备份恢复", path.display())
        }
        E::Published { day, number } => format!(
            "{day} 的日报已公布，编号 {number}；可用 `doorstep pulse show {day}` 查看，或用 \
             `--correct {number}` 更正"
        ),
        E::TakenNumber(number) => format!("编号 {number} 刚被他人公布；请重新公布"),
        E::None(asked) => format!("没有 `{asked}` 的公布内容；`doorstep pulse show` 列出全部"),
        E::NoReport(number) => format!("编号 {number} 是更正；请更正其所属的报告"),
    }
}
