//! The driver.

use super::support::*;

/// Failures without a waiting time: chance is always zero here.
#[test]
fn a_driver_comes_back_although_every_attempt_fails_at_once() {
    let (time, attempts) = (ManualTime::new(1), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&attempts);
    let grant = grant_fn(move |_: TokenRequest| {
        let attempt = count.fetch_add(1, Ordering::SeqCst);
        async move {
            // Or this test would not end.
            if attempt > 1000 { pending().await } else { Err(GrantError::not_sent("the network is down")) }
        }
    });
    let session = session(Dull(time.clone(), 0), grant, MemoryStore::new());
    time.run(session.login(set("0"))).unwrap();
    time.advance(SECOND * 301);
    let mut driver = session.driver();
    let _ = poll(&mut driver);
    assert!(attempts.load(Ordering::SeqCst) < 10, "{} attempts in one poll", attempts.load(Ordering::SeqCst));
}

/// Pending once, and woken at once.
fn yields() -> BoxFuture<'static, ()> {
    let mut yielded = false;
    let once = move |cx: &mut Context<'_>| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    };
    Box::pin(poll_fn(once))
}

/// The last handle goes while the driver looks at the session, which must not take it for gone
/// before it has been handed what is still to be stored. Two threads, so by chance: two thousand
/// rounds.
#[test]
fn what_the_last_handle_leaves_is_stored_whenever_the_driver_looks() {
    let time = ManualTime::new(1);
    for round in 0..2_000 {
        let model = ModelStore::new();
        let store = Before(model.clone(), |kind| if kind == OpKind::Reset { yields() } else { Box::pin(ready(())) });
        let session = session(time.clone(), MockGrant::new(), store);
        let mut driver = session.driver();
        assert!(poll(&mut driver).is_pending() && poll(&mut driver).is_pending());
        let go = Arc::new(AtomicBool::new(false));
        let wait = Arc::clone(&go);
        #[allow(clippy::disallowed_methods)] // Two threads are the matter of it.
        let other = thread::spawn(move || {
            while !wait.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            let _ = session.login(set("0")).now_or_never();
            drop(session);
        });
        go.store(true, Ordering::Release);
        let mut polls = 0;
        while poll(&mut driver).is_pending() {
            polls += 1;
            if polls % 64 == 0 {
                thread::yield_now();
            }
        }
        other.join().unwrap();
        assert!(model.entry(&key()).is_some(), "the login of round {round} is not stored");
    }
}

/// A timer that can break, as on a runtime that is shutting down.
#[derive(Clone)]
struct Breaking(ManualTime, Arc<AtomicBool>);

impl Time for Breaking {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        assert!(!self.1.load(Ordering::SeqCst), "no timer here");
        Time::sleep(&self.0, duration)
    }

    fn random(&self) -> u64 {
        Time::random(&self.0)
    }
}

/// It ends by itself, because it has no timer, and is not dropped. Sessions that still counted on
/// it would send expired tokens.
#[test]
fn a_driver_that_has_ended_leaves_its_sessions_to_their_callers() {
    let time = Breaking(ManualTime::new(1), Arc::default());
    let session = session(time.clone(), MockGrant::new(), MemoryStore::new());
    time.0.run(session.login(set("0"))).unwrap();
    let mut driver = session.driver();
    assert!(poll(&mut driver).is_pending());
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&seen);
    let api = service_fn(move |request: Request<Full<Bytes>>| {
        log.lock().unwrap().push(request.headers()["authorization"].to_str().unwrap().to_owned());
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    let mut client = BearerLayer::new(session, Origins::new(["https://api.example"]).unwrap()).layer(api);
    let mut call = || time.0.run(client.call(Request::get("https://api.example/").body(Full::default()).unwrap()));
    call().unwrap();
    time.1.store(true, Ordering::SeqCst);
    time.0.advance(SECOND * 31);
    while poll(&mut driver).is_pending() {}
    time.1.store(false, Ordering::SeqCst);
    time.0.advance(SECOND * 400);
    call().unwrap();
    assert_eq!(*seen.lock().unwrap(), ["Bearer access-0", "Bearer access-1"], "access-0 has expired");
    drop(driver);
}

/// It is moved to another runtime, and the first one goes.
#[test]
fn a_driver_outlives_the_runtime_it_was_first_polled_on() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let session = Session::builder(MockGrant::new()).build().unwrap();
    first.block_on(session.login(set("0"))).unwrap();
    let mut driver = session.driver();
    first.block_on(async { assert!((&mut driver).now_or_never().is_none()) });
    drop(first);
    let ended = second.block_on(async { (&mut driver).now_or_never().is_some() });
    assert!(!ended, "it has ended, and the session lives");
}

/// The same while the first runtime is still there, and idle: a timer that belongs to it never
/// fires.
#[test]
fn a_driver_wakes_up_on_the_runtime_it_is_polled_on() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let grant = MockGrant::new();
    let session = Session::builder(grant.clone()).build().unwrap();
    first.block_on(session.login(set("0").expires_in(SECOND))).unwrap();
    let mut driver = session.driver();
    first.block_on(async { assert!((&mut driver).now_or_never().is_none()) });
    #[allow(clippy::disallowed_methods)] // A runtime that ends takes its timers with it; manual time has none.
    second.block_on(async {
        tokio::select! {
            biased;
            () = tokio::time::sleep(SECOND * 3) => {}
            () = driver => {}
        }
    });
    assert_ne!(grant.count(), 0, "three seconds, with a token that lives for one");
}

/// A runtime without timers, and a caller that waits for time alone: the least interval between two
/// refreshes.
#[test]
fn a_caller_that_waits_without_a_timer_is_told_so() {
    let done = within(SECOND * 5, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let short = Duration::from_millis(1);
            let grant = MockGrant::new();
            grant.set_lifetime(Some(short));
            let session = Session::builder(grant).build().unwrap();
            session.login(TokenSet::new("access").refresh_token("refresh").expires_in(short)).await.unwrap();
            for _ in 0..3 {
                #[allow(clippy::disallowed_methods)] // The real clock, of which there is no other here.
                thread::sleep(short * 5);
                let _ = session.token().await;
            }
        });
    });
    assert!(done.is_some(), "no task was told anything in five seconds");
}

/// A program fetches its token in the lead, makes a request and ends: a renewal that its driver had
/// begun would be lost with it, and with that the login.
#[test]
fn a_driver_leaves_a_usable_token_alone_in_its_first_five_seconds() {
    let (time, grant) = (ManualTime::new(1), MockGrant::new());
    let session = session(time.clone(), grant.clone(), MemoryStore::new());
    time.run(session.login(set("0"))).unwrap();
    time.advance(SECOND * 280);
    let mut driver = session.driver();
    for second in 0..10 {
        for _ in 0..4 {
            let _ = poll(&mut driver);
        }
        assert_eq!(grant.count(), usize::from(second >= 5), "after {second} s");
        time.advance(SECOND);
    }
}
