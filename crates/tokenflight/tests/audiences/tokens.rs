//! Tokens of several audiences, and what becomes of them when a login ends.

use super::support::*;

#[test]
fn each_audience_gets_a_token_of_its_own_and_the_refresh_token_is_never_presented_twice() {
    let (fixture, audiences) = Fixture::logged_in();
    let before = fixture.time.now().boot;
    let tokens = fixture.time.run(all([&audiences], 30));
    assert_eq!(
        fixture.time.now().boot - before,
        Duration::from_millis(300),
        "one after the other, and nothing between them"
    );
    for (name, token) in &tokens {
        assert_eq!(token.scope(), Some(*name));
    }
    assert_eq!(fixture.requests(), 3, "one request for each audience, however many ask");
    fixture.auth.assert_unharmed();
    assert!(audiences.session("music").is_none());
}

#[test]
fn so_it_is_with_several_processes_over_one_store() {
    let (fixture, first) = Fixture::logged_in();
    let processes = [first, fixture.process(), fixture.process()];
    for (name, token) in fixture.time.run(all(&processes, 5)) {
        assert_eq!(token.scope(), Some(name));
    }
    assert_eq!(fixture.requests(), 9);
    fixture.auth.assert_unharmed();
}

#[test]
fn drivers_renew_every_audience_and_each_only_its_own() {
    let (fixture, audiences) = Fixture::logged_in();
    let mut drivers: Vec<_> = NAMES.iter().map(|name| Box::pin(session(&audiences, name).driver())).collect();
    let old = fixture.time.run(all([&audiences], 1));
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..LIFETIME.as_secs() * 10 {
        fixture.time.advance(Duration::from_millis(100));
        for driver in &mut drivers {
            assert!(driver.as_mut().poll(&mut cx).is_pending());
        }
    }
    assert!((6..=9).contains(&fixture.requests()), "{}", fixture.requests());
    let new = fixture.time.run(all([&audiences], 1));
    for ((name, old), (_, new)) in old.iter().zip(&new) {
        assert_eq!(new.scope(), Some(*name));
        assert_ne!(old.access(), new.access(), "{name} was not renewed");
    }
    fixture.auth.assert_unharmed();
}

#[test]
fn an_end_is_that_of_all_and_is_announced_once_and_a_login_lifts_it() {
    let (fixture, audiences) = Fixture::logged_in();
    fixture.time.run(all([&audiences], 1));
    fixture.auth.revoke_family("alice");
    fixture.time.advance(LIFETIME);
    let before = fixture.requests();
    for name in NAMES {
        let error = fixture.time.run(session(&audiences, name).token()).unwrap_err();
        assert!(error.is_ended() && error.needs_login(), "{name}: {error:?}");
    }
    assert_eq!(fixture.requests(), before + 1, "the others were told without asking");

    fixture.time.run(audiences.login(fixture.auth.login_as("bob"))).unwrap();
    for (name, token) in fixture.time.run(all([&audiences], 1)) {
        assert_eq!(token.scope(), Some(name));
        assert_eq!(fixture.auth.label_of(token.access().expose()).as_deref(), Some("bob"));
    }
}

#[test]
fn no_audience_gets_a_token_of_the_old_login_after_a_new_one_or_a_logout() {
    let (fixture, audiences) = Fixture::logged_in();
    fixture.time.run(all([&audiences], 1));
    fixture.time.run(audiences.login(fixture.auth.login_as("bob"))).unwrap();
    for (name, token) in fixture.time.run(all([&audiences], 1)) {
        assert_eq!(fixture.auth.label_of(token.access().expose()).as_deref(), Some("bob"), "{name}");
    }
    // In the middle of a refresh, too.
    fixture.time.advance(LIFETIME);
    let mail = session(&audiences, "mail");
    let (token, login) = fixture.time.run(join(mail.token(), audiences.login(fixture.auth.login_as("carol"))));
    login.unwrap();
    assert_eq!(*token.unwrap_err().kind(), ErrorKind::SessionChanged);
    let token = fixture.time.run(mail.token()).unwrap();
    assert_eq!(fixture.auth.label_of(token.access().expose()).as_deref(), Some("carol"));

    fixture.time.run(audiences.logout()).unwrap();
    for name in NAMES {
        assert!(fixture.time.run(session(&audiences, name).token()).unwrap_err().needs_login(), "{name}");
    }
    assert_eq!(fixture.auth.report().total.presented_twice, 0);
}

/// Another process logs in while this one's exchange is under way: what that brings is the old
/// login's, and no caller's now.
#[test]
fn what_was_minted_for_a_login_that_was_replaced_elsewhere_is_not_handed_out() {
    let (fixture, here) = Fixture::logged_in();
    let elsewhere = fixture.process();
    let mail = session(&here, "mail");
    let mut asking = pin!(mail.token());
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        assert!(asking.as_mut().poll(&mut cx).is_pending());
    }
    assert_eq!(fixture.requests(), 1, "the exchange is under way");
    fixture.time.run(elsewhere.login(fixture.auth.login_as("bob"))).unwrap();
    let token = fixture.time.run(asking).unwrap();
    assert_eq!(token.scope(), Some("mail"));
    assert_eq!(fixture.auth.label_of(token.access().expose()).as_deref(), Some("bob"));
}

#[test]
fn a_request_that_leaves_does_not_get_its_token_to_another_audience() {
    let (fixture, audiences) = Fixture::logged_in();
    {
        // Mail's exchange is under way when its caller goes away.
        let mut asking = pin!(session(&audiences, "mail").token());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(asking.as_mut().poll(&mut cx).is_pending());
    }
    for (name, token) in fixture.time.run(all([&audiences], 1)) {
        assert_eq!(token.scope(), Some(name));
    }
    fixture.auth.assert_unharmed();
}

/// An answer is lost; the others' tokens are used up before the refresh token is tried again.
#[test]
fn a_lost_answer_leaves_the_tokens_of_all_audiences_in_use() {
    let (fixture, audiences) = Fixture::logged_in();
    let mail = fixture.time.run(session(&audiences, "mail").token()).unwrap();
    fixture.auth.faults().push(Fault::CutAfter);
    let error = fixture.time.run(session(&audiences, "files").token()).unwrap_err();
    assert_eq!(error.class(), Some(FailureClass::Ambiguous));
    fixture.time.advance(Duration::from_secs(60));
    let before = fixture.requests();
    assert_eq!(
        fixture.time.run(session(&audiences, "files").token()).unwrap_err().class(),
        Some(FailureClass::Ambiguous)
    );
    assert_eq!(fixture.time.run(session(&audiences, "mail").token()).unwrap().access(), mail.access());
    assert_eq!(fixture.requests(), before, "it is kept back");
}

/// Mail's token has an hour; the one that was obtained last had a minute and has run out.
#[test]
fn a_refresh_token_in_doubt_is_kept_back_while_any_audience_has_a_living_token() {
    let (fixture, audiences) = Scripted::logged_in();
    let (files, mail) = (session(&audiences, "files"), session(&audiences, "mail"));
    let lasts = |seconds| Step::Answer(TokenSet::new("access").refresh_token("next").expires_in(SECOND * seconds));
    fixture.mail.push(lasts(3600));
    fixture.time.run(mail.token()).unwrap();
    fixture.files.push(lasts(60));
    fixture.time.run(files.token()).unwrap();
    fixture.time.advance(SECOND * 61);
    fixture.files.push(Step::Fail(GrantError::ambiguous("the answer was lost")));
    fixture.time.run(files.token()).unwrap_err();
    let asked = fixture.asked();
    for _ in 0..20 {
        fixture.time.run(files.token()).unwrap_err();
        fixture.time.advance(SECOND * 10);
    }
    assert!(mail.token().now_or_never().unwrap().is_ok());
    assert_eq!(fixture.asked(), asked, "it was presented again");
}

#[test]
fn without_a_login_every_audience_says_so() {
    let fixture = Fixture::new();
    let audiences = fixture.process();
    let error = fixture.time.run(session(&audiences, "mail").token()).unwrap_err();
    assert!(error.needs_login());
    assert_eq!(format!("{audiences:?}"), r#"["files", "mail", "maps"]"#);
    assert_eq!(fixture.requests(), 0);
}
