//! The types of a command's fields, from its declaration.

use std::collections::BTreeMap;

use engine::Command;
use serde_json::Value;

/// The declared types of all commands.
#[derive(Debug)]
pub struct FieldTypes {
    schemas: BTreeMap<&'static str, Value>,
}

/// The declared type of a value in a command's JSON form.
#[derive(Clone, Copy, Debug)]
pub struct FieldType<'s> {
    name: Option<&'s str>,
    schema: &'s Value,
    /// The command's schema, which holds the named types.
    root: &'s Value,
}

/// A variant of a type that is an enumeration.
#[derive(Clone, Copy, Debug)]
pub struct FieldVariant<'s> {
    pub name: &'s str,
    /// The type of its content, if it has one.
    pub content: Option<FieldType<'s>>,
}

impl FieldTypes {
    /// Of the commands of all machines.
    #[must_use]
    pub fn declared() -> FieldTypes {
        let schemas = Command::specs().map(|spec| (spec.name, (spec.schema)().to_value()));
        FieldTypes { schemas: schemas.collect() }
    }

    /// The names of all commands.
    pub fn commands(&self) -> impl Iterator<Item = &'static str> {
        self.schemas.keys().copied()
    }

    /// The type of a command: an object of its fields.
    #[must_use]
    pub fn of(&self, command: &str) -> Option<FieldType<'_>> {
        let schema = self.schemas.get(command)?;
        Some(FieldType { name: None, schema, root: schema })
    }
}

impl<'s> FieldType<'s> {
    /// The type's declared name, such as `Amount`. `None` for numbers, texts, lists, and the
    /// content of a variant.
    #[must_use]
    pub fn name(self) -> Option<&'s str> {
        self.name
    }

    /// The type as a JSON schema. References in it are to the command's schema.
    #[must_use]
    pub fn schema(self) -> &'s Value {
        self.schema
    }

    /// The type of a field, if the type is an object with that field.
    #[must_use]
    pub fn field(self, name: &str) -> Option<FieldType<'s>> {
        Some(self.resolved(self.schema.get("properties")?.get(name)?))
    }

    /// The fields of an object.
    pub fn fields(self) -> impl Iterator<Item = (&'s str, FieldType<'s>)> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let named = move |(name, schema): (&'s String, _)| (name.as_str(), self.resolved(schema));
        properties.into_iter().flatten().map(named)
    }

    /// The type of a list's items.
    #[must_use]
    pub fn item(self) -> Option<FieldType<'s>> {
        Some(self.resolved(self.schema.get("items")?))
    }

    /// The variants of an enumeration.
    #[must_use]
    pub fn variants(self) -> Vec<FieldVariant<'s>> {
        let list = |schema: &'s Value, key| schema.get(key).and_then(Value::as_array);
        let mut variants = Vec::new();
        let cases = list(self.schema, "oneOf").into_iter().flatten();
        for case in [self.schema].into_iter().chain(cases) {
            let plain = list(case, "enum").into_iter().flatten().chain(case.get("const"));
            let plain = plain.filter_map(Value::as_str);
            variants.extend(plain.map(|name| FieldVariant { name, content: None }));
            if case.get("required").is_some() && !std::ptr::eq(case, self.schema) {
                let content = FieldType { name: None, schema: case, root: self.root };
                variants.extend(
                    content
                        .fields()
                        .map(|(name, content)| FieldVariant { name, content: Some(content) }),
                );
            }
        }
        variants
    }

    /// The variant of a value, and its content.
    #[must_use]
    pub fn variant<'v>(self, value: &'v Value) -> Option<(FieldVariant<'s>, &'v Value)> {
        let (name, content) = match value {
            Value::String(name) => (name.as_str(), &Value::Null),
            Value::Object(fields) => {
                fields.iter().next().map(|(name, one)| (name.as_str(), one))?
            }
            _ => return None,
        };
        let variants = self.variants();
        Some((variants.into_iter().find(|variant| variant.name == name)?, content))
    }

    /// Calls `visit` with the name of the type and the value, for each value of a named type in
    /// `value`, also inside others.
    pub fn visit<'v>(self, value: &'v Value, visit: &mut dyn FnMut(&'s str, &'v Value)) {
        if let Some(name) = self.name {
            visit(name, value);
        }
        match value {
            Value::Array(items) => {
                if let Some(item) = self.item() {
                    items.iter().for_each(|value| item.visit(value, visit));
                }
            }
            Value::Object(fields) if self.schema.get("properties").is_some() => {
                for (name, value) in fields {
                    if let Some(field) = self.field(name) {
                        field.visit(value, visit);
                    }
                }
            }
            Value::Object(_) => {
                if let Some((FieldVariant { content: Some(content), .. }, value)) =
                    self.variant(value)
                {
                    content.visit(value, visit);
                }
            }
            _ => {}
        }
    }

    /// Follows a reference to a named type. An optional value has the type of the value.
    fn resolved(self, schema: &'s Value) -> FieldType<'s> {
        let some = schema.get("anyOf").and_then(Value::as_array);
        let some = some.and_then(|cases| cases.iter().find(|case| case["type"] != "null"));
        let schema = some.unwrap_or(schema);
        let name = schema.get("$ref").and_then(Value::as_str);
        let name = name.and_then(|path| path.strip_prefix("#/$defs/"));
        match name.and_then(|name| self.root.get("$defs")?.get(name)) {
            Some(found) => FieldType { name, schema: found, root: self.root },
            None => FieldType { name: None, schema, root: self.root },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn named_values_are_found_also_inside_others() {
        let types = FieldTypes::declared();
        let purchase = types.of("BeginPurchase").unwrap();
        let value = json!({
            "trace": { "terminal": "7", "batch": 1, "stan": 2 },
            "amount": 1250,
            "kind": "Sale",
            "route": { "Card": { "network": "3", "kind": "Debit" } },
            "route_candidates": [{ "network": "4", "cost": 5, "verdict": "Down" }],
        });
        let mut found = Vec::new();
        purchase.visit(&value, &mut |name, value| found.push((name, value.clone())));
        for expected in [
            ("TerminalId", json!("7")),
            ("Amount", json!(1250)),
            ("PurchaseKind", json!("Sale")),
            ("NetworkId", json!("3")),
            ("CardKind", json!("Debit")),
            ("NetworkId", json!("4")),
            ("Amount", json!(5)),
        ] {
            assert!(found.contains(&expected), "{expected:?} is not in {found:#?}");
        }
    }

    #[test]
    fn variants_have_the_types_of_their_contents() {
        let types = FieldTypes::declared();
        let names = |command: &str, field: &str| -> Vec<(String, bool)> {
            let variants = types.of(command).unwrap().field(field).unwrap().variants();
            variants.iter().map(|one| (one.name.to_owned(), one.content.is_some())).collect()
        };
        let named = |names: &[(&str, bool)]| -> Vec<(String, bool)> {
            names.iter().map(|(name, content)| ((*name).to_owned(), *content)).collect()
        };
        let cycles = [("Daily", false), ("Weekly", false), ("Monthly", false)];
        assert_eq!(names("PlanSettlement", "cycle"), named(&cycles));
        let ends = [("Approved", true), ("Declined", true), ("Unknown", false)];
        assert_eq!(names("ResolvePurchase", "resolution"), named(&ends));
        let tariff = types.of("PublishTariff").unwrap();
        assert_eq!(tariff.field("until").unwrap().name(), Some("BusinessDate"));
        assert_eq!(
            types.of("ResolveReversal").unwrap().field("code").unwrap().name(),
            Some("ResponseCode")
        );
        assert!(tariff.field("reference").unwrap().variants().is_empty());
    }
}
