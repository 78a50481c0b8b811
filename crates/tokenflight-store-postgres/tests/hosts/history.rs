//! What was done to hosts and to the storage, and what hosts said.

use std::collections::HashMap;

use crate::prelude::*;

/// From one moment to another, by the clock of all processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

impl Span {
    pub(crate) fn length(self) -> Duration {
        self.until.saturating_sub(self.from)
    }

    pub(crate) fn within(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), until: self.until.min(other.until) }
    }
}

/// The storage was lost and another one took its place: a failover, or a restore.
pub(crate) struct Fall {
    /// From then on the other one took writes.
    pub(crate) at: Duration,
    /// What it had of each grant.
    pub(crate) held: Vec<Option<Step>>,
}

#[derive(Default)]
pub(crate) struct History {
    said: Vec<(usize, Line)>,
    pub(crate) killed: HashMap<usize, Duration>,
    pub(crate) stops: Vec<(usize, Span)>,
    /// The storage could not be reached, by any host.
    pub(crate) outages: Vec<Span>,
    pub(crate) falls: Vec<Fall>,
}

/// A claim of a host, and what it did under it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Attempt {
    pub(crate) host: usize,
    pub(crate) grant: usize,
    /// What it presented.
    pub(crate) step: Step,
    pub(crate) asked: Duration,
    pub(crate) granted: Duration,
    pub(crate) presented: Option<Duration>,
    pub(crate) answered: Option<Duration>,
    pub(crate) stored: Option<Duration>,
    /// When it was stored, or over without.
    pub(crate) over: Option<Duration>,
}

impl History {
    pub(crate) fn said(&mut self, host: usize, line: Line) {
        self.said.push((host, line));
    }

    /// When the storage acknowledged this token for the first time.
    pub(crate) fn stored(&self, step: Step) -> Option<Duration> {
        let stored = |(_, line): &&(usize, Line)| line.step == step && line.what == What::Stored;
        self.said.iter().filter(stored).map(|(_, line)| line.at).min()
    }

    /// How many tokens were stored once more.
    pub(crate) fn written_back(&self) -> usize {
        self.said.iter().filter(|(_, line)| line.what == What::WroteBack).count()
    }

    /// Every claim, in the order in which it was asked for.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        let mut attempts: Vec<Attempt> = Vec::new();
        let mut last: HashMap<(usize, usize), usize> = HashMap::new();
        // One host's lines are in their order.
        for &(host, Line { what, grant, step, at }) in &self.said {
            if let What::Claimed { asked } = what {
                last.insert((host, grant), attempts.len());
                let (presented, answered, stored, over) = (None, None, None, None);
                attempts.push(Attempt { host, grant, step, asked, granted: at, presented, answered, stored, over });
                continue;
            }
            let Some(attempt) = last.get(&(host, grant)).map(|at| &mut attempts[*at]) else { continue };
            match what {
                What::Presents if attempt.step == step => attempt.presented = Some(at),
                What::Answered if attempt.step.next() == step => attempt.answered = Some(at),
                What::Stored if attempt.step.next() == step => {
                    attempt.stored = Some(at);
                    attempt.over.get_or_insert(at);
                }
                What::Over => drop(attempt.over.get_or_insert(at)),
                _ => {}
            }
        }
        attempts.sort_by_key(|attempt| attempt.asked);
        attempts
    }

    /// How much of this time a host could do nothing: stopped, or cut off from the storage.
    pub(crate) fn unable(&self, host: usize, span: Span) -> Duration {
        let stops = self.stops.iter().filter(|(other, _)| *other == host).map(|(_, stop)| *stop);
        let mut spans: Vec<Span> = stops.chain(self.outages.iter().copied()).map(|one| one.within(span)).collect();
        spans.sort_by_key(|span| span.from);
        let mut counted = span.from;
        spans.into_iter().fold(Duration::ZERO, |sum, one| {
            let from = one.from.max(counted);
            counted = counted.max(one.until);
            sum + Span { from, until: one.until }.length()
        })
    }

    /// The longest time for which a host was stopped that has a part in this one.
    pub(crate) fn longest_stop(&self, host: usize, span: Span) -> Option<Duration> {
        let meets = |stop: &Span| !stop.within(span).length().is_zero();
        let stops = self.stops.iter().filter(|(other, stop)| *other == host && meets(stop));
        stops.map(|(_, stop)| stop.length()).max()
    }

    /// The time from the kill of a host that presented to the next that presents the same token,
    /// and from an answer to its durable write: the middle and last in a hundred of each.
    pub(crate) fn figures(&self) -> [Option<Duration>; 4] {
        let attempts = self.attempts();
        let writes = attempts.iter().filter_map(|one| one.stored?.checked_sub(one.answered?)).collect();
        let taken_over = attempts.iter().filter_map(|one| {
            let (killed, _) = (self.killed.get(&one.host)?, one.presented?);
            if one.over.is_some() {
                return None;
            }
            let later = attempts.iter().filter(|other| other.step == one.step).filter_map(|other| other.presented);
            later.filter(|presented| presented > killed).min().map(|presented| presented - *killed)
        });
        let [early, late] = shares(taken_over.collect());
        let [write, late_write] = shares(writes);
        [early, late, write, late_write]
    }
}

fn shares(mut all: Vec<Duration>) -> [Option<Duration>; 2] {
    all.sort();
    [0.5, 0.99].map(|share| all.get(((all.len().max(1) - 1) as f64 * share) as usize).copied())
}

#[test]
fn time_in_which_a_host_was_stopped_and_cut_off_counts_once() {
    let span = |from, until| Span { from: Duration::from_secs(from), until: Duration::from_secs(until) };
    let stops = vec![(1, span(10, 20)), (2, span(0, 100))];
    let history = History { stops, outages: vec![span(15, 25), span(90, 91)], ..History::default() };
    assert_eq!(history.unable(1, span(0, 30)), Duration::from_secs(15));
    assert_eq!(history.unable(1, span(12, 13)), Duration::from_secs(1));
    assert_eq!(history.unable(2, span(0, 30)), Duration::from_secs(30));
    assert_eq!(history.longest_stop(1, span(19, 40)), Some(Duration::from_secs(10)));
    assert_eq!(history.longest_stop(1, span(21, 40)), None);
}
