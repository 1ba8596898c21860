use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use books::PayoutLine;
use engine::Engine;
use files::atomic::write_atomically;
use files::pain001::{
    AccountScheme, BankAccount, BankAgent, CreditTransfer, CreditTransferInitiation, MessageTotals,
    Party, PaymentInformation, write,
};
use files::payouts as csv;
use money::{Amount, Currency};

use crate::{DaySums, ExecutedPlan, PayoutWriteError};

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
            seller: seller(engine, &line),
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

fn seller(engine: &Engine, line: &PayoutLine) -> String {
    engine
        .books()
        .seller_reference(line.seller)
        .map_or_else(|| format!("{:016x}", line.seller.0), str::to_owned)
}

/// Writes one message per plan to the data directory: `payouts-1.xml`, …
pub fn write_messages(
    sums: &DaySums,
    engine: &Engine,
    data: &Path,
) -> Result<Vec<PathBuf>, PayoutWriteError> {
    let mut paths = Vec::new();
    for (number, plan) in (1..).zip(&sums.plans) {
        let path = data.join(format!("payouts-{number}.xml"));
        write_message(plan, engine, &path)?;
        paths.push(path);
    }
    Ok(paths)
}

/// Writes the message of one plan. The books hold no names or bank accounts of sellers (M12): the
/// seller's reference stands for the name, and the seller's number in the scheme `DOORSTEP` for the
/// account.
pub fn write_message(
    plan: &ExecutedPlan,
    engine: &Engine,
    path: &Path,
) -> Result<MessageTotals, PayoutWriteError> {
    let scheme = || Some(AccountScheme::Proprietary("DOORSTEP".into()));
    let mut payments: BTreeMap<Currency, Vec<CreditTransfer>> = BTreeMap::new();
    for line in &plan.lines {
        let seller = seller(engine, line);
        let creditor = Party {
            name: seller,
            account: BankAccount::Other { id: format!("{:016x}", line.seller.0), scheme: scheme() },
            agent: BankAgent::Other("NOTPROVIDED".into()),
        };
        payments.entry(line.currency).or_default().push(CreditTransfer {
            payout: line.payout.0.to_string(),
            amount: line.net,
            creditor,
            remittance: Some(format!("Doorstep payout {}", line.payout.0)),
        });
    }
    let debtor = |currency: Currency| Party {
        name: "Doorstep".into(),
        account: BankAccount::Other { id: format!("DOORSTEP-{currency}"), scheme: scheme() },
        agent: BankAgent::Other("NOTPROVIDED".into()),
    };
    let mut entries = Vec::new();
    for (currency, transfers) in payments {
        entries.push(PaymentInformation { currency, debtor: debtor(currency), transfers });
    }
    let message = CreditTransferInitiation {
        message_id: format!("DOORSTEP-PLAN-{:016x}", plan.id.0),
        created_at_ms: plan.at.0,
        execution_date: plan.date.civil(),
        initiator: "Doorstep".into(),
        payments: entries,
    };
    write_atomically(path, |out| write(&message, out))
        .map_err(|source| PayoutWriteError::Message { path: path.to_owned(), source })
}
