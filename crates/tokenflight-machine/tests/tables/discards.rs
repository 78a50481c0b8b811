//! What may hold the user's code is never dropped by the machine, which is used under a lock.

use std::{fmt, sync::Weak};

use tokenflight_core::store::EntryState;
use tokenflight_machine::Failure;

use crate::tables::*;

/// What a grant or a store of the user's puts into an error.
#[derive(Debug)]
struct Theirs(#[allow(dead_code, reason = "it is held, not read")] Arc<()>);

impl fmt::Display for Theirs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("theirs")
    }
}

impl std::error::Error for Theirs {}

/// The errors that were handed to a machine and are not dropped yet.
#[derive(Default)]
struct Watched(Vec<Weak<()>>);

impl Watched {
    fn theirs(&mut self) -> Theirs {
        let life = Arc::new(());
        self.0.push(Arc::downgrade(&life));
        Theirs(life)
    }

    fn error(&mut self, kind: ErrorKind) -> Error {
        Error::with_source(kind, self.theirs())
    }

    fn failed(&mut self) -> Outcome<u32> {
        let (class, error) = (FailureClass::NotSent, self.error(ErrorKind::Refresh(FailureClass::NotSent)));
        Outcome::Failed { class, error, in_doubt: None, rotated: None }
    }

    fn kept_back(&mut self) -> Outcome<u32> {
        Outcome::KeptBack { error: self.error(ErrorKind::Refresh(FailureClass::Ambiguous)) }
    }

    fn unsaved(&mut self, plan: &Plan) -> Saved {
        let op = commit(plan.known.as_deref(), Some(HOUR), plan.started);
        Saved::Unsaved { op, error: self.error(ErrorKind::Store) }
    }

    /// A token set that could not be stored.
    fn obtained(&mut self, plan: &Plan) -> Outcome<u32> {
        answered(plan, Times::new(plan.started, Some(HOUR)), self.unsaved(plan))
    }

    /// A refresh token alone, and that could not be stored either.
    fn rotated(&mut self, plan: &Plan) -> Outcome<u32> {
        let error = GrantError::ambiguous(self.theirs());
        self.rotated_by(plan, error)
    }

    fn rotated_by(&mut self, plan: &Plan, error: GrantError) -> Outcome<u32> {
        let (class, error) = (error.class(), Error::failed(error));
        Outcome::Failed { class, error, in_doubt: None, rotated: Some(self.unsaved(plan)) }
    }

    fn over(&mut self, kind: ErrorKind) -> Outcome<u32> {
        Outcome::Over { error: self.error(kind) }
    }

    fn ended(&mut self, plan: &Plan) -> Outcome<u32> {
        match ended(plan) {
            Outcome::Ended { entry, error } => Outcome::Ended { entry, error: self.error(error.kind().clone()) },
            other => other,
        }
    }

    /// The machine takes a step, and drops none of them. What it hands over is dropped after it.
    #[track_caller]
    fn step<T>(&mut self, machine: &mut Session, step: impl FnOnce(&mut Session) -> T) -> T {
        self.0.retain(|error| error.strong_count() > 0);
        let answer = step(machine);
        assert!(self.0.iter().all(|error| error.strong_count() > 0), "dropped by the machine");
        drop(machine.take_discarded());
        answer
    }

    #[track_caller]
    fn finish(&mut self, machine: &mut Session, plan: &Plan, outcome: Outcome<u32>, second: u64) {
        drop(self.step(machine, |machine| machine.finish(plan, outcome, at(second), ALL)));
    }

    /// A write that has begun fails.
    #[track_caller]
    fn not_written(&mut self, machine: &mut Session, second: u64) {
        let write = machine.flush().expect("a write");
        let (kind, error) = (StoreErrorKind::NotDone, self.error(ErrorKind::Store));
        let failure = Failure { kind, tried: None, error };
        drop(self.step(machine, |machine| machine.written(write, Err(failure), at(second), ALL)));
    }

    /// A session with an error that only its backoff holds: what has failed last is a write that a
    /// caller waited for.
    fn backing_off(&mut self) -> Session {
        let error = GrantError::ambiguous(self.theirs());
        self.backing_off_by(error)
    }

    fn backing_off_by(&mut self, error: GrantError) -> Session {
        let mut machine = session();
        let plan = started(machine.force(at(100)));
        let outcome = self.rotated_by(&plan, error);
        self.finish(&mut machine, &plan, outcome, 100);
        writing(machine.force(at(101)));
        self.not_written(&mut machine, 101);
        self.step(&mut machine, |machine| store(machine, at(102)));
        machine
    }
}

type Ends = fn(&mut Watched, &Plan) -> Outcome<u32>;

const ENDS: [Ends; 9] = [
    |watched, _| watched.failed(),
    |watched, _| watched.kept_back(),
    |watched, plan| watched.rotated(plan),
    |watched, plan| watched.obtained(plan),
    |watched, plan| watched.ended(plan),
    |watched, _| watched.over(ErrorKind::LoggedOut),
    |watched, _| watched.over(ErrorKind::NotLoggedIn),
    |_, plan| found(committed(plan.known.as_deref(), Some(HOUR), plan.started), 7, plan.started),
    |_, _| Outcome::Found { entry: None, token: None },
];

/// One after the other, with what each leaves behind; and a login, a logout or a reload after that.
#[test]
fn whatever_a_refresh_ends_in_no_error_of_it_or_of_the_one_before_is_dropped() {
    let acts = [Session::logout, Session::reload, |machine: &mut Session, now| login(machine, None, now)];
    for ends in ENDS {
        for act in acts {
            let mut watched = Watched::default();
            let mut machine = watched.backing_off();
            let plan = started(machine.force(at(200)));
            let outcome = ends(&mut watched, &plan);
            watched.finish(&mut machine, &plan, outcome, 200);
            for _ in 0..2 {
                watched.step(&mut machine, |machine| act(machine, at(201)));
            }
            watched.step(&mut machine, |machine| login(machine, None, at(202)));
        }
    }
}

#[test]
fn nor_is_that_of_a_refresh_which_comes_too_late_or_only_looks() {
    for ends in ENDS {
        let (mut watched, mut machine) = (Watched::default(), session());
        let late = started(machine.force(at(100)));
        machine.logout(at(100));
        let outcome = ends(&mut watched, &late);
        watched.finish(&mut machine, &late, outcome, 101);
    }
    for looks in [Watched::failed, Watched::kept_back] {
        let (mut watched, mut machine) = (Watched::default(), session());
        let plan = started(machine.usable(None, at(3600)));
        watched.finish(&mut machine, &plan, failed(FailureClass::Interaction), 3600);
        let look = started(machine.usable(None, at(3601)));
        let outcome = looks(&mut watched);
        watched.finish(&mut machine, &look, outcome, 3601);
    }
}

/// The server has named the time, and so it has outlived what another process has obtained.
#[test]
fn nor_is_that_of_a_waiting_time_which_a_reload_lifts() {
    let mut watched = Watched::default();
    let error = GrantError::throttled(Some(HOUR)).source(watched.theirs());
    let mut machine = watched.backing_off_by(error);
    let look = started(machine.refused(refusal(&machine), at(200)));
    let mut entry = committed(look.known.as_deref(), Some(secs(10)), at(200));
    entry.state = EntryState::Active(unrefreshable(entry.tokens().expect("tokens").clone()));
    watched.finish(&mut machine, &look, found(entry, 7, at(200)), 200);
    watched.step(&mut machine, |machine| machine.reload(at(210)));
    assert!(machine.is_unloaded());
}

/// What was told last stays when the backoff is over.
#[test]
fn nor_is_the_failure_that_was_told_last() {
    let (mut watched, mut machine) = (Watched::default(), session());
    for second in [100, 300] {
        let plan = started(machine.force(at(second)));
        let outcome = watched.failed();
        watched.finish(&mut machine, &plan, outcome, second);
        let plan = started(machine.force(at(second + 100)));
        watched.finish(&mut machine, &plan, obtained(&plan, Some(HOUR)), second + 100);
    }
}

#[test]
fn nor_is_the_answer_to_a_write_nor_the_one_before() {
    let ends: [fn(&mut Watched, &mut Session); 4] = [
        |watched, machine| watched.not_written(machine, 12),
        |watched, machine| drop(watched.step(machine, |machine| store(machine, at(12)))),
        |watched, machine| watched.step(machine, |machine| login(machine, None, at(12))),
        |watched, machine| drop(watched.step(machine, Session::take_pending)),
    ];
    for ends in ends {
        let (mut watched, mut machine) = (Watched::default(), session());
        login(&mut machine, None, at(10));
        watched.not_written(&mut machine, 11);
        ends(&mut watched, &mut machine);
    }
    // Nor that of a write that is no longer the one in progress.
    let (mut watched, mut machine) = (Watched::default(), session());
    login(&mut machine, None, at(10));
    let late = machine.flush().expect("a write");
    machine.logout(at(11));
    let (kind, error) = (StoreErrorKind::NotDone, watched.error(ErrorKind::Store));
    let failure = Failure { kind, tried: None, error };
    watched.step(&mut machine, |machine| machine.written(late, Err(failure), at(12), ALL));
}
