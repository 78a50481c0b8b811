//! How long a token lives, and when it is to be replaced.

use std::time::Duration;

use tokenflight_core::{MAX_LIFETIME, Now};

use super::{Policy, Times};

/// Tokens that live at least this long are renewed on a whole second of the boot clock, so that one
/// timer serves many.
const WHOLE_SECONDS_FROM: Duration = Duration::from_secs(60);

/// How long before its end a token is renewed at the latest while a driver is there.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// The life of the current token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// From when the lifetime counts: before its request was sent, so latency can only shorten it.
    anchor: Now,
    lifetime: Option<Duration>,
    /// When renewal is due, from `anchor`.
    due: Option<Duration>,
    /// From when it counts as fresh, on the boot clock; `None` if that is younger.
    issued: Option<Duration>,
}

impl Life {
    /// `issued`: when it was adopted, or how old the store says it is. `latency`: how long the last
    /// token request took.
    pub(super) fn new(policy: &Policy, times: Times, issued: Option<Duration>, latency: Duration, random: u64) -> Self {
        let lifetime = times
            .lifetime
            .or_else(|| policy.default_lifetime.map(|lifetime| lifetime.saturating_sub(times.age)))
            .map(|lifetime| lifetime.min(MAX_LIFETIME).saturating_sub(policy.skew));
        let due = lifetime.and_then(|lifetime| draw_due(policy, times, lifetime, latency, random));
        Self { anchor: times.anchor, lifetime, due, issued }
    }

    pub(super) const fn anchor(&self) -> Now {
        self.anchor
    }

    pub(super) const fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// Whether it has a renewal time: else it is replaced only when a caller needs it.
    pub(super) const fn is_proactive(&self) -> bool {
        self.due.is_some()
    }

    /// Whether it has a lifetime, but one too short to be ahead of.
    pub(super) fn is_too_short(&self) -> bool {
        self.due.is_none() && self.lifetime.is_some_and(|lifetime| !lifetime.is_zero())
    }

    /// A quarter of the lifetime, or `most` if that is less. A lifetime of next to nothing has no
    /// quarter: intervals that are cut to it would be none, and a refresh a loop.
    pub(super) fn quarter(&self, most: Duration) -> Duration {
        let quarter = self.lifetime.map(|lifetime| lifetime / 4).filter(|quarter| !quarter.is_zero());
        quarter.map_or(most, |quarter| quarter.min(most))
    }

    /// Whether either clock says that it has run out.
    pub(super) fn expired(&self, now: Now) -> bool {
        self.lifetime.is_some_and(|lifetime| now.reached(self.anchor, lifetime))
    }

    /// Whether it is known when it ends, and that is later.
    pub(super) fn lasts_longer(&self, than: Option<&Self>) -> bool {
        let end = |life: &Self| life.lifetime.map(|lifetime| life.anchor.boot.saturating_add(lifetime));
        end(self).is_some_and(|own| than.and_then(end).is_none_or(|other| own > other))
    }

    /// What is left of it; [`Duration::MAX`] if its lifetime is unknown.
    pub(super) fn left(&self, now: Now) -> Duration {
        self.lifetime.map_or(Duration::MAX, |lifetime| lifetime.saturating_sub(now.since(self.anchor)))
    }

    /// Whether it expires within this much time, and more than half of its lifetime is over.
    pub(super) fn ends_within(&self, wanted: Duration, now: Now) -> bool {
        let age = now.since(self.anchor);
        self.lifetime.is_some_and(|lifetime| lifetime < age.saturating_add(wanted) && age > lifetime / 2)
    }

    /// Whether it is within its lead.
    pub(super) fn in_lead(&self, now: Now) -> bool {
        self.due.is_some_and(|due| now.reached(self.anchor, due))
    }

    /// Whether it is too young for a refusal to be about its expiry.
    ///
    /// In the second half of a lifetime no token is: servers that date tokens by whole seconds end
    /// them up to a second before their time, and that may be long before the lead.
    pub(super) fn fresh(&self, now: Now, window: Duration) -> bool {
        let late = self.lifetime.is_some_and(|lifetime| now.reached(self.anchor, lifetime / 2));
        !late && !self.in_lead(now) && self.younger_than(self.quarter(window), now)
    }

    /// Whether it is in the first half of its lifetime, if that is known.
    pub(super) fn in_first_half(&self, now: Now) -> bool {
        self.lifetime.is_some_and(|lifetime| !now.reached(self.anchor, lifetime / 2))
    }

    /// Whether it was issued less than this ago.
    pub(super) fn younger_than(&self, age: Duration, now: Now) -> bool {
        self.issued.is_some_and(|issued| now.boot < issued.saturating_add(age))
    }

    /// When renewal is due, on the boot clock.
    pub(super) fn due_at(&self) -> Option<Duration> {
        self.due.map(|due| self.anchor.boot.saturating_add(due))
    }

    /// When a renewal is only just in time, on the boot clock: a second before the end, or an
    /// eighth of the lifetime.
    pub(super) fn last_moment(&self) -> Option<Duration> {
        let left = |lifetime: Duration| lifetime.saturating_sub((lifetime / 8).min(LAST_MOMENT));
        self.lifetime.map(|lifetime| self.anchor.boot.saturating_add(left(lifetime)))
    }

    /// When it runs out, on the boot clock.
    pub(super) fn expires_at(&self) -> Option<Duration> {
        self.lifetime.map(|lifetime| self.anchor.boot.saturating_add(lifetime))
    }
}

/// Draws when to renew: a share of the lifetime, not later than the lead or the server's wish.
fn draw_due(policy: &Policy, times: Times, lifetime: Duration, latency: Duration, random: u64) -> Option<Duration> {
    // A renewal that takes half the lifetime would do nothing but renew. So would a zero lifetime.
    if lifetime.is_zero() || latency.saturating_mul(2) > lifetime {
        return None;
    }
    let (from, to) = policy.renew_between;
    let drawn = lifetime.mul_f64(from + (to - from) * unit(random));
    let latest = lifetime.saturating_sub(policy.lead.min(lifetime.mul_f64(policy.lead_share)));
    let due = drawn.min(latest).min(wish(times, lifetime));
    if lifetime < WHOLE_SECONDS_FROM {
        return Some(due);
    }
    let whole = Duration::from_secs(times.anchor.boot.saturating_add(due).as_secs());
    Some(whole.saturating_sub(times.anchor.boot))
}

/// When the server would like to be asked again. A wish for less than a tenth of the lifetime is
/// none: it would cost a rotation a second for ever.
fn wish(times: Times, lifetime: Duration) -> Duration {
    times.refresh_in.filter(|after| *after >= lifetime / 10).unwrap_or(MAX_LIFETIME)
}

/// 64 random bits as a number in `0.0..1.0`.
pub(super) fn unit(random: u64) -> f64 {
    // 53 bits are what a double holds exactly.
    (random >> 11) as f64 / (1_u64 << 53) as f64
}
