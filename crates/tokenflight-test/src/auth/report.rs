use std::fmt;

use tokenflight_core::Now;

use super::Reused;

/// What was counted, for some logins or for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Token requests that arrived, whatever became of them.
    pub token_requests: u64,
    /// Requests that arrived while another one with the same refresh token was under way.
    pub overlapping: u64,
    /// Successful answers; with rotation, each spent a refresh token.
    pub rotations: u64,
    /// Spent refresh tokens that were presented again within the grace window, and answered.
    pub reuses_in_grace: u64,
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
            reuses_in_grace,
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
        self.reuses_in_grace += reuses_in_grace;
        self.presented_twice += presented_twice;
        self.refused += refused;
        self.answers_lost += answers_lost;
        self.valid_checks += valid_checks;
        self.expired_checks += expired_checks;
        self.revoked_checks += revoked_checks;
    }
}

/// Why a login is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// A spent refresh token came back, and the server ends the session for that.
    Reuse,
    /// It was revoked: by the test, or by the client when it logged out.
    Revoked,
}

/// What a server has seen of one login.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) label: String,
    pub(super) counts: Counts,
    pub(super) ended: Option<(Now, Death)>,
    pub(super) reuses: Vec<Reused>,
}

/// What a server has seen.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// All logins together, and requests with tokens that never existed.
    pub total: Counts,
    /// Token requests and checks with tokens that never existed.
    pub unknown: u64,
    /// In order.
    pub(super) logins: Vec<Login>,
}

impl Report {
    /// What was counted for the logins with this label, together.
    #[must_use]
    pub fn counts(&self, label: &str) -> Counts {
        let mut counts = Counts::default();
        self.logins.iter().filter(|login| login.label == label).for_each(|login| counts.add(&login.counts));
        counts
    }

    /// Whether the session of the newest login with this label lives: neither revoked, nor over by
    /// reuse.
    #[must_use]
    pub fn is_alive(&self, label: &str) -> bool {
        self.logins.iter().rfind(|login| login.label == label).is_some_and(|login| login.ended.is_none())
    }

    /// Panics if any refresh token was presented twice, or any session is over by that.
    ///
    /// # Panics
    ///
    /// With the whole report as the message.
    #[track_caller]
    pub fn assert_unharmed(&self) {
        if let Some(login) = self.logins.iter().find(|login| login.counts.presented_twice > 0) {
            panic!("login `{}` was harmed: a spent refresh token was presented again\n{self}", login.label);
        }
    }

    /// Panics if a refresh token was presented again although its client knew better, or might
    /// have: the answer had not been lost, or the first request was still under way.
    ///
    /// Milder than [`assert_unharmed`](Self::assert_unharmed), for scripts that lose answers:
    /// trying again after a lost answer is a policy, and on a strict server it costs the session.
    ///
    /// # Panics
    ///
    /// With the whole report as the message.
    #[track_caller]
    pub fn assert_no_double_submit(&self) {
        let guilty =
            |login: &&Login| login.counts.overlapping > 0 || login.reuses.iter().any(|reuse| !reuse.answer_lost);
        if let Some(login) = self.logins.iter().find(guilty) {
            panic!("login `{}`: a refresh token was submitted twice without need\n{self}", login.label);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, name: &str, counts: &Counts| {
            writeln!(
                f,
                "{name}: {} token requests ({} overlapping), {} rotations, {} reuses within grace, {} presented twice, \
                 {} refused, {} answers lost; checks: {} valid, {} expired, {} revoked",
                counts.token_requests,
                counts.overlapping,
                counts.rotations,
                counts.reuses_in_grace,
                counts.presented_twice,
                counts.refused,
                counts.answers_lost,
                counts.valid_checks,
                counts.expired_checks,
                counts.revoked_checks,
            )
        };
        line(f, "all", &self.total)?;
        for login in &self.logins {
            line(f, &login.label, &login.counts)?;
            if let Some((at, why)) = &login.ended {
                writeln!(f, "  over at {:?} (boot): {why:?}", at.boot)?;
            }
            for reuse in &login.reuses {
                let lost = if reuse.answer_lost { ", its answer had been lost" } else { "" };
                writeln!(f, "  token {} came back at {:?} (boot){lost}", reuse.rotation, reuse.at.boot)?;
            }
        }
        writeln!(f, "unknown tokens: {}", self.unknown)
    }
}
