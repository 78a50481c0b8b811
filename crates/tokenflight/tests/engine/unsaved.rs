//! What is not stored yet.

use super::support::*;

/// A session whose rotation could not be stored, made in an epoch that another process had begun.
fn unsaved_in_another_epoch(time: &ManualTime) -> (Tired, ModelStore, Session) {
    let (tired, model, grant) = (Tired::new(time), ModelStore::new(), MockGrant::new());
    let store = MockStore::before(model.clone());
    let session_x = session(tired.clone(), grant.clone(), store.clone());
    time.run(session_x.login(set("x"))).unwrap();
    let session_y = session(time.clone(), MockGrant::new(), model.clone());
    time.run(session_y.login(set("y"))).unwrap();
    time.advance(SECOND * 400);
    // The answer cannot be used, but it rotates the refresh token; and the store fails once.
    grant.push(Step::Answer(TokenSet::new("access-z").refresh_token("refresh-z").token_type("mac")));
    store.push(OpKind::Commit, Trouble::Fail);
    time.run(session_x.token()).unwrap_err();
    assert!(session_x.state().unsaved);
    assert_eq!(stored(&model), "refresh-y");
    (tired, model, session_x)
}

/// Or a shutdown would never end well.
#[test]
fn what_has_been_stored_is_unsaved_no_more() {
    let time = ManualTime::new(1);
    let (_, model, session) = unsaved_in_another_epoch(&time);
    let shutdown = time.run(session.shutdown(SECOND * 60));
    assert_eq!(stored(&model), "refresh-z");
    assert!(shutdown.is_ok() && !session.state().unsaved, "{shutdown:?} {:?}", session.state());
}

/// The same with a driver, whose thread would be lost.
#[test]
fn a_driver_comes_back_from_every_poll() {
    let time = ManualTime::new(1);
    let (tired, _, session) = unsaved_in_another_epoch(&time);
    let mut driver = session.driver();
    time.advance(SECOND * 40);
    tired.leave(10_000);
    let _ = poll(&mut driver);
    let _ = poll(&mut driver);
}

/// The store failed once, and is well by then. If nothing were stored, the next process would
/// present a spent refresh token, and the login would be lost.
#[test]
fn requests_store_what_is_unsaved_if_there_is_no_driver() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let auth = AuthServer::builder(time.shared()).access_lifetime(SECOND * 3600).build();
    let store = MockStore::before(model.clone());
    let session_x = session(time.clone(), auth.grant(), store.clone());
    time.run(session_x.login(auth.login_as("alice"))).unwrap();
    let session_y = session(time.clone(), auth.grant(), model.clone());
    time.run(session_y.token()).unwrap();
    time.advance(SECOND * 3700);
    store.push(OpKind::Commit, Trouble::Fail);
    time.run(session_x.token()).unwrap();
    for _ in 0..1000 {
        time.advance(Duration::from_millis(600));
        time.run(session_x.token()).unwrap();
    }
    let other = time.run(session_y.token());
    assert!(!session_x.state().unsaved && other.is_ok(), "after 1000 requests: {:?}; {other:?}", session_x.state());
    auth.assert_unharmed();
}

/// The store fails once, so what the common refresh token has become is still to be stored.
#[test]
fn a_clean_shutdown_of_all_audiences_keeps_the_login() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let auth = AuthServer::builder(time.shared()).access_lifetime(SECOND * 3600).build();
    let store = MockStore::before(model.clone());
    let build = || {
        let (mail, files) = (auth.grant(), auth.grant());
        let builder = Audiences::builder().store(store.clone()).time(time.clone());
        builder.audience("mail", mail).audience("files", files).build().unwrap()
    };
    let audiences = build();
    let (mail, files) = (audiences.session("mail").unwrap().clone(), audiences.session("files").unwrap().clone());
    time.run(audiences.login(auth.login_as("alice"))).unwrap();
    // The other one is not used yet.
    let mut driver = mail.driver();
    store.push(OpKind::Commit, Trouble::Fail);
    time.run(mail.token()).unwrap();
    for _ in 0..600 {
        time.advance(SECOND);
        let _ = poll(&mut driver);
    }
    time.run(mail.shutdown(SECOND * 60)).unwrap();
    time.run(files.shutdown(SECOND * 60)).unwrap();
    drop((audiences, mail, files, driver));
    // The program starts again.
    let again = time.run(build().session("mail").unwrap().token());
    assert!(again.is_ok(), "{again:?}");
}

/// Another process's state has won. If the session took its own number for the store's, it would
/// call the store's "older" for ever.
#[test]
fn a_session_that_was_overtaken_goes_on_with_what_is_stored() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let (grant, store) = (MockGrant::new(), MockStore::before(model.clone()));
    let session_x = session(time.clone(), grant.clone(), store.clone());
    let session_y = session(time.clone(), MockGrant::new(), model.clone());
    time.run(session_x.login(set("x"))).unwrap();
    // A rotation is not stored, another process logs in, and X adopts that: from now on X counts
    // one more than the store.
    time.advance(SECOND * 301);
    store.push(OpKind::Commit, Trouble::Fail);
    time.run(session_x.token()).unwrap();
    time.run(session_y.login(set("y"))).unwrap();
    time.advance(SECOND * 60);
    time.run(session_x.refresh()).unwrap();
    // A second one is not stored, and this time the other process has a successor as well.
    time.advance(SECOND * 301);
    store.push(OpKind::Commit, Trouble::Fail);
    time.run(session_x.token()).unwrap();
    time.advance(SECOND * 200);
    time.run(session_y.token()).unwrap();
    time.advance(SECOND * 200);
    let token = time.run(session_x.token());
    assert!(token.is_ok(), "{token:?}");
    // That has run out, and the network is down for a while.
    time.advance(SECOND * 400);
    let theirs = stored(&model);
    grant.push(Step::Fail(GrantError::not_sent("the network is down")));
    time.run(session_x.token()).unwrap_err();
    time.advance(SECOND * 400);
    let token = time.run(session_x.token());
    assert!(token.is_ok(), "{token:?}");
    let presented = grant.presented();
    assert_eq!([1, 2].map(|last| presented[presented.len() - last].expose()), [theirs.as_str(); 2]);
}

/// A refresh of a token that is not yet due, given up by its caller: its claim would keep all other
/// processes from the refresh token until the access token runs out.
#[test]
fn a_refresh_that_was_given_up_is_carried_on_by_the_next_caller_with_a_usable_token() {
    let (time, model, grant) = (ManualTime::new(1), ModelStore::new(), MockGrant::new());
    let session = session(time.clone(), grant.clone(), model.clone());
    time.run(session.login(set("0"))).unwrap();
    time.advance(SECOND * 60);
    grant.set_yields(1);
    let mut refresh = Box::pin(session.refresh());
    assert!(poll(&mut refresh).is_pending());
    drop(refresh);
    for _ in 0..4 {
        time.run(session.token()).unwrap();
    }
    assert_eq!((grant.count(), session.state().refreshing), (1, false));
    assert_ne!(stored(&model), "refresh-0");
    assert!(model.entry(&key()).unwrap().claim.is_none());
}
