//! Clocks and timers that panic.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::AtomicUsize,
    task::{Context, Poll, Waker},
};

use tokenflight::{Now, time::Sleep};

use crate::fixture::*;

/// A clock whose timers cannot be had: while they are made, or when they are polled, as on a
/// runtime that is gone.
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
        // No task is woken here. A caller looks at the clock; what was left alone gets more time.
        fixture.time.advance(600 * SECOND);
        let failed = (0..20).find_map(|_| {
            fixture.time.advance(5 * SECOND);
            fixture.session.token().now_or_never()
        });
        let failed = failed.expect("the refresh goes on for ever").unwrap_err();
        assert_eq!(failed.class(), Some(FailureClass::Ambiguous));
        assert!(poll(&mut token).is_ready());
        fixture.grant.gate().open();
        // What was sent is given time to arrive. Without a timer that cannot be waited for, and the
        // callers are told so.
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
        let _ = catch_unwind(AssertUnwindSafe(|| fixture.session.token().now_or_never()));
        calm.store(LONG, Ordering::SeqCst);
        // A claim may have been left behind, and has to run out.
        fixture.time.advance(100 * SECOND);
        assert!(fixture.ask().is_ok(), "panic {calm_for}");
        // A server that rotates would have ended the session: nothing is presented twice, and the
        // successor is stored.
        let presented: Vec<_> = fixture.grant.presented().iter().map(|token| token.expose().to_owned()).collect();
        assert_eq!(
            (presented, fixture.stored()),
            (vec!["refresh-0".to_owned()], "refresh-1".to_owned()),
            "panic {calm_for}"
        );
        let next = fixture.time.run(fixture.session.refresh()).unwrap();
        assert_eq!((next.access().expose(), fixture.stored().as_str()), ("access-2", "refresh-2"), "panic {calm_for}");
        assert_eq!(fixture.grant.presented()[1].expose(), "refresh-1", "panic {calm_for}");
    }
}

/// A clock that stays broken once it is.
#[derive(Clone)]
struct Broken(ManualTime, Arc<AtomicBool>);

impl Time for Broken {
    fn now(&self) -> Now {
        assert!(!self.1.load(Ordering::SeqCst), "the clock is broken");
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Time::sleep(&self.0, duration)
    }

    fn random(&self) -> u64 {
        Time::random(&self.0)
    }
}

/// "Never: a clock or timer that panics ends it, and its sessions go on, driven by their callers."
#[test]
fn a_driver_with_a_clock_that_stays_broken_ends_and_does_not_panic() {
    let broken = Arc::new(AtomicBool::new(false));
    let time = Broken(ManualTime::new(1), Arc::clone(&broken));
    let session = Session::builder(MockGrant::new()).time(time).build().unwrap();
    session.login(TokenSet::new("a").refresh_token("r").expires_in(SECOND * 300)).now_or_never().unwrap().unwrap();
    let mut driver = session.driver();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(driver.poll_unpin(&mut cx).is_pending());
    broken.store(true, Ordering::SeqCst);
    let polled = catch_unwind(AssertUnwindSafe(|| driver.poll_unpin(&mut cx)));
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(driver)));
    broken.store(false, Ordering::SeqCst);
    assert!(dropped.is_ok(), "dropping it panics, which aborts the process while it unwinds");
    assert!(matches!(polled, Ok(Poll::Ready(()))), "it does not end: {:?}", polled.map_err(drop));
}

/// As above, beside some work: the driver is dropped while the panic unwinds, and panics again.
#[test]
fn a_clock_that_stays_broken_does_not_abort_the_process() {
    if std::env::var_os("TOKENFLIGHT_BROKEN_CLOCK").is_some() {
        let broken = Arc::new(AtomicBool::new(false));
        let time = Broken(ManualTime::new(1), Arc::clone(&broken));
        let session = Session::builder(MockGrant::new()).time(time).build().unwrap();
        session.login(TokenSet::new("a").refresh_token("r").expires_in(SECOND * 300)).now_or_never().unwrap().unwrap();
        let mut work = Box::pin(session.run_until(SECOND * 5, std::future::pending::<()>()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(work.poll_unpin(&mut cx).is_pending());
        broken.store(true, Ordering::SeqCst);
        let _ = catch_unwind(AssertUnwindSafe(|| work.poll_unpin(&mut cx)));
        std::process::exit(0);
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["clocks::a_clock_that_stays_broken_does_not_abort_the_process", "--exact"])
        .env("TOKENFLIGHT_BROKEN_CLOCK", "1")
        .output()
        .unwrap()
        .status;
    assert!(status.success(), "{status}");
}
