//! `doorstep payouts`, and the payout files of a day.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use books::{BusinessDate, Command, Event, ParcelId, PayoutId, PayoutLine, PlanId, Timestamp};
use clap::{Args, ValueEnum};
use engine::{CommandOutcome, Engine};
use files::date::CivilDate;
use files::pain001::{
    AccountScheme, BankAccount, BankAgent, CreditTransfer, CreditTransferInitiation, MessageTotals,
    Party, PaymentInformation, write,
};
use files::payouts as csv;
use node::replay::ReplayObserver;
use tariff::PaymentMethod;

use crate::books;
use crate::words::{bilingual, say};

/// Writes payout files for a bank or a finance team
///
/// The CSV lists every payout that was sent. The pain.001.001.09 message (ISO 20022) orders the
/// bank to pay the payouts of one plan; a payout's number is its EndToEndId.
#[derive(Args, Debug)]
pub struct PayoutsArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The format
    #[arg(long, value_enum)]
    format: Format,
    /// pain001: the plan, counted from 1 in the order of execution [default: the last one]
    #[arg(long, value_name = "NUMBER")]
    plan: Option<usize>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Csv,
    Pain001,
}

/// Amount in minor units.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountAndAmount {
    pub count: u64,
    pub amount: u64,
}

/// An executed settlement plan.
#[derive(Clone, Debug)]
pub struct ExecutedPlan {
    pub id: PlanId,
    pub at: Timestamp,
    pub date: BusinessDate,
    pub lines: Vec<PayoutLine>,
}

/// Sums of the journal's events. Amounts are in minor units.
#[derive(Debug, Default)]
pub struct DaySums {
    pub parcels: u64,
    pub announced: u64,
    pub card: CountAndAmount,
    pub qr: CountAndAmount,
    pub cash: CountAndAmount,
    pub delivered: u64,
    pub attempts: u64,
    pub part_accepted: u64,
    pub refused: CountAndAmount,
    pub returned: CountAndAmount,
    pub declined: u64,
    pub became_unknown: u64,
    pub reversed: u64,
    pub late_approvals: u64,
    pub short: CountAndAmount,
    pub surplus: CountAndAmount,
    pub breaks: u64,
    pub paid: CountAndAmount,
    pub payouts_returned: CountAndAmount,
    pub plans: Vec<ExecutedPlan>,
    due: HashMap<ParcelId, u64>,
    collected: HashMap<books::PaymentId, (PaymentMethod, u64)>,
}

impl CountAndAmount {
    fn add(&mut self, amount: u64) {
        self.count += 1;
        self.amount += amount;
    }
}

impl ReplayObserver for DaySums {
    fn command(
        &mut self,
        _: &Command,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        for event in &outcome.events {
            self.parcel_event(event);
            self.money_event(event);
            if let Event::SettlementExecuted { plan, lines } = event {
                let date = at.business_date(engine.utc_offset_minutes().unwrap_or(0));
                self.plans.push(ExecutedPlan { id: *plan, at, date, lines: lines.clone() });
            }
        }
        Ok(())
    }
}

impl DaySums {
    fn parcel_event(&mut self, event: &Event) {
        match event {
            Event::ParcelAnnounced { parcel, due, .. } => {
                self.parcels += 1;
                self.announced += due.minor();
                self.due.insert(*parcel, due.minor());
            }
            Event::PartAccepted { parcel, before, due } => {
                self.part_accepted += 1;
                self.refused.amount += before.minor() - due.minor();
                self.due.insert(*parcel, due.minor());
            }
            Event::ParcelRefused { parcel } => {
                let due = self.due.get(parcel).copied().unwrap_or(0);
                self.refused.add(due);
            }
            Event::ParcelReturned { parcel, .. } => {
                let due = self.due.get(parcel).copied().unwrap_or(0);
                self.returned.add(due);
            }
            Event::DeliveryAttempted { .. } => self.attempts += 1,
            Event::ParcelDelivered { .. } => self.delivered += 1,
            Event::ParcelReopened { .. } => self.delivered -= 1,
            _ => {}
        }
    }

    fn collected_by(&mut self, method: PaymentMethod) -> &mut CountAndAmount {
        match method {
            PaymentMethod::Card(_) => &mut self.card,
            PaymentMethod::Qr => &mut self.qr,
            PaymentMethod::Cash => &mut self.cash,
        }
    }

    fn money_event(&mut self, event: &Event) {
        match event {
            Event::PaymentCollected { payment, method, amount, .. } => {
                self.collected_by(*method).add(amount.minor());
                self.collected.insert(*payment, (*method, amount.minor()));
            }
            Event::PaymentReversed { payment, .. } => {
                self.reversed += 1;
                if let Some((method, amount)) = self.collected.remove(payment) {
                    let sum = self.collected_by(method);
                    sum.count -= 1;
                    sum.amount -= amount;
                }
            }
            Event::PaymentDeclined { .. } => self.declined += 1,
            Event::PaymentUnknown { .. } => self.became_unknown += 1,
            Event::LateApproval { .. } => self.late_approvals += 1,
            Event::HandOverCounted { expected, counted, .. } => {
                if counted < expected {
                    self.short.add(expected.minor() - counted.minor());
                } else if counted > expected {
                    self.surplus.add(counted.minor() - expected.minor());
                }
            }
            Event::BreakRaised { .. } => self.breaks += 1,
            Event::PayoutConfirmed { net, .. } => self.paid.add(net.minor()),
            Event::PayoutReturned { net, .. } => self.payouts_returned.add(net.minor()),
            _ => {}
        }
    }

    /// Every payout that was sent, by number.
    pub fn payouts(&self) -> Vec<PayoutLine> {
        let lines = self.plans.iter().flat_map(|plan| plan.lines.iter().copied());
        let by_number: BTreeMap<PayoutId, PayoutLine> =
            lines.map(|line| (line.payout, line)).collect();
        by_number.into_values().collect()
    }
}

/// Sums up the whole journal.
pub fn day_sums(data: &Path) -> anyhow::Result<DaySums> {
    let mut sums = DaySums::default();
    books::replay_all(data, &mut sums)?;
    Ok(sums)
}

pub fn run(args: &PayoutsArgs) -> anyhow::Result<()> {
    let mut sums = DaySums::default();
    let (engine, _) = books::replay_all(&args.data, &mut sums)?;
    match args.format {
        Format::Csv => {
            let lines = write_csv(&sums, &engine, &args.out)?;
            let file = args.out.display();
            say!("{}", bilingual!("{file}: {lines} payouts", "{file}：{lines} 笔打款"));
        }
        Format::Pain001 => {
            let plans = sums.plans.len();
            ensure!(
                plans > 0,
                bilingual!(
                    "no settlement plan was executed in these books, so there is no payout",
                    "账簿中尚无已执行的结算计划，没有打款"
                )
            );
            let number = args.plan.unwrap_or(plans);
            let Some(plan) = number.checked_sub(1).and_then(|place| sums.plans.get(place)) else {
                bail!(bilingual!(
                    "--plan {number}: these books have plans 1 to {plans}",
                    "--plan {number}：账簿中有计划 1 到 {plans}"
                ));
            };
            let written = write_message(plan, &engine, &args.out)?;
            let MessageTotals { transfers, control_sum } = written;
            let file = args.out.display();
            say!(
                "{}",
                bilingual!(
                    "{file}: {transfers} transfers, {control_sum}",
                    "{file}：{transfers} 笔转账，合计 {control_sum}"
                )
            );
        }
    }
    Ok(())
}

/// Writes the CSV of all payouts, and returns their number.
pub fn write_csv(sums: &DaySums, engine: &Engine, path: &Path) -> anyhow::Result<usize> {
    let amount = |minor: u64| {
        money::Amount::new(minor).context("an amount above the largest that can be written")
    };
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
        });
    }
    files::atomic::write_atomically(path, |out| csv::write_csv(&lines, out))
        .with_context(|| path.display().to_string())
}

fn seller(engine: &Engine, line: &PayoutLine) -> String {
    engine
        .seller_reference(line.seller)
        .map_or_else(|| format!("{:016x}", line.seller.0), str::to_owned)
}

/// Writes one message per plan to the data directory: `payouts-1.xml`, …
pub fn write_messages(
    sums: &DaySums,
    engine: &Engine,
    data: &Path,
) -> anyhow::Result<Vec<PathBuf>> {
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
fn write_message(
    plan: &ExecutedPlan,
    engine: &Engine,
    path: &Path,
) -> anyhow::Result<MessageTotals> {
    let scheme = || Some(AccountScheme::Proprietary("DOORSTEP".into()));
    let mut payments: BTreeMap<money::Currency, Vec<CreditTransfer>> = BTreeMap::new();
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
    let debtor = |currency: money::Currency| Party {
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
        created_at_ms: i64::try_from(plan.at.0).context("the time of the plan")?,
        execution_date: plan
            .date
            .to_string()
            .parse::<CivilDate>()
            .map_err(|error| anyhow!("{error}"))?,
        initiator: "Doorstep".into(),
        payments: entries,
    };
    files::atomic::write_atomically(path, |out| write(&message, out))
        .with_context(|| path.display().to_string())
}
