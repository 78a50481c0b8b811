//! What the passing of time asks for.

use std::time::Duration;

use super::{Machine, Phase, Tick, life::unit};
use tokenflight_core::{Now, grant::Reason};

/// After a suspend, sessions wake spread over this long.
const RESUME_SPREAD: Duration = Duration::from_secs(5);

impl Machine {
    /// Says what to start now and when to ask again. Harmless at any time.
    pub fn tick(&mut self, now: Now) -> Tick {
        let mut tick = Tick { start: None, overdue: false, next: None };
        if let Some(flying) = self.flight {
            tick.overdue = now.boot >= flying.deadline;
            tick.next =
                Some(if tick.overdue { now.boot.saturating_add(Duration::from_secs(1)) } else { flying.deadline });
        } else if self.save_due(now) {
            tick.start = Some(self.start(Reason::Persist, now));
        } else if matches!(self.phase, Phase::Unloaded) && !self.closing {
            if now.boot >= self.not_before() {
                tick.start = Some(self.start(Reason::Load, now));
            } else {
                tick.next = Some(self.not_before());
            }
        } else if self.renewal_due(now) && self.may_start(now) {
            tick.start = Some(self.start(Reason::Due, now));
        } else {
            tick.next = self.next_start(now);
        }
        tick.next = earlier(tick.next, self.next_expiry(now));
        tick
    }

    /// The machine was suspended: look at everything soon, but not all sessions in the same second.
    pub fn resume(&mut self, now: Now, random: u64) {
        self.resumed = Some(now.boot.saturating_add(RESUME_SPREAD.mul_f64(unit(random))));
    }

    fn save_due(&self, now: Now) -> bool {
        self.unsaved.as_ref().is_some_and(|unsaved| now.boot >= unsaved.not_before())
    }

    /// When something may start by itself, on the boot clock.
    fn next_start(&self, now: Now) -> Option<Duration> {
        let save = self.unsaved.as_ref().map(super::Backoff::not_before);
        let Phase::Active(life) = &self.phase else { return save };
        let can = self.renewable(life) && !self.closing;
        let renew = match can {
            false => None,
            true if self.renewal_due(now) => Some(self.not_before()),
            // Held back until the access token is gone: the expiry is looked at anyway.
            true if self.strict_about(now) => None,
            true => life.due_at().map(|due| due.max(self.not_before())),
        };
        earlier(save, renew)
    }

    /// When the current token must be withdrawn, on the boot clock.
    fn next_expiry(&self, now: Now) -> Option<Duration> {
        match &self.phase {
            Phase::Active(life) if life.usable(now) => life.expires_at(),
            _ => None,
        }
    }
}

fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
