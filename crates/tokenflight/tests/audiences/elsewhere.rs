//! A login or logout of another process that is met by one audience, or by a write of what all of
//! them have in common.

use super::support::*;

/// The access token that a request for an audience gets.
fn access(fixture: &Scripted, audiences: &Audiences, name: &str) -> Option<String> {
    let token = fixture.time.run(session(audiences, name).token()).ok()?;
    Some(token.access().expose().to_owned())
}

/// Here all audiences have a token that lives, and on the same store there is another process.
fn two_processes() -> (Scripted, Audiences, Audiences) {
    let (fixture, here) = Scripted::logged_in();
    let there = fixture.process(|builder| builder);
    fixture.time.run(all([&here], 1));
    fixture.time.advance(SECOND * 60);
    (fixture, here, there)
}

/// Another user logs in there; `files` reads that in the store, and its refresh fails. After that
/// its requests get no token of the login before.
fn files_meets_a_login_and_fails_with(failure: impl Fn() -> GrantError) {
    let (fixture, here, there) = two_processes();
    let before = access(&fixture, &here, "files");
    assert!(before.is_some());
    fixture.time.run(there.login(set("bob"))).unwrap();
    (0..5).for_each(|_| fixture.files.push(Step::Fail(failure())));
    fixture.time.run(session(&here, "files").refresh()).unwrap_err();
    let presented = fixture.files.presented();
    assert_eq!(presented.last().map(RefreshToken::expose), Some("refresh-bob"));
    assert_ne!(access(&fixture, &here, "files"), before);
}

#[test]
fn an_audience_that_has_met_a_login_and_could_not_refresh_serves_no_token_of_the_login_before() {
    files_meets_a_login_and_fails_with(|| GrantError::not_sent("no connection"));
}

#[test]
fn an_audience_that_has_met_a_login_and_its_end_serves_no_token_of_the_login_before() {
    files_meets_a_login_and_fails_with(|| GrantError::terminal("invalid_grant"));
}

/// No driver. The caller of the refresh has gone when another audience meets the login.
#[test]
fn an_audience_whose_refresh_was_given_up_serves_no_token_of_the_login_before() {
    let (fixture, here, there) = two_processes();
    let before = access(&fixture, &here, "files");
    assert!(before.is_some());
    fixture.time.run(there.login(set("bob"))).unwrap();
    fixture.close_gates();
    assert!(session(&here, "files").refresh().now_or_never().is_none());
    for grant in [&fixture.files, &fixture.mail, &fixture.maps] {
        grant.gate().open();
    }
    fixture.time.run(session(&here, "mail").refresh()).unwrap();
    assert_ne!(access(&fixture, &here, "files"), before);
}

/// A rotation for `files` cannot be stored at first.
fn files_leaves_its_rotation_unsaved(fixture: &Scripted, here: &Audiences) {
    fixture.store.push(OpKind::Commit, Trouble::Fail);
    fixture.time.run(session(here, "files").refresh()).unwrap();
    assert!(here.state().unsaved);
}

#[test]
fn a_logout_of_another_process_that_a_write_has_met_is_every_audiences() {
    let (fixture, here, there) = two_processes();
    let mut driver = here.driver();
    assert!(poll(&mut driver).is_pending());
    files_leaves_its_rotation_unsaved(&fixture, &here);
    fixture.time.run(there.logout()).unwrap();
    for _ in 0..100 {
        assert!(poll(&mut driver).is_pending());
        fixture.time.advance(SECOND / 10);
    }
    assert!(!here.state().unsaved);
    for name in NAMES {
        let asked = session(&here, name).token().now_or_never().expect("an answer at once");
        assert_eq!(*asked.unwrap_err().kind(), ErrorKind::LoggedOut, "{name}");
    }
}

/// No driver: requests store.
#[test]
fn a_login_of_another_process_that_a_write_has_met_is_every_audiences() {
    let (fixture, here, there) = two_processes();
    files_leaves_its_rotation_unsaved(&fixture, &here);
    let before = NAMES.map(|name| access(&fixture, &here, name));
    fixture.time.run(there.login(set("bob"))).unwrap();
    for _ in 0..20 {
        fixture.time.advance(SECOND);
        for name in NAMES {
            let _ = session(&here, name).token().now_or_never();
        }
    }
    assert!(!here.state().unsaved);
    for (name, before) in NAMES.into_iter().zip(before) {
        let now = access(&fixture, &here, name);
        assert!(now.is_some() && now != before, "{name}: {now:?}");
    }
}
