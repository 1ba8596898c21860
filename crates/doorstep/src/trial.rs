//! `doorstep trial`: prepares a trial of a switch, a card network and a terminal.

use std::path::PathBuf;

use bench::fixture::{ACQUIRER, Fixture, FixturePlan, MERCHANT, NETWORK};
use bench::workload;
use clap::Args;

use crate::persons;
use crate::words::{Lang, bilingual, left, say};

/// The address for terminals.
const TERMINALS: &str = "127.0.0.1:7001";
const TERMINALS_MAX: u32 = 1_000;
const PARCELS_EACH_MAX: u32 = 100;

/// Prepares a directory for a trial, and prints the commands to start it
///
/// The directory gets keys, settings, and books with terminals whose couriers have parcels out. The
/// printed commands start a simulated card network, the switch and a simulated terminal.
///
/// For trials only: the keys of the network and the terminals are in plain files.
///
/// Exit status: 0 success; 1 failure.
#[derive(Args, Debug)]
pub struct TrialArgs {
    /// The directory; it must not exist yet
    directory: PathBuf,
    /// Number of terminals
    #[arg(long, default_value_t = 2,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(TERMINALS_MAX)))]
    terminals: u32,
    /// Number of parcels out with each terminal's courier
    #[arg(long, default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(PARCELS_EACH_MAX)))]
    parcels: u32,
}

pub fn run(args: &TrialArgs) -> anyhow::Result<()> {
    let directory = shell_quoted(&args.directory.display().to_string());
    anyhow::ensure!(
        !args.directory.exists(),
        bilingual!(
            "{directory} exists already; name another directory",
            "{directory} 已存在；请换一个目录"
        )
    );
    let fixture = Fixture::prepare(
        &args.directory,
        &FixturePlan {
            terminals: args.terminals,
            parcels_each: args.parcels,
            gateways: 0,
            listen: vec![TERMINALS.to_owned()],
        },
    )?;

    let [first, second] = bench::opening::PERSONS;
    persons::name_missing(&args.directory.join("books"), &[(first, "ann"), (second, "bo")])?;
    let lang = Lang::current();
    say!(
        "{}",
        bilingual!(
            "{directory} is ready. Start these commands, each in its own window:",
            "{directory} 已就绪。请在各自的窗口中启动："
        )
    );
    say!("");
    say!("  {}", lang.pick("the card network", "卡组织"));
    say!("    doorstep network run --name {NETWORK} --listen {} \\", fixture.network_address);
    say!("        --keys {directory}/alpha.toml --acquirer {ACQUIRER} --clearing {directory}");
    say!("  {}", lang.pick("the switch", "交换中心"));
    say!("    doorstep serve --data {directory}/books --config {directory}/doorstep.toml");
    say!("  {}", lang.pick("a terminal (type `help`)", "终端（输入 `help` 查看命令）"));
    say!("    doorstep terminal --connect {TERMINALS} --number 1 --merchant {MERCHANT} \\");
    say!("        --base-key-file {directory}/base.key");
    say!("");
    say!("{}", lang.pick("To list the keys:", "查看密钥："));
    say!("    doorstep keys list --config {directory}/doorstep.toml");
    say!("");
    say!(
        "  {} {} {}",
        left(lang.pick("parcels of", "所属终端"), 19),
        left(lang.pick("waybill", "运单号"), 30),
        lang.pick("to pay", "应收")
    );
    for terminal in 1..=args.terminals {
        for place in 0..args.parcels {
            let waybill = switch::waybill::write(workload::parcel_id(terminal, place));
            let minor = workload::amount(terminal, place).minor();
            let (whole, rest) = (minor / 100, minor % 100);
            let amount = format!("{whole}.{rest:02}");
            let label = lang.pick("terminal", "终端");
            say!("  {} {terminal:<6}     {waybill}    {amount:>8}", left(label, 8));
        }
    }
    Ok(())
}

/// A path, quoted for a shell if necessary.
fn shell_quoted(path: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "/._-+".contains(character);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_printed_as_a_shell_needs_it() {
        assert_eq!(shell_quoted("trials/门_1.2-a+b"), "trials/门_1.2-a+b");
        assert_eq!(shell_quoted("my trial"), "'my trial'");
        assert_eq!(shell_quoted("bo's"), "'bo'\\''s'");
    }
}
