//! Sellers and courier firms with their accounts in the ledger: what Doorstep owes them.

use access::{AccessFunction, AccessGrant, AccessScope, Principal};
use books::chart::AccountKind;
use books::{BusinessDate, FirmId, SellerId};
use pages::{Link, PageRow};
use views::read::{
    FilterOperator, ListQuery, ReadViewError, RowOwner, RowsOf, ViewFilter, ViewReader,
};
use views::{ViewSpec, ViewValue};

use super::rows::{page_row, with};
use super::statements::STATEMENTS_PATH;

/// A party has an account of a kind for each currency.
const ACCOUNTS_READ: u32 = 1_000;

/// Who has accounts with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatementParty {
    Seller(SellerId),
    Firm(FirmId),
}

impl StatementParty {
    /// `sel_7`, `firm_7`.
    pub fn read(text: &str) -> Option<StatementParty> {
        if let Some(id) = text.strip_prefix("sel_") {
            return id.parse().ok().map(|id| StatementParty::Seller(SellerId(id)));
        }
        let id = text.strip_prefix("firm_")?.parse().ok()?;
        Some(StatementParty::Firm(FirmId(id)))
    }

    pub fn of_grant(grant: AccessGrant) -> Option<StatementParty> {
        match grant {
            AccessGrant::Seller(seller) => Some(StatementParty::Seller(seller)),
            AccessGrant::Firm(firm) => Some(StatementParty::Firm(firm)),
            _ => None,
        }
    }

    pub fn id(self) -> String {
        match self {
            StatementParty::Seller(seller) => format!("sel_{seller}"),
            StatementParty::Firm(firm) => format!("firm_{firm}"),
        }
    }

    pub fn path(self) -> String {
        Link::to(STATEMENTS_PATH).part(&self.id()).text()
    }

    pub fn bits(self) -> i64 {
        match self {
            StatementParty::Seller(seller) => seller.0.cast_signed(),
            StatementParty::Firm(firm) => firm.0.cast_signed(),
        }
    }

    pub fn owner(self) -> RowOwner {
        match self {
            StatementParty::Seller(seller) => RowOwner::Seller(seller),
            StatementParty::Firm(firm) => RowOwner::Firm(firm),
        }
    }

    pub fn view(self) -> &'static str {
        match self {
            StatementParty::Seller(_) => "sellers",
            StatementParty::Firm(_) => "firms",
        }
    }

    /// What Doorstep owes it.
    pub fn kinds(self) -> &'static [AccountKind] {
        match self {
            StatementParty::Seller(_) => &[AccountKind::SellerHeld, AccountKind::SellerPayable],
            StatementParty::Firm(_) => &[AccountKind::FirmCommission],
        }
    }

    /// Whether a principal may see its statement.
    pub fn is_shown_to(self, principal: &Principal) -> bool {
        match principal.may(AccessFunction::Read("statements")) {
            AccessScope::All => true,
            AccessScope::Own(own) => {
                own.into_iter().any(|grant| StatementParty::of_grant(grant) == Some(self))
            }
            AccessScope::Nothing => false,
        }
    }
}

/// An account of a party.
#[derive(Clone, Debug)]
pub(super) struct PartyAccount {
    pub number: u32,
    pub code: u16,
    pub currency: String,
    pub name: String,
}

pub(super) fn number(row: &PageRow, view: &ViewSpec, column: &str) -> i64 {
    match view.place(column).map(|place| &row.values[place]) {
        Some(ViewValue::Number(number)) => *number,
        _ => 0,
    }
}

/// The accounts of some kinds that belong to an owner, in the order of the kinds.
pub(super) fn accounts_of(
    reader: &mut ViewReader,
    (owner, kinds): (i64, &[AccountKind]),
    at: u64,
) -> Result<Vec<PartyAccount>, ReadViewError> {
    let Some(accounts) = ViewSpec::find("accounts") else { return Ok(Vec::new()) };
    let owned = FilterOperator::Equal(ViewValue::Number(owner));
    let mut ask = with(accounts, "owner", owned, Some(at));
    let codes = kinds.iter().map(|kind| ViewValue::Number(kind.code().into()));
    let operator = FilterOperator::OneOf(codes.collect());
    ask.filters.push(ViewFilter { column: "code".to_owned(), operator });
    let rows = reader.list(&ListQuery { limit: ACCOUNTS_READ, ..ask })?.rows;
    let found = rows.into_iter().filter_map(|row| {
        let row = page_row(accounts, row);
        Some(PartyAccount {
            number: u32::try_from(number(&row, accounts, "account")).ok()?,
            code: u16::try_from(number(&row, accounts, "code")).ok()?,
            currency: row.raw_of(accounts, "currency")?.to_owned(),
            name: row.raw_of(accounts, "name")?.to_owned(),
        })
    });
    let mut found: Vec<PartyAccount> = found.collect();
    found.sort_by_key(|one| one.code);
    Ok(found)
}

/// What Doorstep owes on an account: credits less debits.
pub(super) fn owed(
    reader: &mut ViewReader,
    account: &PartyAccount,
    at: u64,
) -> Result<i64, ReadViewError> {
    Ok(-reader.balance(account.number, Some(at))?.0.unwrap_or(0))
}

/// The date of the last command until a batch.
pub(super) fn last_date(
    reader: &mut ViewReader,
    at: u64,
) -> Result<Option<BusinessDate>, ReadViewError> {
    let Some(log) = ViewSpec::find("commands") else { return Ok(None) };
    let ask = ListQuery { at: Some(at), limit: 1, ..ListQuery::of(log) };
    let page = reader.list(&ask)?;
    let row = page.rows.into_iter().next().map(|row| page_row(log, row));
    Ok(row.and_then(|row| row.raw_of(log, "date")?.parse().ok()))
}

/// The name of a party.
pub(super) fn name_of(
    reader: &mut ViewReader,
    party: StatementParty,
    at: u64,
) -> Result<Option<PageRow>, ReadViewError> {
    let Some(view) = ViewSpec::find(party.view()) else { return Ok(None) };
    let key = view.key.first().copied().unwrap_or_default();
    let id = FilterOperator::Equal(ViewValue::Number(party.bits()));
    let page = reader.list(&ListQuery { limit: 1, ..with(view, key, id, Some(at)) })?;
    Ok(page.rows.into_iter().next().map(|row| page_row(view, row)))
}

/// The rows of one party.
pub(super) fn rows_of_party(party: StatementParty) -> RowsOf {
    RowsOf::Own(vec![party.owner()])
}
