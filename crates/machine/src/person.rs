//! The persons that a command names.

use std::any::Any;

use crate::PersonId;

/// What a person has to do with a command that names them. It follows from the name of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonRole {
    /// Gives the command and decides by it, alone or with others: `proposed_by`, `counted_by`,
    /// `supervisor`.
    Decides,
    /// Gives the command for themselves: `cancelled_by`, `taken_by`.
    Gives,
    /// Becomes a person, or is one no longer: `person`, `first_person`, `second_person`.
    Subject,
    /// Any other, as the owner of a break.
    Other,
}

impl PersonRole {
    #[must_use]
    pub fn of_field(field: &str) -> PersonRole {
        match field {
            "supervisor" => PersonRole::Decides,
            "cancelled_by" | "taken_by" => PersonRole::Gives,
            "person" | "first_person" | "second_person" => PersonRole::Subject,
            _ if field.ends_with("_by") => PersonRole::Decides,
            _ => PersonRole::Other,
        }
    }

    #[must_use]
    pub fn gives(self) -> bool {
        matches!(self, PersonRole::Decides | PersonRole::Gives)
    }
}

/// Visits a field of a command if it is a person, or an option that has one.
#[doc(hidden)]
#[inline]
pub fn visit_person(name: &str, field: &dyn Any, visit: &mut impl FnMut(PersonRole, PersonId)) {
    let optional = || field.downcast_ref::<Option<PersonId>>().copied().flatten();
    if let Some(person) = field.downcast_ref::<PersonId>().copied().or_else(optional) {
        visit(PersonRole::of_field(name), person);
    }
}
