//! Account names in exports.

use std::collections::HashSet;

use books::chart::AccountKind;
use engine::Engine;
use ledger::AccountNumber;

/// The type of the id of the party that an account is registered with: the one by which the
/// operator's reference of the party is found.
#[must_use]
pub fn owner_id_type(kind: AccountKind) -> Option<&'static str> {
    Some(match kind {
        AccountKind::Bank => "BankId",
        AccountKind::NetworkReceivable => "NetworkId",
        AccountKind::WalletReceivable => "WalletId",
        AccountKind::CourierCash => "CourierId",
        AccountKind::FirmCash => "FirmId",
        AccountKind::SellerHeld => "SellerId",
        _ => return None,
    })
}

/// The names used so far, by account number. A seller's accounts in two currencies share a name.
#[derive(Debug, Default)]
pub struct AccountNames {
    names: Vec<Option<String>>,
    used: HashSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNameStyle {
    /// `assets:bank:main`.
    Plain,
    /// `Assets:Bank:Main`: each part starts with a capital or a digit, and has letters, digits and
    /// `-` only.
    Capitals,
}

impl AccountNames {
    /// Returns the account's name, and whether this is the name's first use.
    pub fn name(
        &mut self,
        number: AccountNumber,
        engine: &Engine,
        style: AccountNameStyle,
    ) -> (&str, bool) {
        let place = number.0 as usize;
        if self.names.len() <= place {
            self.names.resize(place + 1, None);
        }
        let mut first = false;
        let name = self.names[place].get_or_insert_with(|| {
            let name = name(number, engine, style);
            first = self.used.insert(name.clone());
            name
        });
        (name, first)
    }

    /// Whether the account's name was asked for.
    #[must_use]
    pub fn is_named(&self, number: AccountNumber) -> bool {
        self.names.get(number.0 as usize).is_some_and(Option::is_some)
    }
}

fn name(number: AccountNumber, engine: &Engine, style: AccountNameStyle) -> String {
    let account = engine.books().account_view(number).expect("a posting's accounts are there");
    let mut name = kind_name(account.kind, style);
    if let Some(reference) = engine.books().owner_reference(&account) {
        name.push(':');
        name.push_str(&part(reference, account.owner, style));
    } else {
        // A currency has such an account once.
        name.push(':');
        name.push_str(account.currency.code());
    }
    name
}

fn kind_name(kind: AccountKind, style: AccountNameStyle) -> String {
    match style {
        AccountNameStyle::Plain => kind.name().to_owned(),
        AccountNameStyle::Capitals => {
            let capital = |word: &str| {
                let mut letters = word.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                first.into_iter().chain(letters).collect::<String>()
            };
            let part = |part: &str| part.split('-').map(capital).collect::<String>();
            kind.name().split(':').map(part).collect::<Vec<_>>().join(":")
        }
    }
}

/// An owner's reference as a part of a name. If characters must be replaced, the owner's number is
/// appended, so that no two owners share a name. The same if the reference ends like such a number.
fn part(reference: &str, owner: u64, style: AccountNameStyle) -> String {
    let allowed = |c: char| match style {
        AccountNameStyle::Plain => c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'),
        AccountNameStyle::Capitals => c.is_ascii_alphanumeric() || c == '-',
    };
    let begins_well = match style {
        AccountNameStyle::Plain => true,
        AccountNameStyle::Capitals => {
            reference.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit())
        }
    };
    if begins_well && reference.chars().all(allowed) && !ends_in_a_number(reference) {
        return reference.to_owned();
    }
    let changed: String = reference.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    match style {
        AccountNameStyle::Plain => format!("{changed}-{owner:016x}"),
        AccountNameStyle::Capitals => format!("X{changed}-{owner:016x}"),
    }
}

/// The reference ends in `-` and 16 hexadecimal digits, like one with an appended number.
fn ends_in_a_number(reference: &str) -> bool {
    let is_hex = |digits: &str| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    reference.rsplit_once('-').is_some_and(|(_, digits)| is_hex(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_references_are_replaced_and_stay_distinct() {
        assert_eq!(part("2a84855f", 1, AccountNameStyle::Plain), "2a84855f");
        assert_eq!(part("a b", 1, AccountNameStyle::Plain), "a-b-0000000000000001");
        assert_ne!(
            part("a b", 1, AccountNameStyle::Plain),
            part("a;b", 2, AccountNameStyle::Plain)
        );
        assert_ne!(
            part("a b", 1, AccountNameStyle::Plain),
            part("a-b-0000000000000001", 2, AccountNameStyle::Plain)
        );
        assert_eq!(part("bank", 3, AccountNameStyle::Capitals), "Xbank-0000000000000003");
        assert_eq!(part("2a84", 3, AccountNameStyle::Capitals), "2a84");
        assert_eq!(part("快递", 3, AccountNameStyle::Capitals), "X---0000000000000003");
    }

    #[test]
    fn kinds_are_written_in_each_style() {
        let kind = AccountKind::PayoutInFlight;
        assert_eq!(kind_name(kind, AccountNameStyle::Plain), "liabilities:payout-in-flight");
        assert_eq!(kind_name(kind, AccountNameStyle::Capitals), "Liabilities:PayoutInFlight");
    }
}
