//! Whether a statement follows the last one of its account.

use jiff::civil::Date;
use money::SignedAmount;

use super::parts::StatementHead;

/// What is remembered of the last statement of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownStatement {
    /// [`super::check::CheckedFile::identity`].
    pub identity: String,
    pub number: Option<u32>,
    pub opened_on: Option<Date>,
    pub closed_on: Option<Date>,
    pub closing: Option<SignedAmount>,
}

/// How a statement follows the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementChain {
    Follows,
    /// The same file: nothing is to be done.
    Repeat,
    /// The same number in the same year, with other content.
    SameNumber {
        number: u32,
    },
    /// Statements between the two are missing.
    Gap {
        last: u32,
        found: u32,
    },
    /// It begins before the last one ends.
    Overlap {
        opened_on: Date,
        closed_on: Date,
    },
    /// It opens with another balance than the last one closed with: entries are missing, or it is
    /// of another account.
    OtherBalance {
        closing: SignedAmount,
        opening: SignedAmount,
    },
    /// It has no opening balance, or the last one had no closing one: nothing can be said.
    NotStated,
}

/// Compares a statement with the last one of its account. Banks that number their statements
/// begin again each year, so numbers of two years are not compared.
#[must_use]
pub fn follows(last: &KnownStatement, identity: &str, new: &StatementHead) -> StatementChain {
    if last.identity == identity {
        return StatementChain::Repeat;
    }
    let years = last.closed_on.zip(new.closed_on);
    let same_year = years.is_none_or(|(last, new)| last.year() == new.year());
    let paged = new.page.is_some_and(|page| page > 1);
    if let (Some(known), Some(found), true) = (last.number, new.number, same_year) {
        if known == found && !paged {
            return StatementChain::SameNumber { number: found };
        }
        if found > known.saturating_add(1) {
            return StatementChain::Gap { last: known, found };
        }
    }
    if let (Some(closed_on), Some(opened_on)) = (last.closed_on, new.opened_on)
        && opened_on < closed_on
    {
        return StatementChain::Overlap { opened_on, closed_on };
    }
    match (last.closing, new.opening) {
        (Some(closing), Some(opening)) if closing != opening => {
            StatementChain::OtherBalance { closing, opening }
        }
        (Some(_), Some(_)) => StatementChain::Follows,
        _ => StatementChain::NotStated,
    }
}
