//! `doorstep bench api`: the API under load, with or without sales at the door.

use std::path::PathBuf;

use bench::api_benchmark::{ApiFigures, ApiPlan, RequestFigures, measure};
use clap::Args;

use super::{NewDirectory, show};
use crate::words::{Lang, bilingual, grouped, left, right, say};

#[derive(Args, Debug)]
pub struct ApiArgs {
    /// Requests per second; writes and reads at once have as many each
    #[arg(long, default_value_t = 1_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Reads per second, if not as --rate
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    read_rate: Option<u32>,
    /// Only write: parcels are announced, each under a key of its own
    #[arg(long)]
    writes: bool,
    /// Only read: lists, single parcels, searches
    #[arg(long, conflicts_with = "writes")]
    reads: bool,
    /// The writes are checkouts in a shop: two lines, a threshold, a buyer and an address each
    #[arg(long, conflicts_with_all = ["reads", "read_back"])]
    checkouts: bool,
    /// Write and read at once, the default
    #[arg(long, conflicts_with_all = ["writes", "reads"])]
    both: bool,
    /// Card sales per second at the same time; with 0 there are no terminals
    #[arg(long, default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=100_000))]
    door: u32,
    /// Duration of the measurement
    #[arg(long, default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Seconds of the same load before, which do not count
    #[arg(long, default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=3_600))]
    lead_in: u64,
    /// Connections that write; as many read
    #[arg(long, default_value_t = 64)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=4_000))]
    connections: u32,
    /// Connections that are open all the time, without a request
    #[arg(long, default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=11_000))]
    idle_connections: u32,
    /// Parcels that are announced and read at once with the same key
    #[arg(long, default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    read_back: u32,
    /// The directory for all files; it must not exist yet [default: a temporary directory in the
    /// current one]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
    /// Number of terminals
    #[arg(long, default_value_t = 200, hide_short_help = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=6_000))]
    terminals: u32,
    /// Parcels of each seller that reads
    #[arg(long, default_value_t = 25_000, hide_short_help = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    parcels: u32,
}

pub fn run(args: &ApiArgs) -> anyhow::Result<()> {
    let directory = NewDirectory::at(args.data.as_deref(), "api")?;
    let plan = ApiPlan {
        writes: if args.reads { 0 } else { args.rate },
        reads: if args.writes { 0 } else { args.read_rate.unwrap_or(args.rate) },
        door: args.door,
        terminals: args.terminals,
        seconds: args.seconds,
        lead_in_seconds: args.lead_in,
        connections: args.connections,
        idle_connections: args.idle_connections,
        parcels: args.parcels,
        read_back: args.read_back,
        checkouts: args.checkouts,
    };
    let figures = measure(&plan, &directory.path)?;
    show(&figures, args.json, print_table)
}

fn print_table(figures: &ApiFigures) {
    let lang = Lang::current();
    let row = |label: &str, figure: String| say!("  {} {}", left(label, 36), right(&figure, 34));
    let count = |count: u64| grouped(&count.to_string());
    let requests = |label: &str, one: &RequestFigures| {
        let RequestFigures { rate, answered_per_s, p50_ms, p99_ms, p999_ms, max_ms, .. } = one;
        let (rate, errors) = (count((*rate).into()), one.errors.values().sum());
        say!("{}", bilingual!("{label}, {rate}/s", "{label}，每秒 {rate} 次"));
        row(lang.pick("answered per second", "每秒应答"), count(*answered_per_s));
        let times = format!("{p50_ms:.2} / {p99_ms:.2} / {p999_ms:.2} / {max_ms:.2} ms");
        row(lang.pick("p50 / p99 / p99.9 / max", "p50 / p99 / p99.9 / 最大"), times);
        row(lang.pick("errors", "错误"), count(errors));
    };
    if let Some(writes) = &figures.writes {
        requests(lang.pick("Writes", "写入"), writes);
    }
    if let Some(reads) = &figures.reads {
        requests(lang.pick("Reads", "读取"), reads);
    }
    if let Some(door) = &figures.door {
        let (rate, sales) = (count(door.rate.into()), count(door.sales));
        say!("{}", bilingual!("Sales at the door, {rate}/s", "终端消费，每秒 {rate} 笔"));
        row(lang.pick("sales", "消费"), sales);
        let times = format!("{:.2} / {:.2} / {:.2} ms", door.p50_ms, door.p99_ms, door.max_ms);
        row(lang.pick("p50 / p99 / max", "p50 / p99 / 最大"), times);
    }
    row(
        lang.pick("engine, CPU µs/request", "交换中心，每次请求 CPU 微秒"),
        count(figures.cpu_us_per_request),
    );
    row(lang.pick("engine, bytes", "交换中心内存，字节"), count(figures.engine_bytes));
    let lag = &figures.views_lag;
    let times = format!("{:.0} / {:.0} / {:.0} ms", lag.p50_ms, lag.p99_ms, lag.max_ms);
    row(lang.pick("views behind, p50 / p99 / max", "视图滞后，p50 / p99 / 最大"), times);
    row(lang.pick("restart after kill", "强杀后重启"), format!("{:.2} s", figures.restart_s));
    let (acknowledged, read_back) = (count(figures.acknowledged), count(figures.read_back.into()));
    if figures.read_back > 0 {
        row(lang.pick("read at once after writing", "写入后立即读取"), read_back);
    }
    say!(
        "{}",
        bilingual!(
            "The engine was killed. {acknowledged} acknowledged parcels or orders are in the books \
             once, and each request under its key has the same answer.",
            "进程被强杀。{acknowledged} 个已应答的包裹或订单在账簿中各有一份；\
             按原幂等键重发，应答均相同。"
        )
    );
}
