//! A thousand tasks on several threads, real time, lifetimes of milliseconds, callers that leave at
//! any moment, and an authorization server that ends the session if a refresh token comes twice.
#![cfg(all(feature = "tokio", not(shuttle)))]

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use futures_util::future::{Either, join_all, select};
use tokenflight::{Error, ErrorKind, MemoryStore, Session, Time, Token, time::TokioTime};
use tokenflight_test::{
    AuthServer, Verdict,
    auth::{AuthGrant, Reuse},
};

const TASKS: u64 = 1_000;
const LIFETIME: Duration = Duration::from_millis(40);
const LENGTH: Duration = Duration::from_millis(2_500);

/// What the tasks saw.
#[derive(Default)]
struct Counts {
    tokens: AtomicU64,
    cancelled: AtomicU64,
    refused: AtomicU64,
    errors: AtomicU64,
}

impl Counts {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn server() -> AuthServer {
    AuthServer::builder(Arc::new(TokioTime::new()))
        .access_lifetime(LIFETIME)
        .latency(Duration::ZERO..=Duration::from_millis(4))
        .reuse(Reuse::KillFamilyAndAccess)
        .build()
}

/// A session without the pauses that would leave it nothing to race for.
fn session(grant: AuthGrant, store: MemoryStore) -> Session {
    let builder = Session::builder(grant).store(store).configure(|policy| {
        policy.min_interval = Duration::ZERO;
        policy.force_interval = Duration::ZERO;
        policy.fresh_window = Duration::ZERO;
        policy.storm_limit = usize::MAX;
        policy.backoff_base = Duration::from_millis(1);
        policy.backoff_cap = Duration::from_millis(2);
    });
    builder.build().expect("the settings make sense")
}

/// Polls a few times, or waits a few milliseconds, and leaves.
async fn impatient<T>(random: &mut fastrand::Rng, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    match random.u8(..) {
        0..60 => {
            let mut polls = random.u8(1..4);
            poll_fn(|cx| {
                polls -= 1;
                match work.as_mut().poll(cx) {
                    Poll::Ready(value) => Poll::Ready(Some(value)),
                    Poll::Pending if polls == 0 => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await
        }
        60..160 => {
            let patience = TokioTime::new().sleep(Duration::from_micros(random.u64(0..6_000)));
            match select(work, patience).await {
                Either::Left((value, _)) => Some(value),
                Either::Right(_) => None,
            }
        }
        _ => Some(work.await),
    }
}

async fn user(session: Session, auth: AuthServer, counts: Arc<Counts>, seed: u64) {
    let (mut random, time) = (fastrand::Rng::with_seed(seed), TokioTime::new());
    let end = time.now().boot + LENGTH;
    while time.now().boot < end {
        time.sleep(Duration::from_micros(random.u64(0..20_000))).await;
        let wish: Pin<Box<dyn Future<Output = Result<Token, Error>> + Send>> = match random.u8(..) {
            0..10 => Box::pin(session.refresh()),
            _ => Box::pin(session.token()),
        };
        match impatient(&mut random, wish).await {
            None => Counts::add(&counts.cancelled),
            Some(Err(error)) => unexpected(&error, &counts),
            Some(Ok(token)) => {
                Counts::add(&counts.tokens);
                let verdict = auth.check(token.access().expose());
                assert!(matches!(verdict, Verdict::Valid | Verdict::Expired), "{verdict:?}");
                if verdict == Verdict::Expired || random.u8(..) < 20 {
                    Counts::add(&counts.refused);
                    match impatient(&mut random, session.newer_than(token.generation())).await {
                        Some(Ok(newer)) => assert!(newer.generation() > token.generation()),
                        Some(Err(error)) => unexpected(&error, &counts),
                        None => Counts::add(&counts.cancelled),
                    }
                }
            }
        }
    }
}

/// The store works and there is no logout: there is nothing that could go wrong.
fn unexpected(error: &Error, counts: &Counts) {
    Counts::add(&counts.errors);
    // In two processes a claim can be out of luck while the user has patience; nothing else.
    assert!(matches!(error.kind(), ErrorKind::Store), "{error:?}");
}

fn race(name: &str, processes: usize, driven: bool) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().expect("a runtime");
    let (auth, store, counts) = (server(), MemoryStore::new(), Arc::new(Counts::default()));
    let sessions: Vec<_> = (0..processes).map(|_| session(auth.grant(), store.clone())).collect();
    runtime.block_on(async {
        sessions[0].login(auth.login_as("racer")).await.expect("stored");
        let drivers: Vec<_> =
            sessions.iter().filter(|_| driven).map(|session| runtime.spawn(session.driver())).collect();
        let users = (0..TASKS)
            .zip(sessions.iter().cycle())
            .map(|(seed, session)| runtime.spawn(user(session.clone(), auth.clone(), Arc::clone(&counts), seed)));
        let all = join_all(users.collect::<Vec<_>>());
        let patience = TokioTime::new().sleep(Duration::from_secs(60));
        let Either::Left((results, _)) = select(all, patience).await else { panic!("a caller never finished") };
        results.into_iter().for_each(|result| result.expect("no caller panicked"));

        for session in sessions {
            session.shutdown(Duration::from_secs(30)).await.expect("stored");
        }
        join_all(drivers).await.into_iter().for_each(|driver| driver.expect("the driver ended"));
    });
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let total = auth.report().total;
    println!(
        "{name}: {TASKS} tasks, {} tokens, {} left early, {} refusals, {} errors; {} submissions, {} rotations",
        read(&counts.tokens),
        read(&counts.cancelled),
        read(&counts.refused),
        read(&counts.errors),
        total.token_requests,
        total.rotations,
    );
    auth.assert_unharmed();
    assert_eq!((total.overlapping, total.answers_lost, total.refused), (0, 0, 0));
    assert_eq!(total.token_requests, total.rotations, "every submission counted");
    assert!(total.rotations > 20 && read(&counts.cancelled) > 1_000, "there was something to race for");
}

#[test]
fn a_thousand_tasks_share_one_session_with_a_driver() {
    race("with a driver", 1, true);
}

#[test]
fn a_thousand_tasks_share_one_session_without_a_driver() {
    race("without a driver", 1, false);
}

#[test]
fn a_thousand_tasks_share_two_sessions_on_one_store() {
    race("two sessions", 2, true);
}
