//! `doorstep bench policy`: public texts matched.

use bench::policy_benchmark::{PolicyBenchPlan, PolicyFigures, measure};
use clap::Args;

use super::show;
use crate::words::{Lang, grouped, left, right, say};

#[derive(Args, Debug)]
pub struct PolicyBenchArgs {
    /// Number of texts, of 100 characters each
    #[arg(long, default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    texts: u64,
    /// Number of words that are looked for
    #[arg(long, default_value_t = 50_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000))]
    words: u64,
    /// Number of patterns that are looked for
    #[arg(long, default_value_t = 1_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=1_000))]
    patterns: u64,
    /// With the step from characters to their sounds
    #[arg(long)]
    pinyin: bool,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

pub fn run(args: &PolicyBenchArgs) -> anyhow::Result<()> {
    let PolicyBenchArgs { texts, words, patterns, pinyin, .. } = *args;
    show(&measure(&PolicyBenchPlan { texts, words, patterns, pinyin })?, args.json, print_table)
}

fn print_table(figures: &PolicyFigures) {
    let lang = Lang::current();
    let row = |label: &str, figure: &str| say!("  {} {}", left(label, 32), right(figure, 20));
    let count = |label: &str, figure: u64| row(label, &grouped(&figure.to_string()));
    count(lang.pick("texts", "文本"), figures.texts);
    count(lang.pick("words", "词语"), figures.words);
    count(lang.pick("patterns", "模式"), figures.patterns);
    count(lang.pick("texts/s", "每秒文本"), figures.texts_per_s);
    count(lang.pick("texts/s of CPU time", "按 CPU 时间每秒文本"), figures.texts_per_cpu_s);
    count(lang.pick("characters/s", "每秒字符"), figures.chars_per_s);
    count(lang.pick("matches", "匹配"), figures.matches);
    row(lang.pick("made ready", "准备用时"), &format!("{:.2} s", figures.build_s));
    count(lang.pick("peak memory, bytes", "内存峰值，字节"), figures.peak_rss_bytes);
    say!("{}", lang.pick("Every hidden word was found.", "隐藏的词语均已找到。"));
}
