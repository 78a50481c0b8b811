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
            _ => self.writes.extend(words.next().and_then(|micros| micros.parse().ok()).map(Duration::from_micros)),
        }
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

    /// A grant was lost and logged in anew. Whether a dead host explains that.
    pub(crate) fn lost(&mut self, grant: usize) -> bool {
        std::mem::take(&mut self.grants.entry(grant).or_default().died) > 0
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
    pub(crate) report: Report,
    pub(crate) kills: usize,
    pub(crate) terminations: usize,
    pub(crate) restarts: usize,
    /// Sessions that were lost.
    pub(crate) lost: usize,
    /// Of these, those that no dead host explains.
    pub(crate) unexplained: usize,
    pub(crate) figures: [Option<Duration>; 4],
}

impl Found {
    /// Refresh tokens that were submitted while another submission was under way, or again although no host had died
    /// with the answer.
    fn doubles(&self) -> u64 {
        self.report.total.overlapping + self.unexplained as u64
    }

    pub(crate) fn check(&self) {
        println!("{self}");
        assert_eq!((self.doubles(), self.unexplained), (0, 0), "{self}\n{}", self.report);
        assert_eq!(self.report.unknown, 0, "{self}");
        // A run in which hardly anything happened shows nothing.
        assert!(self.report.total.rotations > 50 && self.kills > 20 && self.terminations > 5, "{self}");
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
            "{}: {} refreshes, {} kills, {} terminations, {} crashes of the server; double submissions {} (at most \
             {bound:.1e} at 95 % if none); lost {} ({} with a dead host that had the answer); answered again within the \
             grace window {}; take-over p50 {take_over}, p99 {late_take_over}; answer to durable p50 {write}, p99 \
             {late_write}",
            self.what,
            total.rotations,
            self.kills,
            self.terminations,
            self.restarts,
            self.doubles(),
            self.lost,
            self.lost - self.unexplained,
            total.grace_replays,
        )
    }
}
