//! Who gives the commands of the simulated world.

use books::{Command, PersonId};
use engine::{Actor, Submission};

/// The first two persons of the books: who plans settlements, and who approves them.
pub const PLANNER: PersonId = PersonId(1);
pub const APPROVER: PersonId = PersonId(2);

/// The cashier of a firm's hub.
pub(crate) fn cashier(firm: &str) -> PersonId {
    PersonId::derived(&format!("{firm}-cashier"))
}

/// A command of the world with whoever gives it. The switch names its own actors.
pub(crate) fn submission_of(command: Command) -> Submission {
    let by = match &command {
        // A courier's person has the courier's number.
        Command::DispatchParcels(command) => Actor::Person(PersonId(command.courier.0)),
        Command::StartHandOver(command) => Actor::Person(PersonId(command.courier.0)),
        Command::CountHandOver(command) => Actor::Person(command.counted_by),
        Command::AnnounceDeposit(command) => Actor::Person(command.announced_by),
        Command::PlanSettlement(command) => Actor::Person(command.planned_by),
        Command::ApproveSettlement(command) => Actor::Person(command.approved_by),
        Command::RejectSettlement(command) => Actor::Person(command.rejected_by),
        Command::RaiseBreak(command) => Actor::Person(command.raised_by),
        Command::ProposeBreakResolution(command) => Actor::Person(command.proposed_by),
        Command::ApproveBreakResolution(command) => Actor::Person(command.approved_by),
        _ => Actor::System,
    };
    Submission::new(by, command)
}

/// The command of a submission.
pub(crate) fn command_of(submission: Submission) -> Command {
    match submission.command {
        engine::Command::Books(command) => command,
        engine::Command::Market(command) => panic!("no simulated day gives {command:?}"),
        engine::Command::Policy(command) => panic!("no simulated day gives {command:?}"),
    }
}
