//! The user's code panics: waiters get an error of the right class or notice nothing, the session goes on, and no rotation
//! is lost (hazard 3 of `flight/mod.rs`).
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::{
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use tokenflight::{
    BoxFuture, Error, ErrorKind, Event, FailureClass, Grant, GrantError, GrantKey, Now, RefreshToken, Revocation,
    Session, Time, TokenRequest, TokenSet, time::Sleep,
};
use tokenflight_test::{
    ManualTime, MockGrant, MockStore, ModelStore,
    mock::{OpKind, Step, Trouble},
};

const SECOND: Duration = Duration::from_secs(1);
/// Longer than any waiting time after one failure, shorter than a claim.
const BACKOFF: Duration = Duration::from_secs(2);

/// A session whose token has expired, and all it touches.
struct Fixture {
    time: ManualTime,
    grant: MockGrant,
    store: MockStore,
    /// Behind `store`.
    model: ModelStore,
    events: Arc<Mutex<Vec<&'static str>>>,
    session: Session,
}

impl Fixture {
    fn new() -> Self {
        let grant = MockGrant::new();
        Self::with(grant.clone(), grant, ManualTime::clone)
    }

    /// `grant` is scripted and `asked` is asked; `time` wraps the clock the test moves.
    fn with<T: Time>(grant: MockGrant, asked: impl Grant, time: impl FnOnce(&ManualTime) -> T) -> Self {
        let (clock, model) = (ManualTime::new(3), ModelStore::new());
        let store = MockStore::before(model.clone());
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        let session = Session::builder(asked)
            .store(store.clone())
            .time(time(&clock))
            .on_event(|_| panic!("a listener that always panics"))
            .on_event(move |event| told.lock().unwrap().push(name(event)))
            .build()
            .unwrap();
        let login = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(60 * SECOND);
        clock.run(session.login(login)).unwrap();
        clock.advance(61 * SECOND);
        events.lock().unwrap().clear();
        Self { time: clock, grant, store, model, events, session }
    }

    /// Three requests at once; they get the same answer.
    fn ask(&self) -> Result<String, Error> {
        let mut answers = self.time.run(join_all((0..3).map(|_| self.session.token())));
        let answer = answers.pop().unwrap();
        for other in &answers {
            match (&answer, other) {
                (Ok(token), Ok(other)) => assert_eq!(token.generation(), other.generation()),
                (Err(error), Err(other)) => assert!(error.same_as(other), "{error:?} and {other:?}"),
                (one, other) => panic!("the same flight gave {one:?} and {other:?}"),
            }
        }
        answer.map(|token| token.access().expose().to_owned())
    }

    fn stored(&self) -> String {
        let entry = self.model.entry(&GrantKey::new("default")).unwrap();
        entry.tokens().unwrap().refresh.clone().unwrap().expose().to_owned()
    }

    fn told(&self, event: &str) -> usize {
        self.events.lock().unwrap().iter().filter(|told| **told == event).count()
    }

    /// The failure is of this class, nothing is stuck, nothing is tried again at once, and all is well after the waiting time.
    fn assert_recovers(&self, failed: &Error, kind: &ErrorKind, submissions: usize) {
        assert_eq!(failed.kind(), kind);
        assert!(failed.is_transient() && !failed.needs_login());
        assert!(!format!("{failed:?}{failed}").contains("says panic"), "the panic message was kept: {failed:?}");
        assert!(!self.session.state().refreshing, "the slot is not free");
        assert_eq!(self.told("failed"), 1);
        assert_eq!(self.grant.count(), submissions);
        assert!(self.ask().unwrap_err().same_as(failed), "tried again before the waiting time was over");
        assert_eq!(self.grant.count(), submissions);
        self.time.advance(BACKOFF);
        let issued = self.ask().unwrap();
        assert_eq!((issued.as_str(), self.stored().as_str()), ("access-1", "refresh-1"));
        assert_eq!(self.grant.count(), submissions + 1);
        assert!(!self.session.state().unsaved);
    }
}

const fn name(event: &Event) -> &'static str {
    match event {
        Event::Refreshed { .. } => "refreshed",
        Event::RefreshFailed { .. } => "failed",
        Event::Unpersisted { .. } => "unpersisted",
        Event::Persisted { .. } => "persisted",
        Event::Ended { .. } => "ended",
        _ => "another",
    }
}

#[test]
fn a_grant_that_panics_before_it_sent_anything_counts_as_not_sent() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::PanicUnsent);
    let failed = fixture.ask().unwrap_err();
    fixture.assert_recovers(&failed, &ErrorKind::Refresh(FailureClass::NotSent), 1);
}

#[test]
fn a_grant_that_panics_after_it_sent_something_counts_as_ambiguous() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::PanicSent);
    let failed = fixture.ask().unwrap_err();
    fixture.assert_recovers(&failed, &ErrorKind::Refresh(FailureClass::Ambiguous), 1);
}

/// Panics before there is a future, once.
struct Hasty {
    grant: MockGrant,
    calm: AtomicBool,
    says_unsent: bool,
}

impl Grant for Hasty {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        if self.says_unsent {
            request.mark_unsent();
        }
        assert!(self.calm.swap(true, Ordering::SeqCst), "the script says panic");
        self.grant.request(request)
    }
}

#[test]
fn a_grant_that_panics_while_it_makes_its_future_is_caught() {
    for (says_unsent, class) in [(true, FailureClass::NotSent), (false, FailureClass::Ambiguous)] {
        let grant = MockGrant::new();
        let hasty = Hasty { grant: grant.clone(), calm: AtomicBool::new(false), says_unsent };
        let fixture = Fixture::with(grant, hasty, ManualTime::clone);
        let failed = fixture.ask().unwrap_err();
        fixture.assert_recovers(&failed, &ErrorKind::Refresh(class), 0);
    }
}

#[test]
fn a_store_that_panics_when_it_is_read_keeps_the_request_from_being_sent() {
    let fixture = Fixture::new();
    fixture.store.push(OpKind::Load, Trouble::Panic);
    let failed = fixture.ask().unwrap_err();
    fixture.assert_recovers(&failed, &ErrorKind::Store, 0);
}

/// Whether the claim was stored is not known: the same one is made again, and finds out.
#[test]
fn a_store_that_panics_in_a_claim_is_asked_for_the_same_claim_again() {
    for trouble in [Trouble::Panic, Trouble::PanicAfter] {
        let fixture = Fixture::new();
        fixture.store.push(OpKind::Claim, trouble);
        let began = fixture.time.now().boot;
        assert_eq!(fixture.ask().unwrap(), "access-1");
        assert!(fixture.time.now().boot - began < SECOND, "it waited for its own claim");
        assert_eq!((fixture.grant.count(), fixture.told("failed")), (1, 0));
    }
}

#[test]
fn a_store_that_panics_when_it_is_first_read_stops_no_caller_for_long() {
    let (time, store) = (ManualTime::new(3), MockStore::new());
    let session =
        Session::builder(MockGrant::without_refresh_token()).store(store.clone()).time(time.clone()).build().unwrap();
    store.push(OpKind::Load, Trouble::Panic);
    assert_eq!(*time.run(session.token()).unwrap_err().kind(), ErrorKind::Store);
    time.advance(BACKOFF);
    assert!(time.run(session.token()).is_ok());
}

#[test]
fn a_rotation_survives_a_store_that_panics_in_its_commit() {
    for trouble in [Trouble::Panic, Trouble::PanicAfter] {
        let fixture = Fixture::new();
        fixture.store.push(OpKind::Commit, trouble);
        assert_eq!(fixture.ask().unwrap(), "access-1", "a failed write must not fail the request");
        assert!(fixture.session.state().unsaved);
        assert_eq!((fixture.told("refreshed"), fixture.told("unpersisted"), fixture.told("persisted")), (1, 1, 0));
        // What is offered again is the write and not the spent refresh token.
        fixture.time.advance(61 * SECOND);
        fixture.time.run(fixture.session.shutdown(60 * SECOND)).unwrap();
        assert_eq!((fixture.stored().as_str(), fixture.told("persisted"), fixture.grant.count()), ("refresh-1", 1, 1));
        assert!(!fixture.session.state().unsaved);
    }
}

#[test]
fn a_rotation_that_was_not_stored_goes_before_the_next_one() {
    let fixture = Fixture::new();
    fixture.store.push(OpKind::Commit, Trouble::Panic);
    fixture.ask().unwrap();
    fixture.time.advance(301 * SECOND);
    assert_eq!(fixture.ask().unwrap(), "access-2");
    let presented: Vec<_> = fixture.grant.presented().iter().map(|token| token.expose().to_owned()).collect();
    assert_eq!(presented, ["refresh-0", "refresh-1"]);
    assert_eq!((fixture.stored().as_str(), fixture.told("persisted")), ("refresh-2", 1));
}

#[test]
fn a_store_that_panics_at_the_tombstone_does_not_revive_the_session() {
    for trouble in [Trouble::Panic, Trouble::PanicAfter] {
        let fixture = Fixture::new();
        fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
        fixture.store.push(OpKind::End, trouble);
        assert!(fixture.ask().unwrap_err().is_ended());
        assert!(fixture.session.token().now_or_never().unwrap().unwrap_err().is_ended());
        assert_eq!((fixture.told("ended"), fixture.grant.count()), (1, 1));
    }
}

#[test]
fn a_store_that_panics_when_it_settles_does_not_lock_the_session_out() {
    for trouble in [Trouble::Panic, Trouble::PanicAfter] {
        let fixture = Fixture::new();
        fixture.grant.push(Step::Fail(GrantError::not_sent("no network")));
        fixture.store.push(OpKind::Settle, trouble);
        assert_eq!(fixture.ask().unwrap_err().class(), Some(FailureClass::NotSent));
        fixture.time.advance(BACKOFF);
        assert_eq!(fixture.ask().unwrap(), "access-1");
    }
}

#[test]
fn a_login_survives_a_store_that_panics() {
    let fixture = Fixture::new();
    fixture.store.push(OpKind::Reset, Trouble::Panic);
    let login = TokenSet::new("access-9").refresh_token("refresh-9").expires_in(60 * SECOND);
    assert_eq!(*fixture.time.run(fixture.session.login(login)).unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(fixture.ask().unwrap(), "access-9", "the login is in effect, stored or not");
    assert!(fixture.session.state().unsaved);
    fixture.time.advance(BACKOFF);
    fixture.time.run(fixture.session.shutdown(60 * SECOND)).unwrap();
    assert_eq!(fixture.stored(), "refresh-9");
}

#[test]
fn a_revocation_that_panics_does_not_fail_the_logout() {
    struct Unkind(MockGrant);
    impl Grant for Unkind {
        fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
            self.0.request(request)
        }

        fn revoke<'a>(&'a self, _: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
            panic!("the script says panic")
        }
    }
    let grant = MockGrant::new();
    let fixture = Fixture::with(grant.clone(), Unkind(grant), ManualTime::clone);
    let revocation = fixture.time.run(fixture.session.logout()).unwrap();
    assert!(matches!(revocation, Revocation::Failed(_)), "{revocation:?}");
    assert_eq!(*fixture.ask().unwrap_err().kind(), ErrorKind::LoggedOut);
}

/// A listener that always panics is part of every fixture here; this is what the others still hear.
#[test]
fn a_listener_that_panics_keeps_no_other_from_hearing() {
    let fixture = Fixture::new();
    assert_eq!(fixture.ask().unwrap(), "access-1");
    assert_eq!(fixture.told("refreshed"), 1);
}

/// A clock whose timers cannot be had: while they are made, or when they are polled, as on a runtime that is gone.
struct NoTimers {
    time: ManualTime,
    late: bool,
}

impl Time for NoTimers {
    fn now(&self) -> Now {
        self.time.now()
    }

    fn sleep(&self, _: Duration) -> Sleep {
        assert!(self.late, "there is no reactor running");
        Box::pin(poll_fn(|_| panic!("there is no reactor running")))
    }

    fn random(&self) -> u64 {
        self.time.random()
    }
}

/// A session without timers, and its token request under way.
fn without_timers(late: bool) -> Fixture {
    let grant = MockGrant::new();
    let fixture = Fixture::with(grant.clone(), grant, move |time| NoTimers { time: time.clone(), late });
    fixture.grant.gate().close();
    fixture
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_refresh_without_timers_still_ends_at_its_limit() {
    for late in [false, true] {
        let fixture = without_timers(late);
        let mut token = Box::pin(fixture.session.token());
        assert!(poll(&mut token).is_pending());
        // Nothing wakes a task here. A caller looks at the clock; what was left alone gets some time more.
        fixture.time.advance(600 * SECOND);
        let failed = (0..20).find_map(|_| {
            fixture.time.advance(5 * SECOND);
            fixture.session.token().now_or_never()
        });
        let failed = failed.expect("the refresh goes on for ever").unwrap_err();
        assert_eq!(failed.class(), Some(FailureClass::Ambiguous));
        assert!(poll(&mut token).is_ready());
        fixture.grant.gate().open();
        // What was sent is given time to arrive. Without a timer that cannot be waited for, and the callers are told so.
        fixture.time.advance(BACKOFF);
        let Poll::Ready(token) = poll(&mut Box::pin(fixture.session.token())) else { panic!("the session is stuck") };
        assert_eq!(*token.unwrap_err().kind(), ErrorKind::NoTimer);
    }
}

#[test]
fn a_driver_without_timers_ends_and_leaves_the_session_to_its_callers() {
    for late in [false, true] {
        let fixture = without_timers(late);
        fixture.grant.gate().open();
        let mut driver = fixture.session.driver();
        // Renews, is woken by that, and finds nothing to sleep by.
        assert!((0..2).any(|_| poll(&mut driver).is_ready()));
        fixture.time.advance(301 * SECOND);
        let Poll::Ready(token) = poll(&mut Box::pin(fixture.session.token())) else { panic!("the session is stuck") };
        assert_eq!(token.unwrap().access().expose(), "access-2");
    }
}

/// A clock, or its chance, that panics once, at one of the moments it is asked.
struct Moody {
    time: ManualTime,
    calm_for: Arc<AtomicUsize>,
}

impl Moody {
    fn tick(&self) {
        assert!(self.calm_for.fetch_sub(1, Ordering::SeqCst) != 0, "the script says panic");
    }
}

impl Time for Moody {
    fn now(&self) -> Now {
        self.tick();
        self.time.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.tick();
        self.time.sleep(duration)
    }

    fn random(&self) -> u64 {
        self.tick();
        self.time.random()
    }
}

#[test]
fn a_clock_that_panics_once_ends_no_session() {
    const LONG: usize = 1_000_000;
    for calm_for in 0..60 {
        let calm = Arc::new(AtomicUsize::new(LONG));
        let (grant, moody) = (MockGrant::new(), Arc::clone(&calm));
        let fixture = Fixture::with(grant.clone(), grant, move |time| Moody { time: time.clone(), calm_for: moody });
        calm.store(calm_for, Ordering::SeqCst);
        // A caller that asks the clock itself sees the panic; the session must not.
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| fixture.session.token().now_or_never()));
        calm.store(LONG, Ordering::SeqCst);
        // A claim may have been left behind, and has to run out.
        fixture.time.advance(100 * SECOND);
        assert!(fixture.ask().is_ok(), "panic {calm_for}");
    }
}
