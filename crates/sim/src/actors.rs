//! Who gives the commands of the simulated world.

use books::{Command, PersonId};
use engine::{Actor, Submission};

/// The first two persons of the books: who plans settlements, and who approves them.
pub const PLANNER: PersonId = PersonId(1);
pub const APPROVER: PersonId = PersonId(2);

/// The cashier of a firm's hub, and what the cashier is called.
pub(crate) fn cashier_of(firm: &str) -> (PersonId, String) {
    let name = format!("{firm}-cashier");
    (PersonId::derived(&name), name)
}

/// A command of the world with whoever gives it. The switch names its own actors.
pub(crate) fn submission_of(command: impl Into<engine::Command>) -> Submission {
    use Command as C;
    let command = command.into();
    let by = match command.of_books() {
        // A courier's person has the courier's number.
        Some(C::DispatchParcels(command)) => Actor::Person(PersonId(command.courier.0)),
        Some(C::StartHandOver(command)) => Actor::Person(PersonId(command.courier.0)),
        Some(C::CountHandOver(command)) => Actor::Person(command.counted_by),
        Some(C::AnnounceDeposit(command)) => Actor::Person(command.announced_by),
        Some(C::PlanSettlement(command)) => Actor::Person(command.planned_by),
        Some(C::ApproveSettlement(command)) => Actor::Person(command.approved_by),
        Some(C::RejectSettlement(command)) => Actor::Person(command.rejected_by),
        Some(C::RaiseBreak(command)) => Actor::Person(command.raised_by),
        Some(C::ProposeBreakResolution(command)) => Actor::Person(command.proposed_by),
        Some(C::ApproveBreakResolution(command)) => Actor::Person(command.approved_by),
        _ => Actor::System,
    };
    Submission::new(by, command)
}
