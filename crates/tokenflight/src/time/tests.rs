//! What every adapter promises, without waiting for real time to pass.

// Not under the model checker: its atomics live inside a model only, and clocks are not what it checks.
#![cfg(all(not(shuttle), any(feature = "hyper-timer", feature = "smol", feature = "tokio")))]

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::Time;

/// Polls once, with a waker that does nothing.
fn poll_once(future: impl Future<Output = ()>) -> Poll<()> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[cfg(feature = "smol")]
fn a_sleep_without_end_is_pending_and_does_not_panic(time: &impl Time) {
    assert!(poll_once(time.sleep(Duration::MAX)).is_pending());
    assert!(poll_once(time.sleep(Duration::from_secs(100 * 365 * 24 * 3_600))).is_pending());
}

fn both_clocks_run_and_chance_varies(time: &impl Time) {
    let first = time.now();
    let second = time.now();
    assert!(second.boot >= first.boot);
    assert_ne!((time.random(), time.random()), (time.random(), time.random()));
}

#[cfg(feature = "tokio")]
mod with_tokio {
    use std::panic::AssertUnwindSafe;

    use super::*;
    use crate::time::TokioTime;

    // What needs a runtime is in the example of `TokioTime`.
    #[test]
    fn tokio_keeps_the_promises_that_need_no_runtime() {
        both_clocks_run_and_chance_varies(&TokioTime::new());
    }

    #[test]
    fn a_tokio_sleep_panics_only_when_polled_outside_a_runtime() {
        let sleep = TokioTime::new().sleep(Duration::from_millis(1));
        assert!(std::panic::catch_unwind(AssertUnwindSafe(|| poll_once(sleep))).is_err());
    }

    #[test]
    fn a_tokio_sleep_without_end_needs_no_runtime() {
        assert!(poll_once(TokioTime::new().sleep(Duration::MAX)).is_pending());
    }
}

#[cfg(feature = "smol")]
mod with_smol {
    use super::*;
    use crate::time::SmolTime;

    #[test]
    fn smol_keeps_the_promises_without_any_executor() {
        both_clocks_run_and_chance_varies(&SmolTime::new());
        a_sleep_without_end_is_pending_and_does_not_panic(&SmolTime::new());
        async_io::block_on(SmolTime::new().sleep(Duration::from_millis(1)));
    }
}

#[cfg(feature = "hyper-timer")]
mod with_hyper {
    use std::{pin::Pin, time::Instant};

    use hyper::rt::{Sleep, Timer};

    use super::*;
    use crate::{
        sync::{Arc, AtomicU64, Ordering},
        time::HyperTime,
    };

    /// Counts the sleeps it made; all of them are over at once.
    #[derive(Default)]
    struct Counting(Arc<AtomicU64>);

    struct Over;

    impl Future for Over {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }

    impl Sleep for Over {}

    impl Timer for Counting {
        fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(Over)
        }

        fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
            self.sleep(Duration::ZERO)
        }
    }

    #[test]
    fn the_timer_is_asked_by_the_first_poll_and_not_before() {
        let made = Arc::new(AtomicU64::new(0));
        let time = HyperTime::new(Counting(Arc::clone(&made)));
        both_clocks_run_and_chance_varies(&time);
        let sleep = time.sleep(Duration::from_secs(60));
        assert_eq!(made.load(Ordering::SeqCst), 0);
        assert!(poll_once(sleep).is_ready());
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_hyper_sleep_without_end_never_reaches_the_timer() {
        let made = Arc::new(AtomicU64::new(0));
        let time = HyperTime::new(Counting(Arc::clone(&made)));
        assert!(poll_once(time.sleep(Duration::MAX)).is_pending());
        assert_eq!(made.load(Ordering::SeqCst), 0);
    }
}
