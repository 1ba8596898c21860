//! What the books say now, as `doorstep COMMAND --json` prints it.

use std::collections::BTreeSet;

use access::{AccessFunction, AccessGrant, AccessScope, Principal};
use axum::http::StatusCode;
use books::{REFERENCE_BYTES_MAX, SellerId};
use office::SignedInGiver;
use office::socket::SentLine;
use serde_json::Value;

use super::views::parties;
use crate::app::{Call, HttpAnswer, json_answer};
use crate::operations::{FlagForm, LookPlace, LookSpec};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::words::{BilingualText, words};

/// The parameter of lists that asks for another position.
const AT: &str = "at";
/// No line of an answer is wrapped.
const COLUMNS: u16 = 120;

pub(super) async fn look(call: Call, spec: &'static LookSpec) -> HttpAnswer {
    let flags: Vec<&str> = spec.flags.iter().map(|flag| flag.name).collect();
    let query = QueryParameters::read(call.parts.uri.query(), &[&flags[..], &[AT]].concat())?;
    if query.get(AT).is_some() {
        let list = spec.list;
        let detail = words!(
            "this says what the books say now, and nothing of before; for another position ask \
             {list} with `at`",
            "此处只给出账簿当前状态；如需其他位置的数据，请以 `at` 查询 {list}"
        );
        return Err(Problem::new(ProblemKind::BadQuery, detail).with_field(AT));
    }
    for flag in spec.flags.iter().filter(|flag| flag.form == FlagForm::Reference) {
        query.text(flag.name, REFERENCE_BYTES_MAX)?;
    }
    call.accepted(&["application/json"])?;
    let own = own_statements(&call, spec)?;
    let mut arguments: Vec<String> = spec.line.iter().map(|word| (*word).to_owned()).collect();
    arguments.extend(query.iter().map(|(flag, value)| format!("--{flag}={value}")));
    arguments.push("--json".to_owned());
    if spec.of_one {
        let one = call.path_part(3)?;
        let rest = match spec.line {
            ["statement"] => crate::prefixes::without_prefix("SellerId", &one),
            _ => crate::prefixes::without_prefix("PayoutId", &one),
        };
        let rest = rest.ok_or(ProblemKind::NoSuchRecord)?;
        if let Some(own) = own {
            let seller = rest.to_owned();
            let is_own = call.app.workers.run(move |giver| is_own_seller(giver, &own, &seller));
            if !is_own.await?? {
                return Err(ProblemKind::NotPermitted.into());
            }
        }
        arguments.extend(["--".to_owned(), rest.to_owned()]);
    }
    let by = call.caller()?.principal.actor;
    let (lines, language) = (call.app.lines.clone(), call.language);
    let done = call.app.workers.run(move |giver| {
        let line =
            SentLine { arguments: &arguments, columns: COLUMNS, language, by, sellers: None };
        let position = giver.client.query(|_| ()).ok().map(|(_, position)| position);
        (lines.look(&line), position)
    });
    let (printed, position) = done.await?;
    // A line that is not understood has a parameter with a wrong value.
    let printed = printed.map_err(|why| wrong_parameter(&why, &flags))?;
    match json_of(&printed.output) {
        Some(mut body) if printed.succeeded => {
            take_out(&call.caller()?.principal, spec, &mut body);
            json_answer(StatusCode::OK, &body, position)
        }
        _ => {
            let why = printed.errors.trim();
            let why = why.strip_prefix("error: ").or(why.strip_prefix("错误：")).unwrap_or(why);
            Err(Problem::new(ProblemKind::NoSuchRecord, in_both(why)))
        }
    }
}

/// Whose statements alone the caller sees. `None` of who sees what the look says of everybody.
fn own_statements(call: &Call, spec: &LookSpec) -> Result<Option<Vec<AccessGrant>>, Problem> {
    let function = AccessFunction::Read(spec.right);
    match (spec.line, call.caller()?.principal.may(function)) {
        (["statement"], AccessScope::Own(own)) => Ok(Some(own)),
        _ => call.require_all(function).map(|()| None),
    }
}

/// Whether a seller, by the id or the reference, is one of those who are granted.
fn is_own_seller(
    giver: &SignedInGiver,
    own: &[AccessGrant],
    seller: &str,
) -> Result<bool, Problem> {
    const SELLER: &str = "SellerId";
    let id = match seller.parse() {
        Ok(id) => Some(id),
        Err(_) => {
            let wanted = BTreeSet::from([(SELLER.to_owned(), seller.to_owned())]);
            parties(giver, wanted)?.id(SELLER, seller)
        }
    };
    Ok(id.is_some_and(|id| own.contains(&AccessGrant::Seller(SellerId(id)))))
}

/// Takes out what the principal does not see elsewhere either: parts that are of other views, and
/// fields that the table of rights hides.
fn take_out(principal: &Principal, spec: &LookSpec, body: &mut Value) {
    for part in spec.parts {
        if principal.may(AccessFunction::Read(part.right)) == AccessScope::All {
            continue;
        }
        match part.place {
            LookPlace::Field(name) => remove(body, name),
            LookPlace::InEach(list, name) => {
                let each = body.get_mut(list).and_then(Value::as_array_mut);
                each.into_iter().flatten().for_each(|one| remove(one, name));
            }
            LookPlace::OfKind(kind) => {
                let lists = body.as_object_mut().into_iter().flat_map(|body| body.values_mut());
                for list in lists.filter_map(Value::as_array_mut) {
                    list.retain(|one| one["kind"] != kind);
                }
            }
        }
    }
    let hidden = principal.hidden_fields(spec.right);
    remove_hidden(body, &hidden);
}

fn remove(from: &mut Value, name: &str) {
    if let Some(fields) = from.as_object_mut() {
        fields.remove(name);
    }
}

/// Also what follows from a hidden field: `guarantee_used`.
fn remove_hidden(from: &mut Value, hidden: &[&str]) {
    let is_hidden = |name: &str| {
        let rest = hidden.iter().find_map(|one| name.strip_prefix(one));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    match from {
        Value::Object(fields) => {
            fields.retain(|name, _| !is_hidden(name));
            fields.values_mut().for_each(|one| remove_hidden(one, hidden));
        }
        Value::Array(all) => all.iter_mut().for_each(|one| remove_hidden(one, hidden)),
        _ => {}
    }
}

/// A text that is in the sender's language already.
fn in_both(why: &str) -> BilingualText {
    BilingualText { en: why.to_owned().into(), zh: why.to_owned().into() }
}

/// What the command line says of a flag, as of a parameter.
fn wrong_parameter(why: &str, flags: &[&str]) -> Problem {
    let lines = why.trim().lines().map(str::trim).take_while(|line| !line.is_empty());
    let mut text = lines.collect::<Vec<_>>().join(" ");
    let field = flags.iter().find(|flag| text.contains(&format!("--{flag}")));
    let Some(flag) = field else { return Problem::new(ProblemKind::NoSuchRecord, in_both(&text)) };
    for quoted in [format!("'--{flag} <{}>'", flag.to_uppercase()), format!("--{flag}")] {
        text = text.replace(&quoted, &format!("`{flag}`"));
    }
    Problem::new(ProblemKind::BadQuery, in_both(&text)).with_field(*flag)
}

/// One object, or a list of those that a look prints line by line.
fn json_of(output: &str) -> Option<Value> {
    if let Ok(one) = serde_json::from_str(output) {
        return Some(one);
    }
    let lines = output.lines().map(serde_json::from_str::<Value>);
    let items = lines.collect::<Result<Vec<_>, _>>().ok()?;
    Some(serde_json::json!({ "items": items }))
}
