//! From the book to parcels: what each order comes to.

use std::collections::HashSet;
use std::sync::Arc;

use money::Amount;

use crate::profile::Profile;

use super::book::{Book, Facts, Fate, Goods, Item, OrderNumber, Spot};
use super::report::{ImportReport, LeftOut, Reason};
use super::{Import, OrderParcel};

/// What became of an order.
enum Outcome {
    Taken,
    LeftOutByStatus,
    LeftOutByRule(usize),
    Spoiled,
}

/// What one seller has in an order.
struct Share {
    seller: u32,
    spot: Spot,
    amount: Amount,
    quantity: u32,
}

/// Makes parcels of the orders that are whole, and the account of all.
pub fn settle(profile: &Profile, mut book: Book) -> Import {
    let mut items = std::mem::take(&mut book.items);
    // Stable: within an order the items stay as they were read.
    items.sort_by_key(|item| item.order);
    let (mut parcels, mut report) = (Vec::new(), ImportReport::default());
    let mut rest = items.as_slice();
    for index in 0..book.orders.len() {
        let length = rest.partition_point(|item| item.order.index() <= index);
        let (own, after) = rest.split_at(length);
        rest = after;
        let outcome = order(profile, &mut book, index, own, &mut parcels);
        count(profile, &outcome, &mut report);
    }
    fill(&mut report, book, &parcels);
    assert_eq!(
        report.orders,
        report.orders_taken
            + report.orders_left_out_by_status
            + report.left_out_by_reason.values().sum::<u64>()
            + report.orders_spoiled,
        "every order is accounted for"
    );
    Import { parcels, report }
}

fn count(profile: &Profile, outcome: &Outcome, report: &mut ImportReport) {
    report.orders += 1;
    match *outcome {
        Outcome::Taken => report.orders_taken += 1,
        Outcome::LeftOutByStatus => report.orders_left_out_by_status += 1,
        Outcome::LeftOutByRule(rule) => {
            let reason = Arc::clone(&profile.order.take_when[rule].otherwise);
            *report.left_out_by_reason.entry(reason).or_default() += 1;
        }
        Outcome::Spoiled => report.orders_spoiled += 1,
    }
}

fn fill(report: &mut ImportReport, book: Book, parcels: &[OrderParcel]) {
    for status in book.orders.iter().filter_map(|order| order.status) {
        let status = Arc::clone(&book.statuses.texts[status as usize]);
        *report.orders_by_status.entry(status).or_default() += 1;
    }
    for parcel in parcels {
        let due = report.amount_due.entry(parcel.currency).or_default();
        *due += u128::from(parcel.amount_due.minor());
    }
    let sellers: HashSet<&str> = parcels.iter().map(|parcel| &*parcel.seller).collect();
    report.sellers = sellers.len() as u64;
    report.parcels = parcels.len() as u64;
    report.files = book.files;
    report.repeated_lines = book.repeated_lines;
    report.bad_by_kind = book.bad_by_kind;
    let mut bad = book.bad;
    bad.sort_by_key(|(spot, _)| *spot);
    report.bad = bad.into_iter().map(|(_, line)| line).collect();
}

fn order(
    profile: &Profile,
    book: &mut Book,
    index: usize,
    items: &[Item],
    parcels: &mut Vec<OrderParcel>,
) -> Outcome {
    let order = &book.orders[index];
    let (number, spot) = (OrderNumber::of(index), order.spot);
    let suspect = book.is_suspect(&order.reference);
    if order.stray_items > 0 && !suspect {
        let items = order.stray_items;
        book.bad_of_order(number, spot, None, Reason::NoOrder { items });
    }
    let order = &book.orders[index];
    if order.spoiled || suspect {
        return Outcome::Spoiled;
    }
    let facts = match order.head.as_ref().map(|head| &head.fate) {
        Some(Fate::LeftOutByStatus) => return Outcome::LeftOutByStatus,
        Some(Fate::LeftOutByRule(rule)) => return Outcome::LeftOutByRule(*rule),
        Some(Fate::Taken(facts)) => *facts,
        None => unreachable!("an order without a readable line of its own is spoiled"),
    };
    let before = parcels.len();
    if let Err((spot, reason)) = taken(profile, book, index, &facts, items, parcels) {
        book.bad_of_order(number, spot, None, reason);
    }
    if parcels.len() > before { Outcome::Taken } else { Outcome::Spoiled }
}

/// The parcels of an order that is taken; all of them or none, but for those without an amount.
fn taken(
    profile: &Profile,
    book: &mut Book,
    index: usize,
    facts: &Facts,
    items: &[Item],
    parcels: &mut Vec<OrderParcel>,
) -> Result<(), (Spot, Reason)> {
    let Some(first) = items.first() else {
        return Err((book.orders[index].spot, Reason::NoItems));
    };
    let (kept, repeated) = match &first.goods.id {
        Some(_) => without_repeated_items(book, items)?,
        None => without_repeated_blocks(book, items)?,
    };
    book.repeated_lines += repeated as u64;
    let shares = shares(&kept)?;
    let amounts = amounts(profile, facts, &shares, first.spot)?;
    for (share, amount_due) in shares.iter().zip(amounts) {
        let order = Arc::clone(&book.orders[index].reference);
        let seller = Arc::clone(&book.sellers.texts[share.seller as usize]);
        if amount_due.is_zero() {
            let left_out = LeftOut::Parcel { order, seller };
            book.bad(share.spot, None, Reason::NothingToCollect, left_out);
            continue;
        }
        parcels.push(OrderParcel {
            order,
            seller,
            currency: facts.currency,
            amount_due,
            item_count: share.quantity,
            ordered_at_ms: facts.ordered_at_ms,
            place: book.place(share.spot),
        });
    }
    Ok(())
}

/// The items, each id once, and how many lines only repeat another.
fn without_repeated_items<'i>(
    book: &Book,
    items: &'i [Item],
) -> Result<(Vec<&'i Item>, usize), (Spot, Reason)> {
    let mut kept: Vec<(usize, &Item)> = items.iter().enumerate().collect();
    if kept.len() > 1 {
        kept.sort_by(|(_, a), (_, b)| a.goods.id.cmp(&b.goods.id));
        for pair in kept.windows(2) {
            let [(_, first), (_, second)] = pair else { continue };
            if first.goods.id == second.goods.id && first.goods != second.goods {
                let first = book.place(first.spot);
                return Err((second.spot, Reason::ItemConflict { first }));
            }
        }
        kept.dedup_by(|(_, later), (_, first)| later.goods.id == first.goods.id);
        kept.sort_by_key(|(place, _)| *place);
    }
    let repeated = items.len() - kept.len();
    Ok((kept.into_iter().map(|(_, item)| item).collect(), repeated))
}

/// The items below the first line of the order. Where that line is repeated, as in two exports that
/// overlap, the items below it must be repeated too.
fn without_repeated_blocks<'i>(
    book: &Book,
    items: &'i [Item],
) -> Result<(Vec<&'i Item>, usize), (Spot, Reason)> {
    let goods = |block: &'i [Item]| block.iter().map(|item| &item.goods);
    let mut blocks = items.chunk_by(|a, b| a.block == b.block);
    let kept = blocks.next().unwrap_or_default();
    let mut repeated = 0;
    for block in blocks {
        let alike = goods(block).eq(goods(kept));
        if !alike {
            let first = book.place(kept[0].spot);
            return Err((block[0].spot, Reason::OrderConflict { first }));
        }
        repeated += block.len();
    }
    Ok((kept.iter().collect(), repeated))
}

/// What each seller has, the sellers as they first appear.
fn shares(items: &[&Item]) -> Result<Vec<Share>, (Spot, Reason)> {
    let mut shares: Vec<Share> = Vec::with_capacity(1);
    for item in items {
        let Some(share) = shares.iter_mut().find(|share| share.seller == item.goods.seller) else {
            let Goods { seller, amount, quantity, .. } = item.goods;
            shares.push(Share { seller, spot: item.spot, amount, quantity });
            continue;
        };
        let sum = share.amount.checked_add(item.goods.amount);
        share.amount = sum.ok_or((item.spot, Reason::SumTooLarge))?;
        // At most LINES_OF_ORDER_MAX × QUANTITY_MAX.
        share.quantity += item.goods.quantity;
    }
    Ok(shares)
}

/// What is due on each share. An amount of the whole order is split in proportion to what the
/// items of each seller cost; by their number where they cost nothing.
fn amounts(
    profile: &Profile,
    facts: &Facts,
    shares: &[Share],
    spot: Spot,
) -> Result<Vec<Amount>, (Spot, Reason)> {
    let rules = &profile.order;
    if rules.total.is_none() && rules.add.is_empty() && rules.less.is_empty() {
        return Ok(shares.iter().map(|share| share.amount).collect());
    }
    let too_large = || (spot, Reason::SumTooLarge);
    let mut items = Amount::ZERO;
    for share in shares {
        items = items.checked_add(share.amount).ok_or_else(too_large)?;
    }
    let due = facts.total.unwrap_or(items).checked_add(facts.add).ok_or_else(too_large)?;
    let due = due.checked_sub(facts.less).ok_or((spot, Reason::BelowZero))?;
    let weights: Vec<u64> = if items.is_zero() {
        shares.iter().map(|share| u64::from(share.quantity)).collect()
    } else {
        shares.iter().map(|share| share.amount.minor()).collect()
    };
    let amounts = due.split(&weights);
    let sum = amounts.iter().map(|amount| u128::from(amount.minor())).sum::<u128>();
    assert_eq!(sum, u128::from(due.minor()), "an order's amount is split without a rest");
    Ok(amounts)
}
