//! Whatever terminals and networks did: asking about everything that is to be asked, with no help
//! but the answers "no" and "acknowledged", comes to an end, and nothing is left in between (M4).

use engine::door_view::{Chase, ChaseKind};
use engine::view::TenderState as T;
use engine::*;

use crate::compare::{Finding, same};

/// Rounds after which everything has its end: an answer that never came, then its reversal.
const ROUNDS_MAX: usize = 2;

fn next_step(chase: &Chase) -> Command {
    let (tender, code) = (chase.tender, *b"00");
    let (resolution, authorisation) = (Resolution::Unknown, *b"      ");
    match chase.what {
        ChaseKind::Begun => Command::ResolvePurchase { tender, resolution, authorisation },
        ChaseKind::Unknown => Command::ReverseCollection { tender },
        ChaseKind::Reversal | ChaseKind::PaidLate => {
            Command::EndTakingBack { tender, done: true, code }
        }
        ChaseKind::Void => Command::UndoVoid { tender },
        ChaseKind::UndoingVoid => Command::EndTakingBack { tender, done: false, code },
        ChaseKind::Completing => Command::ResolveCompletion { tender, resolution, authorisation },
        ChaseKind::CompletionUnknown => Command::EndCompletionReversal { tender },
        ChaseKind::Advice => Command::AnswerAdvice { tender, code },
        ChaseKind::Refund => Command::AnswerRefund { trace: chase.trace, code },
    }
}

pub fn to_the_end(mut engine: Engine) -> Finding {
    let mut out = Outcome::default();
    for _ in 0..ROUNDS_MAX {
        let chases: Vec<Chase> = engine.to_chase().collect();
        for chase in chases {
            let (command, at) = (next_step(&chase), engine.last_at());
            let done = engine.apply(&command, at, &mut out);
            done.map_err(|refusal| format!("{chase:?} is not chased: {refusal:?}"))?;
            engine.check().map_err(|faults| faults.join("\n"))?;
        }
    }
    same("what is left to be asked", &engine.to_chase().count(), &0)?;
    // What no terminal asked for is somebody else's to chase.
    let left = engine.unresolved().find(|one| !matches!(one.state, T::Begun | T::Unknown));
    same("what nobody will end", &left, &None)
}
