//! Whether two entries or answers are the same but for the moments at which clocks were read.

use std::time::Duration;

use tokenflight_core::store::{Entry, Reading, Reply};

/// How far apart two readings of one moment may be.
#[derive(Clone, Copy)]
pub(super) struct Tolerance(pub(super) Duration);

impl Tolerance {
    pub(super) fn entry(self, expected: Option<&Entry>, got: Option<&Entry>) -> bool {
        let mut got = got.cloned();
        if let Some((expected, got)) = expected.zip(got.as_mut()) {
            self.adjust(expected, got);
        }
        expected == got.as_ref()
    }

    pub(super) fn reply(self, expected: &Reply, got: &Reply) -> bool {
        let mut got = got.clone();
        match (expected, &mut got) {
            (Reply::Granted(expected), Reply::Granted(got))
            | (Reply::Changed(expected), Reply::Changed(got))
            | (Reply::Conflict(expected), Reply::Conflict(got))
            | (Reply::Overtaken(expected), Reply::Overtaken(got))
            | (Reply::Stored { entry: expected, .. }, Reply::Stored { entry: got, .. }) => self.adjust(expected, got),
            (Reply::Busy { retry_after: expected, .. }, Reply::Busy { retry_after: got, .. }) => match (expected, &got)
            {
                (Some(wait), Some(other)) if wait.abs_diff(*other) > self.0 => {}
                // A store need not know.
                _ => *got = *expected,
            },
            _ => {}
        }
        *expected == got
    }

    fn adjust(self, expected: &Entry, got: &mut Entry) {
        if let (Some(expected), Some(got)) = (&expected.claim, &mut got.claim) {
            self.reading(expected.since, &mut got.since);
            self.near(expected.until, &mut got.until);
            // A store may take its lock with the claim, after it was read.
            got.lock = expected.lock;
        }
        if let (Some(expected), Some(got)) = (&expected.doubt, &mut got.doubt) {
            self.reading(expected.since, &mut got.since);
        }
    }

    fn reading(self, expected: Option<Reading>, got: &mut Option<Reading>) {
        if let (Some(expected), Some(got)) = (expected, got) {
            self.near(expected.at, &mut got.at);
        }
    }

    fn near(self, expected: Duration, got: &mut Duration) {
        if expected.abs_diff(*got) <= self.0 {
            *got = expected;
        }
    }
}
