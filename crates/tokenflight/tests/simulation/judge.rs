//! What is right and what is wrong, written down while it happens.

use std::collections::HashMap;

use tokenflight::Reason;

use super::events::Told;
use crate::prelude::*;

/// Everything that is known about the tokens of one simulation, and what was seen to be wrong.
#[derive(Default)]
pub(crate) struct Judge {
    book: Mutex<Book>,
    /// Whether everything is told that happens, to follow one seed.
    aloud: AtomicBool,
}

#[derive(Default)]
struct Book {
    presented: HashMap<String, Presented>,
    /// Which refresh token came with an access token, and when, on the boot clock.
    pairs: HashMap<String, (String, Duration)>,
    under_way: u32,
    submissions: u64,
    replays: u64,
    unstored: u64,
    wrong: Vec<String>,
    stored: Option<Entry>,
    /// Whether operations of the store may fail.
    weather: bool,
    /// By process.
    told: HashMap<usize, Told>,
    /// What callers and listeners were told and given, whatever the order.
    outcome: u64,
}

struct Presented {
    by: usize,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    InProgress,
    Answered,
    /// The refresh token was provably left alone.
    Untouched,
    /// It is not known.
    Doubt,
    Refused,
}

impl Judge {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn speak(&self) {
        self.aloud.store(true, Ordering::SeqCst);
    }

    pub(crate) fn expect_weather(&self, weather: bool) {
        self.book().weather = weather;
    }

    pub(crate) fn say(&self, what: impl FnOnce() -> String) {
        if self.aloud.load(Ordering::SeqCst) {
            println!("  {}", what());
        }
    }

    pub(crate) fn wrong(&self, what: String) {
        self.say(|| format!("WRONG: {what}"));
        self.book().wrong.push(what);
    }

    /// What was wrong, each thing once.
    pub(crate) fn verdict(&self) -> Vec<String> {
        let mut wrong = std::mem::take(&mut self.book().wrong);
        let mut seen = HashSet::new();
        wrong.retain(|what| seen.insert(what.clone()));
        wrong.truncate(8);
        wrong
    }

    /// Submissions, and those that presented a token of unknown state once more.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let book = self.book();
        (book.submissions, book.replays)
    }

    pub(crate) fn requests_under_way(&self) -> u32 {
        self.book().under_way
    }

    pub(crate) fn issued(&self, set: &TokenSet, at: Duration) {
        if let Some(refresh) = set.refresh() {
            self.book().pairs.insert(set.access().expose().to_owned(), (refresh.expose().to_owned(), at));
        }
    }

    pub(crate) fn issued_at(&self, access: &str) -> Option<Duration> {
        self.book().pairs.get(access).map(|(_, at)| *at)
    }

    /// Something that a caller or a listener notices.
    pub(crate) fn note(&self, what: impl Hash) {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        let outcome = &mut self.book().outcome;
        *outcome = outcome.wrapping_add(hasher.finish());
    }

    pub(crate) fn outcome(&self) -> u64 {
        self.book().outcome
    }

    /// A listener of a process was told this.
    pub(crate) fn told(&self, process: usize, event: &Event, current: LoginId) {
        self.say(|| format!("process {process} tells {event:?}"));
        self.note(std::mem::discriminant(event));
        let mut book = self.book();
        if let Err(what) = book.told.entry(process).or_default().hear(event, current) {
            book.wrong.push(format!("process {process}: {what}"));
        }
    }

    /// What a process was told has to be whole by now.
    pub(crate) fn told_all(&self, process: usize) {
        let mut book = self.book();
        if book.told.get(&process).is_some_and(Told::is_open) {
            book.wrong.push(format!("process {process}: what was unpersisted has come to no end"));
        }
    }

    /// The store never goes back, and keeps the tokens of one answer together.
    pub(crate) fn stored(&self, entry: Option<Entry>) {
        let mut book = self.book();
        let Some(new) = entry else { return };
        if let Some(tokens) = new.tokens() {
            let access = tokens.access.as_ref().map_or("", |access| access.expose());
            let mate = book.pairs.get(access).map(|(refresh, _)| refresh.as_str());
            if mate != tokens.refresh.as_ref().map(RefreshToken::expose) {
                book.wrong.push("the store holds tokens of two answers".to_owned());
            }
        }
        if let Some(old) = book.stored.as_ref().filter(|old| new.order() < old.order()) {
            let what = format!("the store went back from {:?} to {:?}", old.order(), new.order());
            book.wrong.push(what);
        }
        book.stored = Some(new);
    }

    /// A refresh token is about to be presented.
    pub(crate) fn presents(&self, process: usize, token: &str, reason: Reason, usable: bool) {
        self.say(|| format!("process {process} presents {:.12} ({reason:?})", token));
        let mut book = self.book();
        book.submissions += 1;
        book.under_way += 1;
        let before = book.presented.insert(token.to_owned(), Presented { by: process, outcome: Outcome::InProgress });
        let Some(Presented { by, outcome }) = before else { return };
        match outcome {
            // An end is believed once it is stored; until then the server is asked again.
            Outcome::Refused if book.weather => {}
            Outcome::InProgress | Outcome::Answered | Outcome::Refused => {
                book.wrong.push(format!("process {process} presents what process {by} has presented: {outcome:?}"));
            }
            Outcome::Untouched => {}
            Outcome::Doubt => {
                book.replays += 1;
                if usable {
                    let what = "presents a token in doubt while the access token is usable";
                    book.wrong.push(format!("process {process} {what} ({reason:?})"));
                }
            }
        }
    }

    /// A process died. What it alone knew is unknown now: whether what it presented was answered.
    pub(crate) fn died(&self) {
        let mut book = self.book();
        book.under_way = 0;
        // A grant that waits for its own session keeps both, until it is done: here, for ever.
        for presented in book.presented.values_mut().filter(|presented| presented.outcome == Outcome::InProgress) {
            presented.outcome = Outcome::Doubt;
        }
        let stored = book.stored.as_ref().and_then(Entry::tokens).and_then(|tokens| tokens.refresh.clone());
        let Some(stored) = stored else { return };
        let Some(presented) = book.presented.get_mut(stored.expose()) else { return };
        // An end that could not be noted is forgotten too; the server will say it again.
        if matches!(presented.outcome, Outcome::Answered | Outcome::Refused) {
            let answered = std::mem::replace(&mut presented.outcome, Outcome::Doubt) == Outcome::Answered;
            book.unstored += u64::from(answered);
        }
    }

    /// Rotations lost with their process before they were stored, without the server's knowledge.
    pub(crate) fn unstored(&self) -> u64 {
        self.book().unstored
    }

    /// An answer was lost between the wire and the session.
    pub(crate) fn lost(&self) {
        self.book().unstored += 1;
    }

    pub(crate) fn settled(&self, token: &str, outcome: Outcome) {
        self.say(|| format!("{token:.12} is {outcome:?}"));
        let mut book = self.book();
        book.under_way = book.under_way.saturating_sub(1);
        if let Some(presented) = book.presented.get_mut(token) {
            presented.outcome = outcome;
        }
    }
}
