//! Errors of the SQL views, and what they say.

use std::error::Error;

use ::views::read::{
    FILTER_TEXT_BYTES_MAX, FILTER_VALUES_MAX, PAGE_ROWS_MAX, ReadViewError, ViewQueryError,
};
use ::views::{ColumnKind, ProjectionError, ServerError, ViewColumn, ViewError, ViewSpec};

use super::zh_error;
use crate::texts::entry;
use crate::words::Lang;

/// What a column of a view says; without a column what one of its rows is.
pub fn of_view(view: &ViewSpec, column: Option<&ViewColumn>) -> Option<&'static str> {
    let Some(column) = column else { return entry(Lang::Zh, "sql_views.row", view.name) };
    let (section, name) = ("sql_views.column", column.name);
    let of_view = entry(Lang::Zh, section, &format!("{}.{name}", view.name));
    of_view.or_else(|| entry(Lang::Zh, section, name))
}

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(view_error))
        .or_else(|| error.downcast_ref().map(|error| server_error(*error)))
        .or_else(|| error.downcast_ref().map(query_error))
        .or_else(|| error.downcast_ref().map(read_error))
}

fn read_error(error: &ReadViewError) -> String {
    match error {
        ReadViewError::Asked(error) => query_error(error),
        ReadViewError::Views(error) => view_error(error),
        ReadViewError::TooLong => "查询耗时过长".to_owned(),
        ReadViewError::NotWhole => "数值不是整数，或超出 64 位".to_owned(),
    }
}

fn column_kind(kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Id(_) => "标识号".to_owned(),
        ColumnKind::Parcel => "包裹标识号".to_owned(),
        ColumnKind::Amount { .. } | ColumnKind::MinorUnits => "金额，以最小货币单位计".to_owned(),
        ColumnKind::Number => "数字".to_owned(),
        ColumnKind::Flag => "0 或 1".to_owned(),
        ColumnKind::Text => format!("最多 {FILTER_TEXT_BYTES_MAX} 字节的文字"),
        ColumnKind::Currency => "货币代码，三个字母".to_owned(),
        ColumnKind::Time => "自 1970 年起的毫秒数（UTC）".to_owned(),
        ColumnKind::Date => "日期，如 2026-11-29".to_owned(),
        ColumnKind::Batch => "日志批号".to_owned(),
        ColumnKind::Word(words) => format!("以下之一：{}", words.join("；")),
    }
}

fn query_error(error: &ViewQueryError) -> String {
    use ViewQueryError as E;
    match error {
        E::NoColumn { view, column } => format!("视图 {view} 没有列 {column}"),
        E::NotFiltered { view, column, others } => {
            format!("视图 {view} 不能按 {column} 筛选；可筛选的列：{others}")
        }
        E::NotOrdered { view, column, others } => {
            format!("视图 {view} 不能按 {column} 排序；可排序的列：{others}")
        }
        E::OtherKind { column, expected } => {
            format!("列 {column} 的值应为：{}", column_kind(*expected))
        }
        E::OtherKey { view, columns } => format!("视图 {view} 的键由以下各列组成：{columns}"),
        E::OtherPage => "此页不接续本列表的任何一页；请重新从第一页开始".to_owned(),
        E::ValueCount { column } => {
            format!("列 {column} 须与 1 至 {FILTER_VALUES_MAX} 个值比较")
        }
        E::SearchText => format!("搜索文字为 1 至 {FILTER_TEXT_BYTES_MAX} 字节"),
        E::Limit => format!("每页为 1 至 {PAGE_ROWS_MAX} 行"),
        E::Beyond { at, asked } => format!("视图在第 {at} 批，尚无第 {asked} 批"),
        E::NoOwner { view } => format!("视图 {view} 未标明各行属于谁"),
    }
}

fn server_error(error: ServerError) -> String {
    match error {
        ServerError::Address => {
            "不是 PostgreSQL 的地址；请写 postgres://user@host/database".to_owned()
        }
        ServerError::PasswordInAddress => {
            "地址中有密码；请将其写入权限为 0600 的文件，并在 `password_file` 中给出".to_owned()
        }
        ServerError::NeedsTls => "服务器在另一台机器上，须用 TLS 连接：请在 `authorities` 中给出\
                                  为其证书签名的机构"
            .to_owned(),
    }
}

const REBUILD: &str = "用 `doorstep views rebuild` 重建";

fn view_error(error: &ViewError) -> String {
    use ViewError as E;
    match error {
        E::Sqlite { path, source, .. } => format!(
            "无法读写视图 {}：{source}；账簿未受影响，请检查磁盘，必要时{REBUILD}",
            path.display()
        ),
        E::Full { path, what, .. } => format!(
            "没有空间写入视图 {}（{what}）；请清理该磁盘：账簿未受影响，视图会从原处继续",
            path.display()
        ),
        E::Postgres { source, .. } => format!(
            "无法读写 PostgreSQL 中的视图：{source}；账簿未受影响，服务器恢复后视图会自动跟上"
        ),
        E::File { path, source, .. } => {
            format!("无法读写视图 {}：{source}；请检查磁盘和目录权限", path.display())
        }
        E::NotViews { path } => {
            format!("{} 不是本程序的视图；请将其移走，并{REBUILD}", path.display())
        }
        E::OtherFormat { path, found, expected } => format!(
            "{} 的视图格式为 {found}，本程序写入的格式为 {expected}；请{REBUILD}",
            path.display()
        ),
        E::OtherJournal { batch } => {
            format!("视图停在另一个日志的第 {batch} 批；请{REBUILD}")
        }
        E::AheadOfJournal { views, end } => format!(
            "视图已到第 {views} 批，而日志止于第 {end} 批：日志缺少了若干批，或是另一个日志。\
             未作任何改动；请恢复日志，或{REBUILD}"
        ),
        E::NotTheNext { at, given } => {
            format!("视图停在第 {at} 批，第 {given} 批与之不相接；请{REBUILD}，并报告此问题")
        }
        E::NoRow { view } => {
            format!("视图 {view} 缺少将要变更的行；请{REBUILD}，并报告此问题")
        }
        E::InUse => {
            "另一个进程正在写入该视图：运行中的 Doorstep 会自动更新；如需重建，请先将其停止"
                .to_owned()
        }
        E::Projection(ProjectionError::BalanceTooLarge { account }) => {
            format!("账户 {account} 的余额超出 64 位，视图无法保存")
        }
        E::Projection(ProjectionError::BalancesDiffer { batch, account }) => format!(
            "M1：第 {batch} 批之后，视图中账户 {account} 的余额与账簿不同；\
             请{REBUILD}，并报告此问题"
        ),
        E::Replay(error) => zh_error(error),
        E::Recovery(error) => zh_error(error),
        E::Journal(error) => zh_error(error),
        E::Directory(error) => zh_error(error),
        E::Snapshot(error) => zh_error(error),
    }
}

#[cfg(test)]
mod tests {
    use ::views::read::VIEWS;

    use super::*;
    use crate::texts;

    #[test]
    fn every_view_and_column_has_a_text_in_chinese_and_every_text_is_of_one() {
        let mut used = std::collections::BTreeSet::new();
        for view in VIEWS {
            used.insert(format!("row.{}", view.name));
            assert!(of_view(view, None).is_some(), "[sql_views.row] lacks {}", view.name);
            for column in view.columns {
                let (of, name) = (view.name, column.name);
                let found = of_view(view, Some(column));
                let found = found.unwrap_or_else(|| panic!("[sql_views.column] lacks {of}.{name}"));
                assert!(!found.is_ascii(), "{of}.{name}: {found}");
                let is_own = entry(Lang::Zh, "sql_views.column", &format!("{of}.{name}"));
                let key = is_own.map_or(name.to_owned(), |_| format!("{of}.{name}"));
                used.insert(format!("column.{key}"));
            }
        }
        let texts = texts::all(Lang::Zh).keys().filter_map(|key| key.strip_prefix("sql_views."));
        let lost: Vec<_> = texts.filter(|key| key.contains('.') && !used.contains(*key)).collect();
        assert!(lost.is_empty(), "no such column: {lost:?}");
    }
}
