//! The storm guard: an origin that refuses everything costs a few rotations, not one for each request, and one that
//! refuses what the authorization server insists on costs ever fewer.

use std::time::Duration;

use super::OriginId;
use tokenflight_core::Generation;

/// Origins remembered at once; a client that talks to more has the oldest forgotten.
const MAX_ORIGINS: usize = 64;

/// Reactive refreshes without a success since, by origin.
#[derive(Clone, Debug, Default)]
pub(super) struct Storms(Vec<Storm>);

#[derive(Clone, Debug)]
struct Storm {
    origin: OriginId,
    /// When refreshes were started for it, on the boot clock, oldest first.
    starts: Vec<Duration>,
    repeat: Option<Repeat>,
}

/// A refresh brought the very access token that this origin had refused.
#[derive(Clone, Copy, Debug)]
struct Repeat {
    /// Since which generation the session has had that token: another token is another matter.
    since: Generation,
    /// The generation under which it came again; each counts once, however many requests it disappoints.
    adopted: Generation,
    /// Until when refreshing is futile, on the boot clock.
    until: Duration,
    wait: Duration,
}

/// Between which generations a session has had the same access token.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub(super) since: Generation,
    /// When an answer of the authorization server, or a login, brought it last.
    pub(super) adopted: Generation,
}

impl Storms {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the origin has used up its refreshes.
    pub(super) fn futile(&self, origin: OriginId, now: Duration, window: Duration, limit: usize) -> bool {
        let recent = |start: &&Duration| start.saturating_add(window) > now;
        self.0
            .iter()
            .find(|storm| storm.origin == origin)
            .is_some_and(|storm| storm.starts.iter().filter(recent).count() >= limit)
    }

    /// A refresh was started because the origin refused a token.
    pub(super) fn count(&mut self, origin: OriginId, now: Duration, window: Duration) {
        let starts = &mut self.of(origin).starts;
        starts.retain(|start| start.saturating_add(window) > now);
        starts.push(now);
    }

    /// The origin has refused a token that has come again since: leave it alone, each time for twice as long.
    pub(super) fn repeated(&mut self, origin: OriginId, span: Span, now: Duration, bounds: (Duration, Duration)) {
        let repeat = &mut self.of(origin).repeat;
        let last = repeat.filter(|last| last.since == span.since);
        if last.is_some_and(|last| last.adopted == span.adopted) {
            return;
        }
        let (least, most) = bounds;
        let wait = last.map_or(least, |last| last.wait.saturating_mul(2)).min(most);
        let Span { since, adopted } = span;
        *repeat = Some(Repeat { since, adopted, until: now.saturating_add(wait), wait });
    }

    /// Whether the origin is left alone because it refused what came again.
    pub(super) fn repeats(&self, origin: OriginId, since: Generation, now: Duration) -> bool {
        let repeat = self.0.iter().find(|storm| storm.origin == origin).and_then(|storm| storm.repeat);
        repeat.is_some_and(|repeat| repeat.since == since && now < repeat.until)
    }

    fn of(&mut self, origin: OriginId) -> &mut Storm {
        let index = self.0.iter().position(|storm| storm.origin == origin).unwrap_or_else(|| {
            if self.0.len() == MAX_ORIGINS {
                self.0.remove(0);
            }
            self.0.push(Storm { origin, starts: Vec::new(), repeat: None });
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    /// The origin accepted a token.
    pub(super) fn calm(&mut self, origin: OriginId) {
        self.0.retain(|storm| storm.origin != origin);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
