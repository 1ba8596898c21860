//! `doorstep policy`: rules about public texts.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use policy::file::{FILE_BYTES_MAX, PolicyRule, RuleEffect, parse};
use policy::{Baseline, PolicyVersion};

use crate::data_directory::read_text;
use crate::texts::{filled, text};
use crate::words::{Lang, say};

/// Checks rules about public texts
#[derive(Args, Debug)]
pub struct PolicyArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Checks a policy file with all its examples, and shows its rules by baseline
    ///
    /// Exit status: 0 the file is valid; 1 it is not; the message says where.
    Check {
        /// A policy file (TOML)
        file: PathBuf,
    },
}

pub fn run(args: &PolicyArgs) -> anyhow::Result<()> {
    let Task::Check { file } = &args.task;
    let text = read_text(file, FILE_BYTES_MAX)?;
    let version = parse(&text).with_context(|| file.display().to_string())?;
    print(&version);
    Ok(())
}

fn print(version: &PolicyVersion) {
    let lang = Lang::current();
    let PolicyVersion { name, number, author, approver, from, .. } = version;
    let head: [(&str, &dyn std::fmt::Display); 5] = [
        ("name", name),
        ("number", number),
        ("from", from),
        ("author", author),
        ("approver", approver),
    ];
    say!("{}", filled(lang, "policy.head", &head));
    if version.is_example {
        say!("{}", text(lang, "policy.example"));
    }
    for baseline in Baseline::ALL {
        let (english, chinese) = baseline.names();
        let baseline_name = lang.pick(english, chinese);
        let mut rules = version.under(baseline).peekable();
        if rules.peek().is_none() {
            say!("{}", filled(lang, "policy.empty", &[("baseline", &baseline_name)]));
            continue;
        }
        say!("{}", filled(lang, "policy.baseline", &[("baseline", &baseline_name)]));
        rules.for_each(print_rule);
    }
    say!("{}", text(lang, "policy.valid"));
}

fn print_rule(rule: &PolicyRule) {
    let lang = Lang::current();
    let effect = match rule.effect {
        RuleEffect::Refuse => text(lang, "policy.refuse"),
        RuleEffect::Hold => text(lang, "policy.hold"),
        RuleEffect::Label => text(lang, "policy.label"),
    };
    let until = match rule.until {
        Some(until) => filled(lang, "policy.until", &[("until", &until)]),
        None => text(lang, "policy.no_end").to_owned(),
    };
    let (words, patterns) = (rule.words.len(), rule.patterns.len());
    let examples = rule.matches.len() + rule.passes.len();
    let values: [(&str, &dyn std::fmt::Display); 9] = [
        ("id", &rule.id),
        ("source", &rule.source),
        ("jurisdiction", &rule.jurisdiction),
        ("effect", &effect),
        ("from", &rule.from),
        ("until", &until),
        ("words", &words),
        ("patterns", &patterns),
        ("examples", &examples),
    ];
    say!("  {}", filled(lang, "policy.rule", &values));
}
