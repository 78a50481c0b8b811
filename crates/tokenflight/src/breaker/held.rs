use std::{error::Error as StdError, fmt, iter::successors, time::Duration};

use tokenflight_core::Error;

/// A refresh token that was not presented, because many sessions of its authorization server have
/// ended at once. Nothing was sent, and the session lives.
///
/// It is the source of the failure: [`Held::of`] finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    why: Why,
    ended: u32,
    answered: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// No session asks.
    Open { next: Duration },
    /// Some do, to find out.
    Trial,
    /// As many as may are waiting for their answers.
    Unanswered,
}

impl Held {
    pub(super) const fn new(why: Why, ended: u32, answered: u32) -> Self {
        Self { why, ended, answered }
    }

    /// The one among the sources of an error.
    ///
    /// ```
    /// use tokenflight::{Error, ErrorKind, breaker::Held};
    ///
    /// // For a response: 503, and not the login page.
    /// fn why(error: &Error) -> Option<String> {
    ///     Held::of(error).map(|held| held.to_string())
    /// }
    /// assert_eq!(why(&Error::new(ErrorKind::LoggedOut)), None);
    /// ```
    #[must_use]
    pub fn of(error: &Error) -> Option<&Self> {
        successors(error.source(), |&error| error.source()).find_map(|error| error.downcast_ref())
    }

    /// In what time a session asks again, if that is a matter of time.
    #[must_use]
    pub const fn next(&self) -> Option<Duration> {
        match self.why {
            Why::Open { next } => Some(next),
            Why::Trial | Why::Unanswered => None,
        }
    }

    /// Whether the next answer may change it.
    pub(super) const fn may_wait(&self) -> bool {
        !matches!(self.why, Why::Open { .. })
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the refresh token was held back: ")?;
        if self.ended > 0 {
            let (ended, answered) = (self.ended, self.answered);
            write!(f, "{ended} of {answered} sessions that asked this authorization server have ended; ")?;
        }
        match self.why {
            Why::Open { next } => write!(f, "one more asks in {} s, or after Breaker::lift", next.as_secs_f64().ceil()),
            Why::Trial => f.write_str("others ask first, to find out"),
            Why::Unanswered => f.write_str("as many as may ask at once are not answered yet"),
        }
    }
}

impl StdError for Held {}
