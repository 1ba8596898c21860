//! Turns the orders that were read into parcels with an amount due.

use std::collections::HashSet;
use std::sync::Arc;

use money::Amount;

use crate::profile::Profile;

use super::report::{BadLineReason, ImportReport, LeftOut, LineClass, LineCounts};
use super::state::{
    ImportState, ItemContent, LineRef, OrderDecision, OrderIndex, OrderTerms, ReadItem,
};
use super::{AMOUNT_DUE_MAX, Import, OrderParcel};

enum Outcome {
    Taken,
    LeftOutByStatus,
    LeftOutByRule(usize),
    Spoiled,
}

/// One seller's items of an order.
struct Share {
    seller: u32,
    spot: LineRef,
    amount: Amount,
    quantity: u32,
}

/// Makes parcels of the complete orders, and the report of all orders.
pub fn make_parcels(profile: &Profile, mut book: ImportState) -> Import {
    let mut items = std::mem::take(&mut book.items);
    // A stable sort: items keep their order within an order.
    items.sort_by_key(|item| item.order);
    let (mut parcels, mut report) = (Vec::new(), ImportReport::default());
    let mut rest = items.as_slice();
    let mut classes = Vec::with_capacity(book.orders.len());
    for index in 0..book.orders.len() {
        let length = rest.partition_point(|item| item.order.index() <= index);
        let (own, after) = rest.split_at(length);
        rest = after;
        let outcome = order(profile, &mut book, index, own, &mut parcels);
        count(profile, &book, index, &outcome, &mut report);
        classes.push(match outcome {
            Outcome::Taken => LineClass::Taken,
            Outcome::LeftOutByStatus | Outcome::LeftOutByRule(_) => LineClass::LeftOut,
            Outcome::Spoiled => LineClass::Bad,
        });
    }
    let lines = line_classes(&book, &classes);
    report.lines = counts(&lines);
    fill(&mut report, book, &parcels);
    assert_eq!(
        report.orders,
        report.orders_taken
            + report.orders_left_out_by_status
            + report.left_out_by_reason.values().map(|left_out| left_out.orders).sum::<u64>()
            + report.orders_with_errors,
        "every order is accounted for"
    );
    let read: u64 = report.files.iter().map(|file| file.lines).sum();
    assert_eq!(read, report.lines.total(), "every line is accounted for");
    Import { parcels, report, lines, sources: Vec::new() }
}

/// What became of each line: what became of its order, but for repeated lines and for items whose
/// parcel is left out.
fn line_classes(book: &ImportState, orders: &[LineClass]) -> Vec<LineClass> {
    let of = |owner: &Option<OrderIndex>| owner.map_or(LineClass::Bad, |one| orders[one.index()]);
    let mut lines: Vec<LineClass> = book.owners.iter().map(of).collect();
    for (spots, class) in
        [(&book.repeated, LineClass::Repeated), (&book.without_parcel, LineClass::Bad)]
    {
        for line in spots {
            let line = &mut lines[line.record as usize];
            if *line == LineClass::Taken {
                *line = class;
            }
        }
    }
    lines
}

fn counts(lines: &[LineClass]) -> LineCounts {
    let mut counts = LineCounts::default();
    for line in lines {
        *match line {
            LineClass::Taken => &mut counts.taken,
            LineClass::Repeated => &mut counts.repeated,
            LineClass::LeftOut => &mut counts.left_out,
            LineClass::Bad => &mut counts.bad,
        } += 1;
    }
    counts
}

fn count(
    profile: &Profile,
    book: &ImportState,
    index: usize,
    outcome: &Outcome,
    report: &mut ImportReport,
) {
    report.orders += 1;
    let order = &book.orders[index];
    match *outcome {
        Outcome::Taken => report.orders_taken += 1,
        Outcome::LeftOutByStatus => {
            report.orders_left_out_by_status += 1;
            if let Some(status) = order.status {
                let status = Arc::clone(&book.statuses.texts[status as usize]);
                *report.left_out_by_status.entry(status).or_default() += 1;
            }
        }
        Outcome::LeftOutByRule(rule) => {
            let reason = Arc::clone(&profile.order.take_when[rule].otherwise);
            let left_out = report.left_out_by_reason.entry(reason).or_default();
            left_out.orders += 1;
            if let Some(value) = order.left_out_value {
                let value = Arc::clone(&book.values.texts[value as usize]);
                *left_out.values.entry(value).or_default() += 1;
            }
        }
        Outcome::Spoiled => report.orders_with_errors += 1,
    }
}

fn fill(report: &mut ImportReport, book: ImportState, parcels: &[OrderParcel]) {
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
    report.bad_by_kind = book.bad_by_kind;
    let mut bad = book.bad_lines;
    bad.sort_by_key(|(spot, _)| *spot);
    report.bad_lines = bad.into_iter().map(|(_, line)| line).collect();
}

fn order(
    profile: &Profile,
    book: &mut ImportState,
    index: usize,
    items: &[ReadItem],
    parcels: &mut Vec<OrderParcel>,
) -> Outcome {
    let order = &book.orders[index];
    let (number, spot) = (OrderIndex::new(index), order.first_line);
    let suspect = book.has_broken_line(&order.reference);
    if order.items_before_header > 0 && !suspect {
        let items = order.items_before_header;
        book.report_bad_order(number, spot, None, BadLineReason::ItemsWithoutOrder { items });
    }
    let order = &book.orders[index];
    if order.has_error || suspect {
        return Outcome::Spoiled;
    }
    let facts = match order.header.as_ref().map(|head| &head.decision) {
        Some(OrderDecision::LeftOutByStatus) => return Outcome::LeftOutByStatus,
        Some(OrderDecision::LeftOutByRule(rule)) => return Outcome::LeftOutByRule(*rule),
        Some(OrderDecision::Taken(facts)) => *facts,
        None => unreachable!("an order without a readable line of its own is spoiled"),
    };
    let before = parcels.len();
    if let Err((spot, reason)) = taken(profile, book, index, &facts, items, parcels) {
        book.report_bad_order(number, spot, None, reason);
    }
    if parcels.len() > before { Outcome::Taken } else { Outcome::Spoiled }
}

/// Adds the parcels of an order, all or none. Parcels with nothing due are reported and left out.
fn taken(
    profile: &Profile,
    book: &mut ImportState,
    index: usize,
    facts: &OrderTerms,
    items: &[ReadItem],
    parcels: &mut Vec<OrderParcel>,
) -> Result<(), (LineRef, BadLineReason)> {
    let Some(first) = items.first() else {
        return Err((book.orders[index].first_line, BadLineReason::NoItems));
    };
    let (kept, repeated) = match &first.content.id {
        Some(_) => without_repeated_items(book, items)?,
        None => without_repeated_blocks(book, items)?,
    };
    book.repeated.extend(repeated);
    let shares = shares(&kept)?;
    let amounts = amounts(profile, facts, &shares, first.line)?;
    let currency = facts.currency;
    if let Some((share, &amount_due)) =
        shares.iter().zip(&amounts).find(|(_, amount)| **amount > AMOUNT_DUE_MAX)
    {
        return Err((share.spot, BadLineReason::TooExpensive { amount_due, currency }));
    }
    let buyer = book.buyers.remove(&OrderIndex::new(index)).map(Arc::new);
    for (share, amount_due) in shares.iter().zip(amounts) {
        let order = Arc::clone(&book.orders[index].reference);
        let seller = Arc::clone(&book.sellers.names.texts[share.seller as usize]);
        if amount_due.is_zero() {
            let left_out = LeftOut::Parcel { order, seller };
            book.bad(share.spot, None, BadLineReason::NothingToCollect, left_out);
            let own = kept.iter().filter(|item| item.content.seller == share.seller);
            book.without_parcel.extend(own.map(|item| item.line));
            continue;
        }
        parcels.push(OrderParcel {
            order,
            seller,
            currency,
            amount_due,
            item_count: share.quantity,
            ordered_at_ms: facts.ordered_at_ms,
            buyer: buyer.clone(),
            location: book.location(share.spot),
        });
    }
    Ok(())
}

type KeptItems<'i> = (Vec<&'i ReadItem>, Vec<LineRef>);

/// The items, each id once, and the repeated lines.
fn without_repeated_items<'i>(
    book: &ImportState,
    items: &'i [ReadItem],
) -> Result<KeptItems<'i>, (LineRef, BadLineReason)> {
    let mut repeated = Vec::new();
    let mut kept: Vec<(usize, &ReadItem)> = items.iter().enumerate().collect();
    if kept.len() > 1 {
        kept.sort_by(|(_, a), (_, b)| a.content.id.cmp(&b.content.id));
        for pair in kept.windows(2) {
            let [(_, first), (_, second)] = pair else { continue };
            if first.content.id == second.content.id && first.content != second.content {
                let first = book.location(first.line);
                return Err((second.line, BadLineReason::ItemConflict { first }));
            }
        }
        kept.dedup_by(|(_, later), (_, first)| {
            let repeats = later.content.id == first.content.id;
            repeated.extend(repeats.then_some(later.line));
            repeats
        });
        kept.sort_by_key(|(place, _)| *place);
    }
    Ok((kept.into_iter().map(|(_, item)| item).collect(), repeated))
}

/// The items below the order's first line, or in its first file if each line is an item, and the
/// repeated lines. If the first line is repeated, or the order is in a second file, as in two
/// overlapping exports, all its items must be repeated.
fn without_repeated_blocks<'i>(
    book: &ImportState,
    items: &'i [ReadItem],
) -> Result<KeptItems<'i>, (LineRef, BadLineReason)> {
    let goods = |block: &'i [ReadItem]| block.iter().map(|item| &item.content);
    let mut blocks = items.chunk_by(|a, b| a.block == b.block);
    let kept = blocks.next().unwrap_or_default();
    let mut repeated = Vec::new();
    for block in blocks {
        let alike = goods(block).eq(goods(kept));
        if !alike {
            let first = book.location(kept[0].line);
            return Err((block[0].line, BadLineReason::OrderConflict { first }));
        }
        repeated.extend(block.iter().map(|item| item.line));
    }
    Ok((kept.iter().collect(), repeated))
}

/// One share for each seller, in the order in which sellers first appear.
fn shares(items: &[&ReadItem]) -> Result<Vec<Share>, (LineRef, BadLineReason)> {
    let mut shares: Vec<Share> = Vec::with_capacity(1);
    for item in items {
        let Some(share) = shares.iter_mut().find(|share| share.seller == item.content.seller)
        else {
            let ItemContent { seller, amount, quantity, .. } = item.content;
            shares.push(Share { seller, spot: item.line, amount, quantity });
            continue;
        };
        let sum = share.amount.checked_add(item.content.amount);
        share.amount = sum.ok_or((item.line, BadLineReason::SumTooLarge))?;
        // At most LINES_OF_ORDER_MAX × QUANTITY_MAX.
        share.quantity += item.content.quantity;
    }
    Ok(shares)
}

/// The amount due of each share. An amount of the whole order is split in proportion to the cost
/// of each seller's items, or to their number if they cost nothing.
fn amounts(
    profile: &Profile,
    facts: &OrderTerms,
    shares: &[Share],
    spot: LineRef,
) -> Result<Vec<Amount>, (LineRef, BadLineReason)> {
    let rules = &profile.order;
    if rules.total.is_none() && rules.add.is_empty() && rules.less.is_empty() {
        return Ok(shares.iter().map(|share| share.amount).collect());
    }
    let too_large = || (spot, BadLineReason::SumTooLarge);
    let mut items = Amount::ZERO;
    for share in shares {
        items = items.checked_add(share.amount).ok_or_else(too_large)?;
    }
    let due = facts.total.unwrap_or(items).checked_add(facts.add).ok_or_else(too_large)?;
    let due = due.checked_sub(facts.less).ok_or((spot, BadLineReason::DiscountTooLarge))?;
    let weights: Vec<u64> = if items.is_zero() {
        shares.iter().map(|share| u64::from(share.quantity)).collect()
    } else {
        shares.iter().map(|share| share.amount.minor()).collect()
    };
    let amounts = due.split(&weights);
    let sum = amounts.iter().map(|amount| u128::from(amount.minor())).sum::<u128>();
    assert_eq!(sum, u128::from(due.minor()), "an order's amount is split without a remainder");
    Ok(amounts)
}
