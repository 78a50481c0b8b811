//! Clocks, wakers and grants may ask the breaker; and nothing of it shows a token.

use std::{
    any::Any,
    sync::{Mutex, OnceLock, mpsc},
    task::{Context, Wake, Waker},
    thread,
};

use tokenflight::{Now, time::Sleep};

use super::support::*;

/// A clock that asks the breaker what it is the clock of.
#[derive(Clone)]
struct Curious(ManualTime, Arc<OnceLock<Breaker>>, Arc<AtomicUsize>);

impl Curious {
    fn look(&self) {
        // Asking asks the clock.
        if let Some(breaker) = self.1.get()
            && self.2.fetch_add(1, Ordering::SeqCst) == 0
        {
            let _ = breaker.state();
            self.2.store(0, Ordering::SeqCst);
        }
    }
}

impl Time for Curious {
    fn now(&self) -> Now {
        self.look();
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.look();
        Time::sleep(&self.0, duration)
    }

    fn random(&self) -> u64 {
        self.look();
        Time::random(&self.0)
    }
}

/// A waker that asks.
struct Asks(Breaker);

impl Wake for Asks {
    fn wake(self: Arc<Self>) {
        let _ = self.0.state();
    }
}

#[test]
fn a_clock_and_a_waker_may_ask_the_breaker() {
    let time = ManualTime::new(1);
    let clock = Curious(time.clone(), Arc::default(), Arc::default());
    let breaker = Breaker::new(clock.clone());
    assert!(clock.1.set(breaker.clone()).is_ok());
    let slow = time.clone();
    let guarded = breaker.guard(grant_fn(move |_: TokenRequest| {
        let time = slow.clone();
        async move {
            Time::sleep(&time, SECOND).await;
            tokens()
        }
    }));
    let first = request();
    let mut under_way: Vec<_> = (0..5).map(|_| guarded.request(&first)).collect();
    assert!(under_way.iter_mut().all(|asked| asked.now_or_never().is_none()));
    let waker = Waker::from(Arc::new(Asks(breaker.clone())));
    let wait = || {
        let mut waits = guarded.request(&first);
        assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        waits
    };
    // Each wakes one: one that is dropped, and one that is answered.
    let (_one, _two) = (wait(), wait());
    drop(under_way.pop());
    time.advance(SECOND);
    assert!(under_way.pop().unwrap().now_or_never().unwrap().is_ok());
    drop(under_way);
    breaker.lift(Duration::ZERO);
    (0..5).for_each(|_| ends(&breaker));
    lives(&breaker);
    breaker.lift(Duration::ZERO);
    lives(&breaker);
}

/// A waker that holds the last reference to its task, and drops it when it wakes.
#[derive(Default)]
struct DropsItsTask(Mutex<Option<Box<dyn Any + Send>>>);

impl Wake for DropsItsTask {
    fn wake(self: Arc<Self>) {
        let task = self.0.lock().unwrap().take();
        drop(task);
    }
}

/// The one that is woken is dropped, and leaves its wake to the other one.
#[test]
fn a_presentation_that_waits_is_not_woken_with_the_waiting_ones_locked() {
    let (sender, receiver) = mpsc::channel();
    #[allow(clippy::disallowed_methods)] // A watchdog.
    thread::spawn(move || {
        let breaker = Breaker::new(ManualTime::new(1));
        let (guarded, first) = (Arc::new(silent(&breaker)), request());
        let mut under_way: Vec<_> = (0..5).map(|_| guarded.request(&first)).collect();
        assert!(under_way.iter_mut().all(|asked| asked.now_or_never().is_none()));
        for _ in 0..2 {
            let guarded = Arc::clone(&guarded);
            let mut waits = Box::pin(async move { drop(guarded.request(&request()).await) });
            let task = Arc::new(DropsItsTask::default());
            let waker = Waker::from(Arc::clone(&task));
            assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            *task.0.lock().unwrap() = Some(Box::new(waits));
        }
        drop(under_way.pop());
        breaker.lift(Duration::ZERO);
        sender.send(()).unwrap();
    });
    assert!(receiver.recv_timeout(SECOND * 5).is_ok(), "a deadlock");
}

#[test]
fn nothing_of_it_shows_a_token() {
    let breaker = opened(&ManualTime::new(1));
    let guarded = breaker.guard(grant_fn(|_: TokenRequest| async { tokens() }));
    let secret = TokenRequest::new(Some(RefreshToken::new("s3cr3t")), Reason::Due);
    let error = Error::failed(guarded.request(&secret).now_or_never().unwrap().unwrap_err());
    let shown = format!("{guarded:?} {breaker:?} {error:?} {error} {}", Held::of(&error).unwrap());
    assert!(shown.contains("Open") && !shown.contains("s3cr3t"), "{shown}");
}
