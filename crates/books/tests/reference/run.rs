//! One sequence of commands, applied to the engine and the model and compared after each.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use books::*;

use crate::compare::{self, Finding, same};
use crate::coverage::Coverage;
use crate::facts::Facts;
use crate::model::{Model, ModelRefusal};
use crate::pending_requests;
use crate::steps::{self, Step};
use crate::world;

#[derive(Default)]
pub struct Run {
    engine: Books,
    /// An engine restored in the middle of the sequence, which continues beside the first.
    restored: Option<Books>,
    model: Model,
    facts: Facts,
    out: CommandOutcome,
    /// All commands tried, with their results.
    tried: Vec<(Command, Timestamp, String)>,
    accepted: Vec<(Command, Timestamp)>,
    /// After the last applied command.
    digest: Option<Digest>,
    /// Where the set-up ends in `tried`.
    first_step: usize,
}

impl Run {
    /// Sets up the world and takes all steps.
    pub fn take(&mut self, kind: u8, steps: &[Step], coverage: &mut Coverage) -> Finding {
        self.set_up(kind, coverage)?;
        for (place, step) in steps.iter().enumerate() {
            self.restore_at(place, steps.len())?;
            let command = steps::command(&self.model, kind, step).unwrap_or_else(|| {
                let back = usize::from(step.random_numbers[0]) % self.tried.len().min(30);
                self.tried[self.tried.len() - 1 - back].0.clone()
            });
            let at = self.model.last_at.0.checked_add_signed(step.pause);
            self.apply(&command, Timestamp(at.unwrap_or(0)), coverage)?;
        }
        self.finish()
    }

    /// The same with given commands.
    pub fn repeat(&mut self, kind: u8, commands: &[(Command, Timestamp)]) -> Finding {
        let mut coverage = Coverage::default();
        self.set_up(kind, &mut coverage)?;
        for (place, (command, at)) in commands.iter().enumerate() {
            self.restore_at(place, commands.len())?;
            self.apply(command, *at, &mut coverage)?;
        }
        self.finish()
    }

    fn set_up(&mut self, kind: u8, coverage: &mut Coverage) -> Finding {
        let opening = world::opening(kind);
        self.digest = Some(self.engine.digest());
        for command in world::before_opening() {
            self.apply(&command, opening, coverage)?;
        }
        same("carried out before the books were open", &self.accepted.len(), &0)?;
        let set_up = world::set_up(kind);
        for command in &set_up {
            self.apply(command, opening, coverage)?;
        }
        same("carried out while setting up", &self.accepted.len(), &set_up.len())?;
        self.first_step = self.tried.len();
        Ok(())
    }

    fn restore_at(&mut self, place: usize, steps: usize) -> Finding {
        if place == steps * 2 / 3 {
            self.restored = Some(self.restore()?);
        }
        Ok(())
    }

    /// The commands of all steps so far.
    pub fn commands(&self) -> Vec<(Command, Timestamp)> {
        let steps = self.tried.iter().skip(self.first_step);
        steps.map(|(command, at, _)| (command.clone(), *at)).collect()
    }

    fn apply(&mut self, command: &Command, at: Timestamp, coverage: &mut Coverage) -> Finding {
        self.tried.push((command.clone(), at, "…".into()));
        let fingerprint = self.engine.fingerprint();
        let done = self.engine.apply(command, at, &mut self.out);
        coverage.add(command, &done, &self.out);
        let answer = done.as_ref().map_or_else(|refusal| format!("{refusal:?}"), |()| "Ok".into());
        self.tried.last_mut().expect("just pushed").2 = answer;
        let forgotten: BTreeSet<_> = self.out.events.iter().filter_map(forgotten).collect();
        let expected = self.model.apply(command, at, &forgotten);
        let agreed = match (&done, &expected) {
            (Ok(()), Ok(_)) => true,
            (Err(Refusal::Repeated), Err(no)) => *no == ModelRefusal::Repeated,
            (Err(_), Err(no)) => *no != ModelRefusal::Repeated,
            _ => false,
        };
        if !agreed {
            return Err(format!("the model says {:?}", expected.map(|_| ())));
        }
        if let Some(restored) = &mut self.restored {
            let mut again = CommandOutcome::default();
            same("after a restore", &restored.apply(command, at, &mut again), &done)?;
            same("facts after a restore", &again, &self.out)?;
        }
        match expected {
            Ok(told) => {
                compare::outcomes(&self.engine, &self.out, &told)?;
                self.accepted.push((command.clone(), at));
                self.facts.add(&self.out)?;
                self.facts.check(&self.engine)?;
                self.engine.check().map_err(|faults| faults.join("\n"))?;
                self.digest = Some(self.engine.digest());
                compare::states(&self.engine, &self.model)
            }
            Err(_) => {
                same("the outcome of a refusal", &self.out, &CommandOutcome::default())?;
                same("M10, the fingerprint", &self.engine.fingerprint(), &fingerprint)?;
                same("M10, the digest", &Some(self.engine.digest()), &self.digest)
            }
        }
    }

    fn restore(&self) -> Result<Books, String> {
        let mut parts = Vec::new();
        let snapshot = self.engine.snapshot();
        let written = snapshot.write(|part| {
            parts.push(Ok::<_, String>(part.to_vec()));
            Ok::<_, String>(())
        })?;
        same("the digest of a snapshot", &written, &self.engine.digest())?;
        let restored = Books::restore(parts, written).map_err(|error| error.to_string())?;
        same("the digest of a restored engine", &restored.digest(), &written)?;
        same("its fingerprint", &restored.fingerprint(), &self.engine.fingerprint())?;
        restored.check().map_err(|faults| faults.join("\n"))?;
        compare::states(&restored, &self.model)?;
        Ok(restored)
    }

    /// M11: a restored engine, and one that gets only the accepted commands, end the same. M4:
    /// everything pending can be resolved.
    fn finish(&mut self) -> Finding {
        let mut again = Books::default();
        for (command, at) in &self.accepted {
            let done = again.apply(command, *at, &mut self.out);
            done.map_err(|refusal| format!("refused at the replay: {refusal:?} {command:?}"))?;
        }
        for other in [Some(&again), self.restored.as_ref()].into_iter().flatten() {
            same("M11, the digest", &other.digest(), &self.engine.digest())?;
            same("M11, the fingerprint", &other.fingerprint(), &self.engine.fingerprint())?;
        }
        let restored = self.restore()?;
        compare::states(&restored, &self.model)?;
        pending_requests::to_the_end(restored)
    }

    /// All commands tried, for whoever reads a failure.
    pub fn story(&self) -> String {
        let mut story = String::new();
        for (place, (command, at, answer)) in self.tried.iter().enumerate().skip(self.first_step) {
            let text = match command {
                Command::PublishTariff(PublishTariff { tariff, version, from, until, .. }) => {
                    format!("PublishTariff {tariff:?} version {version} {from:?} {until:?}")
                }
                _ => format!("{command:?}"),
            };
            let day = at.business_date(self.model.offset_at(*at).unwrap_or(0));
            writeln!(story, "{place:4} {day} {} {text}\n       -> {answer}", at.0)
                .expect("into memory");
        }
        story
    }
}

fn forgotten(event: &Event) -> Option<ParcelId> {
    match event {
        Event::ParcelForgotten { parcel } => Some(*parcel),
        _ => None,
    }
}
