//! What audiences have in common: logins, ends, and what is not stored.

use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    task::Wake,
};

use super::support::*;

fn waiting(audiences: &Audiences) -> Vec<impl Future + Unpin> {
    let mut waiting: Vec<_> = NAMES
        .map(|name| session(audiences, name).clone())
        .into_iter()
        .map(|session| Box::pin(async move { session.token().await }))
        .collect();
    for token in &mut waiting {
        assert!(poll(token).is_pending());
    }
    waiting
}

/// How long this takes while the requests of all audiences are out.
fn takes(change: impl FnOnce(&ManualTime, &Audiences)) -> Duration {
    let (fixture, audiences) = Scripted::logged_in();
    fixture.close_gates();
    let _waiting = waiting(&audiences);
    let began = fixture.time.now().boot;
    change(&fixture.time, &audiences);
    fixture.time.now().boot - began
}

#[test]
fn a_login_for_all_audiences_waits_for_none_of_them() {
    assert_eq!(takes(|time, audiences| time.run(audiences.login(set("1"))).unwrap()), Duration::ZERO);
}

#[test]
fn a_logout_of_all_audiences_waits_once() {
    let took = takes(|time, audiences| drop(time.run(audiences.logout()).unwrap()));
    assert!(took <= SECOND * 5, "it took {took:?}");
}

#[test]
fn a_logout_of_one_audience_waits_for_nothing() {
    let took = takes(|time, audiences| drop(time.run(session(audiences, "mail").logout()).unwrap()));
    assert_eq!(took, Duration::ZERO);
}

#[test]
fn a_login_for_all_audiences_is_told_as_a_login_and_not_as_a_logout() {
    let (fixture, audiences) = Scripted::logged_in();
    fixture.time.run(session(&audiences, "mail").token()).unwrap();
    let mut events = session(&audiences, "mail").events();
    fixture.time.run(audiences.login(set("1"))).unwrap();
    fixture.time.run(session(&audiences, "mail").token()).unwrap();
    let told = told(&mut events);
    assert!(matches!(told[..], [Event::LoggedIn { .. }]), "{told:?}");
}

#[test]
fn a_login_of_another_process_is_told_to_the_audience_that_meets_it() {
    let (fixture, here) = Scripted::logged_in();
    let there = fixture.process(|builder| builder);
    let mail = session(&here, "mail");
    fixture.time.run(mail.token()).unwrap();
    let mut events = mail.events();
    fixture.time.run(there.login(set("1"))).unwrap();
    fixture.time.run(mail.refresh()).unwrap();
    let told = told(&mut events);
    assert!(matches!(told[..], [Event::LoggedIn { .. }]), "{told:?}");
    let presented = fixture.mail.presented();
    assert_eq!(presented.last().map(RefreshToken::expose), Some("refresh-1"));
}

/// The audience that asks first reads the store, and the others learn of it from that one.
#[test]
fn a_login_of_another_process_that_one_audience_has_met_is_every_audiences() {
    let (fixture, here) = Fixture::logged_in();
    let there = fixture.process();
    fixture.time.run(all([&here], 1));
    fixture.time.run(there.login(fixture.auth.login_as("bob"))).unwrap();
    fixture.time.advance(SECOND * 20);
    for (name, token) in [
        ("files", fixture.time.run(session(&here, "files").refresh())),
        ("mail", fixture.time.run(session(&here, "mail").token())),
    ] {
        let label = fixture.auth.label_of(token.unwrap().access().expose());
        assert_eq!(label.as_deref(), Some("bob"), "{name}");
    }
}

#[test]
fn a_logout_of_another_process_that_one_audience_has_met_is_every_audiences() {
    let (fixture, here) = Fixture::logged_in();
    let there = fixture.process();
    fixture.time.run(all([&here], 1));
    fixture.time.run(there.logout()).unwrap();
    fixture.time.advance(SECOND * 20);
    assert!(fixture.time.run(session(&here, "files").refresh()).unwrap_err().needs_login());
    assert!(fixture.time.run(session(&here, "mail").token()).unwrap_err().needs_login());
}

/// All of them ask at once, and one meets it.
#[test]
fn requests_of_all_audiences_that_wait_are_served_with_the_login_that_one_has_met() {
    let (fixture, here) = Fixture::logged_in();
    fixture.time.run(all([&here], 1));
    fixture.time.run(fixture.process().login(fixture.auth.login_as("bob"))).unwrap();
    fixture.time.advance(LIFETIME);
    for (name, token) in fixture.time.run(all([&here], 2)) {
        assert_eq!(fixture.auth.label_of(token.access().expose()).as_deref(), Some("bob"), "{name}");
    }
}

#[test]
fn requests_of_all_audiences_that_wait_are_told_of_the_logout_that_one_has_met() {
    let (fixture, here) = Fixture::logged_in();
    fixture.time.run(all([&here], 1));
    fixture.time.run(fixture.process().logout()).unwrap();
    fixture.time.advance(LIFETIME);
    let mut events = NAMES.map(|name| session(&here, name).events());
    let asked = fixture.time.run(join_all(NAMES.map(|name| session(&here, name).token())));
    for ((name, events), asked) in NAMES.into_iter().zip(&mut events).zip(asked) {
        assert_eq!(*asked.unwrap_err().kind(), ErrorKind::LoggedOut, "{name}");
        let told = told(events);
        assert!(matches!(told[..], [Event::LoggedOut { .. }]), "{name}: {told:?}");
    }
}

/// Logs in at once when it is woken after a logout.
struct LogsIn(Audiences, AtomicBool);

impl Wake for LogsIn {
    fn wake(self: Arc<Self>) {
        if matches!(self.0.state().status, Status::Over(_)) && !self.1.swap(true, SeqCst) {
            let _ = self.0.login(set("1")).now_or_never();
        }
    }
}

#[test]
fn a_login_while_audiences_learn_of_a_logout_elsewhere_is_every_audiences() {
    let (fixture, here) = Scripted::logged_in();
    fixture.time.run(all([&here], 1));
    let mut watch = session(&here, "mail").watch();
    let mut changed = Box::pin(watch.changed());
    let waker = Arc::new(LogsIn(here.clone(), AtomicBool::new(false))).into();
    assert!(changed.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    fixture.time.run(fixture.process(|builder| builder).logout()).unwrap();
    let _ = fixture.time.run(session(&here, "files").refresh());
    fixture.time.run(session(&here, "maps").token()).unwrap();
    fixture.time.run(all([&here], 1));
}

/// All audiences know of a logout, and the store cannot be read.
#[test]
fn a_reload_of_one_audience_that_fails_leaves_the_others_logged_out() {
    let (fixture, here) = Scripted::logged_in();
    fixture.time.run(all([&here], 1));
    fixture.time.run(fixture.process(|builder| builder).logout()).unwrap();
    fixture.time.advance(LIFETIME);
    for name in NAMES {
        assert!(fixture.time.run(session(&here, name).token()).unwrap_err().needs_login(), "{name}");
    }
    let mut events = session(&here, "maps").events();
    (0..2).for_each(|_| fixture.store.push(OpKind::Load, Trouble::Fail));
    let error = fixture.time.run(session(&here, "mail").reload()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Store);
    assert!(matches!(session(&here, "maps").state().status, Status::Over(_)));
    assert!(told(&mut events).is_empty());
}

/// Here the login is over, and there is another one in the store.
fn over_here() -> (Scripted, Audiences) {
    let (fixture, here) = Scripted::logged_in();
    let there = fixture.process(|builder| builder);
    fixture.time.run(there.logout()).unwrap();
    fixture.time.run(session(&here, "mail").token()).unwrap_err();
    fixture.time.run(session(&here, "files").token()).unwrap_err();
    fixture.time.run(there.login(set("again"))).unwrap();
    fixture.time.advance(SECOND * 60);
    (fixture, here)
}

#[test]
fn an_audience_can_be_reloaded_after_a_login_of_another_process() {
    let (fixture, audiences) = over_here();
    fixture.time.run(session(&audiences, "mail").reload()).unwrap();
    assert!(matches!(audiences.state().status, Status::Usable));
    // What one of them has found in the store is all the others' login.
    fixture.time.run(session(&audiences, "files").token()).unwrap();
}

#[test]
fn all_audiences_can_be_reloaded_after_a_login_of_another_process() {
    let (fixture, audiences) = over_here();
    fixture.time.run(audiences.reload()).unwrap();
    fixture.time.run(all([&audiences], 1));
}

#[test]
fn an_end_leaves_the_tokens_of_audiences_usable() {
    let (fixture, audiences) = Scripted::logged_in();
    let tokens = fixture.time.run(all([&audiences], 1));
    fixture.time.advance(SECOND * 60);
    fixture.mail.push(Step::Fail(GrantError::terminal("invalid_grant")));
    let error = fixture.time.run(session(&audiences, "mail").refresh()).unwrap_err();
    assert!(error.is_ended() && error.needs_login(), "{error:?}");
    let again = fixture.time.run(all([&audiences], 1));
    assert!(tokens.iter().zip(&again).all(|((_, one), (_, other))| one.access() == other.access()));
    assert!(matches!(session(&audiences, "mail").state().status, Status::Ending(_)));
    fixture.time.advance(LIFETIME);
    for name in NAMES {
        assert!(fixture.time.run(session(&audiences, name).token()).unwrap_err().is_ended(), "{name}");
    }
}

#[test]
fn what_is_not_stored_is_seen_and_told() {
    let (fixture, audiences) = Scripted::logged_in();
    let mut events = audiences.events();
    fixture.store.push(OpKind::Commit, Trouble::Fail);
    fixture.time.run(session(&audiences, "mail").token()).unwrap();
    assert!(audiences.state().unsaved);
    assert!(told(&mut events).iter().any(|event| matches!(event, Event::Unpersisted { .. })));
    fixture.time.advance(SECOND * 10);
    // It is stored before anything else is presented.
    fixture.time.run(session(&audiences, "files").token()).unwrap();
    assert!(!audiences.state().unsaved);
    assert!(told(&mut events).iter().any(|event| matches!(event, Event::Persisted { .. })));
}

#[test]
fn callers_with_a_usable_token_store_what_is_not_stored_if_there_is_no_driver() {
    let (fixture, audiences) = Scripted::logged_in();
    fixture.time.run(session(&audiences, "files").token()).unwrap();
    fixture.store.push(OpKind::Commit, Trouble::Fail);
    fixture.time.run(session(&audiences, "mail").token()).unwrap();
    assert_eq!(fixture.stored(), "files-refresh-1");
    fixture.time.advance(SECOND * 10);
    fixture.time.run(session(&audiences, "files").token()).unwrap();
    assert_eq!((fixture.stored().as_str(), audiences.state().unsaved), ("mail-refresh-1", false));
}

#[test]
fn requests_with_a_usable_token_store_what_is_not_stored_if_there_is_no_driver() {
    let (fixture, audiences) = Scripted::logged_in();
    let layer = BearerLayer::new(session(&audiences, "mail").clone(), Origins::new(["https://mail.example"]).unwrap());
    let inner = service_fn(|request: Request<Full<Bytes>>| async move {
        assert!(request.headers().contains_key("authorization"));
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let mut service = layer.layer(inner);
    let mut call = || {
        let request = Request::get("https://mail.example/").body(Full::default()).unwrap();
        fixture.time.run(service.ready().now_or_never().unwrap().unwrap().call(request)).unwrap();
    };
    call();
    call();
    // Another audience rotates the refresh token.
    fixture.store.push(OpKind::Commit, Trouble::Fail);
    fixture.time.run(session(&audiences, "files").token()).unwrap();
    assert!(audiences.state().unsaved);
    for _ in 0..10 {
        fixture.time.advance(SECOND);
        call();
    }
    assert_eq!((fixture.stored().as_str(), audiences.state().unsaved), ("files-refresh-1", false));
    assert_eq!(fixture.mail.count(), 1);
}

#[test]
fn settings_hold_for_all_requests() {
    let (fixture, audiences) = Scripted::logged_in_with(|builder| builder.request_limit(SECOND * 20));
    fixture.mail.push(Step::HangSent);
    let began = fixture.time.now().boot;
    fixture.time.run(session(&audiences, "mail").token()).unwrap_err();
    assert_eq!(fixture.time.now().boot - began, SECOND * 20);
}

#[test]
fn audiences_cannot_be_built_without_one() {
    assert_eq!(Audiences::builder().time(ManualTime::new(1)).build().unwrap_err(), BuildError::NoAudience);
}

/// No driver. A refresh for one audience is given up; requests of another one, which has a usable
/// token and a copy of it, carry it on.
#[test]
fn a_refresh_that_was_given_up_is_carried_on_by_the_requests_of_another_audience() {
    let (fixture, audiences) = Scripted::logged_in();
    let mail = session(&audiences, "mail").clone();
    fixture.time.run(mail.token()).unwrap();
    let inner =
        service_fn(|_: Request<Full<Bytes>>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
    let mut client = BearerLayer::new(mail, Origins::new(["https://mail.example"]).unwrap()).layer(inner);
    let mut ask = || {
        let request = Request::get("https://mail.example/").body(Full::default()).unwrap();
        client.call(request).now_or_never().unwrap().unwrap();
    };
    (0..2).for_each(|_| ask());
    fixture.time.advance(SECOND * 60);
    fixture.files.set_yields(1);
    assert!(session(&audiences, "files").refresh().now_or_never().is_none());
    assert!(audiences.state().refreshing);
    (0..6).for_each(|_| ask());
    assert!(!audiences.state().refreshing, "it stands still, and has the claim");
}
