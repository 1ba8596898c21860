//! Names of accounts that other programs read.

use engine::Engine;
use engine::chart::AccountKind;
use ledger::AccountNo;

/// The names given so far, by the account's number.
#[derive(Debug, Default)]
pub struct Accounts {
    names: Vec<Option<String>>,
}

/// How names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `assets:bank:main`.
    Plain,
    /// `Assets:Bank:Main`: each part begins with a capital or a digit, and has letters, digits and
    /// `-`.
    Capitals,
}

impl Accounts {
    /// The name of an account, and whether this is its first use.
    pub fn name(&mut self, number: AccountNo, engine: &Engine, style: Style) -> (&str, bool) {
        let place = number.0 as usize;
        if self.names.len() <= place {
            self.names.resize(place + 1, None);
        }
        let first = self.names[place].is_none();
        let name = self.names[place].get_or_insert_with(|| name(number, engine, style));
        (name, first)
    }
}

fn name(number: AccountNo, engine: &Engine, style: Style) -> String {
    let account = engine.account_view(number).expect("a posting's accounts are there");
    let mut name = kind_name(account.kind, style);
    if let Some(reference) = engine.owner_reference(&account) {
        name.push(':');
        name.push_str(&part(reference, account.owner, style));
    } else {
        // Accounts that a currency has once.
        name.push(':');
        name.push_str(account.currency.code());
    }
    name
}

fn kind_name(kind: AccountKind, style: Style) -> String {
    match style {
        Style::Plain => kind.name().to_owned(),
        Style::Capitals => {
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

/// An owner's reference as a part of a name. Where it has to be changed, the owner's number is
/// added, so that no two owners get one name; also where it looks as if that had been done.
fn part(reference: &str, owner: u64, style: Style) -> String {
    let allowed = |c: char| match style {
        Style::Plain => c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'),
        Style::Capitals => c.is_ascii_alphanumeric() || c == '-',
    };
    let begins_well = match style {
        Style::Plain => true,
        Style::Capitals => {
            reference.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit())
        }
    };
    if begins_well && reference.chars().all(allowed) && !ends_in_a_number(reference) {
        return reference.to_owned();
    }
    let changed: String = reference.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    match style {
        Style::Plain => format!("{changed}-{owner:016x}"),
        Style::Capitals => format!("X{changed}-{owner:016x}"),
    }
}

/// Whether a reference ends as a changed one does: in `-` and 16 hexadecimal digits.
fn ends_in_a_number(reference: &str) -> bool {
    let is_hex = |digits: &str| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    reference.rsplit_once('-').is_some_and(|(_, digits)| is_hex(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_that_no_program_could_read_are_changed_and_stay_apart() {
        assert_eq!(part("2a84855f", 1, Style::Plain), "2a84855f");
        assert_eq!(part("a b", 1, Style::Plain), "a-b-0000000000000001");
        assert_ne!(part("a b", 1, Style::Plain), part("a;b", 2, Style::Plain));
        assert_ne!(part("a b", 1, Style::Plain), part("a-b-0000000000000001", 2, Style::Plain));
        assert_eq!(part("bank", 3, Style::Capitals), "Xbank-0000000000000003");
        assert_eq!(part("2a84", 3, Style::Capitals), "2a84");
        assert_eq!(part("快递", 3, Style::Capitals), "X---0000000000000003");
    }

    #[test]
    fn kinds_are_written_as_each_program_wants_them() {
        let kind = AccountKind::PayoutInFlight;
        assert_eq!(kind_name(kind, Style::Plain), "liabilities:payout-in-flight");
        assert_eq!(kind_name(kind, Style::Capitals), "Liabilities:PayoutInFlight");
    }
}
