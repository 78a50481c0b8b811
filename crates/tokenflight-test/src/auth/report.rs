use std::fmt;

use tokenflight_core::Now;

/// What was counted, for a family or for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Token requests that arrived, whatever became of them.
    pub token_requests: u64,
    /// Requests that arrived while another one with the same refresh token was under way.
    pub overlapping: u64,
    /// Successful answers; with rotation, each spent a refresh token.
    pub rotations: u64,
    /// Spent refresh tokens that were answered within the grace window.
    pub grace_replays: u64,
    /// Spent refresh tokens that were presented again, outside any grace window.
    pub presented_twice: u64,
    /// Requests that were refused as `invalid_grant`.
    pub refused: u64,
    /// Successful answers that did not reach the client.
    pub answers_lost: u64,
    /// Access tokens that were checked and good.
    pub valid_checks: u64,
    /// Access tokens that were checked after their time.
    pub expired_checks: u64,
    /// Access tokens that were checked and had been revoked.
    pub revoked_checks: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        let Self {
            token_requests,
            overlapping,
            rotations,
            grace_replays,
            presented_twice,
            refused,
            answers_lost,
            valid_checks,
            expired_checks,
            revoked_checks,
        } = other;
        self.token_requests += token_requests;
        self.overlapping += overlapping;
        self.rotations += rotations;
        self.grace_replays += grace_replays;
        self.presented_twice += presented_twice;
        self.refused += refused;
        self.answers_lost += answers_lost;
        self.valid_checks += valid_checks;
        self.expired_checks += expired_checks;
        self.revoked_checks += revoked_checks;
    }
}

/// Why a family is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Death {
    /// A spent refresh token came back and the server kills for that.
    Reuse,
    /// It was revoked: by the test, or by the client when it logged out.
    Revoked,
}

/// When and why a family was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Killed {
    /// When, on the server's clocks.
    pub at: Now,
    /// Why.
    pub why: Death,
}

/// One spent refresh token that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReuseEvent {
    /// When, on the server's clocks.
    pub at: Now,
    /// How many rotations lie between the login and the token that came back.
    pub step: usize,
    /// Whether the answer that spent it was lost, so that no client could have known better.
    pub answer_lost: bool,
}

/// What a server has seen of one family.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FamilyReport {
    /// The label given at login.
    pub label: String,
    /// The numbers.
    pub counts: Counts,
    /// Whether and why it is dead.
    pub killed: Option<Killed>,
    /// Every spent refresh token that came back.
    pub reuses: Vec<ReuseEvent>,
}

/// What a server has seen.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// All families together, and requests with tokens that never existed.
    pub total: Counts,
    /// Token requests and checks with tokens that never existed.
    pub unknown: u64,
    /// Every family, in order of login.
    pub families: Vec<FamilyReport>,
}

impl Report {
    /// The newest family with this label.
    #[must_use]
    pub fn family(&self, label: &str) -> Option<&FamilyReport> {
        self.families.iter().rev().find(|family| family.label == label)
    }

    /// Panics if any refresh token was presented twice or any family was revoked by reuse.
    ///
    /// # Panics
    ///
    /// With the whole report as the message.
    #[track_caller]
    pub fn assert_unharmed(&self) {
        let harmed = |family: &&FamilyReport| {
            family.counts.presented_twice > 0 || family.killed.is_some_and(|killed| killed.why == Death::Reuse)
        };
        if let Some(family) = self.families.iter().find(harmed) {
            panic!("family `{}` was harmed: a spent refresh token was presented again\n{self}", family.label);
        }
    }

    /// Panics if a refresh token was presented again although its client knew better, or might
    /// have: the answer had not been lost, or the first request was still under way.
    ///
    /// Milder than [`assert_unharmed`](Self::assert_unharmed), for scripts that lose answers:
    /// trying again after a lost answer is a policy, and on a strict server it costs the family.
    ///
    /// # Panics
    ///
    /// With the whole report as the message.
    #[track_caller]
    pub fn assert_no_double_submit(&self) {
        let guilty = |family: &&FamilyReport| {
            family.counts.overlapping > 0 || family.reuses.iter().any(|reuse| !reuse.answer_lost)
        };
        if let Some(family) = self.families.iter().find(guilty) {
            panic!("family `{}`: a refresh token was submitted twice without need\n{self}", family.label);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, name: &str, counts: &Counts| {
            writeln!(
                f,
                "{name}: {} token requests ({} overlapping), {} rotations, {} grace replays, {} presented twice, \
                 {} refused, {} answers lost; checks: {} valid, {} expired, {} revoked",
                counts.token_requests,
                counts.overlapping,
                counts.rotations,
                counts.grace_replays,
                counts.presented_twice,
                counts.refused,
                counts.answers_lost,
                counts.valid_checks,
                counts.expired_checks,
                counts.revoked_checks,
            )
        };
        line(f, "all", &self.total)?;
        for family in &self.families {
            line(f, &family.label, &family.counts)?;
            if let Some(killed) = &family.killed {
                writeln!(f, "  killed at {:?} (boot): {:?}", killed.at.boot, killed.why)?;
            }
            for reuse in &family.reuses {
                let lost = if reuse.answer_lost { ", its answer had been lost" } else { "" };
                writeln!(f, "  token {} came back at {:?} (boot){lost}", reuse.step, reuse.at.boot)?;
            }
        }
        writeln!(f, "unknown tokens: {}", self.unknown)
    }
}
