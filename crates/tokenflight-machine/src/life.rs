//! How long a token lives, and when it is to be replaced.

use std::time::Duration;

use super::Policy;
use tokenflight_core::{MAX_LIFETIME, Now};

/// Tokens that live at least this long are renewed on a whole second of the boot clock, so that one timer serves many.
const WHOLE_SECONDS_FROM: Duration = Duration::from_secs(60);

/// The life of the current token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// From when the lifetime counts: before the request for it was sent.
    anchor: Now,
    lifetime: Option<Duration>,
    /// When renewal is due, from `anchor`.
    due: Option<Duration>,
    /// From when it counts as fresh, on the boot clock.
    issued: Duration,
    has_refresh_token: bool,
    rejected: bool,
}

/// What is known of a token when it is adopted.
#[derive(Clone, Copy)]
pub(super) struct Birth {
    pub(super) anchor: Now,
    pub(super) lifetime: Option<Duration>,
    pub(super) refresh_in: Option<Duration>,
    pub(super) has_refresh_token: bool,
    pub(super) latency: Duration,
    /// From when it counts as fresh, on the boot clock: when it was adopted, or how old the store says it is.
    pub(super) issued: Duration,
}

impl Life {
    pub(super) fn new(policy: &Policy, birth: Birth, random: u64) -> Self {
        let lifetime = birth
            .lifetime
            .or(policy.default_lifetime)
            .map(|lifetime| lifetime.min(MAX_LIFETIME).saturating_sub(policy.skew));
        let due = lifetime.and_then(|lifetime| draw_due(policy, birth, lifetime, random));
        Self {
            anchor: birth.anchor,
            lifetime,
            due,
            issued: birth.issued,
            has_refresh_token: birth.has_refresh_token,
            rejected: false,
        }
    }

    pub(super) const fn anchor(&self) -> Now {
        self.anchor
    }

    pub(super) const fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    pub(super) const fn due(&self) -> Option<Duration> {
        self.due
    }

    pub(super) const fn has_refresh_token(&self) -> bool {
        self.has_refresh_token
    }

    pub(super) const fn rejected(&self) -> bool {
        self.rejected
    }

    pub(super) const fn reject(&mut self) {
        self.rejected = true;
    }

    /// Whether either clock says that it has run out.
    pub(super) fn expired(&self, now: Now) -> bool {
        self.lifetime.is_some_and(|lifetime| now.reached(self.anchor, lifetime))
    }

    pub(super) fn usable(&self, now: Now) -> bool {
        !self.rejected && !self.expired(now)
    }

    /// Whether it expires before this much time has passed, and more than half of its lifetime is over.
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
    /// In the second half of a lifetime no token is: servers that date tokens by whole seconds end them up to a second
    /// before their time, and that may be long before our lead.
    pub(super) fn fresh(&self, now: Now, window: Duration) -> bool {
        let late = self.lifetime.is_some_and(|lifetime| now.reached(self.anchor, lifetime / 2));
        !late && !self.in_lead(now) && now.boot < self.issued.saturating_add(window)
    }

    /// When renewal is due, on the boot clock.
    pub(super) fn due_at(&self) -> Option<Duration> {
        self.due.map(|due| self.anchor.boot.saturating_add(due))
    }

    /// When it runs out, on the boot clock.
    pub(super) fn expires_at(&self) -> Option<Duration> {
        self.lifetime.map(|lifetime| self.anchor.boot.saturating_add(lifetime))
    }
}

/// Draws when to renew: a share of the lifetime, not later than the lead, not later than the server's wish.
fn draw_due(policy: &Policy, birth: Birth, lifetime: Duration, random: u64) -> Option<Duration> {
    // a renewal that takes half the lifetime would do nothing but renew. R-311: so would a lifetime of zero.
    if lifetime.is_zero() || birth.latency.saturating_mul(2) > lifetime {
        return None;
    }
    let (from, to) = policy.renew_between;
    let drawn = lifetime.mul_f64(from + (to - from) * unit(random));
    let latest = lifetime.saturating_sub(policy.lead.min(lifetime.mul_f64(policy.lead_share)));
    let due = drawn.min(latest).min(birth.refresh_in.unwrap_or(MAX_LIFETIME));
    if lifetime < WHOLE_SECONDS_FROM {
        return Some(due);
    }
    let whole = Duration::from_secs(birth.anchor.boot.saturating_add(due).as_secs());
    Some(whole.saturating_sub(birth.anchor.boot))
}

/// 64 random bits as a number in `0.0..1.0`.
pub(super) fn unit(random: u64) -> f64 {
    // 53 bits are what a double holds exactly.
    (random >> 11) as f64 / (1_u64 << 53) as f64
}
