//! The schemas of commands' fields as senders give them, and examples: from the declarations,
//! without what the office fills in.

use books::REFERENCE_BYTES_MAX;
use files::orders::BUYER_TEXT_BYTES_MAX;
use machine::{CommandSpec, PersonRole};
use office::checkout::CHECKOUT;
use office::descriptions::plain;
use office::{CODE_MAC, fields, is_filled_in};
use reports::FieldType;
use serde_json::{Map, Value, json};

use crate::handlers::checkout::{DELIVER_TO, DELIVERY_FIELDS};
use crate::handlers::{ACCOUNT, DIGEST, SET_PAYOUT_ACCOUNT};
use crate::prefixes;

/// A reference to a component of the document.
#[must_use]
pub fn reference_to(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// The schema of a command's fields as they are sent: what follows from the rest can be left out,
/// and an identifier can be prefixed or a reference.
#[must_use]
pub fn fields_schema(spec: &CommandSpec, schemas: &mut Map<String, Value>) -> Value {
    let mut schema = (spec.schema)().to_value();
    if let Some(Value::Object(types)) = schema.as_object_mut().and_then(|all| all.remove("$defs")) {
        // Nobody sends the MAC of a code.
        for (name, mut of) in types.into_iter().filter(|(name, _)| name != "CodeMac") {
            if let Some(identifier) = identifier_schema(&name) {
                of = identifier;
            }
            if let Some(about) = keyed_text(&name) {
                of = json!({
                    "type": "string", "minLength": 1, "maxLength": 64, "pattern": about.0,
                    "description": about.1,
                });
            }
            if name == "Rate" {
                of["maximum"] = 1_000_000.into();
            }
            // Its number follows from the books.
            if matches!(&*name, "AssignedParcel" | "DispatchedParcel") {
                of["required"] = json!(["parcel"]);
            }
            // It follows from the offer and the SKU.
            if name == "NewVariant" {
                of["required"] = json!(["sku", "price", "weight_g"]);
            }
            if name == "SignedAmount" {
                of["minimum"] = (-i64::MAX).into();
            }
            if name == "Timestamp" {
                of = json!({ "type": "string", "format": "date-time" });
            }
            rewrite(&mut of);
            for (name, content) in contents_of_variants(&name, &mut of) {
                schemas.insert(name, content);
            }
            if let Some((typed, schema)) = typed_amount(&name) {
                schemas.insert(typed, schema);
            }
            schemas.insert(name, of);
        }
    }
    if let Some(of) = fields::declared().of(spec.name)
        && let Some(all) = schema.get_mut("properties").and_then(Value::as_object_mut)
    {
        all.retain(|name, _| is_sent(of, name));
        if takes_code(spec) {
            let code = json!({
                "type": "string",
                "pattern": "^[0-9]{6}$",
                "description": "The one-time code that the courier shows.",
            });
            all.insert(CODE.to_owned(), code);
        }
    }
    if let Some(all) = schema.as_object_mut() {
        all.remove("$schema");
        all.remove("description");
        all.insert("title".to_owned(), spec.name.into());
    }
    if let Some(of) = fields::declared().of(spec.name)
        && let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut)
    {
        let is_needed = |field: &str| is_sent(of, field) && !is_filled_in(spec.name, of, field);
        required.retain(|field| field.as_str().is_none_or(is_needed));
        if takes_code(spec) {
            required.push(CODE.into());
        }
    }
    if spec.name == SET_PAYOUT_ACCOUNT {
        take_the_account(&mut schema);
    }
    if spec.name == CHECKOUT {
        take_the_delivery(&mut schema);
    }
    rewrite(&mut schema);
    let all = schema.get_mut("properties").and_then(Value::as_object_mut);
    all.into_iter().flatten().for_each(|(_, field)| take_typed_amounts(field));
    schema
}

/// Over HTTP the account itself is given, not its digest.
fn take_the_account(schema: &mut Value) {
    if let Some(all) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        all.remove(DIGEST);
        all.insert(ACCOUNT.to_owned(), account_schema());
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| name != DIGEST);
        required.push(ACCOUNT.into());
        required.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
    }
}

/// Over HTTP it is said who gets the parcels, and that phone number is the buyer.
fn take_the_delivery(schema: &mut Value) {
    if let Some(all) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        all.insert(DELIVER_TO.to_owned(), delivery_schema());
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| name != "buyer" && name != "coupons");
        required.push(DELIVER_TO.into());
        required.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
    }
}

fn delivery_schema() -> Value {
    let text = |about: &str| {
        json!({
            "type": "string", "minLength": 1, "maxLength": BUYER_TEXT_BYTES_MAX,
            "pattern": PLAIN_TEXT, "description": about,
        })
    };
    let mut properties = Map::new();
    for (name, about) in DELIVERY_FIELDS.into_iter().zip([
        "Of who gets the parcels.",
        "5 to 15 digits. Without `buyer` it says who buys.",
        "Where the parcels go.",
    ]) {
        properties.insert(name.to_owned(), text(about));
    }
    properties["phone"]["pattern"] = "^\\+?[0-9]([ -]?[0-9]){4,14}$".into();
    json!({
        "type": "object",
        "description": "It is sealed in the vault; the journal has keyed tokens.",
        "required": DELIVERY_FIELDS,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn account_schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "maxLength": 140, "description": about });
    json!({
        "type": "object",
        "description": "An IBAN, or the code of a bank's branch with an account number. It is \
            sealed in the vault; the journal has a keyed digest of it.",
        "required": ["name"],
        "properties": {
            "name": text("The account holder's."),
            "iban": text("Its country, length and check digits are checked."),
            "bic": text("Beside an IBAN, if our bank asks for it."),
            "bank_code": text("CNAPS: 12 digits."),
            "account": text("Beside a bank code."),
        },
    })
}

/// The objects inside the variants of a type get names, for generated clients.
fn contents_of_variants(name: &str, of: &mut Value) -> Vec<(String, Value)> {
    let mut contents = Vec::new();
    for case in of.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(fields) = case.get_mut("properties").and_then(Value::as_object_mut) else {
            continue;
        };
        for (variant, content) in fields {
            if content.get("properties").is_some() {
                let own = format!("{name}{variant}");
                contents
                    .push((own.clone(), std::mem::replace(content, reference_to("schemas", &own))));
            }
        }
    }
    contents
}

/// What a sender gives in the place of a keyed token: its pattern, and what it is.
fn keyed_text(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "BuyerToken" => Some((
            "^(\\+?[0-9]([ -]?[0-9]){4,14}|[0-9a-f]{32})$",
            "The buyer's phone number; the journal has a keyed token of it, which is taken too.",
        )),
        "CouponToken" => Some((
            "^[0-9A-Za-z][0-9A-Za-z-]*$",
            "The coupon code; the journal has a keyed token of it, which is taken too.",
        )),
        _ => None,
    }
}

const SCHEMAS: &str = "#/components/schemas/";

/// An amount as a field of a command takes it, with the name of its schema: also as a text.
fn typed_amount(name: &str) -> Option<(String, Value)> {
    let sign = match name {
        "Amount" => "",
        "SignedAmount" => "-?",
        _ => return None,
    };
    let text = json!({
        "type": "string",
        "pattern": format!("^{sign}(0|[1-9][0-9]{{0,11}})(\\.[0-9]{{1,3}})?[A-Z]{{3}}$"),
        "description": "With its currency, which must be that of the command.",
    });
    let number = json!({ "$ref": format!("{SCHEMAS}{name}") });
    Some((format!("Typed{name}"), json!({ "anyOf": [number, text] })))
}

/// Lets a field of a command be an amount as a text too.
fn take_typed_amounts(field: &mut Value) {
    let Value::Object(of) = field else { return };
    for (name, value) in of {
        match value {
            Value::String(text) if name == "$ref" => {
                if let Some((typed, _)) = text.strip_prefix(SCHEMAS).and_then(typed_amount) {
                    *text = format!("{SCHEMAS}{typed}");
                }
            }
            // It may be left out.
            Value::Array(any) if name == "anyOf" => any.iter_mut().for_each(take_typed_amounts),
            _ => {}
        }
    }
}

/// No character that hides text or changes its direction.
pub const PLAIN_TEXT: &str = concat!(
    "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200b-\\u200f\\u202a-\\u202e",
    "\\u2060-\\u206f\\ufeff]*$"
);

/// A reference that is not digits only, or an identifier: digits are an identifier.
fn reference_pattern() -> String {
    let any = PLAIN_TEXT.trim_start_matches('^').trim_end_matches("*$");
    let other = any.replace("[^", "[^0-9");
    format!("^(0|[1-9][0-9]{{0,18}}|{any}*{other}{any}*)$")
}

/// The schema of identifiers as they are sent.
#[must_use]
pub fn identifier_schema(name: &str) -> Option<Value> {
    let prefix = prefixes::of_type(name)?;
    Some(if name == "ParcelId" {
        json!({ "type": "string", "pattern": "^par_[0-9a-f]{32}$" })
    } else if let Some(parts) = prefixes::parts_of_reference(name) {
        let part = "[0-9A-Za-z][0-9A-Za-z._-]{0,19}";
        let reference = vec![part; parts].join("/");
        json!({
            "type": "string",
            "pattern": format!("^(({prefix})?(0|[1-9][0-9]{{0,18}})|{reference})$"),
            "description": format!("`{prefix}` and the identifier, or the seller's references."),
        })
    } else if prefixes::WITH_REFERENCE.contains(&name) {
        json!({
            "type": "string",
            "minLength": 1,
            "maxLength": REFERENCE_BYTES_MAX,
            "pattern": reference_pattern(),
            "description": format!("`{prefix}` and the identifier, or your reference."),
        })
    } else {
        json!({ "type": "string", "pattern": identifier_pattern(prefix) })
    })
}

/// A number, with the prefix of its type or without one.
#[must_use]
pub fn identifier_pattern(prefix: &str) -> String {
    format!("^({prefix})?(0|[1-9][0-9]{{0,18}})$")
}

/// References are to the components of the document. What is implied is said: the range of a number
/// of so many bits, texts without invisible characters, objects without other fields.
fn rewrite(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // Not a word of JSON Schema.
            if fields.get("unit").is_some_and(Value::is_string)
                && let Some(unit) = fields.remove("unit")
            {
                fields.insert("x-unit".to_owned(), unit);
            }
            let is_number = match fields.get("type") {
                Some(Value::Array(types)) => types.iter().any(|one| one == "integer"),
                of => of.and_then(Value::as_str) == Some("integer"),
            };
            let most: Option<Value> = match fields.get("format").and_then(Value::as_str) {
                Some("uint8") => Some(u8::MAX.into()),
                Some("uint16") => Some(u16::MAX.into()),
                Some("uint32") => Some(u32::MAX.into()),
                Some("uint64" | "int64") => Some(i64::MAX.into()),
                _ => None,
            };
            if let (true, Some(most), false) = (is_number, most, fields.contains_key("maximum")) {
                fields.insert("maximum".to_owned(), most);
            }
            let is = |name: &str| fields.get("type").and_then(Value::as_str) == Some(name);
            let has = |names: &[&str]| names.iter().any(|name| fields.contains_key(*name));
            if is("string") && !has(&["pattern", "format", "enum", "const"]) {
                fields.insert("pattern".to_owned(), PLAIN_TEXT.into());
            } else if is("object") && has(&["properties"]) && !has(&["additionalProperties"]) {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "$ref" => {
                        *text = text.replace("#/$defs/", "#/components/schemas/");
                    }
                    Value::String(text) if name == "description" => *text = plain(text),
                    value => rewrite(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(rewrite),
        _ => {}
    }
}

/// Whether a sender gives a field: not who gives the command, and in the place of a code's MAC the
/// code. That of a new hand-over is in the answer.
#[must_use]
pub fn is_sent(command: FieldType<'_>, name: &str) -> bool {
    let of_person = command.field(name).and_then(FieldType::name) == Some("PersonId");
    name != CODE_MAC && !(of_person && PersonRole::of_field(name).gives())
}

/// Where a sender gives a one-time code, in the place of its MAC.
pub const CODE: &str = "code";

/// Whether a command needs a courier's one-time code.
#[must_use]
pub fn takes_code(spec: &CommandSpec) -> bool {
    spec.name == "CountHandOver"
}

/// An example of the fields that a sender gives.
#[must_use]
pub fn example(spec: &CommandSpec) -> Value {
    let mut object = Map::new();
    let Some(of) = fields::declared().of(spec.name) else { return object.into() };
    if takes_code(spec) {
        object.insert(CODE.to_owned(), "740529".into());
    }
    let given = |field: &&str| is_sent(of, field) && !is_filled_in(spec.name, of, field);
    if spec.name == CHECKOUT {
        let to = json!({ "name": "王小明", "phone": "+86 138 0013 8000", "address": "上海市" });
        object.insert(DELIVER_TO.to_owned(), to);
    }
    let given = |field: &&str| {
        given(field) && !(spec.name == CHECKOUT && ["buyer", "coupons"].contains(field))
    };
    for field in fields::required(of).filter(given) {
        if spec.name == SET_PAYOUT_ACCOUNT && field == DIGEST {
            object.insert(ACCOUNT.to_owned(), example_account());
            continue;
        }
        if let Some(field_type) = of.field(field) {
            object.insert(field.to_owned(), example_of(field, field_type, 0));
        }
    }
    object.into()
}

fn example_account() -> Value {
    json!({ "name": "王小明", "bank_code": "102100099996", "account": "0200001019020098765" })
}

/// Objects inside each other in an example.
const EXAMPLE_DEPTH_MAX: usize = 8;

fn example_of(name: &str, of: FieldType<'_>, depth: usize) -> Value {
    if let Some(prefix) = of.name().and_then(prefixes::of_type) {
        return match of.name() {
            Some("ParcelId") => format!("{prefix}0123456789abcdef0123456789abcdef").into(),
            _ => format!("{prefix}42").into(),
        };
    }
    match of.name() {
        Some("Amount" | "SignedAmount") => return 12_850.into(),
        Some("Currency") => return "CNY".into(),
        Some("BusinessDate") => return "2026-12-01".into(),
        Some("Timestamp") => return "2026-12-01T09:00:00+08:00".into(),
        Some("Rate") => return 3_800.into(),
        Some("BuyerToken") => return "+86 138 0013 8000".into(),
        Some("CouponToken") => return "SAVE5".into(),
        Some("Jurisdiction") => return "CN".into(),
        Some("Sha256Digest") => return "0123456789abcdef".repeat(4).into(),
        Some("RetrievalReference") => return "3E046C635670".into(),
        _ => {}
    }
    if let Some(variant) = of.variants().first() {
        return match variant.content {
            None => variant.name.into(),
            Some(content) if depth < EXAMPLE_DEPTH_MAX => {
                json!({ variant.name: example_of(name, content, depth + 1) })
            }
            Some(_) => variant.name.into(),
        };
    }
    if let Some(item) = of.item() {
        return json!([example_of(name, item, depth + 1)]);
    }
    match of.schema().get("type").and_then(Value::as_str) {
        Some("integer") => 1.into(),
        Some("boolean") => true.into(),
        Some("object") if depth < EXAMPLE_DEPTH_MAX => {
            let fields =
                of.fields().map(|(name, of)| (name.to_owned(), example_of(name, of, depth + 1)));
            Value::Object(fields.collect())
        }
        _ => match name {
            "reference" => "my-shop".into(),
            _ => "text".into(),
        },
    }
}
