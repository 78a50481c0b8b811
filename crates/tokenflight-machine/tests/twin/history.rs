//! Everything that has happened, and questions to it. Nothing is remembered but the list itself.

mod repeats;

use std::time::Duration;

use tokenflight_core::{
    Epoch, ErrorKind, FailureClass, Generation, Now,
    grant::{Reason, ReusePolicy},
};
use tokenflight_machine::{OriginId, Policy};

/// A token as it was adopted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) anchor: Now,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) due: Option<Duration>,
    /// From when it counts as fresh, on the boot clock.
    pub(crate) adopted: Duration,
    pub(crate) refreshable: bool,
}

impl Token {
    /// Either clock, unless the wall clock was moved.
    pub(crate) fn age(&self, now: Now) -> Duration {
        let boot = now.boot.saturating_sub(self.anchor.boot);
        let wall = now.wall.saturating_sub(self.anchor.wall);
        let apart = boot.max(wall) - boot.min(wall);
        if apart <= Duration::from_secs(30) { boot.max(wall) } else { boot }
    }

    pub(crate) fn expired(&self, now: Now) -> bool {
        self.lifetime.is_some_and(|lifetime| self.age(now) >= lifetime)
    }

    pub(crate) fn in_lead(&self, now: Now) -> bool {
        self.due.is_some_and(|due| self.age(now) >= due)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    LoggedIn(Token),
    LoggedOut,
    TookOff {
        flight: usize,
        reason: Reason,
    },
    Landed {
        flight: usize,
        how: How,
    },
    /// The current token was refused for good; by whom, if that started a refresh.
    Rejected {
        blamed: Option<OriginId>,
    },
    /// A fresh token was refused.
    Fresh,
    /// What was adopted last has the access token of before.
    Repeated {
        found: bool,
    },
    /// An origin has refused what came again, under this number, since that one.
    Futile {
        origin: OriginId,
        since: Generation,
        adopted: Generation,
    },
    Accepted(OriginId),
    Closed,
    Reloaded,
    Resumed {
        until: Duration,
    },
    Saved {
        epoch: Epoch,
        generation: Generation,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum How {
    Adopted(Adopted),
    Failed {
        class: FailureClass,
        kind: ErrorKind,
        hold: Option<Duration>,
        random: u64,
        rotated: Option<Generation>,
    },
    Over {
        epoch: Epoch,
        kind: ErrorKind,
    },
    Flushed,
    NotFlushed {
        random: u64,
        alone: bool,
    },
    /// It brought something that counts for nothing.
    Void,
}

#[derive(Clone, Debug)]
pub(crate) struct Adopted {
    pub(crate) token: Token,
    pub(crate) epoch: Epoch,
    pub(crate) generation: Generation,
    /// How long the server took, if it was the server.
    pub(crate) latency: Option<Duration>,
    /// The chance given, if it could not be stored.
    pub(crate) unsaved: Option<u64>,
    pub(crate) warned: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    at: Now,
    what: What,
}

/// The waiting time after failures.
pub(crate) struct Hold {
    pub(crate) until: Duration,
    /// The server named the time.
    pub(crate) told: bool,
    /// Whether the next attempt is the prompt one that a grace window allows.
    pub(crate) prompt: bool,
    pub(crate) kind: ErrorKind,
}

/// Where the session stands.
pub(crate) enum Standing {
    Unknown,
    Holding(Token),
    Gone(ErrorKind),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct History(Vec<Entry>);

impl History {
    pub(crate) fn note(&mut self, at: Now, what: What) {
        self.0.push(Entry { at, what });
    }

    pub(crate) fn standing(&self) -> Standing {
        for entry in self.0.iter().rev() {
            match &entry.what {
                What::LoggedIn(token) => return Standing::Holding(*token),
                What::Landed { how: How::Adopted(adopted), .. } => return Standing::Holding(adopted.token),
                What::LoggedOut => return Standing::Gone(ErrorKind::LoggedOut),
                What::Landed { how: How::Over { kind, .. }, .. } => return Standing::Gone(kind.clone()),
                What::Reloaded => return Standing::Unknown,
                _ => {}
            }
        }
        Standing::Unknown
    }

    /// Puts the renewal time that was really drawn in the place of the expected one.
    pub(crate) fn observe_due(&mut self, due: Option<Duration>) {
        for entry in self.0.iter_mut().rev() {
            match &mut entry.what {
                What::LoggedIn(token) => return token.due = due,
                What::Landed { how: How::Adopted(adopted), .. } => return adopted.token.due = due,
                _ => {}
            }
        }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.0.iter().fold(Epoch::default(), |epoch, entry| match &entry.what {
            What::LoggedIn(_) | What::LoggedOut => epoch.next(),
            What::Landed {
                how: How::Adopted(Adopted { epoch: other, .. }) | How::Over { epoch: other, .. }, ..
            }
            | What::Saved { epoch: other, .. } => epoch.max(*other),
            _ => epoch,
        })
    }

    pub(crate) fn generation(&self) -> Generation {
        self.0.iter().fold(Generation::default(), |generation, entry| match &entry.what {
            What::LoggedIn(_) => generation.next(),
            What::Landed { how: How::Adopted(adopted), .. } => generation.next().max(adopted.generation),
            What::Landed { how: How::Failed { rotated: Some(other), .. }, .. }
            | What::Saved { generation: other, .. } => generation.max(*other),
            _ => generation,
        })
    }

    /// The flight in progress, why it flies and when it took off.
    pub(crate) fn slot(&self) -> Option<(usize, Reason, Now)> {
        for entry in self.0.iter().rev() {
            match entry.what {
                What::TookOff { flight, reason } => return Some((flight, reason, entry.at)),
                What::Landed { .. } | What::LoggedIn(_) | What::LoggedOut => return None,
                _ => {}
            }
        }
        None
    }

    pub(crate) fn flights(&self) -> usize {
        self.0.iter().filter(|entry| matches!(entry.what, What::TookOff { .. })).count()
    }

    /// What has happened since the last entry that `ends` an age.
    fn since(&self, ends: impl Fn(&What) -> bool) -> usize {
        self.0.iter().rposition(|entry| ends(&entry.what)).map_or(0, |index| index + 1)
    }

    fn since_epoch(&self) -> &[Entry] {
        &self.0[self.since(|what| matches!(what, What::LoggedIn(_) | What::LoggedOut))..]
    }

    pub(crate) fn rejected(&self) -> bool {
        let adopted = |what: &What| matches!(what, What::LoggedIn(_) | What::Landed { how: How::Adopted(_), .. });
        self.0[self.since(adopted)..].iter().any(|entry| matches!(entry.what, What::Rejected { .. }))
    }

    pub(crate) fn closing(&self) -> bool {
        self.0.iter().any(|entry| matches!(entry.what, What::Closed))
    }

    pub(crate) fn fresh_refused(&self) -> u64 {
        self.0.iter().filter(|entry| matches!(entry.what, What::Fresh)).count() as u64
    }

    pub(crate) fn warned(&self) -> bool {
        let warned = |what: &What| matches!(what, What::Landed { how: How::Adopted(adopted), .. } if adopted.warned);
        self.since_epoch().iter().any(|entry| warned(&entry.what))
    }

    /// When the last token response came.
    pub(crate) fn answered(&self) -> Option<Duration> {
        let answer =
            |what: &What| matches!(what, What::Landed { how: How::Adopted(adopted), .. } if adopted.latency.is_some());
        self.since_epoch().iter().rev().find(|entry| answer(&entry.what)).map(|entry| entry.at.boot)
    }

    /// When a forced flight last took off.
    pub(crate) fn forced(&self) -> Option<Duration> {
        let forced = |what: &What| matches!(what, What::TookOff { reason: Reason::Forced, .. });
        self.since_epoch().iter().rev().find(|entry| forced(&entry.what)).map(|entry| entry.at.boot)
    }

    pub(crate) fn resumed(&self) -> Option<Duration> {
        let adopted = |what: &What| matches!(what, What::Landed { how: How::Adopted(_), .. });
        self.0[self.since(adopted)..].iter().rev().find_map(|entry| match entry.what {
            What::Resumed { until } => Some(until),
            _ => None,
        })
    }

    /// How long the server took the last time.
    pub(crate) fn latency(&self) -> Duration {
        self.0
            .iter()
            .rev()
            .find_map(|entry| match &entry.what {
                What::Landed { how: How::Adopted(adopted), .. } => adopted.latency,
                _ => None,
            })
            .unwrap_or_default()
    }

    /// Refreshes within the window that this origin has caused without a success since.
    pub(crate) fn blames(&self, origin: OriginId, now: Now, window: Duration) -> usize {
        let blamed = |entry: &&Entry| matches!(entry.what, What::Rejected { blamed: Some(other) } if other == origin);
        let recent = |entry: &&Entry| now.boot < entry.at.boot.saturating_add(window);
        self.0[self.since(|what| calms(what, origin))..].iter().filter(blamed).filter(recent).count()
    }

    /// When what is not stored may be offered to the store again, if something is not stored.
    pub(crate) fn unsaved(&self) -> Option<Duration> {
        let (mut waiting, mut failures) = (None, 0);
        for entry in &self.0 {
            match &entry.what {
                What::LoggedIn(_) | What::LoggedOut => (waiting, failures) = (Some(Duration::ZERO), 0),
                What::Saved { .. } => (waiting, failures) = (None, 0),
                What::Landed { how: How::Adopted(Adopted { unsaved: Some(random), .. }), .. }
                | What::Landed { how: How::NotFlushed { random, .. }, .. } => {
                    let most = doubled(Duration::from_millis(100), failures, Duration::from_secs(30));
                    (waiting, failures) = (Some(entry.at.boot.saturating_add(share(most, *random))), failures + 1);
                }
                _ => {}
            }
        }
        waiting
    }

    /// When the refresh token was first presented without a clear answer, and how often since.
    pub(crate) fn unsure(&self, policy: &Policy) -> Option<(Duration, usize)> {
        self.unsure_before(self.0.len(), policy)
    }

    fn unsure_before(&self, end: usize, policy: &Policy) -> Option<(Duration, usize)> {
        let clears = |what: &What| match what {
            What::LoggedIn(_) | What::LoggedOut => true,
            What::Landed { how, .. } => {
                matches!(how, How::Adopted(_) | How::Over { .. } | How::Failed { rotated: Some(_), .. })
            }
            _ => false,
        };
        let start = self.0[..end].iter().rposition(|entry| clears(&entry.what)).map_or(0, |index| index + 1);
        let mut ambiguous = self.0[start..end].iter().filter(|entry| is_ambiguous(&entry.what));
        let first = ambiguous.next()?;
        Some((self.presented(first, policy), ambiguous.count()))
    }

    /// The earliest moment the server can have seen the request that ended here.
    fn presented(&self, end: &Entry, policy: &Policy) -> Duration {
        let What::Landed { flight, .. } = end.what else { return end.at.boot };
        let took_off = self.0.iter().find(|entry| matches!(entry.what, What::TookOff { flight: f, .. } if f == flight));
        let took_off = took_off.map_or(end.at.boot, |entry| entry.at.boot);
        took_off.max(end.at.boot.saturating_sub(policy.attempt_limit()))
    }

    /// The failures since the last success, and what they make everybody wait for.
    pub(crate) fn hold(&self, policy: &Policy) -> Option<Hold> {
        let start = self.since(|what| match what {
            What::LoggedIn(_) | What::LoggedOut | What::Reloaded => true,
            What::Landed { how, .. } => matches!(how, How::Adopted(_) | How::Over { .. }),
            _ => false,
        });
        let failures: Vec<usize> = (start..self.0.len())
            .filter(|index| match &self.0[*index].what {
                What::Landed { how: How::Failed { .. }, .. } => true,
                What::Landed { how: How::NotFlushed { alone, .. }, .. } => !alone,
                _ => false,
            })
            .collect();
        let (last, before) = failures.split_last()?;
        let at = self.0[*last].at.boot;
        let most = doubled(policy.backoff_base, before.len(), policy.backoff_cap);
        let prompt = match &self.0[*last].what {
            What::Landed { how: How::Failed { hold: None, .. }, .. } => self.prompt(*last, policy),
            _ => None,
        };
        let (wait, told, kind) = match &self.0[*last].what {
            What::Landed { how: How::Failed { hold: Some(hold), kind, .. }, .. } => {
                ((*hold).clamp(Duration::from_secs(1), Duration::from_secs(3600)), true, kind.clone())
            }
            What::Landed { how: How::Failed { random, kind, .. }, .. } => {
                (share(prompt.unwrap_or(most), *random), false, kind.clone())
            }
            What::Landed { how: How::NotFlushed { random, .. }, .. } => (share(most, *random), false, ErrorKind::Store),
            other => panic!("not a failure: {other:?}"),
        };
        Some(Hold { until: at.saturating_add(wait), told, prompt: prompt.is_some(), kind })
    }

    /// The longest wait after this failure if the server lets us present the same refresh token again promptly.
    fn prompt(&self, index: usize, policy: &Policy) -> Option<Duration> {
        let entry = &self.0[index];
        let ReusePolicy::Grace { window, .. } = policy.reuse_policy else { return None };
        if !is_ambiguous(&entry.what) {
            return None;
        }
        let (since, replays) = match self.unsure_before(index, policy) {
            Some((since, replays)) => (since, replays + 1),
            None => (self.presented(entry, policy), 0),
        };
        (replays < 2 && entry.at.boot < since.saturating_add(window)).then_some(window / 10)
    }
}

const fn is_ambiguous(what: &What) -> bool {
    matches!(what, What::Landed { how: How::Failed { class: FailureClass::Ambiguous, .. }, .. })
}

/// `base` doubled `times`, at most `cap`. In single precision, so that it agrees to the nanosecond.
fn doubled(base: Duration, times: usize, cap: Duration) -> Duration {
    let mut wait = base;
    for _ in 0..times {
        wait = if wait > cap { cap } else { wait.mul_f32(2.0) };
    }
    wait.min(cap)
}

/// That much of `most`: nothing for no bits, nearly all for all bits.
pub(crate) fn share(most: Duration, random: u64) -> Duration {
    most.mul_f64(fraction(random))
}

pub(crate) fn fraction(random: u64) -> f64 {
    (random >> 11) as f64 / 2_f64.powi(53)
}

/// Whether the storm guard forgets what it has against an origin.
fn calms(what: &What, origin: OriginId) -> bool {
    match what {
        What::LoggedIn(_) | What::LoggedOut => true,
        What::Accepted(other) => *other == origin,
        _ => false,
    }
}
