//! Logins and logouts.

use super::support::*;

/// The store has the login, and only its answer was lost: stored again, it would come over a newer
/// rotation, and a spent refresh token would be presented.
#[test]
fn a_login_that_is_stored_already_does_not_undo_a_rotation() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let auth = AuthServer::builder(time.shared()).access_lifetime(SECOND * 3600).build();
    let store = MockStore::before(model.clone());
    let session_x = session(time.clone(), auth.grant(), store.clone());
    store.push(OpKind::Reset, Trouble::FailAfter);
    let _ = time.run(session_x.login(auth.login_as("alice")));
    let session_y = session(time.clone(), auth.grant(), model.clone());
    time.run(session_y.token()).unwrap();
    time.advance(SECOND * 60);
    time.run(session_y.refresh()).unwrap();
    let refreshed = time.run(session_x.refresh());
    assert!(refreshed.is_ok(), "{refreshed:?}");
    auth.assert_unharmed();
}

/// A user logs out while the store has that trouble, and logs in in another process; so much later
/// the store is well again, and the driver of the first process stores what it can.
#[track_caller]
fn assert_the_later_login_stays(trouble: impl FnOnce(&MockStore), wait: Duration) {
    let (time, model, store) = watched();
    let session_x = session(time.clone(), MockGrant::new(), store.clone());
    time.run(session_x.login(set("x"))).unwrap();
    trouble(&store);
    let _ = time.run(session_x.logout());
    let session_y = session(time.clone(), MockGrant::new(), model.clone());
    time.run(session_y.login(set("y"))).unwrap();
    time.advance(wait);
    store.set_down(false);
    drive(&mut session_x.driver(), &time, 60, SECOND);
    let state = model.entry(&key()).unwrap().state;
    assert!(matches!(state, EntryState::Active(_)), "{state:?}");
}

/// The same with a logout: tried again, it would end a later login of another process.
#[test]
fn a_logout_that_is_stored_already_does_not_end_a_later_login() {
    assert_the_later_login_stays(|store| store.push(OpKind::Reset, Trouble::FailAfter), Duration::ZERO);
}

/// The same while the store is really down for an hour, in which the user logs in elsewhere.
#[test]
fn a_logout_that_comes_late_does_not_end_a_later_login() {
    assert_the_later_login_stays(|store| store.set_down(true), SECOND * 3600);
}

/// A request that was sent before its login was stored, and refused after, is renewed and sent
/// again: storing is no other login.
#[test]
fn a_login_is_the_same_login_after_it_has_been_stored() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let other = session(time.clone(), MockGrant::new(), model.clone());
    for name in ["a", "b", "c"] {
        time.run(other.login(set(name))).unwrap();
    }
    let store = MockStore::before(model.clone());
    let session = session(time.clone(), MockGrant::new(), store.clone());
    store.push(OpKind::Reset, Trouble::Fail);
    let _ = time.run(session.login(set("x")));
    time.advance(SECOND * 200);
    // A request is on its way while the login is stored.
    let gate = Gate::new();
    gate.close();
    let behind = gate.clone();
    let api = service_fn(move |request: Request<Full<Bytes>>| {
        let (gate, old) = (behind.clone(), request.headers()["authorization"] == "Bearer access-x");
        async move {
            gate.pass().await;
            let status = if old { 401 } else { 200 };
            Ok::<_, Infallible>(Response::builder().status(status).body(Full::<Bytes>::default()).unwrap())
        }
    });
    let client = BearerLayer::new(session.clone(), Origins::new(["https://api.example"]).unwrap()).layer(api);
    let mut call = Box::pin(client.oneshot(Request::get("https://api.example/").body(Full::default()).unwrap()));
    assert!(poll(&mut call).is_pending());
    let mut driver = session.driver();
    drive(&mut driver, &time, 60, SECOND / 10);
    assert!(!session.state().unsaved);
    drop(driver);
    gate.open();
    let response = time.run(call).unwrap();
    assert_eq!(response.status(), 200, "{:?}", response.extensions().get::<Error>());
}

/// `mytool logout`, in a process that has not used the session yet: the refresh token must not live
/// on.
#[test]
fn a_logout_revokes_what_is_stored() {
    let (time, model, revoked) = (ManualTime::new(1), ModelStore::new(), Arc::default());
    time.run(session(time.clone(), MockGrant::new(), model.clone()).login(set("0"))).unwrap();
    let session = session(time.clone(), Revoking(MockGrant::new(), Arc::clone(&revoked)), model);
    time.run(session.logout()).unwrap();
    assert_eq!(*revoked.lock().unwrap(), ["refresh-0"]);
}

/// What this process remembers is older than what is stored.
#[test]
fn a_logout_revokes_the_newest_refresh_token() {
    let (time, model, revoked) = (ManualTime::new(1), ModelStore::new(), Arc::default());
    let session_x = session(time.clone(), Revoking(MockGrant::new(), Arc::clone(&revoked)), model.clone());
    time.run(session_x.login(set("0"))).unwrap();
    let session_y = session(time.clone(), MockGrant::new(), model.clone());
    time.run(session_y.token()).unwrap();
    time.advance(SECOND * 60);
    time.run(session_y.refresh()).unwrap();
    time.run(session_x.logout()).unwrap();
    assert!(revoked.lock().unwrap().contains(&"refresh-1".to_owned()), "only {:?}", revoked.lock().unwrap());
}

/// What the refresh that a logout left behind still brings is a live refresh token of a user who
/// has logged out: the shutdown waits until it is revoked.
#[test]
fn a_shutdown_waits_for_what_a_logout_left_behind() {
    let (time, revoked) = (ManualTime::new(1), Arc::default());
    let slow = time.clone();
    let grant = grant_fn(move |request: TokenRequest| {
        let time = slow.clone();
        request.mark_sent();
        async move {
            Time::sleep(&time, SECOND * 8).await;
            Ok(set("newest"))
        }
    });
    let session = session(time.clone(), Revoking(grant, Arc::clone(&revoked)), ModelStore::new());
    time.run(session.login(set("0"))).unwrap();
    let mut driver = session.driver();
    time.advance(SECOND * 301);
    let _ = poll(&mut driver);
    time.run(session.logout()).unwrap();
    time.run(select(Box::pin(session.shutdown(SECOND * 60)), &mut driver));
    // The process ends.
    drop((session, driver));
    assert!(revoked.lock().unwrap().contains(&"refresh-newest".to_owned()), "only {:?}", revoked.lock().unwrap());
}

/// While a token is requested another process stores a login, and its access token has run out
/// already. Its refresh token is there, and serves the waiting request.
#[test]
fn a_login_elsewhere_that_has_run_out_is_renewed_by_the_same_refresh() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let auth = AuthServer::builder(time.shared()).build();
    let other = session(time.clone(), auth.grant(), model.clone());
    let (mine, elsewhere, clock) =
        (auth.grant(), Arc::new(Mutex::new(Some(auth.login_as("bob").expires_in(SECOND)))), time.clone());
    let grant = grant_fn(move |request: TokenRequest| {
        let (mine, other, clock) = (mine.clone(), other.clone(), clock.clone());
        let login = elsewhere.lock().unwrap().take();
        async move {
            let answer = mine.request(&request).await;
            if let Some(login) = login {
                other.login(login).await.unwrap();
                clock.advance(SECOND * 2);
            }
            answer
        }
    });
    let session = session(time.clone(), grant, model.clone());
    time.run(session.login(auth.login_as("alice"))).unwrap();
    time.advance(SECOND * 7200);
    let token = time.run(session.token());
    assert!(token.is_ok(), "{token:?}");
    auth.assert_unharmed();
}

/// The same, and then there is a logout elsewhere: what came for nothing is a living refresh token,
/// and is revoked.
#[test]
fn what_came_for_nothing_is_revoked_after_a_logout() {
    let (time, model, revoked) = (ManualTime::new(1), ModelStore::new(), Arc::new(Mutex::new(Vec::new())));
    let (others, clock) = (model.clone(), time.clone());
    let grant = grant_fn(move |_: TokenRequest| {
        let (model, clock) = (others.clone(), clock.clone());
        async move {
            let login = |tokens| Body::Reset { base: None, tokens };
            let bob = StoredTokens::from_set(&set("bob").expires_in(SECOND), clock.now().wall, None);
            elsewhere(&model, clock.now(), login(Some(bob)));
            clock.advance(SECOND * 2);
            Ok(set("spare"))
        }
    });
    let logs_out = AtomicUsize::new(0);
    let (reads, at) = (model.clone(), time.clone());
    // The second read of the refresh, after what was overtaken, finds the logout.
    let store = Before(model.clone(), move |kind| {
        if kind == OpKind::Commit {
            logs_out.store(1, Ordering::SeqCst);
        }
        if kind == OpKind::Load && logs_out.swap(0, Ordering::SeqCst) == 1 {
            elsewhere(&reads, at.now(), Body::Reset { base: None, tokens: None });
        }
        ready(()).boxed()
    });
    let session = session(time.clone(), Revoking(grant, Arc::clone(&revoked)), store);
    time.run(session.login(set("alice"))).unwrap();
    time.advance(SECOND * 301);
    assert!(time.run(session.token()).is_err());
    assert_eq!(*revoked.lock().unwrap(), ["refresh-spare"]);
}

/// What a grant does with the session it is the grant of.
type Farewell = fn(Session) -> BoxFuture<'static, ()>;

/// How long, by the clock, until a caller has a token or an error; `None` if its thread deadlocks.
fn from_within_the_grant(farewell: Farewell) -> Option<Duration> {
    within(SECOND * 5, move || {
        let (time, cell) = (ManualTime::new(1), Arc::new(OnceLock::<Session>::new()));
        let mine = Arc::clone(&cell);
        let grant = grant_fn(move |_: TokenRequest| {
            let session = mine.get().unwrap().clone();
            async move {
                farewell(session).await;
                Err(GrantError::terminal("invalid_grant"))
            }
        });
        let session = expired(&time, grant, ModelStore::new());
        cell.set(session.clone()).unwrap();
        let began = time.now().boot;
        let _ = time.run(session.token());
        time.now().boot - began
    })
}

/// Because the server said something final, say. The flight must not wait for itself, nor wake
/// itself with a lock held: the thread that polls it would deadlock.
#[test]
fn a_grant_may_log_out() {
    let took = from_within_the_grant(|session| async move { drop(session.logout().await) }.boxed());
    assert!(took.is_some_and(|took| took < SECOND), "{took:?}");
}

/// The same with a shutdown.
#[test]
fn a_grant_may_shut_the_session_down() {
    let took = from_within_the_grant(|session| async move { drop(session.shutdown(SECOND * 600).await) }.boxed());
    assert!(took.is_some_and(|took| took < SECOND), "{took:?}");
}

/// Two grants that wait for each other's sessions are a mistake, which ends when their time is
/// over. If a flight woke the other one with its list locked, the thread whose timer fires would
/// deadlock.
#[test]
fn flights_that_wait_for_each_other_end_in_an_error() {
    let done = within(SECOND * 5, || {
        let (time, gate) = (ManualTime::new(1), Gate::new());
        let cells: [Arc<OnceLock<Session>>; 2] = Default::default();
        let grant = |other: &Arc<OnceLock<Session>>, gate: Gate| {
            let other = Arc::clone(other);
            grant_fn(move |_: TokenRequest| {
                let (session, gate) = (other.get().unwrap().clone(), gate.clone());
                async move {
                    gate.pass().await;
                    let token = session.token().await.map_err(GrantError::config)?;
                    Ok(TokenSet::new(format!("for-{}", token.access().expose())).refresh_token("next"))
                }
            })
        };
        let session_a = session(time.clone(), grant(&cells[1], gate.clone()), ModelStore::new());
        let session_b = session(time.clone(), grant(&cells[0], Gate::new()), ModelStore::new());
        cells[0].set(session_a.clone()).unwrap();
        cells[1].set(session_b.clone()).unwrap();
        time.run(session_a.login(set("a"))).unwrap();
        time.run(session_b.login(set("b"))).unwrap();
        time.advance(SECOND * 301);
        gate.close();
        let (mut a, mut b) = (Box::pin(session_a.token()), Box::pin(session_b.token()));
        assert!(poll(&mut a).is_pending() && poll(&mut b).is_pending());
        gate.open();
        assert!(poll(&mut a).is_pending());
        time.advance(SECOND * 61);
        (0..100).any(|_| {
            time.advance(SECOND);
            poll(&mut a).is_ready()
        })
    });
    assert_eq!(done, Some(true));
}
