//! One session used from several runtimes, some of which go away in the middle of a refresh: a
//! waiter elsewhere gets an answer, never a hang, and the session goes on.
//!
//! These run on real clocks and sockets, because what tokio does at its shutdown is the subject.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::{
    future::{Future, poll_fn},
    net::TcpListener,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokenflight::{
    BoxFuture, Error, FailureClass, Grant, GrantError, Session, SessionBuilder, Token, TokenRequest, TokenSet,
};
use tokenflight_test::{MockGrant, mock::Step};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::{Builder, Handle, Runtime},
};

/// Longer than any of this takes; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A session with an expired token that tries again at once after a failure, on tokio's clock.
fn stale(grant: impl Grant, limit: impl FnOnce(SessionBuilder) -> SessionBuilder) -> Session {
    let builder = Session::builder(grant).configure(|policy| {
        policy.backoff_base = Duration::from_millis(1);
        policy.min_interval = Duration::ZERO;
    });
    let session = limit(builder).build().unwrap();
    let login = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(Duration::ZERO);
    session.login(login).now_or_never().unwrap().unwrap();
    session
}

/// Runs on a thread of its own. The answer is waited for with [`within`].
fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> mpsc::Receiver<T> {
    let (tell, told) = mpsc::channel();
    // A thread that hangs must fail the test and not hang it, so it is not joined.
    #[allow(clippy::disallowed_methods)]
    std::thread::spawn(move || {
        // The receiver is gone if the test has failed.
        let _ = tell.send(work());
    });
    told
}

fn within<T>(told: &mpsc::Receiver<T>) -> T {
    told.recv_timeout(PATIENCE).expect("no answer: a caller hangs")
}

/// Tells when the future has been polled for the first time.
async fn announced<F: Future>(future: F, tell: mpsc::Sender<()>) -> F::Output {
    let mut future = pin!(future);
    let mut tell = Some(tell);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        if let Some(tell) = tell.take() {
            let _ = tell.send(());
        }
        polled
    })
    .await
}

/// Waits for a token on a runtime of its own, and has begun to when this returns.
fn waiter(session: &Session) -> mpsc::Receiver<Result<Token, Error>> {
    let (tell, told) = mpsc::channel();
    let session = session.clone();
    let answer = elsewhere(move || runtime().block_on(announced(session.token(), tell)));
    within(&told);
    answer
}

/// The first caller begins a refresh on its runtime, and is gone when that is dropped.
fn begin(session: &Session, waits: impl Fn() -> bool) -> Runtime {
    let runtime = runtime();
    let session = session.clone();
    runtime.spawn(async move { session.token().await });
    while !waits() {
        turns(&runtime);
    }
    runtime
}

/// Gives the tasks of a runtime a while.
fn turns(runtime: &Runtime) {
    runtime.block_on(async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    });
}

/// Others get an error of this class when the first caller's runtime goes, and the session goes on.
fn assert_outlives_its_runtime(how: Hang, class: FailureClass) {
    let hanging = Arc::new(Hanging { grant: MockGrant::new(), how, calls: AtomicUsize::new(0), hangs: false.into() });
    let calls = hanging.grant.clone();
    let session = stale(Arc::clone(&hanging), |builder| builder);
    let first = begin(&session, || hanging.hangs.load(Ordering::SeqCst));
    let others = [waiter(&session), waiter(&session)];
    assert!(session.state().refreshing);
    drop(first);
    for other in &others {
        let error = within(other).unwrap_err();
        assert_eq!(error.class(), Some(class), "{error:?}");
    }
    assert!(!session.state().refreshing);
    assert_eq!(calls.count(), 0);
    // The waiting time is a millisecond, so the next may have to ask twice.
    let next = elsewhere(move || {
        runtime().block_on(async {
            loop {
                if let Ok(token) = session.token().await {
                    return token;
                }
                tokio::task::yield_now().await;
            }
        })
    });
    assert_eq!(within(&next).access().expose(), "access-1");
    assert_eq!(calls.count(), 1);
}

/// What a grant waits for.
enum Hang {
    Timer,
    /// A server that accepts and says nothing.
    Socket(TcpListener),
    /// A task of the runtime.
    Task,
}

/// A grant whose first call waits for something of its runtime that never comes.
struct Hanging {
    grant: MockGrant,
    how: Hang,
    calls: AtomicUsize,
    /// Whether it has begun to wait.
    hangs: AtomicBool,
}

impl Grant for Hanging {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async move {
            if self.calls.fetch_add(1, Ordering::SeqCst) == 0 {
                request.mark_unsent();
                self.wait(request).await?;
            }
            self.grant.request(request).await
        })
    }
}

impl Hanging {
    async fn wait(&self, request: &TokenRequest) -> Result<(), GrantError> {
        match &self.how {
            Hang::Timer => {
                self.hangs.store(true, Ordering::SeqCst);
                // What a client's own time limit does.
                #[allow(clippy::disallowed_methods)]
                tokio::time::sleep(10 * PATIENCE).await;
            }
            Hang::Socket(server) => {
                let address = server.local_addr().map_err(GrantError::not_sent)?;
                let mut stream = tokio::net::TcpStream::connect(address).await.map_err(GrantError::not_sent)?;
                request.mark_sent();
                stream.write_all(b"POST").await.map_err(GrantError::ambiguous)?;
                self.hangs.store(true, Ordering::SeqCst);
                stream.read_u8().await.map_err(GrantError::ambiguous)?;
            }
            Hang::Task => {
                request.mark_sent();
                self.hangs.store(true, Ordering::SeqCst);
                Handle::current().spawn(std::future::pending::<()>()).await.map_err(GrantError::ambiguous)?;
            }
        }
        Ok(())
    }
}

#[test]
fn handles_on_two_runtimes_join_one_flight() {
    let grant = MockGrant::new();
    grant.gate().close();
    let session = stale(grant.clone(), |builder| builder);
    let waiters = [waiter(&session), waiter(&session)];
    grant.gate().open();
    let [one, other] = waiters.map(|waiter| within(&waiter).unwrap());
    assert_eq!((one.generation(), grant.count()), (other.generation(), 1));
}

#[test]
fn handles_on_a_runtime_and_on_none_join_one_flight() {
    let grant = MockGrant::new();
    grant.gate().close();
    let session = stale(grant.clone(), |builder| builder);
    // Without a runtime there is no timer to be had, and none is needed.
    let (bare, tokio) = (session.clone(), waiter(&session));
    let bare = elsewhere(move || futures_executor::block_on(bare.token()));
    grant.gate().open();
    let (bare, tokio) = (within(&bare).unwrap(), within(&tokio).unwrap());
    assert_eq!((bare.generation(), grant.count()), (tokio.generation(), 1));
}

#[test]
fn a_refresh_that_waits_for_a_timer_outlives_its_runtime() {
    // It had said that nothing was sent, and then its timer panicked.
    assert_outlives_its_runtime(Hang::Timer, FailureClass::NotSent);
}

#[test]
fn a_refresh_that_waits_for_a_socket_outlives_its_runtime() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_outlives_its_runtime(Hang::Socket(server), FailureClass::Ambiguous);
}

#[test]
fn a_refresh_that_waits_for_a_task_outlives_its_runtime() {
    assert_outlives_its_runtime(Hang::Task, FailureClass::Ambiguous);
}

/// The time limits of the flight were timers of the runtime that is gone. Others take their place.
#[test]
fn the_limit_of_a_refresh_outlives_the_runtime_its_timer_belonged_to() {
    let grant = MockGrant::new();
    grant.push(Step::HangSent);
    let session = stale(grant.clone(), |builder| builder.request_limit(Duration::from_millis(500)));
    let first = begin(&session, || grant.count() == 1);
    let other = waiter(&session);
    drop(first);
    assert_eq!(within(&other).unwrap_err().class(), Some(FailureClass::Ambiguous));
    assert_eq!(grant.count(), 1);
}

#[test]
fn a_refresh_that_needs_nothing_of_its_runtime_is_finished_by_others() {
    let grant = MockGrant::new();
    grant.gate().close();
    let session = stale(grant.clone(), |builder| builder);
    let first = begin(&session, || grant.gate().parked() == 1);
    drop(first);
    let other = waiter(&session);
    grant.gate().open();
    assert_eq!(within(&other).unwrap().access().expose(), "access-1");
    assert_eq!(grant.count(), 1);
}

#[test]
fn a_driver_whose_runtime_goes_leaves_its_flight_to_the_callers() {
    let grant = MockGrant::new();
    grant.gate().close();
    let session = stale(grant.clone(), |builder| builder);
    let first = runtime();
    first.spawn(session.driver());
    turns(&first);
    assert!(session.token().now_or_never().is_none());
    turns(&first);
    let other = waiter(&session);
    drop(first);
    grant.gate().open();
    assert_eq!(within(&other).unwrap().access().expose(), "access-1");
    assert_eq!(grant.count(), 1);
}
