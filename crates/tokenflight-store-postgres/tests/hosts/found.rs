//! What a run has shown: a row of the loss table.

use crate::{
    losses::{Loss, Reason, early},
    prelude::*,
};

pub(crate) struct Found {
    pub(crate) settings: Settings,
    pub(crate) report: Report,
    pub(crate) counts: Counts,
    pub(crate) losses: Vec<Loss>,
    pub(crate) history: History,
}

/// How often what was done.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) kills: usize,
    pub(crate) terminations: usize,
    pub(crate) crashes: usize,
    pub(crate) failovers: usize,
    pub(crate) restores: usize,
}

/// Pauses are counted by their length: up to the request limit, up to the claim, longer.
const LENGTHS: [(&str, Duration); 5] = [
    ("up to 3 s", Duration::from_secs(3)),
    ("11 s", Duration::from_secs(11)),
    ("30 s", Duration::from_secs(30)),
    ("100 s", Duration::from_secs(100)),
    ("longer", Duration::MAX),
];

impl Found {
    pub(crate) fn check(&self) {
        println!("{self}");
        for loss in &self.losses {
            println!("  {loss}");
        }
        assert_eq!(self.unexplained(), 0, "{self}\n{}", self.report);
        assert_eq!(self.report.unknown, 0, "{self}");
        let early = early(&self.history);
        assert!(early.is_empty(), "{self}\n{early:?}");
        if !self.settings.may_submit_twice() {
            let avoidable = (self.report.total.overlapping, self.fallen(), self.stopped().count());
            assert_eq!(avoidable, (0, 0, 0), "{self}\n{}", self.report);
        }
        // A run in which hardly anything happened shows nothing.
        let happened = self.report.total.rotations > 50 && self.counts.kills >= 5 && self.counts.terminations >= 3;
        assert!(happened, "{self}");
    }

    fn count(&self, fits: impl Fn(&Reason) -> bool) -> usize {
        self.losses.iter().filter(|loss| fits(&loss.why)).count()
    }

    /// Lost with a killed host: with the successor in hand, and before the answer reached it.
    pub(crate) fn killed(&self) -> [usize; 2] {
        [true, false].map(|had| self.count(|why| matches!(why, Reason::Killed { answered, .. } if *answered == had)))
    }

    fn fallen(&self) -> usize {
        self.count(|why| matches!(why, Reason::Fallen { .. } | Reason::Older))
    }

    fn stopped(&self) -> impl Iterator<Item = Option<Duration>> {
        self.losses.iter().filter_map(|loss| match loss.why {
            Reason::Stopped { stop, .. } => Some(stop),
            _ => None,
        })
    }

    fn unexplained(&self) -> usize {
        self.count(|why| matches!(why, Reason::Unexplained(_)))
    }

    /// How many pauses there were of each length, and how many sessions were lost to them.
    fn by_length(&self) -> String {
        let class = |length: Duration| LENGTHS.iter().position(|(_, most)| length <= *most);
        let pauses = |at| self.history.stops.iter().filter(|(_, span)| class(Span::length(*span)) == Some(at)).count();
        let lost = |at| self.stopped().flatten().filter(|stop| class(*stop) == Some(at)).count();
        let classes = LENGTHS.iter().enumerate().filter(|(at, _)| pauses(*at) > 0);
        let classes = classes.map(|(at, (name, _))| format!("{name}: {} pauses, {} lost", pauses(at), lost(at)));
        classes.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = &self.report.total;
        let [take_over, late_take_over, write, late_write] = self
            .history
            .figures()
            .map(|figure| figure.map_or_else(|| "-".to_owned(), |figure| format!("{:.3} s", figure.as_secs_f64())));
        // Of n without a single one, at most 3/n are not excluded (95 %).
        let bound = 3.0 / total.rotations.max(1) as f64;
        let Counts { kills, terminations, crashes, failovers, restores } = self.counts;
        let [answered, before] = self.killed();
        write!(
            f,
            "{}: {} refreshes, {kills} kills, {terminations} terminations, {crashes} crashes of the server, {failovers} \
             failovers, {restores} restores; submitted twice at once {} (at most {bound:.1e} of all at 95 % if none); lost \
             with a dead host that had the answer {answered}, or was to get it {before}, with a failover or a restore {}, \
             with a host that was stopped or cut off {}, unexplained {}; answered again within the grace window {}; \
             written back {}; take-over p50 {take_over}, p99 {late_take_over}; answer to durable p50 {write}, p99 \
             {late_write}",
            self.settings,
            total.rotations,
            total.overlapping,
            self.fallen(),
            self.stopped().count(),
            self.unexplained(),
            total.reuses_in_grace,
            self.history.written_back(),
        )?;
        if self.settings.pause > 0 { write!(f, "; {}", self.by_length()) } else { Ok(()) }
    }
}
