//! Errors of the journal, the node and the reports.

use std::error::Error;

use journal::{DirectoryError, DirectoryPermissions, JournalError, SnapshotError, seconds_since};
use node::batch::JournalBatchError;
use node::recovery::RecoveryError;
use node::replay::ReplayError;
use node::{NodeStopped, StartError};
use reports::{
    CostSettingsError, DrillError, ExplainError, ExportError, PayoutWriteError, ReportError,
    UnknownInCosts, WhatIfError,
};

use super::{books, toml_message, zh, zh_error};

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(directory_error))
        .or_else(|| error.downcast_ref().map(journal_error))
        .or_else(|| error.downcast_ref().map(snapshot_error))
        .or_else(|| error.downcast_ref().map(start_error))
        .or_else(|| error.downcast_ref().map(recovery_error))
        .or_else(|| error.downcast_ref().map(replay_error))
        .or_else(|| error.downcast_ref().map(node_stopped))
        .or_else(|| error.downcast_ref().map(report_error))
        .or_else(|| error.downcast_ref().map(explain_error))
        .or_else(|| error.downcast_ref().map(export_error))
        .or_else(|| error.downcast_ref().map(payout_write_error))
        .or_else(|| error.downcast_ref().map(cost_settings_error))
        .or_else(|| error.downcast_ref().map(unknown_in_costs))
        .or_else(|| error.downcast_ref().map(what_if_error))
        .or_else(|| error.downcast_ref().map(drill_error))
}

fn directory_error(error: &DirectoryError) -> String {
    use DirectoryError as E;
    match error {
        E::Missing { path } => {
            format!("没有数据目录 {}；请检查路径，或先创建", path.display())
        }
        E::NotADirectory { path } => format!("{} 不是目录；请给出数据目录", path.display()),
        E::NoJournal { path } => {
            format!("{} 不是 Doorstep 的数据目录；请检查路径，或先创建", path.display())
        }
        E::Exists { path } => {
            format!("{} 已是数据目录；请打开它，或选择其他路径", path.display())
        }
        E::NotEmpty { path, found } => {
            format!("{} 不是空目录（其中有 {found}）；请选择空目录或新目录", path.display())
        }
        E::InUse { path, by, since } => format!(
            "数据目录 {} 正被使用：另一命令{}正在更改账簿{}。请等它结束，或将其停止，然后再次执行",
            path.display(),
            by.map(|pid| format!("（进程 {pid}）")).unwrap_or_default(),
            since.map(|since| format!("，已 {} 秒", seconds_since(since))).unwrap_or_default()
        ),
        E::Forbidden { path, cause, by, .. } => {
            let DirectoryPermissions { path: decides, owner, mode } = by;
            format!(
                "没有使用数据目录 {} 的权限（{cause}）：{} 属于用户 {owner}，权限为 {mode:04o}；\
                 请以该用户运行，或更改其所有者或权限（chown、chmod）",
                path.display(),
                decides.display()
            )
        }
        E::ReadOnly { path, .. } => format!(
            "无法使用数据目录 {}：其文件系统以只读方式挂载；请改为可写挂载，或选择其他目录",
            path.display()
        ),
        E::Io { path, cause, .. } => format!("无法使用数据目录 {}：{cause}", path.display()),
        E::Journal(error) => journal_error(error),
    }
}

fn journal_error(error: &JournalError) -> String {
    use JournalError as E;
    const RESTORE: &str = "未作任何改动。请保留该文件，并用副本恢复数据目录";
    match error {
        E::Fenced { ours, by } => format!(
            "另一个 Doorstep 已接管该日志：其任期为 {by}，本进程的任期为 {ours}，不能再写入；\
             请停止本进程，或重新启动"
        ),
        E::NotLeading => "尚未取得该日志的写入权".to_owned(),
        E::Stopped => "此前写入日志失败，因此不再写入；请重新启动，已确认的内容均已保存".to_owned(),
        E::TooLarge { bytes, most } => format!("日志批有 {bytes} 字节，上限为 {most}"),
        E::Damaged { path, sequence, what } => {
            format!("{}：第 {sequence} 批已损坏（{}）。{RESTORE}", path.display(), zh(what))
        }
        E::DamagedFile { path, what } => {
            format!("{} 已损坏（{}）。{RESTORE}", path.display(), zh(what))
        }
        E::Forked { sequence, expected, found } => format!(
            "第 {sequence} 批所接的哈希为 {found}，而此前读到的末尾为 {expected}：\
             这是两个日志；请从同一数据目录或同一副本读取"
        ),
        E::Newer { path, found, known } => format!(
            "{} 的日志格式为 {found}，本程序最高支持 {known}。未作任何改动；\
             请使用写入它的较新版本的 Doorstep",
            path.display()
        ),
        E::NotAJournal { path, what } => {
            format!("{} 不是 Doorstep 的日志（{}）；请检查路径", path.display(), zh(what))
        }
        E::Exists { path } => format!("{} 已存在；请打开它，或选择其他路径", path.display()),
        E::Missing { path } => format!("没有 {}；请检查路径，或先创建", path.display()),
        E::Full { path, what } => format!(
            "没有空间写入 {}（{what}）；请清理该磁盘后重新启动，已确认的内容均已保存",
            path.display()
        ),
        E::Busy { path } => format!(
            "{} 一直被其他程序锁定；请结束该程序（备份程序、SQLite 命令行？）后重新启动",
            path.display()
        ),
        E::ReadOnly { path } => format!(
            "本用户对 {} 只能读、不能写；请以其所有者运行，或更改其所有者或权限（chown、chmod）",
            path.display()
        ),
        E::Io { path, cause, .. } => format!("无法读写 {}：{}", path.display(), zh(cause)),
    }
}

/// `part 2 of 7: it is missing`.
fn damaged_part(what: &str) -> String {
    let part = what.strip_prefix("part ").and_then(|rest| rest.split_once(": "));
    let numbered = part.and_then(|(numbers, what)| Some((numbers.split_once(" of ")?, what)));
    match numbered {
        Some(((part, parts), what)) => format!("共 {parts} 部分，第 {part} 部分：{}", zh(what)),
        None => zh(what),
    }
}

fn snapshot_error(error: &SnapshotError) -> String {
    use SnapshotError as E;
    match error {
        E::Missing { path } => format!("没有快照 {}；请列出现有的快照", path.display()),
        E::Damaged { path, what } => format!(
            "快照 {} 已损坏（{}）。未作任何改动；请将其移走，从更早的快照或日志的开头启动",
            path.display(),
            damaged_part(what)
        ),
        E::Newer { path, found, known } => format!(
            "快照 {} 的格式为 {found}，本程序最高支持 {known}。未作任何改动；\
             请使用写入它的较新版本的 Doorstep，或从更早的快照启动",
            path.display()
        ),
        E::Full { path, what } => format!(
            "没有空间写入快照 {}（{what}）；请清理该磁盘，此前的快照和日志均完好",
            path.display()
        ),
        E::Io { path, cause, .. } => format!("无法读写快照 {}：{}", path.display(), zh(cause)),
    }
}

fn recovery_error(error: &RecoveryError) -> String {
    use RecoveryError as E;
    match error {
        E::Journal(error) => journal_error(error),
        E::Replay(error) => replay_error(error),
        E::Snapshots(error) => snapshot_error(error),
        E::JournalShorter { snapshot, end } => format!(
            "M10：快照 {snapshot} 反映了第 {snapshot} 批，而日志止于第 {end} 批：\
             已确认的批从日志中丢失。未作任何改动；请保留该目录，并用副本恢复"
        ),
        E::OtherJournal { snapshot } => format!(
            "M10：快照 {snapshot} 属于另一个日志：本日志的第 {snapshot} 批与之不同。未作任何改动；\
             请保留该目录，并用同一副本恢复日志和快照"
        ),
    }
}

fn start_error(error: &StartError) -> String {
    match error {
        StartError::Journal(error) => journal_error(error),
        StartError::Recovery(error) => recovery_error(error),
        StartError::Thread(error) => format!("无法启动线程：{error}"),
    }
}

fn replay_error(error: &ReplayError) -> String {
    const OTHER_VERSION: &str = "日志由其他版本写成；请使用该版本，并报告此问题";
    match error {
        ReplayError::Journal(error) => journal_error(error),
        ReplayError::Batch { sequence, error } => {
            let what = match error {
                JournalBatchError::Newer(version) => format!("其版本 {version} 较新"),
                JournalBatchError::Damaged(what) => format!("内容无法读取：{}", zh(what)),
            };
            format!(
                "日志的第 {sequence} 批已损坏或较新（{what}）。未作任何改动；\
                 请用副本恢复数据目录，或使用较新版本的程序"
            )
        }
        ReplayError::Refused { sequence, command, refusal } => format!(
            "M11：第 {sequence} 批第 {command} 条命令此前已执行，现被账簿拒绝（{}）。\
             {OTHER_VERSION}",
            books::engine(refusal)
        ),
        ReplayError::BooksDiffer { sequence } => {
            format!("M11：第 {sequence} 批之后，账簿与写入时不同。{OTHER_VERSION}")
        }
        ReplayError::ObserverStopped(why) => why.clone(),
    }
}

pub(super) fn node_stopped(error: &NodeStopped) -> String {
    match error {
        NodeStopped::Asked => "账簿已停止运行".to_owned(),
        NodeStopped::Journal(error) => format!("日志写入失败：{}", journal_error(error)),
        NodeStopped::ThreadFailed(thread) => {
            format!("账簿的线程 {thread} 出错，已停止运行；请报告此问题，然后重新启动")
        }
    }
}

fn report_error(error: &ReportError) -> String {
    match error {
        ReportError::Directory(error) => directory_error(error),
        ReportError::Journal(error) => journal_error(error),
        ReportError::Snapshots(error) => snapshot_error(error),
        ReportError::Replay(error) => replay_error(error),
        ReportError::Recovery(error) => recovery_error(error),
        ReportError::NoSuchCommand { at } => format!(
            "M11：账簿指向 1970 年起第 {at} 毫秒的一条命令，而日志中没有它。\
             写入该日志的是另一版本；请用 `doorstep verify` 检查，并报告此问题"
        ),
    }
}

fn explain_error(error: &ExplainError) -> String {
    match error {
        ExplainError::Books(error) => report_error(error),
        ExplainError::NoPayouts { payout } => format!("没有打款 {payout}：账簿中尚无打款"),
        ExplainError::NoSuchPayout { payout, last } => {
            format!("没有打款 {payout}：账簿中有打款 1 到 {last}，见 payouts.csv")
        }
        ExplainError::NotInTariffFile { tariff } => {
            format!("费率文件没有账簿币种的版本 {tariff}")
        }
        ExplainError::FeesDiffer { order } => format!("M8：订单 {order} 的手续费与费率不符"),
        ExplainError::ReturnFeeDiffers { order } => {
            format!("M8：订单 {order} 的退件费与费率不符")
        }
        ExplainError::SumsDiffer { lines, payout } => {
            format!("M8：各行合计为 {lines}，而打款为 {payout}")
        }
    }
}

fn cost_settings_error(error: &CostSettingsError) -> String {
    use CostSettingsError as E;
    match error {
        E::TooLong => "文件超过 1048576 字节；请只保留成本".to_owned(),
        E::Toml { line, what } => {
            format!("第 {line} 行：{}；全部的键见 docs/costs.md", toml_message(what))
        }
        E::BelowZero { key } => format!("{key}：成本不能为负；请写作 \"12.50\""),
        E::TooMuch { key, sum, currency } => {
            format!("{key}：{sum} {currency} 超出任何成本；请更正")
        }
        E::Share => "cash.share：超过现金的 100%；请写作 \"0.05%\"".to_owned(),
        E::Amount { key, why } => format!("{key}：{}；请写作 \"12.50\"", zh_error(why)),
        E::Currency(why) => format!("currency：{}", zh_error(why)),
        E::Day(why) => format!("repair.day：{}", zh_error(why)),
        E::Rate(why) => format!("cash.share：{}", zh_error(why)),
        E::LifeMonths(months) => format!("terminal.life_months = {months}：应为 1 至 240"),
        E::CityTwice { what, name } => {
            let what = if *what == "the firm" { "快递公司" } else { "快递员" };
            format!("{what} `{name}` 有两个城市：请只保留一个")
        }
    }
}

fn unknown_in_costs(error: &UnknownInCosts) -> String {
    use UnknownInCosts as E;
    match error {
        E::Firm(name) => format!("city：账簿中没有快递公司 `{name}`；请更正名称，或去掉"),
        E::Courier(name) => format!("city：账簿中没有快递员 `{name}`；请更正，或去掉"),
        E::Terminal(number) => format!("repair：账簿中没有终端 {number}；请更正编号，或去掉"),
        E::Currency(currency) => {
            format!("currency：账簿中没有 {currency} 的账户；请写账簿的币种")
        }
    }
}

fn what_if_error(error: &WhatIfError) -> String {
    match error {
        WhatIfError::NoCurrency(currency) => {
            format!("费率文件没有 {currency} 的费率；请在其 `currency` 中写明")
        }
        WhatIfError::NotInForce(day) => {
            format!("费率文件没有在 {day} 生效的版本；请让第一个版本在该日或更早开始")
        }
        WhatIfError::NoClass(name) => {
            format!("费率文件没有类别 `{name}`，而账簿中有卖家属于该类别；请补上")
        }
    }
}

fn drill_error(error: &DrillError) -> String {
    match error {
        DrillError::OnePerson => {
            "账簿中只有一名人员，而停用需要两人：请用 `doorstep setup person` 再登记一人".to_owned()
        }
        DrillError::NoBank(currency) => {
            format!("账簿没有 {currency} 的银行账户：请用 `doorstep setup bank` 登记")
        }
        DrillError::Refused(why) => format!("账簿副本拒绝停用：{why}；请报告"),
    }
}

fn export_error(error: &ExportError) -> String {
    match error {
        ExportError::Books(error) => report_error(error),
        ExportError::Write(error) => format!("无法写入：{error}"),
    }
}

fn payout_write_error(error: &PayoutWriteError) -> String {
    match error {
        PayoutWriteError::Amount => "有金额超过可写出的最大金额".to_owned(),
        // The causes say the rest.
        PayoutWriteError::Csv { path, .. } | PayoutWriteError::Message { path, .. } => {
            path.display().to_string()
        }
    }
}
