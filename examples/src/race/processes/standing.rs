//! How each contestant has fared: what its processes saw, beside what the server counted.

use tokenflight_test::auth::Report;

use super::{
    ledger::{Lane, Track},
    prelude::*,
};
use crate::race::reuses::Reuses;

/// One contestant at the end of the race.
pub(in crate::race) struct Standing {
    /// Which one.
    pub(super) kind: Kind,
    pub(super) numbers: Numbers,
    /// When spent refresh tokens came back.
    pub(super) reuses: Vec<Duration>,
    /// What happened when.
    pub(super) lane: Lane,
}

/// The numbers of one contestant.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Numbers {
    /// Calls that were served.
    pub(super) served: u64,
    /// Refresh tokens that were submitted.
    pub(super) submissions: u64,
    /// Refresh tokens that were exchanged for new ones.
    pub(super) rotations: u64,
    /// The difference: submissions that could bring nothing new.
    pub(super) in_vain: u64,
    /// Spent refresh tokens that were submitted again although their answer had arrived.
    pub(super) presented_twice: u64,
    /// Those whose answer was lost, so that no process could know better.
    pub(super) presented_in_doubt: u64,
    /// Submissions while another one of the same refresh token was under way.
    pub(super) overlapping: u64,
    /// Spent refresh tokens that the server took again within its grace window.
    pub(super) reuses_in_grace: u64,
    /// Faults that met the process that presented.
    pub(super) strikes: u64,
    /// Logins that only a person could replace.
    pub(super) logins_lost: u64,
    /// Those of them of which a strike had lost an answer.
    pub(super) logins_lost_to_strikes: u64,
    /// The longest time that a process waited for a token and was not itself stopped, in seconds. A
    /// person who has to log in comes at once.
    pub(super) longest_wait_s: f64,
    /// The longest time that a login took a person, in seconds.
    pub(super) longest_login_s: f64,
    /// Attempts that failed without ending the session.
    pub(super) failed: u64,
    /// The words of the last one.
    pub(super) last_failure: Option<String>,
}

impl Standing {
    /// Reads the ledger and the server's books.
    pub(super) fn new(kind: Kind, lane: Lane, clock: Clock, report: &Report, reuses: &Reuses) -> Self {
        let mut numbers = Numbers {
            served: lane.tracks.iter().map(|track| track.served).sum(),
            strikes: lane.strikes.len() as u64,
            logins_lost: lane.lost.len() as u64,
            logins_lost_to_strikes: lane.lost.iter().filter(|lost| lost.struck).count() as u64,
            longest_wait_s: seconds(lane.tracks.iter().map(Track::longest_wait).max()),
            longest_login_s: seconds(lane.logins.iter().max().copied()),
            failed: lane.failed,
            last_failure: lane.last_failure.clone(),
            ..Numbers::default()
        };
        let counts = report.counts(kind.name());
        numbers.submissions = counts.token_requests;
        numbers.rotations = counts.rotations;
        numbers.overlapping = counts.overlapping;
        numbers.reuses_in_grace = counts.reuses_in_grace;
        let reuses = reuses.of(kind.name());
        numbers.presented_in_doubt = reuses.iter().filter(|reused| reused.answer_lost).count() as u64;
        numbers.presented_twice = reuses.len() as u64 - numbers.presented_in_doubt;
        let reuses = reuses.iter().map(|reused| clock.at(reused.at)).collect();
        numbers.in_vain = numbers.submissions.saturating_sub(numbers.rotations);
        Self { kind, numbers, reuses, lane }
    }

    /// Whether it presented no refresh token twice and lost no login but one that was struck
    /// between answer and rename.
    fn is_unharmed(&self) -> bool {
        let Numbers { presented_twice, overlapping, logins_lost, logins_lost_to_strikes, .. } = self.numbers;
        presented_twice == 0 && overlapping == 0 && logins_lost == logins_lost_to_strikes
    }
}

/// Whether ours is.
pub(in crate::race) fn unharmed(standings: &[Standing]) -> bool {
    standings.iter().filter(|standing| standing.kind == Kind::Tokenflight).all(Standing::is_unharmed)
}

/// Seconds, to the tenth of a millisecond at most.
fn seconds(duration: Option<Duration>) -> f64 {
    (duration.unwrap_or_default().as_secs_f64() * 1e4).round() / 1e4
}

/// Everything `--json` writes.
#[derive(Debug, Serialize)]
pub(in crate::race) struct Outcome<'a> {
    /// Processes of each contestant.
    processes: u16,
    /// What the server did to the process that presented.
    faults: Faults,
    /// To every which rotation.
    every: u32,
    /// Seconds within which it took a spent refresh token again.
    grace: f64,
    /// Seconds the race took.
    seconds: f64,
    /// Seconds an access token lived.
    lifetime: f64,
    seed: u64,
    /// Whether tokenflight presented nothing twice and lost no login that it could have kept.
    tokenflight_unharmed: bool,
    contestants: Vec<Row<'a>>,
}

/// One contestant in JSON.
#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'static str,
    #[serde(flatten)]
    numbers: &'a Numbers,
}

impl<'a> Outcome<'a> {
    /// Gathers it.
    pub(in crate::race) fn new(options: &Options, processes: u16, standings: &'a [Standing]) -> Self {
        let line = |standing: &'a Standing| Row { name: standing.kind.name(), numbers: &standing.numbers };
        Self {
            processes,
            faults: options.faults,
            every: options.every,
            grace: options.grace.get(),
            seconds: options.seconds.get(),
            lifetime: options.lifetime.get(),
            seed: options.seed,
            tokenflight_unharmed: unharmed(standings),
            contestants: standings.iter().map(line).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(numbers: Numbers) -> bool {
        let lane = Lane::default();
        let theirs = Numbers { presented_twice: 7, logins_lost: 7, ..Numbers::default() };
        let theirs = Standing { kind: Kind::NoLock, numbers: theirs, reuses: Vec::new(), lane: lane.clone() };
        unharmed(&[theirs, Standing { kind: Kind::Tokenflight, numbers, reuses: Vec::new(), lane }])
    }

    #[test]
    fn only_what_ours_could_have_kept_or_done_once_is_held_against_it() {
        assert!(ours(Numbers::default()));
        assert!(ours(Numbers { presented_in_doubt: 2, in_vain: 2, ..Numbers::default() }));
        assert!(ours(Numbers { logins_lost: 2, logins_lost_to_strikes: 2, ..Numbers::default() }));
        assert!(!ours(Numbers { presented_twice: 1, ..Numbers::default() }));
        assert!(!ours(Numbers { overlapping: 1, ..Numbers::default() }));
        assert!(!ours(Numbers { logins_lost: 2, logins_lost_to_strikes: 1, ..Numbers::default() }));
    }
}
