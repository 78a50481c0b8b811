//! The end of a seed: every session comes to itself again, and what all of it came to is judged.

use tokenflight::EntryState;

use super::fixture::{Fixture, Summary, secs};
use crate::prelude::*;

impl Fixture {
    /// From here on nothing goes wrong any more.
    pub(crate) fn calm(&mut self) {
        self.say(|_| "calm".to_owned());
        self.auth.faults().clear();
        let mut weather = self.store.weather();
        (weather.down, weather.troubles, weather.slowness) = (false, 0, 0);
    }

    /// Every session must come to itself again, and to an orderly end.
    pub(crate) fn end_all(&mut self) {
        for process in self.people.clone() {
            self.executor.spawn("a last request", Kind::Firm, async move {
                recover(&process).await;
                store(&process).await;
                if let Err(error) = process.session.shutdown(secs(2 * 3_600)).await {
                    process.wrong(&format!("no orderly end: {error:?}"));
                }
                process.judge.told_all(process.number);
            });
        }
        self.course(secs(12 * 3_600), false);
    }

    pub(crate) fn judge_all(mut self) -> Result<Summary, Vec<String>> {
        let report = self.auth.report();
        let reuses = std::mem::take(&mut *self.reuses.lock().unwrap_or_else(PoisonError::into_inner));
        let lost = reuses.iter().filter(|reused| reused.ended).count() as u64;
        if report.total.overlapping > 0 {
            self.judge.wrong("two requests with one refresh token overlapped".to_owned());
        }
        // One of which no living process knew that it was presented may be tried more than once, if
        // the refusal is lost as well.
        let known = reuses.iter().filter(|reused| !reused.answer_lost).map(|reused| (reused.login, reused.rotation));
        if known.collect::<HashSet<_>>().len() as u64 > self.judge.unstored() {
            self.judge.wrong(format!("a refresh token was submitted twice without need\n{report}"));
        }
        if lost > 0 && !self.profile.lossy && self.judge.unstored() == 0 {
            self.judge.wrong(format!("a family was revoked by reuse\n{report}"));
        }
        self.judge_stored();
        self.judge.note((report.total.rotations, report.total.refused, lost));
        let (submissions, replays) = self.judge.counts();
        let tokens = self.people[0].tokens.load(Ordering::SeqCst);
        self.homes.iter().for_each(|home| home.set(None));
        self.people.clear();
        let wrong = self.judge.verdict();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let (steps, outcome, fired) = (self.executor.steps, self.judge.outcome(), self.knobs.fired());
        Ok(Summary { steps, submissions, replays, tokens, lost, print: self.executor.print(), outcome, fired })
    }

    /// What is stored is what the session shows.
    fn judge_stored(&self) {
        let entry = self.store.model.entry(&GrantKey::new("default"));
        let [process] = self.people.as_slice() else { return };
        let state = process.session.state();
        if state.unsaved {
            self.judge.wrong("something was not stored although there was all the time for it".to_owned());
        }
        let same = match (&state.status, entry.as_ref().map(|entry| &entry.state)) {
            (Status::Usable | Status::Stale, Some(EntryState::Active(_))) => true,
            // Stored late: it is seen when the session next needs a token.
            (Status::Usable | Status::Stale, Some(EntryState::Ended { .. })) => self.profile.has_weather(),
            // A session that was shut down before it had read anything reads nothing any more.
            (Status::Unloaded, _) => process.is_closed(),
            (Status::Ending(error), Some(EntryState::Ended { .. })) => error.is_ended(),
            (Status::Over(error), Some(EntryState::Ended { .. })) => error.is_ended(),
            (Status::Over(error), Some(EntryState::LoggedOut)) => !error.is_ended(),
            _ => false,
        };
        if !same {
            self.judge.wrong(format!("the session shows {state:?} and the store holds {entry:?}"));
        }
    }
}

/// Asks until there is a token, or a good reason why there is none.
async fn recover(process: &Process) {
    let patience = process.time.now().boot + secs(3 * 3_600);
    loop {
        match process.session.token().await {
            Ok(_) => return,
            Err(_) if process.is_closed() => return,
            Err(error) if error.needs_login() => {
                let explained = process.logged_out()
                    || process.has_company() && process.profile.logins
                    || error.is_ended() && process.may_have_ended();
                if !explained {
                    process.wrong(&format!("the session was lost: {error:?}"));
                }
                return;
            }
            Err(error) if process.time.now().boot > patience => {
                return process.wrong(&format!("the session never recovered: {error:?}"));
            }
            Err(_) => process.sleep(secs(5)).await,
        }
    }
}

/// Callers alone, without a driver, have what is not stored stored.
async fn store(process: &Process) {
    for _ in 0..60 {
        if !process.session.state().unsaved {
            return;
        }
        let _ = process.session.token().await;
        process.sleep(secs(5)).await;
    }
    // A session that is over is asked for nothing: its logout waits for a driver or the shutdown.
    if process.session.state().unsaved && !matches!(process.session.state().status, Status::Over(_)) {
        process.wrong("requests alone did not have a state stored");
    }
}
