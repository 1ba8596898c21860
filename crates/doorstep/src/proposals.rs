//! `doorstep proposals`, `approve` and `withdraw-proposal`.

use std::path::{Path, PathBuf};

use clap::Args;
use office::Request;

use crate::office_requests;

/// Lists the proposals that wait for a second person
#[derive(Args, Debug)]
pub struct ProposalsArgs {
    #[command(flatten)]
    asked: AskArgs,
}

/// Approves a proposal as the second person: its command is carried out
///
/// Nobody approves a proposal of their own. A proposal whose command the books refuse stays, with
/// the refusal, until it is approved later or withdrawn.
#[derive(Args, Debug)]
pub struct ApproveArgs {
    /// The proposal's number, as in `doorstep proposals`
    number: u64,
    #[command(flatten)]
    asked: AskArgs,
}

/// Withdraws a proposal: nothing is carried out
#[derive(Args, Debug)]
pub struct WithdrawProposalArgs {
    /// The proposal's number, as in `doorstep proposals`
    number: u64,
    #[command(flatten)]
    asked: AskArgs,
}

/// Where to ask, as whom, and how the answer is printed.
#[derive(Args, Debug)]
pub struct AskArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// As whom, in trial books: a name in persons.toml, or an id
    #[arg(long, value_name = "WHO")]
    person: Option<String>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

impl AskArgs {
    fn ask(&self, request: Request) -> anyhow::Result<()> {
        self.ask_with_settings(request, None)
    }

    /// See [`office_requests::ask_with_settings`].
    pub fn ask_with_settings(
        &self,
        request: Request,
        settings: Option<&Path>,
    ) -> anyhow::Result<()> {
        let person = self.person.clone();
        let answer = office_requests::ask_with_settings(&self.data, request, person, settings);
        office_requests::print_answered(answer, self.json)
    }
}

pub fn list(args: &ProposalsArgs) -> anyhow::Result<()> {
    args.asked.ask(Request::Proposals {})
}

pub fn approve(args: &ApproveArgs) -> anyhow::Result<()> {
    args.asked.ask(Request::Approve { proposal: args.number })
}

pub fn withdraw(args: &WithdrawProposalArgs) -> anyhow::Result<()> {
    args.asked.ask(Request::WithdrawProposal { proposal: args.number })
}
