//! `doorstep get`: rows of a view, beside the books or from a server.
//!
//! Everything about a view comes from its declaration: a new view needs no code here.

mod at_rest;
mod over_https;
mod printing;

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use views::read::VIEWS;
use views::{ViewColumn, ViewSpec};
use web::asked_views::AskedList;
use web::operations::view_in_chinese;
use web::problem::Problem;

use crate::remote::RemoteFlags;
use crate::texts::{filled, text};
use crate::words::{Lang, left, say};

/// Rows of a table, unless the flag says otherwise.
const TABLE_ROWS: u32 = 20;

/// Shows a view of the books: parcels, payments, payouts, postings, and so on
///
/// `doorstep get --list` lists the views, `doorstep get VIEW --list` the columns of one. Values are
/// as of the API: amounts in minor units, times of RFC 3339, identifiers with prefixes (sel_42) or
/// your references. Several filters together must all be met.
///
/// The views beside the books are brought to the end of the journal first. With --server a server
/// is asked over its API, and shows what the roles of the key may see.
#[derive(Args, Debug)]
pub struct GetArgs {
    /// The view, such as parcels
    #[arg(value_name = "VIEW", required_unless_present = "list")]
    view: Option<String>,
    /// One row, by its key; the parts of a key of several columns are joined by `~`
    #[arg(value_name = "KEY", conflicts_with_all = ["filter", "order", "limit"])]
    key: Option<String>,
    /// List the views, or the columns of one
    #[arg(long)]
    list: bool,
    /// Only rows for which this holds: COLUMN=VALUE, COLUMN=A,B, COLUMN.from=VALUE,
    /// COLUMN.until=VALUE, COLUMN.begins=TEXT or COLUMN.empty=true
    #[arg(long, value_name = "CONDITION")]
    filter: Vec<String>,
    /// In the order of this column; `-COLUMN` is falling
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    order: Option<String>,
    /// Only these columns, separated by commas [default: as many as the table has room for;
    /// otherwise all]
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    /// As of the end of this batch of the journal [default: now]
    #[arg(long, value_name = "BATCH")]
    at: Option<u64>,
    /// Show at most this many rows [default: 20 in a table, otherwise all]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// The form of the rows
    #[arg(long, value_enum, default_value_t = ViewFormat::Table)]
    format: ViewFormat,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The settings whose [views] say where they are, doorstep.toml [default: in the data
    /// directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    remote: RemoteFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ViewFormat {
    /// For people
    Table,
    /// As the API exports it
    Csv,
    /// One JSON object a line
    Json,
}

/// What is asked of a view.
struct GetRequest<'a> {
    view: &'static ViewSpec,
    key: Option<&'a str>,
    /// The parameters of a request.
    parameters: Vec<(String, String)>,
    /// The columns that were chosen.
    columns: Option<Vec<&'static ViewColumn>>,
    limit: Option<u32>,
    format: ViewFormat,
}

pub fn run(args: &GetArgs) -> anyhow::Result<()> {
    let Some(name) = &args.view else {
        list_views();
        return Ok(());
    };
    let lang = Lang::current();
    let view = ViewSpec::find(&name.replace('-', "_")).with_context(|| {
        let all: Vec<_> = VIEWS.iter().map(path_name).collect();
        let all = all.join(text(lang, "looks.separator"));
        filled(lang, "get.no_view", &[("name", &name.escape_debug()), ("all", &all)])
    })?;
    if args.list {
        list_columns(view);
        return Ok(());
    }
    let asked = asked(args, view)?;
    if let Some(server) = args.remote.server(args.data.is_some())? {
        return over_https::show(&server, &asked);
    }
    let data = args.data.as_deref().context(text(lang, "get.no_data"))?;
    at_rest::show(data, args.config.as_deref(), &asked)
}

fn asked<'a>(args: &'a GetArgs, view: &'static ViewSpec) -> anyhow::Result<GetRequest<'a>> {
    let lang = Lang::current();
    let mut parameters = Vec::new();
    for condition in &args.filter {
        let Some((name, value)) = condition.split_once('=') else {
            bail!(filled(lang, "get.no_condition", &[("given", &condition.escape_debug())]));
        };
        parameters.push((name.replace('-', "_"), value.to_owned()));
    }
    parameters.extend(args.order.iter().map(|order| ("order".to_owned(), order.clone())));
    parameters.extend(args.at.map(|at| ("at".to_owned(), at.to_string())));
    // What is wrong is said here as the server says it.
    AskedList::new(view, parameters.iter().cloned()).map_err(in_words)?;
    let mut columns = Vec::new();
    for name in &args.columns {
        let column = view.column(name).with_context(|| {
            let all: Vec<_> = view.columns.iter().map(|column| column.name).collect();
            let all = all.join(text(lang, "looks.separator"));
            let values: [(&str, &dyn std::fmt::Display); 3] =
                [("view", &view.name), ("name", &name.escape_debug()), ("all", &all)];
            filled(lang, "get.no_column", &values)
        })?;
        columns.push(column);
    }
    let limit = match args.format {
        ViewFormat::Table => Some(args.limit.unwrap_or(TABLE_ROWS)),
        _ => args.limit,
    };
    Ok(GetRequest {
        view,
        key: args.key.as_deref(),
        parameters,
        columns: (!columns.is_empty()).then_some(columns),
        limit,
        format: args.format,
    })
}

/// A problem of a question that is asked without a server.
fn in_words(problem: Problem) -> anyhow::Error {
    anyhow!(problem.detail(Lang::current().language()).to_owned())
}

/// The name of a view in a path and on the command line.
fn path_name(view: &ViewSpec) -> String {
    view.name.replace('_', "-")
}

fn list_views() {
    let width = VIEWS.iter().map(|view| view.name.len()).max().unwrap_or(0) + 2;
    for view in VIEWS {
        let about = match Lang::current() {
            Lang::En => view.doc,
            Lang::Zh => view_in_chinese(view),
        };
        say!("{}{about}", left(&path_name(view), width));
    }
}

fn list_columns(view: &ViewSpec) {
    let lang = Lang::current();
    let width = view.columns.iter().map(|column| column.name.len()).max().unwrap_or(0) + 2;
    for column in view.columns {
        let marks = [
            (view.key.contains(&column.name), "get.key"),
            (column.filter, "get.filter"),
            (column.sort, "get.sort"),
        ];
        let marks = marks.iter().filter(|(is, _)| *is).map(|(_, key)| text(lang, key));
        let marks = marks.collect::<Vec<_>>().join(text(lang, "looks.separator"));
        say!("{}", format!("{}{marks}", left(column.name, width)).trim_end());
        if lang == Lang::En {
            say!("    {}", column.doc);
        }
    }
}
