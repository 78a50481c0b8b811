//! What a row of the table expects.

use std::ops::RangeInclusive;

use tokenflight::FailureClass::NotSent;

use crate::fixture::*;

/// Seconds until the next attempt.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// With full jitter from the first step of the backoff.
    Backoff,
    /// What the server asked for, or the row says.
    After(u64),
    /// When the access token has expired: until then the refresh token is kept back.
    Expiry,
    /// When the new token's renewal is due.
    Renewal,
    Never,
}

impl Next {
    fn allows(&self, next: Option<Duration>) -> bool {
        let seconds = |range: RangeInclusive<f64>| next.is_some_and(|next| range.contains(&next.as_secs_f64()));
        match self {
            Self::Backoff => seconds(0.0..=1.0),
            // If the token has expired by then, the store is looked at for fifteen seconds first.
            Self::After(after @ 601..) => seconds(*after as f64..=*after as f64 + 15.1),
            Self::After(after) => seconds(*after as f64..=*after as f64 + 0.001),
            // The token had 600 seconds left; an attempt that lasted took of them.
            Self::Expiry => seconds(500.0..=616.0),
            Self::Renewal => seconds(2520.0..=3060.0),
            Self::Never => next.is_none(),
        }
    }
}

/// The expectation of one row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    class: Option<FailureClass>,
    submissions: usize,
    stored: &'static str,
    intent: bool,
    served: Option<&'static str>,
    next: Next,
}

/// The old tokens stay, the refresh token is untouched.
const fn kept(id: &'static str, class: FailureClass, next: Next) -> Row {
    Row { id, class: Some(class), submissions: 1, stored: "refresh-0", intent: false, served: Some("access-0"), next }
}

pub(crate) const fn not_sent(id: &'static str) -> Row {
    Row { submissions: 0, ..kept(id, NotSent, Next::Backoff) }
}

pub(crate) const fn given_back(id: &'static str) -> Row {
    kept(id, NotSent, Next::Backoff)
}

pub(crate) const fn ambiguous(id: &'static str) -> Row {
    Row { intent: true, ..kept(id, Ambiguous, Next::Expiry) }
}

pub(crate) const fn throttled(id: &'static str, after: u64) -> Row {
    kept(id, Throttled, Next::After(after))
}

pub(crate) const fn config(id: &'static str) -> Row {
    kept(id, Config, Next::Backoff)
}

pub(crate) const fn long(id: &'static str) -> Row {
    kept(id, Config, Next::After(60))
}

pub(crate) const fn terminal(id: &'static str) -> Row {
    kept(id, Terminal, Next::Never)
}

/// New tokens with an hour of life.
pub(crate) const fn adopted(id: &'static str) -> Row {
    Row {
        id,
        class: None,
        submissions: 1,
        stored: "refresh-1",
        intent: false,
        served: Some("access-1"),
        next: Next::Renewal,
    }
}

impl Row {
    /// The refresh token is another one, whatever else.
    pub(crate) const fn stores(self, stored: &'static str) -> Self {
        Self { stored, ..self }
    }

    pub(crate) const fn next(self, next: Next) -> Self {
        Self { next, ..self }
    }

    pub(crate) const fn serves(self, served: Option<&'static str>) -> Self {
        Self { served, ..self }
    }

    pub(crate) const fn without_intent(self) -> Self {
        Self { intent: false, ..self }
    }

    pub(crate) const fn submits(self, submissions: usize) -> Self {
        Self { submissions, ..self }
    }

    #[track_caller]
    pub(crate) fn check(&self, outcome: &Outcome) {
        let id = self.id;
        assert_eq!(outcome.class, self.class, "{id}: the class of {outcome:#?}");
        assert_eq!(outcome.submissions, self.submissions, "{id}: submissions");
        assert_eq!(outcome.stored, self.stored, "{id}: the refresh token in the store");
        assert_eq!(outcome.intent, self.intent, "{id}: whether the store warns the next one");
        assert_eq!(outcome.served.as_deref(), self.served, "{id}: the token that requests get");
        assert_eq!(outcome.over, self.class == Some(Terminal), "{id}: whether the session is over");
        assert!(self.next.allows(outcome.next), "{id}: the next attempt after {:?}, not {:?}", outcome.next, self.next);
        for secret in ["access-0", "access-1", "refresh-0", "refresh-1", "s3cr3t"] {
            assert!(!outcome.told.contains(secret), "{id} tells {secret}: {}", outcome.told);
        }
    }
}
