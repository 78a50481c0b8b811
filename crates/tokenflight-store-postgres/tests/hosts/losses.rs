//! Why a session was lost: the authorization server says which refresh token came back and when,
//! the hosts say whose it was.

use crate::{
    history::Attempt,
    host::{CLAIM, LIMITS},
    prelude::*,
};

/// A session that was lost.
#[derive(Debug)]
pub(crate) struct Loss {
    pub(crate) grant: usize,
    /// The refresh token that came back.
    pub(crate) step: Step,
    pub(crate) why: Reason,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Reason {
    /// A host was killed between its first byte and the durable write of what came of it.
    Killed { host: usize, answered: bool },
    /// A host was stopped, or cut off from the storage, when its claim ran out: for so long, and it
    /// was stopped for so long.
    Stopped { host: usize, unable: Duration, stop: Option<Duration> },
    /// The successor was acknowledged, and gone after a failover or a restore.
    Fallen { acknowledged: Duration },
    /// The session was ended, or replaced by an older one, in what a failover or restore has left.
    Older,
    /// None of these: a mistake of the store's.
    Unexplained(Vec<Attempt>),
}

/// A session lost without a refresh token of its own that came back: the storage had an older one.
pub(crate) struct Orphan {
    pub(crate) grant: usize,
    pub(crate) login: usize,
}

/// Every session that was lost, and why.
pub(crate) fn losses(reuses: &[Reused], history: &History, orphans: &[Orphan]) -> Vec<Loss> {
    let attempts = history.attempts();
    let killed = reuses.iter().filter(|reused| reused.ended).filter_map(|reused| {
        let step = Step { login: reused.login, rotation: reused.rotation };
        let grant = reused.label.parse().ok()?;
        Some(Loss { grant, step, why: why(grant, step, reused.at.boot, &attempts, history) })
    });
    let orphaned = orphans.iter().map(|orphan| {
        let step = Step { login: orphan.login, rotation: 0 };
        let older = history.falls.iter().any(|fall| fall.held[orphan.grant].is_none_or(|held| held < step));
        let why = if older { Reason::Older } else { Reason::Unexplained(Vec::new()) };
        Loss { grant: orphan.grant, step, why }
    });
    killed.chain(orphaned).collect()
}

/// Claims granted while another host, which had presented the same token, still had its own.
pub(crate) fn early(history: &History) -> Vec<[Attempt; 2]> {
    let all = history.attempts();
    let presented = all.iter().filter(|one| one.presented.is_some());
    let in_the_way = |one: &Attempt, later: &Attempt| {
        let same = one.step == later.step && one.host != later.host && one.asked < later.asked;
        same && later.granted < one.asked + CLAIM && one.over.is_none_or(|over| later.granted < over)
    };
    let pairs = presented.flat_map(|one| all.iter().filter(|later| in_the_way(one, later)).map(|later| [*one, *later]));
    pairs.collect()
}

/// Why this refresh token came back at this time.
fn why(grant: usize, step: Step, at: Duration, attempts: &[Attempt], history: &History) -> Reason {
    let presented = |one: &&Attempt| one.step == step && one.presented.is_some_and(|presented| presented <= at);
    let all: Vec<Attempt> = attempts.iter().filter(presented).copied().collect();
    let next = step.next();
    let seen = attempts.iter().filter(|one| one.step == next).map(|one| one.granted).min();
    let known = history.stored(next).into_iter().chain(seen).min();
    let gone = |acknowledged: &Duration| {
        let after = history.falls.iter().filter(|fall| *acknowledged <= fall.at && fall.at <= at);
        after.filter(|fall| fall.held[grant].is_none_or(|held| held < next)).count() > 0
    };
    if let Some(acknowledged) = known.filter(gone) {
        return Reason::Fallen { acknowledged };
    }
    let earlier = || all.iter().zip(all.iter().skip(1));
    // It is not asked who was answered: the server rotated for one of them, and all but the last
    // had no successor to show.
    let dead = earlier().map(|(one, _)| one).find(|one| {
        let killed = history.killed.get(&one.host);
        one.over.is_none() && killed.is_some_and(|killed| *killed <= at)
    });
    if let Some(dead) = dead.filter(|_| known.is_none()) {
        return Reason::Killed { host: dead.host, answered: dead.answered.is_some() };
    }
    let stopped = earlier().find_map(|(one, next)| {
        let ran_out = one.asked + CLAIM;
        let span = Span { from: one.asked, until: next.asked.max(ran_out) };
        let unable = history.unable(one.host, span);
        let stop = history.longest_stop(one.host, span);
        // It had less time than a request and a write may take, and the next claim did not come
        // before this one had run out.
        let explains = next.granted >= ran_out && span.length().saturating_sub(unable) <= LIMITS;
        explains.then_some(Reason::Stopped { host: one.host, unable, stop })
    });
    stopped.unwrap_or(Reason::Unexplained(all))
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step { login, rotation } = self.step;
        write!(f, "grant {}, login {login}, token {rotation}: ", self.grant)?;
        match &self.why {
            Reason::Killed { host, answered: true } => write!(f, "host {host} was killed with the successor in hand"),
            Reason::Killed { host, answered: false } => {
                write!(f, "host {host} was killed before the answer reached it")
            }
            Reason::Stopped { host, unable, stop } => {
                write!(f, "host {host} could do nothing for {:.1} s of its claim", unable.as_secs_f64())?;
                stop.map_or(Ok(()), |stop| write!(f, ", stopped for {:.1} s", stop.as_secs_f64()))
            }
            Reason::Fallen { .. } => f.write_str("the successor was acknowledged and lost by the storage"),
            Reason::Older => f.write_str("the storage fell back to an older login"),
            Reason::Unexplained(attempts) => write!(f, "UNEXPLAINED; who presented it: {attempts:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        history::Fall,
        line::{Line, What},
    };

    const STEP: Step = Step { login: 1, rotation: 4 };

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A host claims and presents.
    fn presents(history: &mut History, host: usize, asked: u64) {
        for (what, at) in [(What::Claimed { asked: ms(asked) }, asked + 10), (What::Presents, asked + 20)] {
            history.said(host, Line { what, grant: 0, step: STEP, at: ms(at) });
        }
    }

    fn said(history: &mut History, host: usize, what: What, step: Step, at: u64) {
        history.said(host, Line { what, grant: 0, step, at: ms(at) });
    }

    /// The second host presents what the first has presented, as soon as its claim has run out.
    fn twice() -> (History, Duration) {
        let mut history = History::default();
        presents(&mut history, 1, 1000);
        presents(&mut history, 2, 12_100);
        (history, ms(12_150))
    }

    fn judged(history: &History, at: Duration) -> Reason {
        why(0, STEP, at, &history.attempts(), history)
    }

    #[test]
    fn a_host_that_was_killed_before_its_durable_write_explains_a_loss() {
        let (mut history, at) = twice();
        assert!(matches!(judged(&history, at), Reason::Unexplained(all) if all.len() == 2));
        history.killed.insert(1, ms(1100));
        assert_eq!(judged(&history, at), Reason::Killed { host: 1, answered: false });
        said(&mut history, 1, What::Answered, STEP.next(), 1050);
        assert_eq!(judged(&history, at), Reason::Killed { host: 1, answered: true });
        // The successor was stored: the death of the host that had it explains nothing.
        said(&mut history, 1, What::Stored, STEP.next(), 1060);
        assert!(matches!(judged(&history, at), Reason::Unexplained(_)));
    }

    #[test]
    fn a_host_that_was_killed_after_the_loss_or_that_came_last_explains_nothing() {
        let (mut history, at) = twice();
        history.killed.insert(2, ms(12_140));
        history.killed.insert(1, ms(12_160));
        assert!(matches!(judged(&history, at), Reason::Unexplained(_)));
    }

    #[test]
    fn a_successor_that_another_host_has_seen_was_not_lost_with_a_host() {
        let (mut history, at) = twice();
        history.killed.insert(1, ms(1100));
        said(&mut history, 3, What::Claimed { asked: ms(5000) }, STEP.next(), 5010);
        assert!(matches!(judged(&history, at), Reason::Unexplained(_)));
    }

    #[test]
    fn a_host_that_could_do_nothing_while_its_claim_ran_out_explains_a_loss() {
        let stopped = |from, until| {
            let (mut history, at) = twice();
            history.stops.push((1, Span { from: ms(from), until: ms(until) }));
            judged(&history, at)
        };
        assert!(matches!(stopped(1030, 12_050), Reason::Stopped { host: 1, .. }));
        // Between its claim and its first byte: it presents when it goes on.
        assert!(matches!(stopped(1015, 20_000), Reason::Stopped { host: 1, .. }));
        // There was time enough.
        assert!(matches!(stopped(1030, 5000), Reason::Unexplained(_)));
        let (mut history, at) = twice();
        history.outages.push(Span { from: ms(1030), until: ms(12_000) });
        assert!(matches!(judged(&history, at), Reason::Stopped { host: 1, stop: None, .. }));
    }

    #[test]
    fn a_claim_that_came_too_early_is_a_mistake_whatever_was_stopped() {
        let mut history = History::default();
        presents(&mut history, 1, 1000);
        presents(&mut history, 2, 11_000);
        history.stops.push((1, Span { from: ms(1030), until: ms(13_000) }));
        assert!(matches!(judged(&history, ms(11_100)), Reason::Unexplained(_)));
        assert_eq!(early(&history).len(), 1);
        // Nor may it come early if the first host is dead.
        history.killed.insert(1, ms(1100));
        assert_eq!(early(&history).len(), 1);
        assert_eq!(early(&twice().0).len(), 0);
        said(&mut history, 1, What::Over, STEP, 2000);
        assert_eq!(early(&history).len(), 0);
    }

    #[test]
    fn a_fall_explains_a_loss_if_the_successor_was_acknowledged_before_and_is_gone() {
        let fallen = |acknowledged, held| {
            let (mut history, at) = twice();
            said(&mut history, 1, What::Stored, STEP.next(), acknowledged);
            history.falls.push(Fall { at: ms(2000), held: vec![Some(held)] });
            judged(&history, at)
        };
        assert_eq!(fallen(1500, STEP), Reason::Fallen { acknowledged: ms(1500) });
        assert_eq!(fallen(1500, Step { rotation: 2, ..STEP }), Reason::Fallen { acknowledged: ms(1500) });
        assert!(matches!(fallen(1500, STEP.next()), Reason::Unexplained(_)));
        assert!(matches!(fallen(2500, STEP), Reason::Unexplained(_)));
    }
}
