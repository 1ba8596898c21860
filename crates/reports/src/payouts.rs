use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use books::{BusinessDate, PayoutAccountView, PayoutLine, Timestamp};
use engine::Engine;
use files::atomic::write_atomically;
use files::pain001::{
    AccountScheme, BankAccount, BankAgent, CreditTransfer, CreditTransferError,
    CreditTransferInitiation, MessageTotals, Party, PaymentInformation, write,
};
use files::payouts as csv;
use money::{Amount, Currency};

use crate::{DaySums, ExecutedPlan, LateAccount, PayoutWriteError};

/// Writes the CSV of all payouts, and returns their number.
pub fn write_payouts_csv(
    sums: &DaySums,
    engine: &Engine,
    path: &Path,
) -> Result<usize, PayoutWriteError> {
    let amount = |minor: u64| Amount::new(minor).ok_or(PayoutWriteError::Amount);
    let mut lines = Vec::new();
    for line in sums.payouts() {
        lines.push(csv::PayoutRow {
            payout: line.payout.0.to_string(),
            seller: payout_seller(engine, &line),
            currency: line.currency,
            gross: amount(line.gross)?,
            fees: amount(line.fees)?,
            net: line.net,
            refunded: amount(line.refunded)?,
            returned: amount(line.returned)?,
            invoiced: amount(line.invoiced)?,
            compensated: amount(line.compensated)?,
        });
    }
    write_atomically(path, |out| csv::write_csv(&lines, out))
        .map_err(|source| PayoutWriteError::Csv { path: path.to_owned(), source })
}

/// The reference of a payout's seller.
#[must_use]
pub fn payout_seller(engine: &Engine, line: &PayoutLine) -> String {
    engine
        .books()
        .seller_reference(line.seller)
        .map_or_else(|| format!("{:016x}", line.seller.0), str::to_owned)
}

/// One message to a bank. Its content follows from the journal and the vault, so it can be written
/// again with the same id.
#[derive(Clone, Debug)]
pub struct PayoutMessage {
    pub id: String,
    pub file_name: String,
    pub at: Timestamp,
    pub date: BusinessDate,
    /// With the account in the vault. `None` stands for a made-up account, in trial books.
    pub payouts: Vec<(PayoutLine, Option<PayoutAccountView>)>,
    /// Whether it says that it is for a trial.
    pub trial: bool,
}

impl ExecutedPlan {
    /// The messages of the plan: one of the payouts whose sellers had an account when it was
    /// executed, and one of each payout whose seller got one later. What waits for an account is in
    /// none. In trial books a seller without an account has a made-up one.
    #[must_use]
    pub fn messages(&self, trial: bool) -> Vec<PayoutMessage> {
        let known = |line: &PayoutLine| self.accounts.get(&line.payout).copied();
        let all = self.lines.iter().map(|line| (*line, known(line)));
        let prefix = if trial { "TRIAL" } else { "DOORSTEP" };
        let planned = PayoutMessage {
            id: format!("{prefix}-PLAN-{:016x}", self.id.0),
            file_name: format!("payouts-{}.xml", self.id),
            at: self.at,
            date: self.date,
            payouts: all.filter(|(_, account)| trial || account.is_some()).collect(),
            trial,
        };
        let late = self.lines.iter().filter_map(|line| {
            let LateAccount { account, at, date } = *self.late_accounts.get(&line.payout)?;
            Some(PayoutMessage {
                id: format!("{prefix}-LATE-{:016x}", line.payout.0),
                file_name: format!("payouts-{}-{}.xml", self.id, line.payout),
                at,
                date,
                payouts: vec![(*line, Some(account))],
                trial,
            })
        });
        let planned = (!planned.payouts.is_empty()).then_some(planned);
        planned.into_iter().chain(late.filter(|_| !trial)).collect()
    }

    /// The payouts that wait for an account of their seller.
    #[must_use]
    pub fn without_account(&self) -> Vec<PayoutLine> {
        let waits = |line: &&PayoutLine| {
            !self.accounts.contains_key(&line.payout)
                && !self.late_accounts.contains_key(&line.payout)
        };
        self.lines.iter().filter(waits).copied().collect()
    }
}

/// Writes the messages of all plans of trial books with made-up accounts: `payouts-PLAN.xml`, …
pub fn write_trial_messages(
    sums: &DaySums,
    engine: &Engine,
    data: &Path,
) -> Result<Vec<PathBuf>, PayoutWriteError> {
    let mut paths = Vec::new();
    for message in sums.plans.iter().flat_map(|plan| plan.messages(true)) {
        let path = data.join(&message.file_name);
        let creditors = message.payouts.iter().map(|(line, _)| made_up_creditor(engine, line));
        write_message(&message, creditors.collect(), made_up_debtor, &path)?;
        paths.push(path);
    }
    Ok(paths)
}

const TRIAL_SCHEME: &str = "DOORSTEP-TRIAL";

fn made_up(name: String, account: String) -> Party {
    let scheme = Some(AccountScheme::Proprietary(TRIAL_SCHEME.into()));
    let account = BankAccount::Other { id: account, scheme };
    Party { name, account, agent: BankAgent::Other("NOTPROVIDED".into()) }
}

/// A made-up account of a seller, for trials: no bank has it.
#[must_use]
pub fn made_up_creditor(engine: &Engine, line: &PayoutLine) -> Party {
    made_up(
        format!("TRIAL {}", payout_seller(engine, line)),
        format!("TRIAL-{:016x}", line.seller.0),
    )
}

/// A made-up account of our own, for trials.
#[must_use]
pub fn made_up_debtor(currency: Currency) -> Party {
    made_up("TRIAL Doorstep".to_owned(), format!("TRIAL-{currency}"))
}

/// Writes a message. `creditors` are in the order of its payouts, `debtor` pays in a currency.
pub fn write_message(
    message: &PayoutMessage,
    creditors: Vec<Party>,
    debtor: impl Fn(Currency) -> Party,
    path: &Path,
) -> Result<MessageTotals, PayoutWriteError> {
    let initiation = initiation(message, creditors, debtor);
    write_atomically(path, |out| write(&initiation, out))
        .map_err(|source| PayoutWriteError::Message { path: path.to_owned(), source })
}

/// A message, as [`write_message`] writes it.
///
/// # Errors
/// Its content is none that a bank takes.
pub fn message_text(
    message: &PayoutMessage,
    creditors: Vec<Party>,
    debtor: impl Fn(Currency) -> Party,
) -> Result<(String, MessageTotals), CreditTransferError> {
    let mut out = Vec::new();
    let totals = write(&initiation(message, creditors, debtor), &mut out)?;
    Ok((String::from_utf8_lossy(&out).into_owned(), totals))
}

fn initiation(
    message: &PayoutMessage,
    creditors: Vec<Party>,
    debtor: impl Fn(Currency) -> Party,
) -> CreditTransferInitiation {
    let mut payments: BTreeMap<Currency, Vec<CreditTransfer>> = BTreeMap::new();
    for ((line, _), creditor) in message.payouts.iter().zip(creditors) {
        payments.entry(line.currency).or_default().push(CreditTransfer {
            payout: line.payout.0.to_string(),
            amount: line.net,
            creditor,
            remittance: Some(format!("Doorstep payout {}", line.payout.0)),
        });
    }
    let mut entries = Vec::new();
    for (currency, transfers) in payments {
        entries.push(PaymentInformation { currency, debtor: debtor(currency), transfers });
    }
    let initiator = entries.first().map_or_else(String::new, |entry| entry.debtor.name.clone());
    CreditTransferInitiation {
        message_id: message.id.clone(),
        created_at_ms: message.at.0,
        execution_date: message.date.civil(),
        initiator,
        payments: entries,
    }
}
