//! `doorstep proposals`, `approve` and `withdraw-proposal`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use office::Request;
use serde_json::Value;

use crate::office_requests;
use crate::remote::RemoteFlags;
use crate::remote::server::{JSON, shown};
use crate::remote::session::RemoteSession;
use crate::texts::{filled, text};
use crate::words::{Lang, say};

/// Lists the proposals that wait for a second person
#[derive(Args, Debug)]
pub struct ProposalsArgs {
    #[command(flatten)]
    asked: DecisionArgs,
}

/// Approves a proposal as the second person: its command is carried out
///
/// Nobody approves a proposal of their own. A proposal whose command the books refuse stays, with
/// the refusal, until it is approved later or withdrawn.
///
/// On a server a person decides, in a session: --sign-in NAME reads the password and the code of
/// the second factor from standard input, a line each, and one more code where the second factor is
/// wanted again.
#[derive(Args, Debug)]
pub struct ApproveArgs {
    /// The proposal's number, as in `doorstep proposals`
    number: u64,
    #[command(flatten)]
    asked: DecisionArgs,
}

/// Withdraws a proposal: nothing is carried out
#[derive(Args, Debug)]
pub struct WithdrawProposalArgs {
    /// The proposal's number, as in `doorstep proposals`
    number: u64,
    #[command(flatten)]
    asked: DecisionArgs,
}

/// Where proposals are, and who asks.
#[derive(Args, Debug)]
struct DecisionArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// As whom, in trial books: a name in persons.toml, or an id
    #[arg(long, value_name = "WHO")]
    person: Option<String>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
    /// Sign in to the server with this name, not with an API key
    #[arg(long, value_name = "NAME", conflicts_with = "key_file")]
    sign_in: Option<String>,
    #[command(flatten)]
    remote: RemoteFlags,
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
    let asked = &args.asked;
    let path = "/v1/proposals";
    let has_data = asked.data.is_some();
    let listed = match &asked.sign_in {
        Some(_) => match asked.session()? {
            Some(session) => {
                let listed = session.get(path);
                session.end();
                Some(listed)
            }
            None => None,
        },
        None => asked.remote.server(has_data)?.map(|server| {
            let answer = server.get(path, &[], JSON)?;
            server.json(answer)
        }),
    };
    match listed {
        None => asked.ask_here(Request::Proposals {}),
        Some(listed) => {
            print_listed(&office_requests::with_json_error(listed, asked.json)?, asked.json);
            Ok(())
        }
    }
}

pub fn approve(args: &ApproveArgs) -> anyhow::Result<()> {
    let request = Request::Approve { proposal: args.number };
    args.asked.decide(request, args.number, "approve")
}

pub fn withdraw(args: &WithdrawProposalArgs) -> anyhow::Result<()> {
    let request = Request::WithdrawProposal { proposal: args.number };
    args.asked.decide(request, args.number, "withdraw")
}

impl DecisionArgs {
    /// A session on the server that is named, if one is.
    fn session(&self) -> anyhow::Result<Option<RemoteSession>> {
        let Some(server) = self.remote.server_for_session(self.data.is_some())? else {
            return Ok(None);
        };
        let name = self.sign_in.as_ref().context(text(Lang::current(), "remote.no_sign_in"))?;
        RemoteSession::begin(server, name).map(Some)
    }

    fn ask_here(&self, request: Request) -> anyhow::Result<()> {
        let data = self.data.clone().context(text(Lang::current(), "get.no_data"))?;
        let (person, json) = (self.person.clone(), self.json);
        AskArgs { data, person, json }.ask_with_settings(request, None)
    }

    fn decide(&self, request: Request, number: u64, decision: &str) -> anyhow::Result<()> {
        let Some(mut session) = office_requests::with_json_error(self.session(), self.json)? else {
            return self.ask_here(request);
        };
        let decided = session.post(&format!("/v1/proposals/{number}/{decision}"));
        session.end();
        let decided = office_requests::with_json_error(decided, self.json)?;
        if self.json {
            say!("{decided}");
            return Ok(());
        }
        let lang = Lang::current();
        let command = shown(decided["command"].as_str().unwrap_or_default());
        let key = match decided["outcome"].as_str() {
            Some("withdrawn") => "do.withdrawn",
            Some("repeated") => "do.repeated",
            _ => "do.done",
        };
        say!("{}", filled(lang, key, &[("command", &command), ("number", &number)]));
        Ok(())
    }
}

fn print_listed(listed: &Value, json: bool) {
    let lang = Lang::current();
    if json {
        say!("{listed}");
        return;
    }
    let items = listed["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    for one in items {
        let words = |name: &str| shown(one[name].as_str().unwrap_or_default());
        let values: [(&str, &dyn std::fmt::Display); 4] = [
            ("number", &shown(&one["number"].to_string())),
            ("command", &words("command")),
            ("person", &words("proposed_by")),
            ("at", &words("proposed_at")),
        ];
        say!("{}", filled(lang, "do.proposal", &values));
        say!("  {}", shown(&one["fields"].to_string()));
    }
    match (items.is_empty(), listed["more"].as_u64()) {
        (true, _) => say!("{}", text(lang, "do.no_proposals")),
        (false, None | Some(0)) => {}
        (false, Some(more)) => {
            say!("{}", filled(lang, "do.more_proposals", &[("more", &more)]));
        }
    }
}
