//! The faults: aimed at the process that presents, after the rotation, before the answer.

use tokenflight_test::{Fault, auth::Outgoing};

use super::prelude::*;
use crate::race::wire::PRESENTER;

/// How long a process is stopped.
const STOPPED: Duration = Duration::from_secs(3);

/// How long an answer takes during which a person logs in.
const SLOW: Duration = Duration::from_millis(1_500);

/// Strikes every so many rotations of each contestant, beginning with the second.
pub(super) struct Striker {
    /// What is done.
    pub(super) faults: Faults,
    /// How many rotations there are from one to the next.
    pub(super) every: u64,
    /// Whom it can meet.
    pub(super) living: Living,
    /// Who logs in.
    pub(super) people: Vec<UnboundedSender<Call>>,
    /// Where it is written down.
    pub(super) ledger: Ledger,
    /// The time of the race.
    pub(super) clock: Clock,
    /// Rotations of each contestant.
    pub(super) rotations: Mutex<[u64; Kind::ALL.len()]>,
    /// Whether the race is over.
    pub(super) over: AtomicBool,
}

impl Striker {
    /// What becomes of this answer.
    pub(super) fn aim(&self, outgoing: &Outgoing<'_>) -> Fault {
        let Some(lane) = Kind::ALL.iter().position(|kind| kind.name() == outgoing.label()) else { return Fault::None };
        if self.over.load(Ordering::Relaxed) {
            return Fault::None;
        }
        self.ledger.rotated(lane);
        let number = {
            let mut rotations = self.rotations.lock().unwrap_or_else(PoisonError::into_inner);
            rotations[lane] += 1;
            rotations[lane]
        };
        if self.faults == Faults::None || number % self.every != 2 % self.every {
            return Fault::None;
        }
        let presenter = outgoing.header(PRESENTER).and_then(|pid| pid.parse().ok());
        let Some((pid, place)) = presenter.and_then(|pid| Some((pid, self.living.place(pid)?))) else {
            return Fault::None;
        };
        let (struck, fault) = match self.faults {
            Faults::None => (false, Fault::None),
            Faults::Stop => (self.living.stop(pid, self.clock.now() + STOPPED), Fault::None),
            Faults::Kill if self.living.kill(pid) => (true, Fault::CutAfter),
            Faults::Kill => (false, Fault::None),
            Faults::Login => (self.people[lane].send(Call::OutAndIn).is_ok(), Fault::DelayAfter(SLOW)),
            Faults::Lost => (true, Fault::CutAfter),
        };
        if struck {
            self.ledger.struck(place, (self.faults == Faults::Stop).then_some(STOPPED));
        }
        fault
    }
}
