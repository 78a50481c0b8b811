//! Waiting for a refresh that another process does.

use std::{
    io,
    process::{Child, ExitStatus},
    time::Duration,
};

use tokenflight_store_file::Presenter;

use super::{
    Stored, Wish,
    refresher::{at_work, refresh, start},
    report::{self, Report},
    stored::look,
};
use crate::{
    clock,
    config::Profile,
    problem::{Code, Problem, option},
    terminal::Line,
};

/// Between two looks: at first, and at last.
const POLL: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(50));

/// A wait that is longer than this is told, on a terminal.
const TOLD_AFTER: Duration = Duration::from_secs(1);

/// How many refreshers are started, if each ends without a report.
const STARTS: u32 = 3;

/// Has the stored token set replaced, and waits for that. All that ask at once share one refresh.
pub(super) fn renew(profile: &Profile, seen: &Stored, wish: &Wish) -> Result<(), Problem> {
    let before = report::read(profile);
    let in_force = before.as_ref().and_then(|report| report.still_in_force(seen.order)).filter(|_| !wish.newer);
    if let Some(problem) = in_force {
        return Err(problem);
    }
    if wish.freshness.foreground {
        return in_foreground(profile, seen);
    }
    let wait = Waiting { profile, seen, before: before.map(|report| report.id), started: 0, child: None };
    wait.within(wish.freshness.wait)
}

struct Waiting<'a> {
    profile: &'a Profile,
    seen: &'a Stored,
    /// The report that was there before.
    before: Option<u64>,
    started: u32,
    child: Option<Child>,
}

impl Waiting<'_> {
    fn within(mut self, limit: Duration) -> Result<(), Problem> {
        let began = clock::boot();
        let mut pause = POLL.0;
        let mut line = Line::waiting("Waiting for a new token");
        loop {
            if let Some(result) = self.result() {
                return result;
            }
            self.keep_going()?;
            let waited = clock::boot().saturating_sub(began);
            if waited >= limit {
                return Err(self.too_long(waited));
            }
            if waited >= TOLD_AFTER {
                line.show(Some(limit.saturating_sub(waited)));
            }
            clock::pause(pause.min(limit.saturating_sub(waited)).max(POLL.0));
            pause = (pause * 3 / 2).min(POLL.1);
        }
    }

    /// What has come of it, if it is over.
    fn result(&self) -> Option<Result<(), Problem>> {
        match look(self.profile) {
            Ok(stored) if stored.order == self.seen.order => {}
            Ok(_) => return Some(Ok(())),
            Err(problem) => return Some(Err(problem)),
        }
        // One about an earlier token set may still come.
        let is_ours = |report: &Report| Some(report.id) != self.before && report.order == self.seen.order;
        let report = report::read(self.profile).filter(is_ours)?;
        // The record was read before the report, so it may be newer by now.
        Some(report.problem().map_or(Ok(()), Err))
    }

    /// Starts a refresher if none is at work.
    fn keep_going(&mut self) -> Result<(), Problem> {
        if let Some(child) = &mut self.child {
            let ended = child.try_wait().map_err(|error| Problem::io("waiting for a refresh", &error))?;
            let Some(status) = ended else { return Ok(()) };
            let words = child.stderr.take().map(io::read_to_string).and_then(Result::ok).unwrap_or_default();
            self.child = None;
            if self.started >= STARTS && !status.success() && self.result().is_none() {
                return Err(unreported(status, words.trim()));
            }
        }
        if at_work(self.profile).is_none() {
            self.child = Some(start(self.profile, self.seen)?);
            self.started += 1;
        }
        Ok(())
    }

    fn too_long(&self, waited: Duration) -> Problem {
        let option = option(&self.profile.name);
        let waited = clock::words(waited);
        let status = self.profile.store().status(&self.profile.key());
        let presenter = status.map_or(Presenter::Free, |status| status.presenter);
        let refresher = at_work(self.profile).filter(|words| !words.is_empty());
        let held = |holder: &str| {
            Problem::later(format!("no new token in {waited}: {holder} has the turn to refresh"))
                .cure(format!("if it is stopped, resume it or end it; `tokenflight status{option}` says more"))
        };
        match (presenter, refresher) {
            (Presenter::Alive { holder: Some(holder) }, _) => held(&holder),
            // It is told before it has written down who it is.
            (Presenter::Alive { holder: None }, Some(refresher)) => {
                held(&format!("{refresher}, or another process for which it waits,"))
            }
            (_, Some(refresher)) => Problem::later(format!("no new token in {waited}; {refresher} goes on refreshing"))
                .cure("if it is stopped, resume it or end it; else wait longer with `--wait`"),
            (Presenter::Alive { holder: None }, None) => held("another process"),
            _ => Problem::later(format!("no new token in {waited}")).cure("wait longer with `--wait`"),
        }
    }
}

/// A refresh that failed so early, or was ended so hard, that it could not report.
fn unreported(status: ExitStatus, words: &str) -> Problem {
    let code = status.code().and_then(|code| u8::try_from(code).ok()).map_or(Code::Unexpected, Code::of);
    match words.strip_prefix("tokenflight: ").unwrap_or(words) {
        "" => Problem::unexpected(format!("the refresh was ended ({status})")).cure("`--foreground` does it here"),
        words => Problem::new(code, words),
    }
}

/// Refreshes in this process, which must not be ended meanwhile.
fn in_foreground(profile: &Profile, seen: &Stored) -> Result<(), Problem> {
    refresh(profile, seen.order)?;
    match look(profile)?.order == seen.order {
        true => Err(Problem::later("another process is refreshing").after(Some(1))),
        false => Ok(()),
    }
}
