//! One piece of work in progress, shared by everyone who waits for it.
//!
//! The single-flight lock is a `futures::Shared` future: a waiter may poll the work, so that a
//! cancellation of the caller that started it blocks no other waiter, and no executor is needed.
//! Five hazards come with it (measured with futures-util 0.3.34), each dealt with in one place:
//!
//! 1. **Lost wake** (rust-lang/futures-rs#2706). A polls; the work wakes itself, which
//!    empties the waker list; B registers while the state still says "polling", and parks;
//!    A is cancelled before it polls again: B is never told. Request timeouts do exactly
//!    this. *Remedy*, in [`join`]: the task that really polled the work, once `Shared` is
//!    idle again, wakes all waiters if a wake arrived meanwhile. *Test*:
//!    `shuttle_tests.rs`, `plain_shared_loses_a_wake` and `join_never_loses_a_wake`.
//! 2. **Herd.** Every wake of the work wakes every waiter, and each polls the work again: 10,000
//!    waiters and 5 wakes polled it 50,001 times. *Remedy*, in [`gate`]: the work is polled only if
//!    its own waker fired. *Test*: `tests/herd.rs`.
//! 3. **Panic** poisons every later poll. *Remedy*, where the work is made: every call into the
//!    user's code is caught and becomes an error value; its place is freed as after any
//!    failure. *Test*: `tests/panics`.
//! 4. **Dropped with its last waiter**, or **paused** if no task polls. *Remedy*: the session's
//!    slot holds the flight strongly, the driver polls what no waiter does, and the flight holds
//!    its session weakly, so that neither keeps the other alive. *Test*: `tests/suite`,
//!    `a_refresh_survives_all_its_waiters`, and `tests/handles`.
//! 5. **A flight that waits for itself** (the grant's client is wrapped in the session's own layer,
//!    or the grant logs out) would hang silently. *Remedy*, in [`gate`]: the flight knows which
//!    thread is polling its work; that thread is refused to join it. *Test*: `tests/recursion.rs`.
//!
//! A wake never re-enters: the work's waker wakes the waiters only when it fires for the first time
//! since the last poll.

pub(crate) mod gate;
pub(crate) mod join;
#[cfg(all(test, shuttle))]
pub(crate) mod shuttle_tests;

pub(crate) use self::join::{Fate, Flight, Join, Recursion, Stay};
