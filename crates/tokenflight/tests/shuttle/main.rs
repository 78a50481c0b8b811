//! Slot, flight and driver through the public API, under the model checker: every lock and every
//! atomic of the engine is a place where another task may go on. Needs `RUSTFLAGS="--cfg shuttle"`;
//! empty without it.
//!
//! What `Shared` itself does is in `src/flight/shuttle_tests.rs`. Timers longer than a moment never
//! fire here: an answer that does not come is a deadlock, and the checker reports it.
#![cfg(shuttle)]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod server;
mod world;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use shuttle::{
    Config, Runner,
    future::{JoinHandle, block_on, spawn},
    scheduler::{PctScheduler, RandomScheduler, Scheduler},
};
use tokenflight::{Error, ErrorKind, FailureClass, Session, Status, Token, TokenSet};

use self::{
    server::Server,
    world::{World, chance},
};

const SECOND: Duration = Duration::from_secs(1);

/// What happens while requests ask for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Nothing,
    Login,
    Logout,
    Shutdown,
}

/// What keeps flights moving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mover {
    /// The requests themselves.
    Callers,
    /// A driver that lives as long as the session.
    Driver,
    /// A driver that is dropped at some moment.
    Mortal,
    /// A driver that is replaced at some moment.
    Replaced,
}

#[derive(Clone, Copy, Debug)]
struct Plot {
    act: Act,
    mover: Mover,
    /// Whether token requests sometimes fail to reach the server.
    faults: bool,
}

fn run(scheduler: impl Scheduler + 'static, model: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = Config::new();
    // A flight is a deep future, and shuttle gives every task a stack of its own.
    config.stack_size = 0x4_0000;
    Runner::new(scheduler, config).run(model)
}

/// Schedules of each plot and scheduler; `TOKENFLIGHT_SEEDS` is how many all of them get together.
fn seeds() -> usize {
    const SHARES: usize = 40;
    let total = std::env::var("TOKENFLIGHT_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    total.unwrap_or(120_000_usize).div_ceil(SHARES)
}

fn check(plot: Plot) {
    let seeds = seeds();
    let random = run(RandomScheduler::new(seeds), move || model(plot));
    let pct = run(PctScheduler::new(3, seeds), move || model(plot));
    println!("{plot:?}: {random} random and {pct} PCT schedules");
}

/// Polls so often and then leaves, as a request that is cancelled.
async fn leave_after<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|cx| {
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

fn done<T>(task: JoinHandle<T>) -> T {
    block_on(task).unwrap()
}

/// Requests that ask in every way there is; some are cancelled.
fn requests(session: &Session, over: &Arc<AtomicBool>) -> Vec<JoinHandle<Option<Result<Token, Error>>>> {
    let ask = |session: &Session| {
        let (session, over) = (session.clone(), Arc::clone(over));
        async move {
            let over = over.load(Ordering::SeqCst);
            let result = session.token().await;
            assert!(!over || result.is_err(), "a request after the logout got a token");
            result
        }
    };
    let stays = ask(session);
    let leaves = leave_after(1 + chance(4), ask(session));
    let aborted = spawn(leave_after(u64::MAX, ask(session)));
    let (forces, refused) = (session.clone(), session.clone());
    let abort = aborted.abort_handle();
    // Its own task: it cuts the other one off wherever that happens to be.
    let _detached = spawn(async move { abort.abort() });
    vec![
        spawn(async move { Some(stays.await) }),
        spawn(leaves),
        spawn(async move { Some(forces.refresh().await) }),
        spawn(async move {
            let token = refused.token().await;
            match token {
                Ok(token) => Some(refused.newer_than(token.generation()).await),
                Err(error) => Some(Err(error)),
            }
        }),
    ]
}

fn act(plot: Plot, session: Session, server: Server, over: Arc<AtomicBool>) -> JoinHandle<()> {
    spawn(async move {
        match plot.act {
            Act::Nothing => {}
            Act::Login => {
                session.login(server.login()).await.unwrap();
                let result = session.token().await;
                judge(plot, &result);
                let old = result.is_ok_and(|token| server.family_of(&token) == 0);
                assert!(!old, "a token of the old login was handed out after the new one");
            }
            Act::Logout => {
                let known = !matches!(session.state().status, Status::Unloaded);
                session.logout().await.unwrap();
                over.store(true, Ordering::SeqCst);
                assert!(!known || server.is_revoked(0), "a refresh token outlived the logout");
                assert!(session.token().await.unwrap_err().needs_login());
            }
            Act::Shutdown => session.shutdown(60 * SECOND).await.unwrap(),
        }
    })
}

/// Starts the drivers. They are done when the session is.
fn drivers(plot: Plot, session: &Session) -> Vec<JoinHandle<()>> {
    match plot.mover {
        Mover::Callers => Vec::new(),
        Mover::Driver => vec![spawn(session.driver())],
        Mover::Mortal => {
            let mortal = leave_after(1 + chance(4), session.driver());
            vec![spawn(async { mortal.await.unwrap_or_default() })]
        }
        Mover::Replaced => {
            let (first, session) = (session.driver(), session.clone());
            let second = async move {
                let driver = session.driver();
                drop(session);
                driver.await;
            };
            vec![spawn(first), spawn(second)]
        }
    }
}

/// What a request may be told.
fn judge(plot: Plot, result: &Result<Token, Error>) {
    let Err(error) = result else { return };
    let fine = match error.kind() {
        ErrorKind::SessionChanged => matches!(plot.act, Act::Login | Act::Logout),
        ErrorKind::LoggedOut => plot.act == Act::Logout,
        ErrorKind::Closed => plot.act == Act::Shutdown,
        ErrorKind::Refresh(FailureClass::NotSent) => plot.faults,
        _ => false,
    };
    assert!(fine, "{plot:?}: a request was told: {error:?}");
}

fn model(plot: Plot) {
    let world = World::new(plot.faults);
    let session = world.session();
    let over = Arc::new(AtomicBool::new(false));
    let drivers = drivers(plot, &session);
    let requests = requests(&session, &over);
    done(act(plot, session.clone(), world.server.clone(), over));
    for request in requests {
        if let Some(result) = done(request) {
            judge(plot, &result);
        }
    }
    finish(plot, &world, &session);
    drop(session);
    drivers.into_iter().for_each(done);
    world.judge(plot.act == Act::Logout);
}

/// What must hold when no task asks any more.
fn finish(plot: Plot, world: &World, session: &Session) {
    block_on(async {
        match (plot.act, session.token().await) {
            (Act::Logout, result) => {
                assert!(result.unwrap_err().needs_login());
                assert!(matches!(session.state().status, Status::Over(_)));
            }
            (Act::Login, Ok(token)) => assert_eq!(world.server.family_of(&token), 1),
            (_, Ok(_)) => {}
            (_, result) => judge(plot, &result),
        }
        session.shutdown(60 * SECOND).await.unwrap();
        let state = session.state();
        assert!(!state.refreshing && !state.unsaved, "{plot:?}: {state:?}");
    });
}

const MOVERS: [Mover; 4] = [Mover::Callers, Mover::Driver, Mover::Mortal, Mover::Replaced];

#[test]
fn cancelled_requests_never_harm_a_session() {
    MOVERS.into_iter().for_each(|mover| check(Plot { act: Act::Nothing, mover, faults: false }));
}

#[test]
fn a_request_that_was_not_sent_does_no_harm() {
    MOVERS.into_iter().for_each(|mover| check(Plot { act: Act::Nothing, mover, faults: true }));
}

#[test]
fn no_request_gets_a_token_after_a_logout() {
    MOVERS.into_iter().for_each(|mover| check(Plot { act: Act::Logout, mover, faults: false }));
}

#[test]
fn a_login_replaces_everything() {
    MOVERS.into_iter().for_each(|mover| check(Plot { act: Act::Login, mover, faults: true }));
}

#[test]
fn a_shutdown_leaves_nothing_behind() {
    MOVERS.into_iter().for_each(|mover| check(Plot { act: Act::Shutdown, mover, faults: false }));
}

/// All handles go at some moment; what flies then still reaches the store.
#[test]
fn a_rotation_outlives_the_last_handle() {
    fn model() {
        let world = World::new(false);
        let session = world.session();
        let driver = spawn(session.driver());
        let requests: Vec<_> = (0..2)
            .map(|_| {
                let session = session.clone();
                spawn(async move { drop(leave_after(1 + chance(4), async move { session.refresh().await }).await) })
            })
            .collect();
        drop(session);
        requests.into_iter().for_each(done);
        done(driver);
        world.judge(false);
    }
    let random = run(RandomScheduler::new(2 * seeds()), model);
    let pct = run(PctScheduler::new(3, 2 * seeds()), model);
    println!("last handle: {random} random and {pct} PCT schedules");
}

/// A login is cancelled and all handles go, while the driver may be looking: it is still stored.
#[test]
fn a_login_outlives_the_last_handle() {
    fn model() {
        let world = World::new(false);
        let session = world.session();
        let mut driver = Box::pin(session.driver());
        // A driver is a session's from its first poll on.
        block_on(leave_after(1, &mut driver));
        let driver = spawn(driver);
        let login = world.server.login();
        let caller = spawn({
            let session = session.clone();
            async move { drop(leave_after(1 + chance(5), async move { session.login(login).await }).await) }
        });
        let other = spawn(async move { drop(leave_after(1 + chance(3), async move { session.token().await }).await) });
        done(caller);
        done(other);
        done(driver);
        assert_eq!(world.stored_family(), 1, "the login was lost with its last handle");
        world.judge(false);
    }
    let random = run(RandomScheduler::new(2 * seeds()), model);
    let pct = run(PctScheduler::new(3, 2 * seeds()), model);
    println!("login and last handle: {random} random and {pct} PCT schedules");
}

/// Callers, a driver and a shutdown want the same login stored, each at once.
#[test]
fn a_write_is_made_once_for_all_who_want_it() {
    fn model() {
        let world = World::new(false);
        let session = world.session();
        let driver = spawn(session.driver());
        let login = spawn({
            let (session, set) = (session.clone(), world.server.login());
            async move { session.login(set).await }
        });
        let callers = [0, 1].map(|_| {
            let session = session.clone();
            spawn(leave_after(1 + chance(6), async move { session.token().await }))
        });
        let shutdown = spawn({
            let session = session.clone();
            async move { session.shutdown(60 * SECOND).await }
        });
        done(login).unwrap();
        for caller in callers {
            let Some(Err(error)) = done(caller) else { continue };
            assert!(matches!(error.kind(), ErrorKind::SessionChanged | ErrorKind::Closed), "{error:?}");
        }
        done(shutdown).unwrap();
        assert!(!session.state().unsaved);
        drop(session);
        done(driver);
        assert_eq!((world.stored_family(), world.resets()), (1, 1));
        world.judge(false);
    }
    let random = run(RandomScheduler::new(2 * seeds()), model);
    let pct = run(PctScheduler::new(3, 2 * seeds()), model);
    println!("one write: {random} random and {pct} PCT schedules");
}

#[test]
fn the_judge_sees_a_token_presented_twice() {
    fn model() {
        let world = World::new(false);
        // Two sessions unaware of each other's claim: what a program without a common store does.
        let first = Session::builder(world.grant()).time(world.time()).build().unwrap();
        let second = Session::builder(world.grant()).time(world.time()).build().unwrap();
        let stolen = TokenSet::new("access-0-0").refresh_token("refresh-0-0").expires_in(300 * SECOND);
        block_on(async {
            first.login(stolen.clone()).await.unwrap();
            second.login(stolen).await.unwrap();
            first.refresh().await.unwrap();
            let _ = second.refresh().await;
        });
        assert!(!world.server.wrongs().is_empty());
    }
    run(RandomScheduler::new(10), model);
}
