//! Payouts out: `doorstep payouts`, and the files of a day.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, ValueEnum};
use engine::{
    BusinessDate, Command, Engine, Event, Outcome, ParcelId, PayoutId, PayoutLine, PlanId,
    Timestamp,
};
use files::civil::Date;
use files::pain001::{
    Account, AccountScheme, Agent, Initiation, Party, Payment, Transfer, Written, write,
};
use files::payouts as csv;
use node::replay::Watcher;
use tariff::Tender;

use crate::books;
use crate::words::say;

/// Writes payouts for a bank or a finance team.
///
/// The CSV has every payout that was sent; the pain.001.001.09 message (ISO 20022) has one plan's,
/// for the bank to pay. The payout's number is its EndToEndId.
#[derive(Args, Debug)]
pub struct PayoutsArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The format
    #[arg(long, value_enum)]
    format: Format,
    /// pain001: which plan, counted from 1 as they were executed; without it, the last one
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

/// Money by kind of tender, in minor units, and how many payments.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    pub count: u64,
    pub amount: u64,
}

/// A plan that was executed.
#[derive(Clone, Debug)]
pub struct Plan {
    pub id: PlanId,
    pub at: Timestamp,
    pub date: BusinessDate,
    pub lines: Vec<PayoutLine>,
}

/// What the journal says of parcels and payouts. Amounts are in minor units.
#[derive(Debug, Default)]
pub struct DaySums {
    pub parcels: u64,
    pub announced: u64,
    pub card: Taken,
    pub qr: Taken,
    pub cash: Taken,
    pub delivered: u64,
    pub attempts: u64,
    pub part_accepted: u64,
    pub refused: Taken,
    pub returned: Taken,
    pub declined: u64,
    pub became_unknown: u64,
    pub reversed: u64,
    pub late_approvals: u64,
    pub short: Taken,
    pub surplus: Taken,
    pub breaks: u64,
    pub paid: Taken,
    pub came_back: Taken,
    pub plans: Vec<Plan>,
    due: HashMap<ParcelId, u64>,
    collected: HashMap<engine::TenderId, (Tender, u64)>,
}

impl Taken {
    fn add(&mut self, amount: u64) {
        self.count += 1;
        self.amount += amount;
    }
}

impl Watcher for DaySums {
    fn command(
        &mut self,
        _: &Command,
        at: Timestamp,
        outcome: &Outcome,
        engine: &Engine,
    ) -> Result<(), String> {
        for event in &outcome.events {
            self.parcel_event(event);
            self.money_event(event);
            if let Event::Executed { plan, lines } = event {
                let date = at.date(engine.utc_offset_minutes().unwrap_or(0));
                self.plans.push(Plan { id: *plan, at, date, lines: lines.clone() });
            }
        }
        Ok(())
    }
}

impl DaySums {
    fn parcel_event(&mut self, event: &Event) {
        match event {
            Event::Announced { parcel, due, .. } => {
                self.parcels += 1;
                self.announced += due.minor();
                self.due.insert(*parcel, due.minor());
            }
            Event::PartAccepted { parcel, before, due } => {
                self.part_accepted += 1;
                self.refused.amount += before.minor() - due.minor();
                self.due.insert(*parcel, due.minor());
            }
            Event::Refused { parcel } => {
                let due = self.due.get(parcel).copied().unwrap_or(0);
                self.refused.add(due);
            }
            Event::Returned { parcel, .. } => {
                let due = self.due.get(parcel).copied().unwrap_or(0);
                self.returned.add(due);
            }
            Event::Attempted { .. } => self.attempts += 1,
            Event::Delivered { .. } => self.delivered += 1,
            Event::Reopened { .. } => self.delivered -= 1,
            _ => {}
        }
    }

    fn taken(&mut self, tender: Tender) -> &mut Taken {
        match tender {
            Tender::Card(_) => &mut self.card,
            Tender::Qr => &mut self.qr,
            Tender::Cash => &mut self.cash,
        }
    }

    fn money_event(&mut self, event: &Event) {
        match event {
            Event::Collected { tender, method, amount, .. } => {
                self.taken(*method).add(amount.minor());
                self.collected.insert(*tender, (*method, amount.minor()));
            }
            Event::Reversed { tender, .. } => {
                self.reversed += 1;
                if let Some((method, amount)) = self.collected.remove(tender) {
                    let taken = self.taken(method);
                    taken.count -= 1;
                    taken.amount -= amount;
                }
            }
            Event::Declined { .. } => self.declined += 1,
            Event::BecameUnknown { .. } => self.became_unknown += 1,
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
            Event::PayoutReturned { net, .. } => self.came_back.add(net.minor()),
            _ => {}
        }
    }

    /// Every payout that was sent, in the order of the numbers.
    pub fn payouts(&self) -> Vec<PayoutLine> {
        let lines = self.plans.iter().flat_map(|plan| plan.lines.iter().copied());
        let by_number: BTreeMap<PayoutId, PayoutLine> =
            lines.map(|line| (line.payout, line)).collect();
        by_number.into_values().collect()
    }
}

/// Reads the whole journal.
pub fn day_sums(data: &Path) -> anyhow::Result<DaySums> {
    let mut sums = DaySums::default();
    books::read_all(data, &mut sums)?;
    Ok(sums)
}

/// Writes payouts.
pub fn run(args: &PayoutsArgs) -> anyhow::Result<()> {
    let mut sums = DaySums::default();
    let (engine, _) = books::read_all(&args.data, &mut sums)?;
    match args.format {
        Format::Csv => {
            let lines = write_csv(&sums, &engine, &args.out)?;
            say!("{}: {lines} payouts", args.out.display());
        }
        Format::Pain001 => {
            let plans = sums.plans.len();
            ensure!(plans > 0, "no plan was executed in these books yet: nobody is to be paid");
            let number = args.plan.unwrap_or(plans);
            let Some(plan) = number.checked_sub(1).and_then(|place| sums.plans.get(place)) else {
                bail!("--plan {number}: these books have the plans 1 to {plans}");
            };
            let written = write_message(plan, &engine, &args.out)?;
            let Written { transfers, control_sum } = written;
            say!("{}: {transfers} transfers, {control_sum}", args.out.display());
        }
    }
    Ok(())
}

/// Writes the CSV of all payouts, and tells how many there are.
pub fn write_csv(sums: &DaySums, engine: &Engine, path: &Path) -> anyhow::Result<usize> {
    let amount =
        |minor: u64| money::Amount::new(minor).context("an amount beyond what can be written");
    let mut lines = Vec::new();
    for line in sums.payouts() {
        lines.push(csv::PayoutLine {
            payout: line.payout.0.to_string(),
            seller: seller(engine, &line),
            currency: line.currency,
            gross: amount(line.gross)?,
            fees: amount(line.fees)?,
            net: line.net,
            given_back: amount(line.given_back)?,
            returned: amount(line.returned)?,
        });
    }
    files::whole::write_whole(path, |out| csv::write_csv(&lines, out))
        .with_context(|| path.display().to_string())
}

fn seller(engine: &Engine, line: &PayoutLine) -> String {
    engine
        .seller_reference(line.seller)
        .map_or_else(|| format!("{:016x}", line.seller.0), str::to_owned)
}

/// Writes a message for each plan beside the books: `payouts-1.xml`, …
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

/// The message of one plan. Sellers' names and accounts are not in the books (M12); until they come
/// from the vault, a payee is named by the seller's reference, and its account by the seller's
/// number in a scheme of its own.
fn write_message(plan: &Plan, engine: &Engine, path: &Path) -> anyhow::Result<Written> {
    let scheme = || Some(AccountScheme::Proprietary("DOORSTEP".into()));
    let mut payments: BTreeMap<money::Currency, Vec<Transfer>> = BTreeMap::new();
    for line in &plan.lines {
        let seller = seller(engine, line);
        let creditor = Party {
            name: seller,
            account: Account::Other { id: format!("{:016x}", line.seller.0), scheme: scheme() },
            agent: Agent::Other("NOTPROVIDED".into()),
        };
        payments.entry(line.currency).or_default().push(Transfer {
            payout: line.payout.0.to_string(),
            amount: line.net,
            creditor,
            remittance: Some(format!("Doorstep payout {}", line.payout.0)),
        });
    }
    let debtor = |currency: money::Currency| Party {
        name: "Doorstep".into(),
        account: Account::Other { id: format!("DOORSTEP-{currency}"), scheme: scheme() },
        agent: Agent::Other("NOTPROVIDED".into()),
    };
    let mut entries = Vec::new();
    for (currency, transfers) in payments {
        entries.push(Payment { currency, debtor: debtor(currency), transfers });
    }
    let message = Initiation {
        message_id: format!("DOORSTEP-PLAN-{:016x}", plan.id.0),
        created_at_ms: i64::try_from(plan.at.0).context("the time of the plan")?,
        execution_date: plan
            .date
            .to_string()
            .parse::<Date>()
            .map_err(|error| anyhow!("{error}"))?,
        initiator: "Doorstep".into(),
        payments: entries,
    };
    files::whole::write_whole(path, |out| write(&message, out))
        .with_context(|| path.display().to_string())
}
