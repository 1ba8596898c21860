//! The command line of Doorstep.
//!
//! Never: logic of its own; it reads flags, calls the crates, and prints.

mod bench;

use clap::{Parser, Subcommand};

/// Payments at the door: collect, keep the books, pay the sellers
#[derive(Parser, Debug)]
#[command(name = "doorstep", version)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Measure
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
}

#[derive(Subcommand, Debug)]
enum Bench {
    /// Card collections through the node
    Engine(bench::engine::EngineArgs),
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.command {
        Task::Bench { what: Bench::Engine(args) } => bench::engine::run(&args),
    }
}
