//! Many at once, for a while, with tokens that live for seconds.

use std::{
    future::poll_fn,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    task::Poll,
};

use tokenflight::{BoxError, Error};
use tokio::task::JoinSet;

use crate::{fixture::*, server::Log};

on_both!(two_hundred_workers_never_see_a_refusal);

const WORKERS: usize = 200;
const LIFETIME: u64 = 3;
/// Of so many requests one may be dropped, which is about one in twenty that is.
const CANCELLED: u64 = 10;

/// What this server can do.
#[derive(Clone, Copy)]
struct Pace {
    /// How long a worker rests between two requests, on average. A server that has more to do than
    /// it can answers late, and then we measure the server.
    pause: Duration,
    /// Until when a request may be dropped, in microseconds: about twice what it takes.
    drop: u64,
}

const fn pace(kind: Kind) -> Pace {
    match kind {
        Kind::OidcProvider => Pace { pause: Duration::from_millis(250), drop: 2_000 },
        Kind::Django => Pace { pause: Duration::from_millis(1500), drop: 30_000 },
    }
}

#[derive(Debug, Default)]
struct Tally {
    requests: AtomicU64,
    answered: AtomicU64,
    cancelled: AtomicU64,
    /// Microseconds.
    slowest: AtomicU64,
    /// What no worker should ever see.
    trouble: Mutex<Vec<String>>,
}

async fn two_hundred_workers_never_see_a_refusal(kind: Kind) {
    let server = Setup::new(kind, LIFETIME).start().await;
    let user = User::logged_in(&server, public(&server).refresh_token(), "public").await.driven();
    let tally = Arc::new(Tally::default());
    let end = Instant::now() + stress_time();
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        workers.spawn(work(user.web(), pace(kind), end, Arc::clone(&tally)));
    }
    workers.join_all().await;
    let log = server.log().await;
    report(kind, &user, &tally, log);
    judge(&user, &tally, log);
}

async fn work((web, url): (Bearer<Pool>, String), pace: Pace, end: Instant, tally: Arc<Tally>) {
    loop {
        pass(pace.pause.mul_f64(2.0 * fastrand::f64())).await;
        if Instant::now() >= end {
            return;
        }
        // Counted here: one that is dropped at once is never polled.
        tally.requests.fetch_add(1, Relaxed);
        let request = ask(web.clone(), &url, &tally);
        let answered = match fastrand::u64(..2 * CANCELLED) {
            0 => within(request, Duration::from_micros(fastrand::u64(..pace.drop))).await,
            1 => within_polls(request, fastrand::u8(1..=3)).await,
            _ => {
                request.await;
                true
            }
        };
        if !answered {
            tally.cancelled.fetch_add(1, Relaxed);
        }
    }
}

/// Drops a request after this time; whether it was answered before.
async fn within(request: impl Future<Output = ()>, time: Duration) -> bool {
    tokio::select! {
        () = request => true,
        () = pass(time) => false,
    }
}

/// Drops a request after so many steps: a timer is too coarse. Whether it was answered before.
async fn within_polls(request: impl Future<Output = ()>, mut polls: u8) -> bool {
    let mut request = pin!(request);
    poll_fn(|cx| {
        polls -= 1;
        match request.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if polls == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn ask(web: Bearer<Pool>, url: &str, tally: &Tally) {
    let begun = Instant::now();
    match get(web, url).await {
        Ok(None) => {
            tally.answered.fetch_add(1, Relaxed);
        }
        Ok(Some(trouble)) => tally.trouble.lock().unwrap().push(trouble),
        Err(error) => tally.trouble.lock().unwrap().push(format!("{error:?}")),
    }
    let took = u64::try_from(begun.elapsed().as_micros()).unwrap();
    tally.slowest.fetch_max(took, Relaxed);
}

/// One request; what is wrong with its answer.
async fn get(web: Bearer<Pool>, url: &str) -> Result<Option<String>, BoxError> {
    let answer = web.oneshot(Request::get(url).body(Full::<Bytes>::default())?).await?;
    let (head, body) = answer.into_parts();
    body.collect().await?;
    Ok((!head.status.is_success()).then(|| format!("{}: {:?}", head.status, head.extensions.get::<Error>())))
}

fn report(kind: Kind, user: &User, tally: &Tally, log: Log) {
    let seconds = stress_time().as_secs();
    let count = |counter: &AtomicU64| counter.load(Relaxed);
    println!(
        "{kind:?}, {seconds} s, {WORKERS} workers: {} requests, {} answered, {} cancelled, {} in trouble; slowest {} ms",
        count(&tally.requests),
        count(&tally.answered),
        count(&tally.cancelled),
        tally.trouble.lock().unwrap().len(),
        count(&tally.slowest) / 1000,
    );
    println!(
        "the server: {} refreshes, {} reuses, {} denied; {} requests served, {} refused and sent again",
        log.refreshes, log.reuses, log.denied, log.served, log.refused
    );
    let failed = user.count(|event| matches!(event, Event::RefreshFailed { .. }));
    println!("the session: {failed} failed refreshes, {} fresh tokens refused", user.session.state().fresh_refused);
}

fn judge(user: &User, tally: &Tally, log: Log) {
    let trouble = tally.trouble.lock().unwrap();
    assert!(trouble.is_empty(), "{} in trouble, such as {:?}", trouble.len(), trouble.first());
    assert_eq!((log.reuses, log.denied), (0, 0), "{log:?}");
    let lost = user.count(|event| matches!(event, Event::RefreshFailed { .. } | Event::Ended { .. }));
    assert_eq!(lost, 0, "{:?}", user.events());
    // About one for each lifetime: renewed at its end at the latest, and not long before.
    let seconds = stress_time().as_secs();
    let (least, most) = ((seconds / LIFETIME).saturating_sub(1), 2 * seconds / LIFETIME + 3);
    assert!((least..=most).contains(&log.refreshes), "{} refreshes, not {least} to {most}", log.refreshes);
    let done = tally.answered.load(Relaxed) + tally.cancelled.load(Relaxed);
    assert_eq!(done, tally.requests.load(Relaxed), "every request has an end");
    assert!(tally.cancelled.load(Relaxed) > 0 && tally.answered.load(Relaxed) > 0);
}
