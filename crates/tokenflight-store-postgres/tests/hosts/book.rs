//! Who had what in hand: what hosts said before they were killed, against what the authorization server has seen.

use std::{collections::HashMap, fmt, time::Duration};

use tokenflight_test::auth::Report;

/// What is known of one grant.
#[derive(Default)]
struct Known {
    /// Hosts that presented, and have not said what came of it.
    presenting: Vec<usize>,
    /// Hosts that were killed meanwhile, since the last login: one of them may have had the successor.
    died: usize,
    /// A failover has lost a rotation of it, and it was not renewed since.
    behind: bool,
    /// When the last of them was killed, until another presents.
    taken_over_from: Option<Duration>,
}

/// What hosts say, in the order in which it is read.
#[derive(Default)]
pub(crate) struct Book {
    grants: HashMap<usize, Known>,
    /// How long it took until another host presented.
    take_overs: Vec<Duration>,
    /// How long it took from an answer to its durable write.
    writes: Vec<Duration>,
    pub(crate) losses: Losses,
}

/// Sessions that were lost, by what explains it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Losses {
    /// A host was killed that may have had the successor.
    pub(crate) with_a_host: usize,
    /// The successor was stored, and gone after a failover.
    pub(crate) with_the_storage: usize,
    /// Nothing does: a refresh token was submitted twice.
    pub(crate) unexplained: usize,
}

impl Book {
    /// One line of a host.
    pub(crate) fn said(&mut self, host: usize, line: &str, now: Duration) {
        let mut words = line.split(' ');
        let (what, grant) = (words.next(), words.next().and_then(|grant| grant.parse().ok()));
        let known = self.grants.entry(grant.unwrap()).or_default();
        known.presenting.retain(|other| *other != host);
        match what {
            Some("+") => {
                known.presenting.push(host);
                self.take_overs.extend(known.taken_over_from.take().map(|since| now - since));
            }
            _ => {
                known.behind = false;
                self.writes.extend(words.next().and_then(|micros| micros.parse().ok()).map(Duration::from_micros));
            }
        }
    }

    /// A failover has lost a rotation of this grant.
    pub(crate) fn behind(&mut self, grant: usize) {
        self.grants.entry(grant).or_default().behind = true;
    }

    /// A host was killed, and all that it said has been read.
    pub(crate) fn killed(&mut self, host: usize, now: Duration) {
        for known in self.grants.values_mut() {
            let before = known.presenting.len();
            known.presenting.retain(|other| *other != host);
            if known.presenting.len() < before {
                known.died += 1;
                known.taken_over_from = Some(now);
            }
        }
    }

    /// A grant was lost and is logged in anew.
    pub(crate) fn lost(&mut self, grant: usize) {
        let known = self.grants.entry(grant).or_default();
        let (died, behind) = (std::mem::take(&mut known.died) > 0, std::mem::take(&mut known.behind));
        match (died, behind) {
            (true, _) => self.losses.with_a_host += 1,
            (false, true) => self.losses.with_the_storage += 1,
            (false, false) => self.losses.unexplained += 1,
        }
    }

    pub(crate) fn figures(&mut self) -> [Option<Duration>; 4] {
        let mut of = |share: f64, all: fn(&mut Self) -> &mut Vec<Duration>| {
            let all = all(self);
            all.sort();
            all.get(((all.len().max(1) - 1) as f64 * share) as usize).copied()
        };
        [
            of(0.5, |book| &mut book.take_overs),
            of(0.99, |book| &mut book.take_overs),
            of(0.5, |book| &mut book.writes),
            of(0.99, |book| &mut book.writes),
        ]
    }
}

/// What a run has shown.
pub(crate) struct Found {
    pub(crate) what: String,
    /// There were faults under which something may be lost, or submitted twice: how much is what is to be found out.
    pub(crate) published: bool,
    pub(crate) report: Report,
    pub(crate) kills: usize,
    pub(crate) terminations: usize,
    pub(crate) restarts: usize,
    pub(crate) losses: Losses,
    pub(crate) figures: [Option<Duration>; 4],
}

impl Found {
    pub(crate) fn check(&self) {
        println!("{self}");
        if self.published {
            return;
        }
        let doubles = (self.report.total.overlapping, self.losses.unexplained);
        assert_eq!(doubles, (0, 0), "{self}\n{}", self.report);
        assert_eq!(self.report.unknown, 0, "{self}");
        // A run in which hardly anything happened shows nothing.
        assert!(self.report.total.rotations > 50 && self.kills >= 5 && self.terminations >= 3, "{self}");
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = &self.report.total;
        let [take_over, late_take_over, write, late_write] = self
            .figures
            .map(|figure| figure.map_or_else(|| "-".to_owned(), |figure| format!("{:.3} s", figure.as_secs_f64())));
        // Of n without a single one, at most 3/n are not excluded (95 %).
        let bound = 3.0 / total.rotations.max(1) as f64;
        write!(
            f,
            "{}: {} refreshes, {} kills, {} terminations, {} crashes of the server; submitted twice at once {} (at \
             most {bound:.1e} of all at 95 % if none); lost with a dead host that had the answer {}, with the failover {}, otherwise {}; answered again within the \
             grace window {}; take-over p50 {take_over}, p99 {late_take_over}; answer to durable p50 {write}, p99 \
             {late_write}",
            self.what,
            total.rotations,
            self.kills,
            self.terminations,
            self.restarts,
            total.overlapping,
            self.losses.with_a_host,
            self.losses.with_the_storage,
            self.losses.unexplained,
            total.grace_replays,
        )
    }
}
