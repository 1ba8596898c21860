//! `doorstep setup tariff`: publishes the versions of a tariff file.

use std::path::Path;

use anyhow::{Context, bail};
use books::PersonId;
use money::Currency;
use office::Request;
use serde_json::Value;

use super::Flags;
use crate::setup::publication;
use crate::texts::text;
use crate::words::{Lang, say};
use crate::{office_requests, tariffs};

const SECOND_PERSON: &str = "approved_by";

pub(super) fn run(flags: &Flags, help: bool) -> anyhow::Result<()> {
    let usage = text(Lang::current(), "do.setup_tariff_help");
    if help || flags.help {
        say!("{usage}");
        return Ok(());
    }
    let mut given = flags.fields()?;
    let second = given.remove(SECOND_PERSON);
    let currency = given.remove("currency");
    let (Some(currency), [name], true) =
        (currency.as_ref().and_then(Value::as_str), &flags.subjects[..], given.is_empty())
    else {
        bail!(usage);
    };
    let data = flags.data()?;
    let file = tariffs::load(Path::new(name))?;
    let currency: Currency = currency.parse().context("--currency")?;
    let tariff = tariffs::in_currency(&file, currency)?;
    for version in &tariff.versions {
        // The office fills in who gives it.
        let command = publication(tariff, version, [PersonId(0); 2]);
        let name = command.spec().name.to_owned();
        let Value::Object(mut fields) = serde_json::to_value(&command)? else { bail!(usage) };
        for field in ["command", "proposed_by", SECOND_PERSON] {
            fields.remove(field);
        }
        fields.extend(second.clone().map(|second| (SECOND_PERSON.to_owned(), second)));
        let request = Request::Give { command: name, fields };
        let answer = office_requests::ask(&data, request, flags.person.clone())?;
        office_requests::print(&answer, flags.json)?;
    }
    Ok(())
}
