//! The amounts in a command.

use std::any::Any;

use money::{Amount, SignedAmount};

/// Visits a field of a command if it is an amount, or an option that has one. Of a signed amount
/// without its sign.
#[doc(hidden)]
#[inline]
pub fn visit_amount(field: &dyn Any, visit: &mut impl FnMut(Amount)) {
    let plain = field.downcast_ref::<Amount>().copied();
    let optional = || field.downcast_ref::<Option<Amount>>().copied().flatten();
    let signed = || field.downcast_ref::<SignedAmount>().map(|amount| amount.magnitude());
    if let Some(amount) = plain.or_else(optional).or_else(signed) {
        visit(amount);
    }
}
