//! The number or id of a command that was carried out, with other content.

use books::*;
use money::{Amount, Currency, Rate, SignedAmount};

use super::Choices;
use crate::world::{self, BANKS, FIRMS};

/// A command that was carried out, with one field changed. `None` if it has no such field.
fn changed(command: &Command, random_number: usize) -> Option<Command> {
    use Command as C;
    let mut changed = command.clone();
    let one_of = |count: usize| random_number % count;
    match &mut changed {
        C::RegisterBank(one) => one.reference.push('x'),
        C::RegisterFirm(one) => match one_of(3) {
            0 => other_amount(&mut one.guarantee),
            1 => other_person(&mut one.approved_by),
            _ => one.reference.push('x'),
        },
        C::RegisterCourier(one) => match one_of(4) {
            3 => other_person(&mut one.proposed_by),
            0 => other_amount(&mut one.cash_limit),
            1 => one.firm = FIRMS[usize::from(one.firm == FIRMS[0])],
            _ => one.reference.push('x'),
        },
        C::RegisterTerminal(one) => one.courier.0 = 11 + (one.courier.0 - 10) % 5,
        C::RegisterNetwork(one) => match one_of(2) {
            0 => one.currency = other_currency(one.currency),
            _ => one.reference.push('x'),
        },
        C::RegisterWallet(one) => match one_of(2) {
            0 => one.currency = other_currency(one.currency),
            _ => one.reference.push('x'),
        },
        C::PublishTariff(one) => match one_of(4) {
            3 => other_person(&mut one.approved_by),
            0 => one.until = Some(one.until.unwrap_or(one.from).plus_days(1)),
            1 => other_amount(&mut one.terms.return_fee),
            _ => one.reference.push('x'),
        },
        C::SetTimeZone(one) => one.table_version.push('x'),
        C::RegisterSeller(one) => match one_of(3) {
            0 => other_amount(&mut one.minimum),
            1 => one.cycle = other_cycle(one.cycle),
            _ => one.reference.push('x'),
        },
        C::HandTerminal(one) => one.courier.0 = 11 + (one.courier.0 - 10) % 5,
        C::BlockTerminal(one) => one.blocked ^= true,
        C::SetRetention(one) => other_person(&mut one.approved_by),
        C::SetHoldRule(one) => match one_of(2) {
            0 => one.rule = world::rule(random_number / 2),
            _ => other_person(&mut one.approved_by),
        },
        C::SetOfflineLimit(one) => match one_of(2) {
            0 => other_amount(&mut one.total),
            _ => other_person(&mut one.proposed_by),
        },
        C::SetSellerTerms(one) => match one_of(4) {
            0 => other_amount(&mut one.minimum),
            1 => one.cycle = other_cycle(one.cycle),
            2 => one.from = one.from.plus_days(1),
            _ => other_person(&mut one.approved_by),
        },
        C::SetFirmTerms(one) => match one_of(3) {
            0 => other_amount(&mut one.guarantee),
            1 => {
                let ppm = one.withholding.ppm().checked_sub(1).unwrap_or(1);
                one.withholding = Rate::from_ppm(ppm).expect("at most the whole");
            }
            _ => one.from = one.from.plus_days(1),
        },
        C::SetCourierTerms(one) => match one_of(2) {
            0 => other_amount(&mut one.cash_limit),
            _ => other_person(&mut one.approved_by),
        },
        C::SetPayoutAccount(one) => match one_of(2) {
            0 => one.digest.0[0] ^= 1,
            _ => other_person(&mut one.approved_by),
        },
        C::ErasePayoutAccount(one) => match one_of(2) {
            0 => one.digest.0[0] ^= 1,
            _ => other_person(&mut one.approved_by),
        },
        C::RecordDisclosure(one) => match one_of(2) {
            0 => one.subjects.push(DataSubject::Seller(SellerId(1))),
            _ => {
                one.purpose = match one.purpose {
                    DisclosurePurpose::Audit => DisclosurePurpose::Dispute,
                    _ => DisclosurePurpose::Audit,
                }
            }
        },
        C::EraseSubject(one) => match one_of(2) {
            0 => {
                one.ordered_by = match one.ordered_by {
                    Some(ErasureOrder::Court) => Some(ErasureOrder::Authority),
                    _ => Some(ErasureOrder::Court),
                }
            }
            _ => other_person(&mut one.approved_by),
        },
        C::SuspendSeller(one) => match one_of(2) {
            0 => one.suspended ^= true,
            _ => other_person(&mut one.proposed_by),
        },
        C::SuspendCourier(one) => match one_of(2) {
            0 => one.suspended ^= true,
            _ => one.approved_by = one.approved_by.is_none().then_some(PersonId(4)),
        },
        C::AssignParcels(one) => one.firm = FIRMS[usize::from(one.firm == FIRMS[0])],
        C::AmendDue(one) => other_amount(&mut one.due),
        C::DispatchParcels(one) => one.courier.0 = 11 + (one.courier.0 - 10) % 5,
        C::AnnounceParcel(one) => match one_of(2) {
            0 => other_amount(&mut one.due),
            _ => one.reference.push('x'),
        },
        C::TakeCashByPhone(one) => other_amount(&mut one.amount),
        C::RecordAttempt(one) => one.reason = AttemptReason::CannotPay,
        C::RefuseParcel(one) => one.reason = RefuseReason::NotAsOrdered,
        C::LoseParcel(one) => {
            one.paid_by = match one.paid_by {
                DamagePayer::Seller => DamagePayer::Doorstep,
                _ => DamagePayer::Seller,
            }
        }
        C::CompensateSeller(one) => match one_of(2) {
            0 => other_amount(&mut one.amount),
            _ => other_person(&mut one.approved_by),
        },
        C::Refund(one) => match one_of(2) {
            0 => other_amount(&mut one.amount),
            _ => {
                let Refund { payment, number, amount } = *one;
                changed = C::ChargeBack(ChargeBack { payment, number, amount });
            }
        },
        C::ContestChargeback(one) => match one_of(2) {
            0 => other_person(&mut one.contested_by),
            _ => one.evidence.push('7'),
        },
        C::WinChargebackByTwoPersons(one) => other_person(&mut one.approved_by),
        C::TakeBackWonChargeback(one) => other_person(&mut one.approved_by),
        C::SetRefundLimit(one) => match one_of(2) {
            0 => other_amount(&mut one.limit),
            _ => other_person(&mut one.approved_by),
        },
        C::WithdrawNetwork(one) => match one_of(2) {
            0 => one.from.0 += 1,
            _ => other_person(&mut one.approved_by),
        },
        C::ReinstateNetwork(one) => other_person(&mut one.approved_by),
        C::ChargebackFee(one) => other_amount(&mut one.amount),
        C::SetChargebackFee(one) => match one_of(2) {
            0 => other_amount(&mut one.most),
            _ => other_person(&mut one.approved_by),
        },
        C::ChargeBack(one) => match one_of(2) {
            0 => other_amount(&mut one.amount),
            _ => {
                let ChargeBack { payment, number, amount } = *one;
                changed = C::Refund(Refund { payment, number, amount });
            }
        },
        C::ConfirmRefund(one) => match one_of(2) {
            0 => other_amount(&mut one.amount),
            _ => one.bank = other_bank(one.bank),
        },
        C::StartHandOver(one) => match one_of(2) {
            0 => one.handover.0 += 1_000,
            _ => one.code_mac.0[0] ^= 1,
        },
        C::CountHandOver(one) => match one_of(3) {
            0 => other_amount(&mut one.counted),
            1 => one.code_mac.0[0] ^= 1,
            _ => other_person(&mut one.counted_by),
        },
        C::CountHandOverBySupervisor(one) => match one_of(2) {
            0 => other_amount(&mut one.counted),
            _ => other_person(&mut one.supervisor),
        },
        C::CancelHandOver(one) => other_person(&mut one.cancelled_by),
        C::RepayShortage(one) => other_amount(&mut one.amount),
        C::WriteOffShortage(one) => match one_of(2) {
            0 => other_amount(&mut one.amount),
            _ => other_person(&mut one.approved_by),
        },
        C::CoverShortage(one) => other_person(&mut one.proposed_by),
        C::DeductShortage(one) => other_amount(&mut one.amount),
        C::AnnounceDeposit(one) => match one_of(3) {
            0 => other_amount(&mut one.amount),
            1 => one.deposit.0 += 1_000,
            _ => one.bank = other_bank(one.bank),
        },
        C::ConfirmDeposit(one) => match one_of(2) {
            0 => other_amount(&mut one.credited),
            _ => {
                let (proposed_by, approved_by) = (PersonId(1), PersonId(2));
                let deposit = one.deposit;
                changed = C::CancelDeposit(CancelDeposit { deposit, proposed_by, approved_by });
            }
        },
        C::CancelDeposit(one) => match one_of(2) {
            0 => other_person(&mut one.approved_by),
            _ => {
                let (deposit, credited) = (one.deposit, Amount::of(1));
                changed = C::ConfirmDeposit(ConfirmDeposit { deposit, credited });
            }
        },
        C::GrantAccess(one) => other_person(&mut one.proposed_by),
        C::RevokeAccess(one) => other_person(&mut one.revoked_by),
        C::IssueApiKey(one) => match one_of(2) {
            0 => one.until = one.until.plus_ms(1),
            _ => other_person(&mut one.proposed_by),
        },
        C::RevokeApiKey(one) => other_person(&mut one.revoked_by),
        C::RecordAccessEvent(one) => one.event = AccessEvent::KeySecretMade,
        C::ResetSecondFactor(one) => other_person(&mut one.proposed_by),
        C::RegisterPerson(one) => other_person(&mut one.approved_by),
        C::RemovePerson(one) => other_person(&mut one.proposed_by),
        C::RefundByTwoPersons(one) => match one_of(3) {
            0 => other_amount(&mut one.amount),
            1 => other_person(&mut one.approved_by),
            _ => {
                let RefundByTwoPersons { payment, number, amount, .. } = *one;
                changed = C::Refund(Refund { payment, number, amount });
            }
        },
        C::PayCommission(one) => match one_of(3) {
            0 => other_amount(&mut one.amount),
            1 => other_person(&mut one.proposed_by),
            _ => one.bank = other_bank(one.bank),
        },
        C::ClearLine(one) => match one_of(5) {
            4 => one.value_date = one.value_date.xor(Some(BusinessDate(9))),
            0 => other_signed(&mut one.amount),
            1 => other_signed(&mut one.deducted),
            2 => one.payment = None,
            _ => one.kind = other_kind(one.kind),
        },
        C::BeginFile(one) => match one_of(3) {
            0 => one.digest.0[31] ^= 1,
            1 => one.lines += 1,
            _ => one.form.push('x'),
        },
        C::TakeEntry(one) => match one_of(3) {
            0 => other_signed(&mut one.amount),
            1 => one.found = one.found.xor(Some(EntryFinding::Awaited)),
            _ => one.expected_until = one.expected_until.xor(Some(one.booked.plus_days(9))),
        },
        C::EndFile(one) => one.digest.0[31] ^= 1,
        C::PlanSettlement(one) => match one_of(2) {
            0 => one.cycle = other_cycle(one.cycle),
            _ => other_person(&mut one.planned_by),
        },
        C::PlanCycle(one) => one.cycle = other_cycle(one.cycle),
        C::ApproveCyclePlan(one) => other_person(&mut one.proposed_by),
        C::ApproveSettlement(one) => other_person(&mut one.approved_by),
        C::RejectSettlement(one) => other_person(&mut one.rejected_by),
        C::ExecuteSettlement(one) => one.bank = other_bank(one.bank),
        C::InvoiceSeller(one) => match one_of(2) {
            0 => other_amount(&mut one.amount),
            _ => other_person(&mut one.invoiced_by),
        },
        C::RecordSellerPayment(one) => match one_of(2) {
            0 => other_amount(&mut one.amount),
            _ => one.bank = other_bank(one.bank),
        },
        C::CancelInvoice(one) => other_person(&mut one.approved_by),
        C::RaiseBreak(one) => match one_of(4) {
            0 => other_amount(&mut one.amount),
            2 => one.evidence.push('x'),
            1 => other_person(&mut one.raised_by),
            _ => other_person(&mut one.owner),
        },
        C::CloseOpenItem(one) => match one_of(2) {
            0 => other_person(&mut one.approved_by),
            _ => {
                one.reason = match one.reason {
                    OpenItemReason::Untraceable => OpenItemReason::BooksAreRight,
                    _ => OpenItemReason::Untraceable,
                }
            }
        },
        C::PostAdjustment(one) => match one_of(3) {
            0 => other_amount(&mut one.amount),
            1 => one.value_date = BusinessDate(one.value_date.0 - 1),
            _ => other_person(&mut one.approved_by),
        },
        C::PayTax(one) => match one_of(3) {
            0 => other_amount(&mut one.amount),
            1 => {
                one.tax = match one.tax {
                    Tax::Vat => Tax::Withholding,
                    Tax::Withholding => Tax::Vat,
                }
            }
            _ => other_person(&mut one.approved_by),
        },
        C::ClosePeriod(one) => match one_of(2) {
            0 => one.until = BusinessDate(one.until.0 - 1),
            _ => other_person(&mut one.approved_by),
        },
        C::WithdrawBreak(one) => other_person(&mut one.approved_by),
        C::ReclassifyBreak(one) => match one_of(2) {
            0 => other_person(&mut one.approved_by),
            _ => one.subject = BreakSubject::Bank(BANKS[1]),
        },
        C::AssignBreak(one) => match one_of(2) {
            0 => other_person(&mut one.assigned_by),
            _ => other_person(&mut one.owner),
        },
        C::ApproveBreakResolution(one) => match one_of(3) {
            0 => other_person(&mut one.approved_by),
            1 => {
                one.amount =
                    Some(one.amount.map_or(Amount::of(1), |part| Amount::of(part.minor() + 1)));
            }
            _ => one.resolution = BreakResolution::ThroughBank(BANKS[1]),
        },
        _ => return None,
    }
    (changed != *command).then_some(changed)
}

fn other_amount(amount: &mut Amount) {
    *amount = Amount::new(amount.minor() + 1).unwrap_or(Amount::of(1));
}

fn other_signed(amount: &mut SignedAmount) {
    *amount = SignedAmount::of(amount.minor() / 2 + 1);
}

fn other_kind(kind: ClearLineKind) -> ClearLineKind {
    match kind {
        ClearLineKind::Sale => ClearLineKind::Offline,
        _ => ClearLineKind::Sale,
    }
}

fn other_bank(bank: BankId) -> BankId {
    BANKS[usize::from(bank == BANKS[0])]
}

fn other_currency(currency: Currency) -> Currency {
    if currency == Currency::CNY { Currency::BRL } else { Currency::CNY }
}

fn other_cycle(cycle: SettlementCycle) -> SettlementCycle {
    match cycle {
        SettlementCycle::Daily => SettlementCycle::Weekly,
        _ => SettlementCycle::Daily,
    }
}

fn other_person(person: &mut PersonId) {
    person.0 += 100;
}

/// The latest commands that have other content to try, one kind at a time.
pub fn other_content(roll: &Choices) -> Command {
    let carried_out = &roll.model.carried_out;
    // Few commands of these kinds are carried out.
    let is_rare = |one: &&Command| {
        matches!(
            one,
            Command::ResolveSuspendedSale(_)
                | Command::RefundByTwoPersons(_)
                | Command::TakeBackWonChargeback(_)
                | Command::WriteOffShortage(_)
        )
    };
    if roll.one_in(1, 8)
        && let Some(before) = carried_out.iter().rev().find(is_rare)
    {
        return changed(before, roll.number_at(3)).unwrap_or_else(|| before.clone());
    }
    let kind = |command: &Command| std::mem::discriminant(command);
    let mut kinds = Vec::new();
    for command in carried_out.iter().filter(|one| changed(one, 0).is_some()) {
        if !kinds.contains(&kind(command)) {
            kinds.push(kind(command));
        }
    }
    let Some(chosen) = kinds.get(roll.number_at(0) % kinds.len().max(1)) else {
        return world::bank(1);
    };
    let of_kind: Vec<_> = carried_out.iter().filter(|one| kind(one) == *chosen).collect();
    // Seldom an old one, whose content may be forgotten.
    let back = if roll.one_in(1, 4) { roll.number_at(2) } else { roll.number_at(2) % 3 };
    let before = of_kind[of_kind.len() - 1 - back % of_kind.len()];
    changed(before, roll.number_at(3)).unwrap_or_else(|| before.clone())
}
