//! The suite for [`Time`].

use std::{future::poll_fn, task::Poll, time::Duration};

use tokenflight_core::{Sleep, Time};

/// A sleep long enough to be told from the noise.
const SHORT: Duration = Duration::from_millis(40);
/// How much too early is still "a little": timers count in milliseconds.
const LITTLE: Duration = Duration::from_millis(2);
/// Before this there was no tokenflight: 1 January 2020.
const PAST: Duration = Duration::from_secs(1_577_836_800);

/// Checks a [`Time`] against its contract.
///
/// It waits for real, less than a second in all; a manual time must be moved while it runs, as
/// [`ManualTime::run`](crate::ManualTime::run) does.
///
/// ```
/// use tokenflight_test::{ManualTime, contract};
///
/// let time = ManualTime::new(1);
/// time.run(contract::time(&time));
/// ```
///
/// # Panics
///
/// With the name of the first rule that is broken.
pub async fn time(time: &dyn Time) {
    clocks_are_plausible(time);
    random_is_spread(time);
    sleep_is_not_early(time).await;
    shorter_sleeps_end_first(time).await;
    dropped_sleeps_disturb_no_other(time).await;
    sleep_of_nothing_ends(time).await;
}

/// `boot` never goes back, and `wall` counts from the Unix epoch.
fn clocks_are_plausible(time: &dyn Time) {
    let mut last = time.now();
    assert!(last.wall > PAST, "Time breaks its contract: the wall clock does not count from the Unix epoch");
    for _ in 0..1000 {
        let now = time.now();
        assert!(now.boot >= last.boot, "Time breaks its contract: the boot clock went back");
        last = now;
    }
}

/// Every bit of chance takes both values.
fn random_is_spread(time: &dyn Time) {
    let draws: Vec<_> = (0..128).map(|_| time.random()).collect();
    let (ever, always) = draws.iter().fold((0, u64::MAX), |(or, and), draw| (or | draw, and & draw));
    assert!(ever == u64::MAX && always == 0, "Time breaks its contract: some bits of `random` never change");
}

/// A sleep may end late, but never more than a little early.
async fn sleep_is_not_early(time: &dyn Time) {
    let before = time.now();
    time.sleep(SHORT).await;
    let slept = time.now().boot.saturating_sub(before.boot);
    assert!(slept + LITTLE >= SHORT, "Time breaks its contract: a sleep of {SHORT:?} ended after {slept:?}");
}

/// Timers run beside each other.
async fn shorter_sleeps_end_first(time: &dyn Time) {
    let (mut long, mut short) = (time.sleep(SHORT * 5), time.sleep(SHORT));
    let first = poll_fn(|cx| match (long.as_mut().poll(cx), short.as_mut().poll(cx)) {
        (_, Poll::Ready(())) => Poll::Ready("short"),
        (Poll::Ready(()), _) => Poll::Ready("long"),
        _ => Poll::Pending,
    })
    .await;
    assert_eq!(first, "short", "Time breaks its contract: a sleep five times as long ended first");
    long.await;
}

/// Dropping a sleep cancels it, polled or not, and no other.
async fn dropped_sleeps_disturb_no_other(time: &dyn Time) {
    let mut kept = time.sleep(SHORT);
    let mut polled: Sleep = time.sleep(SHORT);
    poll_fn(|cx| {
        let _ = (kept.as_mut().poll(cx), polled.as_mut().poll(cx));
        Poll::Ready(())
    })
    .await;
    drop(polled);
    // The longest that the engine ever asks for.
    drop(time.sleep(Duration::from_secs(3600)));
    let before = time.now();
    kept.await;
    let slept = time.now().boot.saturating_sub(before.boot);
    assert!(slept < Duration::from_secs(3600), "Time breaks its contract: a sleep waited for one that was dropped");
}

/// A sleep of nothing ends by itself.
async fn sleep_of_nothing_ends(time: &dyn Time) {
    time.sleep(Duration::ZERO).await;
}
