//! `doorstep bench door`: card sales from terminals over gateways to a simulated network and back,
//! each in its own process, with durability on.

use std::path::PathBuf;

use anyhow::ensure;
use bench::door::{DoorFigures, DoorPlan, GATEWAYS_MAX, measure};
use clap::Args;

use super::{NewDirectory, show};
use crate::terminal::DialectFlag;
use crate::words::{Lang, bilingual, left, right, say};

#[derive(Args, Debug)]
pub struct DoorArgs {
    /// Number of terminals
    #[arg(long, default_value_t = 2_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    terminals: u32,
    /// Number of gateways; with 0, terminals connect to the engine
    #[arg(long, default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=i64::from(GATEWAYS_MAX)))]
    gateways: u32,
    /// Sales per second; 0 for as many as possible
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// Sales in flight, if the rate is 0
    #[arg(long, default_value_t = 2_048)]
    in_flight: u32,
    /// Duration of the sales
    #[arg(long, default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Kill a gateway halfway through
    #[arg(long)]
    kill_gateway: bool,
    /// Enter a PIN for each sale
    #[arg(long)]
    pins: bool,
    /// The terminals' dialect; UnionPay's has no gateways: they need certificates of terminals
    #[arg(long, value_enum, default_value_t = DialectFlag::Doorstep)]
    dialect: DialectFlag,
    /// The directory for all files; it must not exist yet [default: a temporary directory in the
    /// current one]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
    /// Sales per second for which parcels are prepared, if the rate is 0
    #[arg(long, default_value_t = 25_000, hide_short_help = true)]
    most_per_second: u32,
    /// Extra parcels of each terminal
    #[arg(long, default_value_t = 2, hide_short_help = true)]
    spare_parcels: u32,
    /// Seconds of idle time before memory is measured
    #[arg(long, default_value_t = 2, hide_short_help = true)]
    idle: u64,
}

pub fn run(args: &DoorArgs) -> anyhow::Result<()> {
    ensure!(
        !args.kill_gateway || args.gateways > 0,
        bilingual!("--kill-gateway: there is no gateway", "--kill-gateway：没有网关")
    );
    ensure!(
        args.dialect == DialectFlag::Doorstep || args.gateways == 0,
        bilingual!(
            "--dialect unionpay: its terminals go straight to the engine; give --gateways 0",
            "--dialect unionpay：其终端直连交换中心；请给出 --gateways 0"
        )
    );
    let directory = NewDirectory::at(args.data.as_deref(), "door")?;
    let plan = DoorPlan {
        terminals: args.terminals,
        gateways: args.gateways,
        rate: args.rate,
        in_flight: args.in_flight,
        seconds: args.seconds,
        kill_gateway: args.kill_gateway,
        pins: args.pins,
        dialect: args.dialect.name(),
        most_per_second: args.most_per_second,
        spare_parcels: args.spare_parcels,
        idle_seconds: args.idle,
    };
    let (figures, comparison) = measure(&plan, &directory.path)?;
    show(&figures, args.json, print_table)?;
    comparison.require_equal()
}

fn print_table(figures: &DoorFigures) {
    let f = figures;
    let lang = Lang::current();
    let rate = match f.rate {
        0 => lang.pick("unlimited sales", "不限速").to_owned(),
        rate => bilingual!("{rate} sales/s", "每秒 {rate} 笔"),
    };
    let DoorFigures { dialect, terminals, gateways, synchronous, .. } = f;
    say!(
        "{}",
        bilingual!(
            "{terminals} terminals ({dialect}), {gateways} gateways, {rate}, \
             synchronous={synchronous}",
            "{terminals} 台终端（{dialect}），{gateways} 个网关，{rate}，synchronous={synchronous}"
        )
    );
    let row = |label: &str, figure: String| say!("  {} {}", left(label, 28), right(&figure, 24));
    row(lang.pick("signed on", "已签到"), f.signed_on.to_string());
    row(lang.pick("signed on within", "签到用时"), format!("{:.1} s", f.signed_on_within_s));
    row(lang.pick("sales/s", "每秒消费"), f.sales_per_s.to_string());
    if f.sold_out {
        let text = lang.pick(
            "all parcels were sold; raise --most-per-second",
            "包裹已售完；请提高 --most-per-second",
        );
        say!("  {text}");
    }
    row(
        lang.pick("p50 / p99 / max", "p50 / p99 / 最大"),
        format!("{:.2} / {:.2} / {:.2} ms", f.p50_ms, f.p99_ms, f.max_ms),
    );
    row(lang.pick("approved", "成功"), f.approved.to_string());
    row(lang.pick("declined", "交易被拒"), f.declined.to_string());
    row(lang.pick("unknown outcome", "结果未知"), f.unknown.to_string());
    row(lang.pick("idle terminal, bytes", "空闲终端，字节"), f.idle_bytes_per_terminal.to_string());
    let cpu = &f.cpu_us_per_sale;
    for (label, micros) in [
        (lang.pick("engine, CPU µs/sale", "交换中心，每笔 CPU 微秒"), cpu.engine),
        (lang.pick("gateways, CPU µs/sale", "网关，每笔 CPU 微秒"), cpu.gateways),
        (lang.pick("network, CPU µs/sale", "卡组织，每笔 CPU 微秒"), cpu.network),
        (lang.pick("terminals, CPU µs/sale", "终端，每笔 CPU 微秒"), cpu.terminals),
    ] {
        row(label, micros.to_string());
    }
    if f.moved + f.moving > 0 {
        row(lang.pick("reconnected", "已换网关"), f.moved.to_string());
        row(lang.pick("reconnected within", "换网关用时"), format!("{} ms", f.moved_within_ms));
        row(lang.pick("lost, doubled", "丢失，重复"), format!("{}, {}", f.lost, f.doubled));
    }
    if f.books_equal {
        say!(
            "{}",
            lang.pick(
                "The books agree item by item with the network's file and the terminals' receipts.",
                "账簿与卡组织文件和终端凭条逐笔一致。"
            )
        );
    }
}
