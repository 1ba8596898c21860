//! The OpenAPI 3.1 document, from the table of operations and the declarations of commands. Their
//! JSON schemas are of draft 2020-12, which OpenAPI 3.1 takes as they are.

use books::REFERENCE_BYTES_MAX;
use books::chart::AccountKind;
use machine::{ActorKind, CommandSpec};
use notices::{NOTICE_EVENTS, NoticeChannel, NoticeState};
use office::checkout::CHECKOUT;
use office::{Language, fields, is_given_by_two};
use reports::{CostKey, WaitingKind};
use serde_json::{Map, Value, json};
use views::ViewSpec;

use crate::answers;
use crate::console::STATEMENT_PARAMETERS;
use crate::handlers::checkout::DELIVER_TO;
use crate::handlers::policy::REPORT_DAYS;
use crate::handlers::{
    self, FIGURE_PARAMETERS, NOTICE_PARAMETERS, PERSON, PICTURE_TYPES, USE_FIELDS, file_flags,
};
use crate::limits::{FILTER_CHARACTERS_MAX, PAGE_LINES, PAGE_LINES_MAX, SEARCH_CHARACTERS_MAX};
use crate::operations::{Action, FlagForm, LookFlag, LookSpec, OPERATIONS, Operation, described};
use crate::problem::{PROBLEMS_PATH, ProblemType, problem_types};
use crate::sent_fields::{PLAIN_TEXT, example, fields_schema, identifier_schema, reference_to};
use crate::view_values;

/// Of a class of a pattern: what changes the direction of writing.
const DIRECTION: &str = "\\u202a-\\u202e\\u2066-\\u2069";
/// What a title is not made of alone.
const SPACES: &str =
    "\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

/// Groups of operations.
const TAGS: [(&str, &str); 12] = [
    ("commands", "What a person or a key may give."),
    ("views", "Lists and single things, as of any position of the books."),
    ("looks", "What the command line shows today."),
    ("notices", "Who was told what."),
    ("pulse", "The daily report: figures that hold."),
    ("policy", "Rules about public texts, and what was decided by them."),
    ("proposals", "Commands that wait for a second person."),
    ("files", "Orders, clearing files and bank statements."),
    ("personal-data", "What the vault has. The books record that it is shown, before it is."),
    ("market", "Texts and pictures of offers, quotes, and what a buyer sees by a signed link."),
    ("sessions", "Sign-ins and sessions."),
    ("pages", "The reference of this API."),
];

/// Statuses of problems that any operation can answer.
const ANY: [u16; 9] = [400, 401, 403, 406, 421, 429, 431, 500, 503];

/// As it is served and checked in.
#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for operation in OPERATIONS.iter() {
        let methods = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        let method = operation.method.as_str().to_ascii_lowercase();
        methods[&method] = of_operation(operation, &mut schemas);
    }
    schemas.insert("Problem".to_owned(), problem_schema());
    schemas.extend(answers::schemas());
    let [at, min_position] = position_parameters();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Doorstep",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Parcels that are paid at the door",
            "description": "Amounts are whole numbers in minor units of the currency of what a \
                command is about, or texts with it (`12.50CNY`). Times are RFC 3339, identifiers \
                are prefixed texts (`sel_42`); a reference as a person types it is taken in their \
                place. Every answer says in \
                `Doorstep-Position` which position of the books it reflects. A command needs an \
                `Idempotency-Key`: the same key with the same request is answered as before and \
                changes nothing, for 24 hours or until 500,000 newer keys are remembered, whatever \
                crashes in between.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }, { "session": [] }],
        "tags": TAGS.map(|(name, about)| json!({ "name": name, "description": about })),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "__Host-doorstep" },
            },
            "parameters": {
                "Idempotency-Key": key_parameter(),
                "at": at,
                "min_position": min_position,
            },
            "headers": {
                "Doorstep-Position": {
                    "description": "The last batch of the journal that the answer reflects.",
                    "schema": { "type": "integer", "minimum": 0 },
                },
                "Idempotent-Replayed": {
                    "description": "The same request was carried out before under this key.",
                    "schema": { "type": "string", "enum": ["true"] },
                },
                "Retry-After": {
                    "description": "Seconds to wait before the request is sent again.",
                    "schema": { "type": "integer", "minimum": 0 },
                },
            },
            "responses": {
                "Problem": {
                    "description": "A problem (RFC 9457).",
                    "headers": {
                        "Retry-After": { "$ref": "#/components/headers/Retry-After" },
                    },
                    "content": {
                        "application/problem+json": {
                            "schema": { "$ref": "#/components/schemas/Problem" },
                        },
                    },
                },
            },
        },
    })
}

fn problem_schema() -> Value {
    let types = problem_types(|error| error.to_string());
    let names: Vec<String> = types.keys().map(|name| format!("{PROBLEMS_PATH}{name}")).collect();
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "enum": names },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": {
                "type": "string",
                "description": "What is wrong and what to do, in the language of the sender.",
            },
            "field": {
                "type": "string",
                "description": "A JSON pointer into the body, or the name of a parameter.",
            },
        },
    })
}

fn tag(action: Action) -> &'static str {
    match action {
        Action::Give(_) => "commands",
        Action::List(_) | Action::Detail(_) | Action::Search | Action::Statement => "views",
        Action::Look(_) => "looks",
        Action::Notices | Action::Notice => "notices",
        Action::Policy
        | Action::PolicyReport
        | Action::HeldTexts
        | Action::OpenAppeals
        | Action::OfferDecisions => "policy",
        Action::Publications | Action::Publication | Action::Figure => "pulse",
        Action::Proposals | Action::Approve | Action::Withdraw => "proposals",
        Action::TakeFile(_) | Action::OfferFile => "files",
        Action::Disclose | Action::PayoutFiles | Action::PayoutAccounts => "personal-data",
        Action::KeepText | Action::KeepPicture | Action::Quote | Action::Track => "market",
        Action::Reference | Action::Style | Action::OpenApi | Action::Problem => "pages",
        _ => "sessions",
    }
}

/// The statuses of problems of an operation.
#[must_use]
pub fn statuses(operation: &Operation) -> Vec<u16> {
    let more: &[u16] = match operation.action {
        Action::Give(_) => &[404, 408, 409, 413, 415, 422],
        Action::List(_) | Action::Search | Action::Notice | Action::Statement => &[404],
        Action::Publication | Action::Figure | Action::OfferDecisions => &[404],
        Action::Look(_) | Action::Detail(_) | Action::EndSession | Action::Problem => &[404],
        Action::Approve | Action::Withdraw => &[404, 409, 422],
        Action::TakeFile(_) => &[408, 409, 411, 413, 415, 422, 507],
        Action::Disclose | Action::PayoutFiles | Action::Quote => &[404, 408, 409, 413, 415, 422],
        Action::Track => &[404],
        Action::KeepText | Action::KeepPicture => &[408, 409, 413, 415, 422, 507],
        Action::SignIn
        | Action::SetPassword
        | Action::ChangePassword
        | Action::StepUp
        | Action::PasskeyChallenge
        | Action::PasskeySignIn
        | Action::BeginPasskey
        | Action::AddPasskey
        | Action::ProviderSecondFactor => &[408, 409, 413, 415, 422],
        Action::RemovePasskey | Action::Unlink => &[404],
        Action::BeginProvider | Action::FinishProvider => &[409, 502],
        _ => &[],
    };
    let mut all: Vec<u16> = ANY.iter().chain(more).copied().collect();
    all.sort_unstable();
    all
}

/// The types of problems that an operation can answer, but for those that any can.
#[must_use]
pub fn problems_of<'p>(
    operation: &Operation,
    types: impl Iterator<Item = &'p ProblemType>,
) -> Vec<&'p ProblemType> {
    let statuses = statuses(operation);
    types.filter(|one| statuses.contains(&one.status) && !ANY.contains(&one.status)).collect()
}

fn of_operation(operation: &Operation, schemas: &mut Map<String, Value>) -> Value {
    let mut parameters = path_parameters(&operation.path);
    let mut body = None;
    let (mut statuses_ok, mut content) = (vec!["200"], vec!["application/json"]);
    let mut listed = None;
    match operation.action {
        Action::Give(spec) => {
            parameters.push(reference_to("parameters", "Idempotency-Key"));
            let name = format!("{}Fields", spec.name);
            let fields = fields_schema(spec, schemas);
            schemas.insert(name.clone(), fields);
            body = Some(json!({ "$ref": format!("#/components/schemas/{name}") }));
            if fields::declared().of(spec.name).is_some_and(is_given_by_two) {
                statuses_ok.push("202");
            }
        }
        Action::List(view) => {
            parameters.extend(list_parameters(view));
            listed = Some(answers::page(&reference_to("schemas", &row_name(view))));
            schemas.insert(row_name(view), row_schema(view));
            content.extend(["application/x-ndjson", "text/csv"]);
        }
        Action::Detail(view) => {
            parameters.extend(POSITIONS.map(|name| reference_to("parameters", name)));
            listed = Some(reference_to("schemas", &row_name(view)));
        }
        Action::Search => {
            parameters.extend(POSITIONS.map(|name| reference_to("parameters", name)));
            parameters.push(json!({
                "name": "q",
                "in": "query",
                "required": true,
                "schema": {
                    "type": "string", "minLength": 1, "maxLength": SEARCH_CHARACTERS_MAX,
                    "pattern": PLAIN_TEXT,
                },
            }));
        }
        Action::Notices => {
            let one_of = |names: &[&str]| json!({ "type": "string", "enum": names });
            let schema = |name: &str| match name {
                "owner" => json!({ "type": "string", "pattern": NOTICE_OWNER }),
                "state" => one_of(&NoticeState::ALL.map(|(_, name)| name)),
                "channel" => one_of(&NoticeChannel::ALL.map(NoticeChannel::name)),
                "event" => one_of(&NOTICE_EVENTS.each_ref().map(|event| event.name)),
                "before" => json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX }),
                _ => json!({ "type": "integer", "minimum": 1, "maximum": PAGE_LINES_MAX }),
            };
            let of = |name: &&str| query_parameter(name, &schema(name));
            parameters.extend(NOTICE_PARAMETERS.iter().map(of));
            content.extend(["application/x-ndjson", "text/csv"]);
        }
        Action::Figure => {
            let position = json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX });
            parameters.extend(FIGURE_PARAMETERS.iter().map(|name| match *name {
                "day" | "since" => query_parameter(name, &look_flag_schema(&FlagForm::Date)),
                name => query_parameter(name, &position),
            }));
        }
        Action::PolicyReport => {
            let day = look_flag_schema(&FlagForm::Date);
            parameters.extend(REPORT_DAYS.map(|name| query_parameter(name, &day)));
        }
        Action::Statement => {
            for name in STATEMENT_PARAMETERS {
                parameters.push(match name {
                    "from" | "until" => query_parameter(name, &look_flag_schema(&FlagForm::Date)),
                    "currency" => {
                        let code = json!({ "type": "string", "pattern": "^[A-Z]{3}$" });
                        query_parameter(name, &code)
                    }
                    name => reference_to("parameters", name),
                });
            }
            content.push("text/csv");
        }
        Action::Look(LookSpec { flags, .. }) => {
            let one = |flag: &LookFlag| query_parameter(flag.name, &look_flag_schema(&flag.form));
            parameters.extend(flags.iter().map(one));
        }
        Action::TakeFile(kind) => {
            let text = json!({ "type": "string", "maxLength": 100, "pattern": PLAIN_TEXT });
            parameters.extend(file_flags(kind).iter().map(|name| query_parameter(name, &text)));
            statuses_ok.push("202");
        }
        Action::Disclose => {
            let of = |subject: &str, id_type: &str| {
                json!({
                    "type": "object",
                    "required": ["purpose", subject],
                    "properties": {
                        "purpose": { "$ref": "#/components/schemas/DisclosurePurpose" },
                        subject: identifier_schema(id_type),
                    },
                    "additionalProperties": false,
                })
            };
            body = Some(json!({
                "oneOf": [of("parcel", "ParcelId"), of("seller", "SellerId")],
            }));
        }
        Action::KeepText => {
            let text = |pattern: &str| {
                let most = policy::TEXT_BYTES_MAX;
                json!({ "type": "string", "maxLength": most, "pattern": pattern })
            };
            let any = text(&format!("^[^{DIRECTION}]*$"));
            let digest = json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
            let list =
                |of: &Value, most: usize| json!({ "type": "array", "items": of, "maxItems": most });
            body = Some(json!({
                "type": "object",
                "required": ["title"],
                "properties": {
                    "title": text(&format!(
                        "^[^{DIRECTION}]*[^{SPACES}{DIRECTION}][^{DIRECTION}]*$"
                    )),
                    "description": any,
                    "captions": list(&any, listings::CAPTIONS_MAX),
                    "pictures": list(&digest, listings::PICTURES_MAX),
                    "language": {
                        "type": ["string", "null"],
                        "maxLength": listings::LANGUAGE_BYTES_MAX,
                        "pattern": "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$",
                        "description": "Of the text: `zh`, `en`, `pt-BR`.",
                    },
                },
                "additionalProperties": false,
            }));
        }
        Action::Quote => {
            let checkout = engine::Command::specs().find(|spec| spec.name == CHECKOUT);
            let mut fields = checkout.map(|spec| fields_schema(spec, schemas)).unwrap_or_default();
            fields["title"] = "Cart".into();
            if let Some(all) = fields["properties"].as_object_mut() {
                all.retain(|name, _| !["order", "total", DELIVER_TO].contains(&name.as_str()));
            }
            fields["required"] = json!(["currency", "lines"]);
            schemas.insert("Cart".to_owned(), fields);
            body = Some(reference_to("schemas", "Cart"));
        }
        Action::PayoutFiles => {
            body = Some(json!({
                "type": "object",
                "required": ["plan"],
                "properties": {
                    "plan": identifier_schema("PlanId"),
                    "again": {
                        "type": "boolean",
                        "description": "Also messages that the bank had.",
                    },
                    "without_missing": {
                        "type": "boolean",
                        "description": "Without payouts of sellers who have no account.",
                    },
                },
                "additionalProperties": false,
            }));
        }
        Action::SignIn => body = Some(text_fields(&["name", "password"], &factor_fields())),
        Action::SetPassword => {
            let mut fields = text_fields(&["secret", "name", "password"], &["code"]);
            fields["properties"]["password"] = new_password();
            body = Some(fields);
        }
        Action::ChangePassword => {
            let mut fields = text_fields(&["current_password", "password"], &[]);
            fields["properties"]["password"] = new_password();
            body = Some(fields);
        }
        Action::StepUp | Action::ProviderSecondFactor => {
            body = Some(text_fields(&[], &factor_fields()));
        }
        Action::PasskeyChallenge | Action::BeginPasskey => body = Some(text_fields(&[], &[])),
        Action::PasskeySignIn => body = Some(text_fields(&USE_FIELDS, &[])),
        Action::AddPasskey => {
            let mut fields = text_fields(&["name", "client_data", "authenticator_data"], &[]);
            let most = access::limits::PASSKEY_NAME_CHARACTERS_MAX;
            fields["properties"]["name"] = json!({
                "type": "string", "minLength": 1, "maxLength": most, "pattern": PLAIN_TEXT,
            });
            body = Some(fields);
        }
        Action::Identities | Action::Unlink => {
            parameters.push(query_parameter(PERSON, &json!(identifier_schema("PersonId"))));
        }
        Action::BeginProvider | Action::FinishProvider => statuses_ok = vec!["303"],
        Action::Reference | Action::Problem => content = vec!["text/html"],
        Action::Track => content.push("text/html"),
        Action::Style => content = vec!["text/css"],
        Action::OfferFile => content = vec!["text/csv"],
        _ => {}
    }
    let mut responses = Map::new();
    for status in statuses_ok {
        if status == "303" {
            let location = json!({ "Location": { "schema": { "type": "string" } } });
            let of = json!({ "description": "Go to the header's address.", "headers": location });
            responses.insert(status.to_owned(), of);
            continue;
        }
        let mut headers = vec!["Doorstep-Position"];
        if let Action::Give(_) = operation.action {
            headers.push("Idempotent-Replayed");
        }
        let headers = headers.into_iter();
        let headers: Map<String, Value> =
            headers.map(|name| (name.to_owned(), reference_to("headers", name))).collect();
        let content: Map<String, Value> = content
            .iter()
            .map(|&media| {
                let schema = match media {
                    "application/json" => {
                        listed.clone().unwrap_or_else(|| answers::schema(operation, status))
                    }
                    _ => json!({ "type": "string" }),
                };
                (media.to_owned(), json!({ "schema": schema }))
            })
            .collect();
        let mut response = json!({
            "description": if status == "202" {
                "A second person must approve it, or not everything was done."
            } else {
                "Done."
            },
            "headers": headers,
            "content": content,
        });
        let links = answers::links(operation, status);
        if !links.is_empty() {
            response["links"] = links.into();
        }
        responses.insert(status.to_owned(), response);
    }
    for status in statuses(operation) {
        let problem = json!({ "$ref": "#/components/responses/Problem" });
        responses.insert(status.to_string(), problem);
    }
    let mut of = json!({
        "operationId": operation.id,
        "tags": [tag(operation.action)],
        "summary": operation.about.in_language(Language::En),
        "responses": responses,
    });
    if !parameters.is_empty() {
        of["parameters"] = parameters.into();
    }
    if let Some(schema) = body {
        of["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": schema } },
        });
    }
    if let Action::KeepPicture = operation.action {
        let file = json!({ "schema": { "type": "string", "format": "binary" } });
        let types = PICTURE_TYPES.map(|media| (media.to_owned(), file.clone()));
        let content: Map<String, Value> = types.into_iter().collect();
        of["requestBody"] = json!({ "required": true, "content": content });
    }
    if let Action::TakeFile(_) = operation.action {
        let file = json!({ "schema": { "type": "string", "format": "binary" } });
        of["requestBody"] = json!({
            "required": true,
            "content": { "application/octet-stream": file },
        });
    }
    if operation.is_open {
        of["security"] = json!([]);
    }
    if let Action::Give(spec) = operation.action {
        of["description"] = (described(spec) + &answered(spec)).into();
        of["requestBody"]["content"]["application/json"]["example"] = example(spec);
    }
    of
}

/// What a sender has to know beside what a command does.
fn answered(spec: &CommandSpec) -> String {
    let by_two = if needs_two(spec) {
        " Needs two people: the answer is a proposal, which a second person approves."
    } else {
        ""
    };
    let by_key = if spec.given_by.contains(&ActorKind::Key) {
        ""
    } else {
        " A person gives it in a session, no API key."
    };
    format!("{by_two}{by_key}")
}

/// Whether a second person approves the command.
#[must_use]
pub fn needs_two(spec: &CommandSpec) -> bool {
    let Some(of) = fields::declared().of(spec.name) else { return false };
    let mut required = fields::required(of);
    of.field("proposed_by").is_some() && required.any(|field| field == "approved_by")
}

/// Whose notices are listed.
const NOTICE_OWNER: &str =
    "^(staff|public|(seller|firm|courier):[1-9][0-9]{0,17}|person:[1-9][0-9]{0,8})$";

/// The parameters of a position.
const POSITIONS: [&str; 2] = ["at", "min_position"];

fn key_parameter() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": true,
        "description": "New for each new request, the same for a repeat.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$" },
    })
}

fn row_name(view: &ViewSpec) -> String {
    format!("{}_row", view.name)
}

fn row_schema(view: &'static ViewSpec) -> Value {
    let columns = view.columns.iter();
    let of: Map<String, Value> =
        columns.map(|column| (column.name.to_owned(), view_values::schema(column))).collect();
    json!({
        "type": "object",
        "description": format!("One row for each {}.", view.doc),
        "properties": of,
        "additionalProperties": false,
    })
}

fn position_parameters() -> [Value; 2] {
    let position = |name: &str, about: &str| {
        json!({
            "name": name,
            "in": "query",
            "description": about,
            "schema": { "type": "integer", "minimum": 0, "maximum": i64::MAX },
        })
    };
    [
        position("at", "As of this position. Such an answer is the same for ever."),
        position("min_position", "Waits up to 250 ms for this position."),
    ]
}

fn list_parameters(view: &'static ViewSpec) -> Vec<Value> {
    let own = ["at", "min_position", "limit", "order", "cursor"];
    let mut all = POSITIONS.map(|name| reference_to("parameters", name)).to_vec();
    let sorted = view.columns.iter().filter(|column| column.sort);
    let orders: Vec<String> =
        sorted.flat_map(|column| [column.name.to_owned(), format!("-{}", column.name)]).collect();
    let limit = json!({
        "type": "integer", "minimum": 1, "maximum": PAGE_LINES_MAX, "default": PAGE_LINES,
    });
    all.push(json!({ "name": "limit", "in": "query", "schema": limit }));
    all.push(json!({
        "name": "cursor",
        "in": "query",
        "description": "`next` of the page before, of the same list.",
        "schema": { "type": "string", "pattern": "^([0-9a-f][0-9a-f])+$" },
    }));
    if !orders.is_empty() {
        let schema = json!({ "type": "string", "enum": orders });
        all.push(json!({ "name": "order", "in": "query", "schema": schema }));
    }
    let others = handlers::views::parameters(view);
    for name in others.iter().filter(|name| !own.contains(&name.as_str())) {
        let (column, how) = name.split_once('.').unwrap_or((name, ""));
        let schema = match (view.column(column), how) {
            (_, "empty") => json!({ "type": "boolean" }),
            (Some(column), "" | "from" | "until") => view_values::parameter_schema(column),
            _ => json!({
                "type": "string", "maxLength": FILTER_CHARACTERS_MAX, "pattern": PLAIN_TEXT,
            }),
        };
        all.push(json!({ "name": name, "in": "query", "schema": schema }));
    }
    all
}

fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        let schema = match name {
            "number" => {
                json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX })
            }
            "link" => json!({ "type": "string", "pattern": "^[a-z_]{1,12}[0-9a-f]{112}$" }),
            _ => json!({
                "type": "string", "minLength": 1, "maxLength": 100, "pattern": PLAIN_TEXT,
            }),
        };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    };
    names.map(parameter).collect()
}

fn query_parameter(name: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "schema": schema })
}

fn look_flag_schema(form: &FlagForm) -> Value {
    match form {
        FlagForm::Date => json!({ "type": "string", "format": "date" }),
        FlagForm::Days => json!({ "type": "integer", "minimum": 0, "maximum": u16::MAX }),
        FlagForm::Reference => {
            json!({
                "type": "string", "minLength": 1, "maxLength": REFERENCE_BYTES_MAX,
                "pattern": PLAIN_TEXT,
            })
        }
        FlagForm::AccountKind => {
            let names = AccountKind::ALL.map(AccountKind::name).map(str::to_owned);
            let codes = AccountKind::ALL.map(|kind| kind.code().to_string());
            let all = [names, codes].concat();
            json!({ "type": "string", "enum": all })
        }
        FlagForm::CostKey => {
            let names = CostKey::ALL.map(CostKey::name);
            json!({ "type": "string", "enum": names })
        }
        FlagForm::WaitingKind => {
            let proposal = Value::from("proposal");
            let others = WaitingKind::ALL.map(|kind| json!(kind));
            let all: Vec<Value> = [proposal].into_iter().chain(others).collect();
            json!({ "type": "string", "enum": all })
        }
    }
}

/// A code, or a passkey's use.
fn factor_fields() -> Vec<&'static str> {
    [&["code"][..], &USE_FIELDS].concat()
}

fn new_password() -> Value {
    json!({
        "type": "string",
        "minLength": access::limits::PASSWORD_CHARACTERS_MIN,
        "maxLength": access::limits::PASSWORD_CHARACTERS_MAX,
        "pattern": PLAIN_TEXT,
    })
}

fn text_fields(required: &[&str], other: &[&str]) -> Value {
    let all = required.iter().chain(other);
    let text = json!({ "type": "string", "maxLength": 1_000, "pattern": PLAIN_TEXT });
    let bytes = json!({ "type": "string", "maxLength": 4_000, "pattern": BASE64URL });
    let is_bytes = |name: &str| USE_FIELDS.contains(&name);
    let properties: Map<String, Value> = all
        .map(|name| ((*name).to_owned(), if is_bytes(name) { bytes.clone() } else { text.clone() }))
        .collect();
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}

/// Bytes as WebAuthn writes them.
const BASE64URL: &str = "^[A-Za-z0-9_-]*$";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The document that is checked in.
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

    fn built() -> String {
        serde_json::to_string_pretty(&document()).unwrap() + "\n"
    }

    #[test]
    fn the_document_that_is_checked_in_is_the_one_that_is_served() {
        let (built, path) = (built(), Path::new(FILE));
        if std::env::var_os("DOORSTEP_BLESS").is_some() {
            std::fs::write(path, &built).unwrap();
        }
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert!(there == built, "docs/openapi.json differs; run the test with DOORSTEP_BLESS=1");
    }

    #[test]
    fn router_and_document_have_the_same_requests() {
        let document = document();
        let mut documented = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                documented.insert(format!("{} {path}", method.to_ascii_uppercase()));
            }
        }
        let routed: BTreeSet<String> =
            OPERATIONS.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
        assert_eq!(documented, routed);
    }

    #[test]
    fn every_reference_has_a_target() {
        fn visit(value: &Value, root: &Value) {
            match value {
                Value::Object(fields) => {
                    for (name, value) in fields {
                        if let (true, Some(target)) = (name == "$ref", value.as_str()) {
                            let pointer = target.trim_start_matches('#');
                            assert!(root.pointer(pointer).is_some(), "{target}");
                        }
                        visit(value, root);
                    }
                }
                Value::Array(items) => items.iter().for_each(|one| visit(one, root)),
                _ => {}
            }
        }
        let document = document();
        visit(&document, &document);
    }

    #[test]
    fn what_the_office_fills_in_can_be_left_out() {
        let document = document();
        let of = &document["components"]["schemas"]["RegisterBankFields"];
        assert_eq!(of["required"], json!(["currency", "reference"]));
        assert_eq!(of["additionalProperties"], json!(false));
        let retention = &document["components"]["schemas"]["SetRetentionFields"]["required"];
        let names: Vec<&str> =
            retention.as_array().unwrap().iter().flat_map(Value::as_str).collect();
        assert!(!names.contains(&"approved_by") && !names.contains(&"proposed_by"), "{names:?}");
    }
}
