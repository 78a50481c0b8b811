//! What came of the last refresh, for the commands that wait for it, and for `status`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    clock,
    config::Profile,
    private,
    problem::{Code, Problem},
};

const KIND: &str = "report";

/// The wait after the first failure and the longest one: shells in a loop must not press a server.
const BACKOFF: (u64, u64) = (1, 10);

/// The last refresh. It holds no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Differs from report to report.
    pub(crate) id: u64,
    /// The token set that was to be replaced.
    pub(crate) order: (u64, u64),
    /// When it ended, in seconds since the Unix epoch.
    pub(crate) at: u64,
    /// The exit code that it means; zero: there is a new token.
    pub(crate) code: u8,
    /// The class of the failure.
    pub(crate) class: Option<String>,
    pub(crate) why: String,
    pub(crate) cure: Option<String>,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// In so many seconds from `at` another attempt makes sense.
    pub(crate) pause: u64,
}

impl Report {
    pub(super) fn new(order: (u64, u64), result: &Result<(), Problem>, last: Option<&Self>) -> Self {
        let (id, at) = (fastrand::u64(..), clock::wall().as_secs());
        let Err(problem) = result else {
            let why = "there is a new token".to_owned();
            return Self { id, order, at, code: 0, class: None, why, cure: None, failures: 0, pause: 0 };
        };
        let failures = last.map_or(0, |last| last.failures).saturating_add(1);
        let backoff = BACKOFF.0.checked_shl(failures - 1).unwrap_or(BACKOFF.1).min(BACKOFF.1);
        Self {
            id,
            order,
            at,
            code: problem.code() as u8,
            class: problem.class().map(|class| class.as_str().to_owned()),
            why: problem.why().to_owned(),
            cure: problem.what_cures().map(str::to_owned),
            failures,
            pause: problem.seconds().unwrap_or(backoff),
        }
    }

    /// The failure, if it was one.
    pub(crate) fn problem(&self) -> Option<Problem> {
        let problem = Problem::new(Code::of(self.code), self.why.clone());
        let problem = match &self.cure {
            Some(cure) => problem.cure(cure),
            None => problem,
        };
        let waits = self.code == Code::Later as u8;
        (self.code != 0).then(|| problem.after(waits.then_some(self.pause)))
    }

    /// The failure to replace this token set, if it makes no sense to try again yet.
    pub(super) fn still_in_force(&self, order: (u64, u64)) -> Option<Problem> {
        let age = clock::wall().checked_sub(Duration::from_secs(self.at))?.as_secs();
        let left = self.pause.checked_sub(age).filter(|left| *left > 0)?;
        if self.code != Code::Later as u8 || self.order != order {
            return None;
        }
        let why = format!("the last attempt failed {age} s ago: {}", self.why);
        Some(Problem::later(why).after(Some(left)))
    }
}

/// The last report.
pub(crate) fn read(profile: &Profile) -> Option<Report> {
    let bytes = private::read(&profile.file(KIND)).ok().flatten()?;
    serde_json::from_slice(&bytes).ok()
}

pub(super) fn write(profile: &Profile, report: &Report) {
    let written = serde_json::to_vec(report);
    // Without it the commands that wait see the record, or ask again.
    let _ = written.map(|bytes| private::write(&profile.file(KIND), &bytes));
}

/// A login has replaced what the report is about.
pub(crate) fn forget(profile: &Profile) {
    let _ = std::fs::remove_file(profile.file(KIND));
}
