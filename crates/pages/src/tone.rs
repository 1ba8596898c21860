//! How urgent a state is. Each tone has a colour and a shape: never the colour alone.

/// What a state asks of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Somebody must act now.
    Act,
    /// It waits for somebody.
    Wait,
    /// It goes its way.
    Move,
    /// It ended well.
    Done,
    /// It ended otherwise, and nobody need act.
    End,
}

impl Tone {
    pub const ALL: [Tone; 5] = [Tone::Act, Tone::Wait, Tone::Move, Tone::Done, Tone::End];

    /// The class of the style sheet.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Tone::Act => "act",
            Tone::Wait => "wait",
            Tone::Move => "move",
            Tone::Done => "done",
            Tone::End => "end",
        }
    }
}

/// The tone of a state's word.
#[must_use]
pub fn tone(word: &str) -> Tone {
    match word {
        "unknown" | "completion unknown" | "open" | "disputed" | "left disputed"
        | "in suspense" | "not_known" | "given_up" => Tone::Act,
        "planned" | "proposed" | "announced" | "started" | "begun" | "sent" | "contested"
        | "booked" | "refused" | "failed" | "folded" => Tone::Wait,
        word if word.contains("pending") => Tone::Wait,
        "assigned" | "out" | "approved" | "held" | "authorised" | "completing" | "waiting"
        | "in_digest" | "sending" => Tone::Move,
        "delivered" | "released" | "executed" | "confirmed" | "credited" | "counted" | "agreed"
        | "reconciled" | "paid" | "won" | "closed" => Tone::Done,
        _ => Tone::End,
    }
}
