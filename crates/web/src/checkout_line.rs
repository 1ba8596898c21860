//! The line in which checkouts wait when more come than can be carried out at once. Senders take
//! turns: whoever has many in the line is served no sooner for it. A buyer has one place, whatever
//! connection, address or key asks for it. The line orders who is heard next; what there is to sell
//! is decided by the market.
//!
//! The order is that of start-time fair queuing (Goyal, Vin, Cheng: SIGCOMM 1996) with equal
//! weights: a checkout stands in the round of its sender's last one plus one, or in the round that
//! is being served if that is later; within a round, who came first.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::limits::{LINE_MAX, LINE_PER_ADDRESS_MAX, LINE_PER_PRINCIPAL_MAX};
use crate::senders::Sender;

/// Why a checkout cannot wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineRefusal {
    /// The buyer waits already, at this place.
    BuyerWaits(usize),
    /// The sender has as many in the line as one may have.
    SenderHasMany,
    Full,
}

#[derive(Clone)]
pub struct CheckoutLine(Arc<Mutex<Line>>);

struct Line {
    at_once: usize,
    /// How many more can be carried out at once.
    free: usize,
    /// The round of who was served last.
    round: u64,
    arrivals: u64,
    rounds: BTreeMap<u64, VecDeque<Waiting>>,
    senders: HashMap<Sender, Lane>,
    /// Where each buyer stands. A buyer is a keyed token.
    buyers: HashMap<String, LineRank>,
}

/// Round, and number of arrival.
type LineRank = (u64, u64);

struct Waiting {
    arrival: u64,
    sender: Sender,
    buyer: String,
    turn: oneshot::Sender<CheckoutTurn>,
}

#[derive(Default)]
struct Lane {
    next_round: u64,
    waiting: usize,
}

/// A place in the line. Who drops it leaves.
pub struct LineTicket {
    line: CheckoutLine,
    buyer: String,
    rank: LineRank,
    turn: oneshot::Receiver<CheckoutTurn>,
}

/// A checkout's turn, until it is dropped.
pub struct CheckoutTurn(Option<CheckoutLine>);

impl CheckoutLine {
    /// A line of which so many are carried out at once.
    #[must_use]
    pub fn new(at_once: usize) -> CheckoutLine {
        CheckoutLine(Arc::new(Mutex::new(Line {
            at_once,
            free: at_once,
            round: 0,
            arrivals: 0,
            rounds: BTreeMap::new(),
            senders: HashMap::new(),
            buyers: HashMap::new(),
        })))
    }

    /// Takes a place.
    ///
    /// # Errors
    /// The buyer has one, the sender has many, or the line is full.
    pub fn enter(&self, sender: Sender, buyer: &str) -> Result<LineTicket, LineRefusal> {
        let mut line = self.lock();
        if let Some(rank) = line.buyers.get(buyer) {
            return Err(LineRefusal::BuyerWaits(line.place(*rank)));
        }
        if line.buyers.len() >= LINE_MAX {
            return Err(LineRefusal::Full);
        }
        let most = match sender {
            Sender::Principal(_) => LINE_PER_PRINCIPAL_MAX,
            Sender::Address(_) => LINE_PER_ADDRESS_MAX,
        };
        let now = line.round;
        let lane = line.senders.entry(sender).or_default();
        if lane.waiting >= most {
            return Err(LineRefusal::SenderHasMany);
        }
        let round = lane.next_round.max(now);
        (lane.next_round, lane.waiting) = (round + 1, lane.waiting + 1);
        line.arrivals += 1;
        let rank = (round, line.arrivals);
        let (turn, receiver) = oneshot::channel();
        let buyer = buyer.to_owned();
        line.buyers.insert(buyer.clone(), rank);
        let waiting = Waiting { arrival: rank.1, sender, buyer: buyer.clone(), turn };
        line.rounds.entry(round).or_default().push_back(waiting);
        line.serve(self);
        drop(line);
        Ok(LineTicket { line: self.clone(), buyer, rank, turn: receiver })
    }

    /// The place of a buyer who waits; the first is 1.
    #[must_use]
    pub fn place_of(&self, buyer: &str) -> Option<usize> {
        let line = self.lock();
        line.buyers.get(buyer).map(|rank| line.place(*rank))
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn place(&self, (round, arrival): LineRank) -> usize {
        let before: usize = self.rounds.range(..round).map(|(_, all)| all.len()).sum();
        let own = self.rounds.get(&round);
        let own = own.map_or(0, |all| all.partition_point(|one| one.arrival < arrival));
        before + own + 1
    }

    /// Gives free turns to who is next.
    fn serve(&mut self, shared: &CheckoutLine) {
        while self.free > 0
            && let Some(round) = self.rounds.first_entry().map(|one| *one.key())
            && let Some(next) = self.take((round, 0))
        {
            if round > self.round || self.senders.len() > 2 * LINE_MAX {
                self.senders.retain(|_, lane| lane.waiting > 0 || lane.next_round > round);
            }
            self.round = round;
            self.free -= 1;
            if let Err(mut turn) = next.turn.send(CheckoutTurn(Some(shared.clone()))) {
                // It has gone.
                turn.0 = None;
                self.free += 1;
            }
        }
    }

    /// Takes who stands first from there on, in that round, out of the line.
    fn take(&mut self, (round, arrival): LineRank) -> Option<Waiting> {
        let all = self.rounds.get_mut(&round)?;
        let place = all.partition_point(|one| one.arrival < arrival);
        let taken = all.remove(place)?;
        if all.is_empty() {
            self.rounds.remove(&round);
        }
        self.buyers.remove(&taken.buyer);
        if let Some(lane) = self.senders.get_mut(&taken.sender) {
            lane.waiting -= 1;
        }
        Some(taken)
    }
}

impl LineTicket {
    #[must_use]
    pub fn buyer(&self) -> &str {
        &self.buyer
    }

    /// The turn, if it is there without waiting.
    pub fn turn_now(&mut self) -> Option<CheckoutTurn> {
        self.turn.try_recv().ok()
    }

    /// Waits for the turn. `None` if there is no line any more.
    pub async fn turn(&mut self) -> Option<CheckoutTurn> {
        (&mut self.turn).await.ok()
    }
}

impl Drop for LineTicket {
    fn drop(&mut self) {
        let mut line = self.line.lock();
        if line.buyers.get(&self.buyer) == Some(&self.rank) {
            line.take(self.rank);
        }
    }
}

impl Drop for CheckoutTurn {
    fn drop(&mut self) {
        let Some(shared) = self.0.take() else { return };
        let mut line = shared.lock();
        line.free += 1;
        line.serve(&shared);
        if line.free == line.at_once {
            // Nobody is there: who comes next is the first.
            line.senders.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use engine::Actor;
    use proptest::prelude::*;

    use super::*;

    fn address(number: u8) -> Sender {
        Sender::at(IpAddr::from([10, 0, 0, number]))
    }

    #[test]
    fn who_has_many_in_the_line_is_served_no_sooner() {
        let line = CheckoutLine::new(1);
        let mut first = line.enter(address(1), "first").unwrap();
        let turn = first.turn_now().unwrap();
        let mut many: Vec<LineTicket> =
            (0..40).map(|n| line.enter(address(1), &format!("many {n}")).unwrap()).collect();
        let mut late = line.enter(address(2), "late").unwrap();
        assert_eq!(line.place_of("late"), Some(1), "its sender has had no turn yet");
        assert_eq!((line.place_of("many 0"), line.place_of("many 39")), (Some(2), Some(41)));
        drop(turn);
        assert!(late.turn_now().is_some());
        assert_eq!(line.place_of("late"), None);
        // Its turn ended at once: the next one has it.
        let turn = many[0].turn_now().unwrap();
        assert!(many[1].turn_now().is_none());
        // Who leaves from the end moves nobody else.
        drop(many.pop());
        let newcomer = line.enter(address(3), "newcomer").unwrap();
        assert_eq!(line.place_of("newcomer"), Some(1));
        drop(newcomer);
        drop(many.remove(1));
        assert_eq!(line.place_of("many 2"), Some(1), "who left keeps nobody waiting");
        drop(turn);
        assert!(many[1].turn_now().is_some());
    }

    #[test]
    fn a_buyer_has_one_place_and_a_sender_so_many() {
        let line = CheckoutLine::new(0);
        let _first = line.enter(address(1), "a").unwrap();
        let again = line.enter(address(2), "a").err();
        assert_eq!(again, Some(LineRefusal::BuyerWaits(1)), "by whatever connection");
        let more: Vec<LineTicket> = (1..LINE_PER_ADDRESS_MAX)
            .map(|n| line.enter(address(1), &n.to_string()).unwrap())
            .collect();
        let refused = line.enter(address(1), "b").err();
        assert_eq!(refused, Some(LineRefusal::SenderHasMany));
        assert!(line.enter(Sender::Principal(Actor::System), "b").is_ok());
        drop(more);
        assert!(line.enter(address(1), "c").is_ok());
    }

    proptest! {
        /// Beside a naive line: of all senders that have somebody in it, no one has had two turns
        /// more than another since both were there; and nobody is forgotten.
        #[test]
        fn turns_go_round_and_everybody_has_one(
            steps in prop::collection::vec((0..6_u8, any::<bool>()), 1..200),
        ) {
            let line = CheckoutLine::new(1);
            let mut tickets: Vec<(u8, LineTicket)> = Vec::new();
            let mut held: Option<CheckoutTurn> = None;
            // Turns of each sender since it last had nobody in the line.
            let mut had: HashMap<u8, u32> = HashMap::new();
            let mut since: HashMap<(u8, u8), (u32, u32)> = HashMap::new();
            for (number, (sender, ends)) in steps.into_iter().enumerate() {
                if ends {
                    held = None;
                } else {
                    let here = |tickets: &[(u8, LineTicket)], one| {
                        tickets.iter().any(|(of, _)| *of == one)
                    };
                    if !here(&tickets, sender) {
                        let of = |one: u8| had.get(&one).copied().unwrap_or_default();
                        for other in 0..6_u8 {
                            since.insert((sender, other), (of(sender), of(other)));
                            since.insert((other, sender), (of(other), of(sender)));
                        }
                    }
                    let buyer = number.to_string();
                    tickets.push((sender, line.enter(address(sender), &buyer).unwrap()));
                }
                while held.is_none() && !tickets.is_empty() {
                    let found = tickets.iter_mut().position(|(_, one)| {
                        held = one.turn_now();
                        held.is_some()
                    });
                    let place = found.expect("a free turn is somebody's");
                    let (served, _) = tickets.remove(place);
                    *had.entry(served).or_default() += 1;
                    let waiting: Vec<u8> = tickets.iter().map(|(of, _)| *of).collect();
                    for other in waiting.into_iter().filter(|one| *one != served) {
                        let before = since.get(&(served, other)).copied().unwrap_or_default();
                        let own = had[&served] - before.0;
                        let theirs = had.get(&other).copied().unwrap_or_default() - before.1;
                        prop_assert!(own <= theirs + 2, "{served} {own}, {other} {theirs}");
                    }
                }
            }
            let count = tickets.len();
            drop(held);
            let mut served = 0;
            while served < count {
                let found = tickets.iter_mut().position(|(_, one)| one.turn_now().is_some());
                tickets.remove(found.expect("everybody has a turn"));
                served += 1;
            }
        }
    }
}
