//! What a statement is made of: balances, sums and postings of a party's accounts for some days,
//! read page by page. However many postings there are, only those of a page are in memory.

use std::collections::{BTreeMap, HashMap};

use books::BusinessDate;
use pages::PageRow;
use views::read::{
    AccountDays, FILTER_VALUES_MAX, FilterOperator, ListQuery, ReadViewError, ViewPosition,
    ViewReader,
};
use views::{ViewSpec, ViewValue};

use super::party_accounts::{
    PartyAccount, StatementParty, accounts_of, last_date, name_of, number, owed,
};
use super::rows::{page_row, time_of, with};

/// Postings of an account that are read at once.
const POSTINGS_READ: u32 = 1_000;

/// What is asked for.
#[derive(Clone, Default)]
pub(super) struct AskedDays {
    pub from: Option<BusinessDate>,
    pub until: Option<BusinessDate>,
    pub currency: Option<String>,
}

/// A statement without its lines.
pub(super) struct PartyStatement {
    pub postings: &'static ViewSpec,
    pub position: ViewPosition,
    pub time: i64,
    pub party: String,
    pub currencies: Vec<String>,
    pub currency: String,
    pub last_day: BusinessDate,
    pub days: (BusinessDate, BusinessDate),
    pub accounts: Vec<PartyAccount>,
    /// Of each account.
    pub opening: Vec<i64>,
    pub closing: Vec<i64>,
    /// What happened in the days, each entry with the sum of what it moved.
    pub entries: Vec<(String, i64)>,
    /// Outside these batches there is no posting of the days.
    batches: (u64, u64),
}

/// A posting that moved an account of the party.
pub(super) struct Moved {
    pub row: PageRow,
    /// The change of each account.
    pub changes: Vec<i64>,
}

/// Some postings, and the last one that was looked at, if more follow.
pub(super) struct MovedPage {
    pub moved: Vec<Moved>,
    pub next: Option<i64>,
}

/// The first day of a date's month.
pub(super) fn month_of(day: BusinessDate) -> BusinessDate {
    let first = day.civil().first_of_month();
    first.to_string().parse().unwrap_or(day)
}

impl Moved {
    pub fn posting(&self, postings: &ViewSpec) -> i64 {
        number(&self.row, postings, "posting")
    }
}

impl PartyStatement {
    /// `None` if there is no such party, or it has no account.
    pub fn read(
        reader: &mut ViewReader,
        party: StatementParty,
        asked: &AskedDays,
        at: Option<u64>,
    ) -> Result<Option<PartyStatement>, ReadViewError> {
        let Some(postings) = ViewSpec::find("postings") else { return Ok(None) };
        let position = reader.position()?;
        let batch = at.unwrap_or(position.batch);
        let position = ViewPosition { batch, ..position };
        let time = time_of(reader, &position)?;
        let Some(row) = name_of(reader, party, batch)? else { return Ok(None) };
        let name = ViewSpec::find(party.view()).and_then(|view| row.raw_of(view, "reference"));
        let Some(last_day) = last_date(reader, batch)? else { return Ok(None) };
        let all = accounts_of(reader, (party.bits(), party.kinds()), batch)?;
        let mut currencies: Vec<String> = all.iter().map(|one| one.currency.clone()).collect();
        currencies.sort();
        currencies.dedup();
        let asked_for = asked.currency.clone().filter(|one| currencies.contains(one));
        let Some(currency) = asked_for.or_else(|| currencies.first().cloned()) else {
            return Ok(None);
        };
        let accounts: Vec<_> = all.into_iter().filter(|one| one.currency == currency).collect();
        let until = asked.until.unwrap_or(last_day);
        let from = asked.from.unwrap_or_else(|| month_of(until.min(last_day)));
        // A batch can begin on the day before.
        let first = match from > last_day {
            true => batch,
            false => reader.first_batch(&from.to_string(), batch)?.saturating_sub(1),
        };
        let last = reader.first_batch(&until.plus_days(1).to_string(), batch)?;
        let mut statement = PartyStatement {
            postings,
            position,
            time,
            party: name.unwrap_or_default().to_owned(),
            currencies,
            currency,
            last_day,
            days: (from, until),
            opening: vec![0; accounts.len()],
            closing: vec![0; accounts.len()],
            accounts,
            entries: Vec::new(),
            batches: (first, last.max(first)),
        };
        if !statement.is_backwards() {
            statement.read_sums(reader)?;
        }
        Ok(Some(statement))
    }

    /// The first day is after the last one.
    pub fn is_backwards(&self) -> bool {
        self.days.0 > self.days.1
    }

    fn asked(&self, account: &PartyAccount, after: i64) -> AccountDays {
        AccountDays {
            account: account.number,
            batches: self.batches.0..=self.batches.1,
            days: (self.days.0.to_string(), self.days.1.to_string()),
            after,
        }
    }

    fn read_sums(&mut self, reader: &mut ViewReader) -> Result<(), ReadViewError> {
        let mut entries: BTreeMap<(i64, String), i64> = BTreeMap::new();
        let mut firsts: HashMap<String, i64> = HashMap::new();
        for place in 0..self.accounts.len() {
            let account = &self.accounts[place];
            self.opening[place] = match self.balance_before(reader, account, 0)? {
                Some(opening) => opening,
                None => owed(reader, account, self.batches.0)?,
            };
            self.closing[place] = self.opening[place];
            for (entry, change, first) in reader.account_changes(&self.asked(account, 0))? {
                self.closing[place] += change;
                let first = *firsts.entry(entry.clone()).or_insert(first);
                *entries.entry((first, entry)).or_default() += change;
            }
        }
        // What only went from one account to the other changed nothing of what is owed.
        let entries = entries.into_iter().filter(|(_, sum)| *sum != 0);
        self.entries = entries.map(|((_, entry), sum)| (entry, sum)).collect();
        Ok(())
    }

    /// What was owed on an account before its first posting of the days that follows another one.
    /// `None` if none follows.
    fn balance_before(
        &self,
        reader: &mut ViewReader,
        account: &PartyAccount,
        after: i64,
    ) -> Result<Option<i64>, ReadViewError> {
        let (rows, _) = reader.account_lines(&self.asked(account, after), 1)?;
        Ok(rows.into_iter().next().map(|row| {
            let (change, owed) = change_of(&page_row(self.postings, row), self.postings, account);
            owed - change
        }))
    }

    /// What was owed on each account after a posting of the days.
    pub fn balances_after(
        &self,
        reader: &mut ViewReader,
        after: i64,
    ) -> Result<Vec<i64>, ReadViewError> {
        let accounts = self.accounts.iter().zip(&self.closing);
        let balances = accounts.map(|(account, closing)| {
            Ok(self.balance_before(reader, account, after)?.unwrap_or(*closing))
        });
        balances.collect()
    }

    /// The postings after another one: at least one, if there is one.
    pub fn moved_after(
        &self,
        reader: &mut ViewReader,
        after: i64,
    ) -> Result<MovedPage, ReadViewError> {
        let mut rows: BTreeMap<i64, PageRow> = BTreeMap::new();
        // Until here all accounts are read.
        let mut known: Option<i64> = None;
        for account in &self.accounts {
            let (some, more) = reader.account_lines(&self.asked(account, after), POSTINGS_READ)?;
            let mut last = after;
            for row in some {
                let row = page_row(self.postings, row);
                last = number(&row, self.postings, "posting");
                rows.insert(last, row);
            }
            if more {
                known = Some(known.map_or(last, |known| known.min(last)));
            }
        }
        if let Some(known) = known {
            rows.retain(|posting, _| *posting <= known);
        }
        let moved = rows.into_values().map(|row| {
            let accounts = self.accounts.iter();
            let changes = accounts.map(|account| change_of(&row, self.postings, account).0);
            Moved { changes: changes.collect(), row }
        });
        Ok(MovedPage { moved: moved.collect(), next: known })
    }

    /// The postings of the first lines after a posting, each line as many as it has, and the last
    /// posting if more lines follow.
    pub fn lines_after(
        &self,
        reader: &mut ViewReader,
        mut after: i64,
        most: usize,
    ) -> Result<(Vec<Vec<Moved>>, Option<i64>), ReadViewError> {
        let key = |one: &Moved| {
            ["batch", "command", "parcel", "payment"]
                .map(|column| one.row.raw_of(self.postings, column).map(str::to_owned))
        };
        let mut lines: Vec<Vec<Moved>> = Vec::new();
        loop {
            let page = self.moved_after(reader, after)?;
            for one in page.moved {
                match lines.last_mut() {
                    // A command's postings for one payment are one line.
                    Some(line) if key(&line[0]) == key(&one) => line.push(one),
                    _ => lines.push(vec![one]),
                }
            }
            // The last line is whole once another one follows.
            if lines.len() > most {
                lines.truncate(most);
                let last = lines.last().and_then(|line| line.last());
                let last = last.map(|one| one.posting(self.postings));
                return Ok((lines, last));
            }
            let Some(next) = page.next else { return Ok((lines, None)) };
            after = next;
        }
    }

    /// What the orders of the parcels of some postings are called, by parcel.
    pub fn orders<'m>(
        &self,
        reader: &mut ViewReader,
        moved: impl Iterator<Item = &'m Moved>,
    ) -> Result<HashMap<String, String>, ReadViewError> {
        let mut found = HashMap::new();
        let (Some(orders), Some(place)) = (ViewSpec::find("orders"), self.postings.place("parcel"))
        else {
            return Ok(found);
        };
        let parcels = moved.map(|one| one.row.values[place].clone());
        let mut parcels: Vec<ViewValue> =
            parcels.filter(|value| *value != ViewValue::Empty).collect();
        parcels.dedup();
        let at = Some(self.position.batch);
        for some in parcels.chunks(FILTER_VALUES_MAX) {
            let ask = with(orders, "parcel", FilterOperator::OneOf(some.to_vec()), at);
            for row in reader.list(&ListQuery { limit: POSTINGS_READ, ..ask })?.rows {
                let row = page_row(orders, row);
                let named = (row.raw_of(orders, "parcel"), row.raw_of(orders, "reference"));
                if let (Some(parcel), Some(order)) = named {
                    found.insert(parcel.to_owned(), order.to_owned());
                }
            }
        }
        Ok(found)
    }
}

/// How a posting changed what is owed on an account, and what is owed after it.
fn change_of(row: &PageRow, postings: &ViewSpec, account: &PartyAccount) -> (i64, i64) {
    let of = |column: &str| number(row, postings, column);
    let (account, amount) = (i64::from(account.number), of("amount"));
    if of("credit") == account {
        (amount, -of("credit_balance"))
    } else if of("debit") == account {
        (-amount, -of("debit_balance"))
    } else {
        (0, 0)
    }
}
