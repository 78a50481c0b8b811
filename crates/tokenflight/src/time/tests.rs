//! What every adapter promises, without waiting for real time to pass.

// Not under the model checker: its atomics live in a model only, and clocks are not what it checks.
#![cfg(all(not(shuttle), any(feature = "hyper-timer", feature = "smol", feature = "tokio")))]

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokenflight_core::Time;
use tokenflight_test::contract;

/// Polls once, with a waker that does nothing.
fn poll_once(future: impl Future<Output = ()>) -> Poll<()> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[cfg(any(feature = "smol", feature = "tokio"))]
fn a_sleep_without_end_is_pending_and_does_not_panic(time: &impl Time) {
    assert!(poll_once(time.sleep(Duration::MAX)).is_pending());
    assert!(poll_once(time.sleep(Duration::from_secs(100 * 365 * 24 * 3_600))).is_pending());
}

#[cfg(feature = "tokio")]
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

#[cfg(feature = "tokio")]
mod with_tokio {
    use std::panic::AssertUnwindSafe;

    use super::*;
    use crate::time::TokioTime;

    #[test]
    fn tokio_keeps_the_contract() {
        runtime().block_on(contract::time(&TokioTime::new()));
    }

    #[test]
    fn tokio_sleeps_without_end_if_asked_to() {
        runtime().block_on(async { a_sleep_without_end_is_pending_and_does_not_panic(&TokioTime::new()) });
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
    fn smol_keeps_the_contract() {
        async_io::block_on(contract::time(&SmolTime::new()));
    }

    #[test]
    fn smol_keeps_the_contract_on_an_executor_that_knows_nothing_of_it() {
        futures_executor::block_on(contract::time(&SmolTime::new()));
    }

    #[test]
    fn smol_sleeps_without_end_if_asked_to() {
        a_sleep_without_end_is_pending_and_does_not_panic(&SmolTime::new());
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
        let sleep = time.sleep(Duration::from_secs(60));
        assert_eq!(made.load(Ordering::SeqCst), 0);
        assert!(poll_once(sleep).is_ready());
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    /// A real timer, as hyper-util has one.
    #[cfg(feature = "tokio")]
    struct Real;

    #[cfg(feature = "tokio")]
    struct RealSleep(Pin<Box<tokio::time::Sleep>>);

    #[cfg(feature = "tokio")]
    impl Future for RealSleep {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            self.0.as_mut().poll(cx)
        }
    }

    #[cfg(feature = "tokio")]
    impl Sleep for RealSleep {}

    #[cfg(feature = "tokio")]
    impl Timer for Real {
        fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
            self.sleep_until(self.now() + duration)
        }

        fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
            Box::pin(RealSleep(Box::pin(tokio::time::sleep_until(deadline.into()))))
        }
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn a_real_timer_keeps_the_contract_and_need_not_see_its_runtime_early() {
        let time = HyperTime::new(Real);
        let early = time.sleep(Duration::ZERO);
        runtime().block_on(early);
        runtime().block_on(contract::time(&time));
    }

    #[test]
    fn a_hyper_sleep_without_end_never_reaches_the_timer() {
        let made = Arc::new(AtomicU64::new(0));
        let time = HyperTime::new(Counting(Arc::clone(&made)));
        assert!(poll_once(time.sleep(Duration::MAX)).is_pending());
        assert_eq!(made.load(Ordering::SeqCst), 0);
    }
}
