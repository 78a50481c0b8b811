//! Events.

use super::support::*;

#[test]
fn a_login_of_another_process_is_told_whether_or_not_its_token_has_expired() {
    for age in [60, 400] {
        let (time, model) = (ManualTime::new(1), ModelStore::new());
        let session_x = session(time.clone(), MockGrant::new(), model.clone());
        time.run(session_x.login(TokenSet::new("access-x").refresh_token("refresh-x").expires_in(SECOND))).unwrap();
        let mut events = session_x.events();
        time.run(session(time.clone(), MockGrant::new(), model).login(set("y"))).unwrap();
        time.advance(SECOND * age);
        time.run(session_x.token()).unwrap();
        let told = told(&mut events);
        let login = told.iter().any(|event| matches!(event, Event::LoggedIn { .. }));
        assert!(login, "{age} s later, of login {:?}: {told:?}", session_x.state().login);
    }
}

/// However often [`Session::reload`] looks for a login of another process.
#[test]
fn an_end_is_told_once() {
    let (time, grant) = (ManualTime::new(1), MockGrant::new());
    let session = session(time.clone(), grant.clone(), ModelStore::new());
    time.run(session.login(set("0"))).unwrap();
    let mut events = session.events();
    time.advance(SECOND * 301);
    grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    time.run(session.token()).unwrap_err();
    for _ in 0..3 {
        time.advance(SECOND * 60);
        time.run(session.reload()).unwrap_err();
    }
    let ends = told(&mut events).into_iter().filter(|event| matches!(event, Event::Ended { .. })).count();
    assert_eq!(ends, 1);
}

/// A listener logs out as soon as it hears that the session has ended.
#[test]
fn events_are_told_in_the_order_in_which_they_happened() {
    let (time, grant) = (ManualTime::new(1), MockGrant::new());
    let cell = Arc::new(OnceLock::<Session>::new());
    let mine = Arc::clone(&cell);
    let listener = move |event: &Event| {
        if let (Event::Ended { .. }, Some(session)) = (event, mine.get()) {
            let _ = session.logout().now_or_never();
        }
    };
    let builder = Session::builder(grant.clone()).time(time.clone()).on_event(listener);
    let session = builder.build().unwrap();
    cell.set(session.clone()).unwrap();
    time.run(session.login(set("0"))).unwrap();
    let mut events = session.events();
    time.advance(SECOND * 301);
    grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    time.run(session.token()).unwrap_err();
    let told = told(&mut events);
    let ended = told.iter().position(|event| matches!(event, Event::Ended { .. })).unwrap();
    let logged_out = told.iter().position(|event| matches!(event, Event::LoggedOut { .. })).unwrap();
    assert!(ended < logged_out, "{told:?}");
}

/// "Will be offered again" is not the last word, also if another process's state has won.
#[test]
fn every_unpersisted_gets_an_answer() {
    let (time, model, store) = watched();
    let session_x = session(time.clone(), MockGrant::new(), store.clone());
    time.run(session_x.login(set("x"))).unwrap();
    time.advance(SECOND * 301);
    store.push(OpKind::Commit, Trouble::Fail);
    let mut events = session_x.events();
    time.run(session_x.token()).unwrap();
    // Another process has waited the claim out and has a successor too.
    time.advance(SECOND * 100);
    time.run(session(time.clone(), MockGrant::new(), model).refresh()).unwrap();
    let mut driver = session_x.driver();
    for _ in 0..60 {
        time.advance(SECOND);
        let _ = poll(&mut driver);
    }
    assert!(!session_x.state().unsaved);
    let told = told(&mut events);
    let open = told.iter().rposition(|event| matches!(event, Event::Unpersisted { .. })).unwrap();
    let after = &told[open + 1..];
    assert!(!after.is_empty(), "nothing was told after {:?}", told[open]);
}

/// The store cannot take what is pending, so no task gets a token.
#[test]
fn a_refresh_that_failed_because_of_the_store_is_told() {
    let (time, store) = (ManualTime::new(1), MockStore::new());
    let session = expired(&time, MockGrant::new(), store.clone());
    store.push(OpKind::Commit, Trouble::Fail);
    time.run(session.token()).unwrap();
    time.advance(SECOND * 301);
    let mut events = session.events();
    store.set_down(true);
    time.run(session.token()).unwrap_err();
    let told = told(&mut events);
    assert!(told.iter().any(|event| matches!(event, Event::RefreshFailed { .. })), "{told:?}");
}

/// Each reads what was told since it began to listen, in its own time, and then that nothing is
/// told any more. There is no driver, and what requests are shown stays the same: they have to ask,
/// so that they store what is not stored.
#[test]
fn a_watcher_is_told_of_a_login_that_cannot_be_stored() {
    let time = ManualTime::new(1);
    let store = MockStore::before(ModelStore::new());
    let session = session(time.clone(), MockGrant::new(), store.clone());
    store.set_down(true);
    time.run(session.login(set("0"))).unwrap_err();
    let mut watch = session.watch();
    let mut changed = Box::pin(watch.changed());
    assert!(poll(&mut changed).is_pending());
    time.run(session.login(set("1"))).unwrap_err();
    let Poll::Ready(state) = poll(&mut changed) else { panic!("it is not told") };
    assert_eq!(state.login, session.state().login);
}

#[test]
fn every_reader_reads_in_its_own_time_and_to_the_end() {
    let time = ManualTime::new(1);
    let session = session(time.clone(), MockGrant::new(), ModelStore::new());
    let login = |name: &str| time.run(session.login(set(name))).unwrap();
    let mut first = session.events();
    login("0");
    let mut second = session.events();
    login("1");
    let gone = session.events();
    assert_eq!(told(&mut first).len(), 2);
    login("2");
    drop(gone);
    assert_eq!((told(&mut first).len(), told(&mut second).len()), (1, 2));
    assert!(poll(&mut second.next()).is_pending());
    login("3");
    drop(session);
    assert_eq!((told(&mut first).len(), told(&mut second).len()), (1, 1));
    for mut events in [first, second] {
        assert!(matches!(poll(&mut events.next()), Poll::Ready(None)));
    }
}

/// An error of the user's may be large.
#[test]
fn what_every_reader_has_read_is_kept_no_longer() {
    let (time, grant) = (ManualTime::new(1), MockGrant::new());
    let session = session(time.clone(), grant.clone(), ModelStore::new());
    time.run(session.login(set("0"))).unwrap();
    let held = Arc::new(());
    let (mut slow, mut quick) = (session.events(), session.events());
    let fail = || {
        time.advance(SECOND * 301);
        drop(time.run(session.token()).unwrap_err());
    };
    grant.push(Step::Fail(GrantError::not_sent(Large(Arc::clone(&held)))));
    fail();
    drop(told(&mut quick));
    // What the session itself keeps of it goes.
    time.run(session.login(set("1"))).unwrap();
    grant.push(Step::Fail(GrantError::not_sent("another")));
    fail();
    assert_eq!(Arc::strong_count(&held), 2);
    assert!(slow.next().now_or_never().is_some());
    assert_eq!(Arc::strong_count(&held), 1);
}

#[derive(Debug)]
struct Large(#[allow(dead_code)] Arc<()>);

impl fmt::Display for Large {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("large")
    }
}

impl std::error::Error for Large {}
