//! The schemas of answers in the OpenAPI document, and its links: which request shows what a
//! request has done.

use office::checkout::CHECKOUT;
use office::is_filled_in;
use reports::FieldType;
use serde_json::{Map, Value, json};
use views::read::VIEWS;
use views::{ColumnKind, ViewSpec};

use crate::operations::{Action, Operation, detail_id};
use crate::view_values::type_of;

/// Commands whose first event names what they made, and the field that does.
const MADE: [(&str, &str); 6] = [
    ("AnnounceDeposit", "deposit"),
    ("AnnounceParcel", "parcel"),
    ("DraftOffer", "offer"),
    ("PlanSettlement", "plan"),
    ("RaiseBreak", "break_id"),
    ("StartHandOver", "handover"),
];

/// Commands that register what is then found by its reference, and the view that has it.
const REGISTERED: [(&str, &str, &str); 4] = [
    ("RegisterBank", "banks", "$request.body#/reference"),
    ("RegisterNetwork", "networks", "$request.body#/reference"),
    ("RegisterSeller", "sellers", "{$request.body#/reference}~{$request.body#/currency}"),
    ("RegisterWallet", "wallets", "$request.body#/reference"),
];

/// An object of which only some fields are said.
fn object(required: &[&str], properties: &Value) -> Value {
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": true,
    })
}

fn whole_object(required: &[&str], properties: &Value) -> Value {
    let mut schema = object(required, properties);
    schema["additionalProperties"] = false.into();
    schema
}

fn of(component: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{component}") })
}

/// A page of a list.
#[must_use]
pub fn page(items: &Value) -> Value {
    let next = json!({
        "type": ["string", "null"],
        "description": "The cursor of the next page. All pages are as of one position.",
    });
    whole_object(
        &["items", "next"],
        &json!({ "items": { "type": "array", "items": items }, "next": next }),
    )
}

fn list(items: &Value) -> Value {
    let items = json!({ "type": "array", "items": items });
    whole_object(&["items"], &json!({ "items": items, "more": { "type": "integer" } }))
}

/// The components that answers are made of.
#[must_use]
pub fn schemas() -> Map<String, Value> {
    let (text, time) =
        (json!({ "type": "string" }), json!({ "type": "string", "format": "date-time" }));
    let (anything, amount) = (object(&[], &json!({})), json!({ "type": "integer" }));
    let number = json!({ "type": "integer", "minimum": 1 });
    let events = json!({ "type": "array", "items": of("Event") });
    let code = json!({ "type": "string", "description": "A one-time code. It is answered once." });
    let outcome = |all: &[&str]| json!({ "type": "string", "enum": all });
    let all = [
        ("Event", object(&["event"], &json!({ "event": text }))),
        (
            "CommandAnswer",
            whole_object(
                &["command", "outcome"],
                &json!({
                    "command": text,
                    "outcome": outcome(&["carried_out", "repeated"]),
                    "events": events,
                    "code": code,
                }),
            ),
        ),
        (
            "ProposedAnswer",
            whole_object(
                &["command", "outcome", "proposal"],
                &json!({
                    "command": text,
                    "outcome": outcome(&["proposed"]),
                    "proposal": of("Proposal"),
                }),
            ),
        ),
        (
            "Proposal",
            whole_object(
                &["number", "command", "fields", "proposed_by", "proposed_at"],
                &json!({
                    "number": number, "command": text, "fields": anything, "proposed_by": text,
                    "proposed_at": time,
                }),
            ),
        ),
        (
            "Decision",
            whole_object(
                &["outcome"],
                &json!({
                    "command": text,
                    "outcome": outcome(&["carried_out", "repeated", "withdrawn"]),
                    "events": events,
                    "proposal": number,
                }),
            ),
        ),
        (
            "Session",
            whole_object(
                &["number", "begun_at", "used_at", "address"],
                &json!({ "number": number, "begun_at": time, "used_at": time, "address": text }),
            ),
        ),
        ("BegunSession", whole_object(&["csrf", "until"], &json!({ "csrf": text, "until": time }))),
        ("Ended", whole_object(&["outcome"], &json!({ "outcome": text }))),
        (
            "CheckoutAnswer",
            whole_object(
                &["command", "outcome", "order"],
                &json!({
                    "command": text,
                    "outcome": outcome(&["carried_out", "repeated"]),
                    "order": object(
                        &["order", "currency", "total", "parcels", "discounts", "tracking"],
                        &json!({
                            "order": text, "currency": text, "total": amount, "placed": time,
                            "parcels": { "type": "array", "items": anything },
                            "discounts": { "type": "array", "items": anything },
                            "tracking": { "type": "array", "items": anything },
                        }),
                    ),
                }),
            ),
        ),
        (
            "Quote",
            object(
                &["currency", "units", "parcels", "applied", "skipped", "total", "obstacles"],
                &json!({
                    "currency": text,
                    "units": { "type": "array", "items": anything },
                    "parcels": { "type": "array", "items": anything },
                    "applied": { "type": "array", "items": anything },
                    "skipped": { "type": "array", "items": anything },
                    "total": amount,
                    "payable_at_the_door": { "type": "boolean" },
                    "obstacles": { "type": "array", "items": anything },
                }),
            ),
        ),
        ("Hit", whole_object(&["view", "row"], &json!({ "view": text, "row": anything }))),
        (
            "Statement",
            object(
                &["id", "seller", "accounts", "parcels", "states", "sums"],
                &json!({
                    "id": text,
                    "seller": text,
                    "states": { "type": "object", "additionalProperties": amount },
                    "parcels": { "type": "array", "items": anything },
                    "accounts": {
                        "type": "array",
                        "items": object(
                            &["currency", "held", "payable"],
                            &json!({ "currency": text, "held": amount, "payable": amount }),
                        ),
                    },
                    "sums": {
                        "type": "array",
                        "items": whole_object(
                            &["currency", "due", "collected", "left"],
                            &json!({
                                "currency": text, "due": amount, "collected": amount,
                                "left": amount,
                            }),
                        ),
                    },
                }),
            ),
        ),
        ("Answer", anything),
    ];
    all.map(|(name, schema)| (name.to_owned(), schema)).into_iter().collect()
}

/// The schema of what an operation answers when it has succeeded, as JSON.
#[must_use]
pub fn schema(operation: &Operation, status: &str) -> Value {
    match operation.action {
        Action::Give(_) if status == "202" => of("ProposedAnswer"),
        Action::Give(spec) if spec.name == CHECKOUT => of("CheckoutAnswer"),
        Action::Give(_) => of("CommandAnswer"),
        Action::Quote => of("Quote"),
        Action::Approve | Action::Withdraw => of("Decision"),
        Action::Proposals => list(&of("Proposal")),
        Action::Sessions => list(&of("Session")),
        Action::Search => list(&of("Hit")),
        Action::SignIn
        | Action::SetPassword
        | Action::StepUp
        | Action::PasskeySignIn
        | Action::ProviderSecondFactor => of("BegunSession"),
        Action::ChangePassword | Action::RemovePasskey | Action::Unlink => of("Ended"),
        Action::Notices => json!({
            "type": "object",
            "required": ["items", "next"],
            "properties": {
                "items": { "type": "array", "items": of("Answer") },
                "next": { "type": ["integer", "null"] },
            },
        }),
        Action::Publications | Action::HeldTexts | Action::OpenAppeals | Action::OfferDecisions => {
            list(&of("Answer"))
        }
        Action::Passkeys | Action::Identities | Action::PayoutAccounts => list(&of("Answer")),
        Action::SignOut | Action::EndSession => of("Ended"),
        Action::Look(look) if look.right == "statements" => of("Statement"),
        _ => of("Answer"),
    }
}

/// The view that has things of a type, and the key of one.
fn view_of(id_type: &str) -> Option<&'static ViewSpec> {
    VIEWS.iter().find(|view| match view.key {
        [key] => view.column(key).is_some_and(|column| match column.kind {
            ColumnKind::Id(kind) => type_of(kind) == Some(id_type) && view.name != "custody",
            // Of an order the same.
            ColumnKind::Parcel => id_type == "ParcelId" && view.name == "parcels",
            _ => false,
        }),
        _ => false,
    })
}

fn link(id: &str, about: &str, parameter: &str, expression: &str) -> Value {
    json!({
        "operationId": id,
        "description": about,
        "parameters": { parameter: expression },
    })
}

fn one_of(view: &ViewSpec, expression: &str) -> (String, Value) {
    let about = format!("The {}, after it.", view.doc);
    (format!("of_{}", view.name), link(&detail_id(view), &about, "key", expression))
}

/// The links of an answer of an operation.
#[must_use]
pub fn links(operation: &Operation, status: &str) -> Map<String, Value> {
    let mut links = Map::new();
    match operation.action {
        Action::Give(_) if status == "202" => {
            for (id, about) in [
                ("approveProposal", "A second person approves it."),
                ("withdrawProposal", "Withdraws it."),
            ] {
                let number = "$response.body#/proposal/number";
                links.insert(id.to_owned(), link(id, about, "number", number));
            }
        }
        Action::Give(spec) => {
            let Some(fields) = office::fields::declared().of(spec.name) else { return links };
            for (name, field) in fields.fields() {
                let Some(view) = FieldType::name(field).and_then(view_of) else { continue };
                let made = MADE.contains(&(spec.name, name));
                if made {
                    let expression = format!("$response.body#/events/0/{name}");
                    links.extend([one_of(view, &expression)]);
                } else if !is_filled_in(spec.name, fields, name) && is_required(fields, name) {
                    links.extend([one_of(view, &format!("$request.body#/{name}"))]);
                }
            }
            for (_, view, expression) in REGISTERED.iter().filter(|(of, ..)| *of == spec.name) {
                links.extend(ViewSpec::find(view).map(|view| one_of(view, expression)));
            }
        }
        Action::List(view) => {
            let next = "$response.body#/next";
            links.insert(
                "next".to_owned(),
                link(&operation.id, "The next page, if there is one.", "cursor", next),
            );
            let keys = view.key.iter().map(|key| format!("{{$response.body#/items/0/{key}}}"));
            let key = match view.key {
                [key] => format!("$response.body#/items/0/{key}"),
                _ => keys.collect::<Vec<_>>().join("~"),
            };
            links.extend([one_of(view, &key)]);
        }
        Action::Proposals => {
            let number = "$response.body#/items/0/number";
            let about = "A second person approves it.";
            links.insert("approve".to_owned(), link("approveProposal", about, "number", number));
        }
        _ => {}
    }
    links
}

fn is_required(fields: FieldType<'_>, name: &str) -> bool {
    office::fields::required(fields).any(|one| one == name)
}
