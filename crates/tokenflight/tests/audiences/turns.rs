//! Whose turn it is, and whose a failure is.

use super::support::*;

/// A server that knows no such resource (`invalid_target`, RFC 8707 §2).
fn no_such_resource() -> Step {
    Step::Fail(GrantError::config("no such API").code("invalid_target"))
}

#[test]
fn an_audience_that_the_server_refuses_keeps_no_other_waiting() {
    let (fixture, audiences) = Scripted::logged_in();
    (0..100).for_each(|_| fixture.files.push(no_such_resource()));
    let began = fixture.time.now().boot;
    fixture.time.run(session(&audiences, "files").token()).unwrap_err();
    let mail = fixture.time.run(session(&audiences, "mail").token()).unwrap();
    assert_eq!((mail.scope(), fixture.time.now().boot), (Some("mail"), began));
    // Both ask at once, again and again, for hours.
    for _ in 0..50 {
        fixture.time.advance(LIFETIME);
        let (files, mail) = (session(&audiences, "files"), session(&audiences, "mail"));
        let (files, mail) = fixture.time.run(join(files.token(), mail.token()));
        files.unwrap_err();
        assert_eq!(mail.unwrap().scope(), Some("mail"));
    }
}

#[test]
fn a_waiting_time_is_that_of_the_audience_whose_request_failed() {
    let (fixture, audiences) = Scripted::logged_in();
    fixture.files.push(Step::Fail(GrantError::throttled(Some(SECOND * 60))));
    let error = fixture.time.run(session(&audiences, "files").token()).unwrap_err();
    assert_eq!((error.class(), error.retry_after()), (Some(FailureClass::Throttled), Some(SECOND * 60)));
    fixture.time.run(session(&audiences, "mail").token()).unwrap();
    fixture.time.run(session(&audiences, "maps").token()).unwrap();
    fixture.time.advance(SECOND * 59);
    fixture.time.run(session(&audiences, "files").token()).unwrap_err();
    assert_eq!(fixture.asked(), ["files", "mail", "maps"], "the server has named a time");
    fixture.time.advance(SECOND);
    fixture.time.run(session(&audiences, "files").token()).unwrap();
}

#[test]
fn the_servers_error_code_reaches_the_caller_of_the_audience() {
    let (fixture, audiences) = Scripted::logged_in();
    fixture.mail.push(no_such_resource());
    let error = fixture.time.run(session(&audiences, "mail").token()).unwrap_err();
    assert_eq!((error.class(), error.code()), (Some(FailureClass::Config), Some("invalid_target")));
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<GrantError>());
    assert_eq!(source.and_then(GrantError::error_code), Some("invalid_target"));
}

#[test]
fn audiences_are_served_in_the_order_of_asking() {
    let (fixture, audiences) = Scripted::logged_in();
    fixture.mail.gate().close();
    let mut first = Box::pin(session(&audiences, "mail").token());
    let mut second = Box::pin(session(&audiences, "maps").token());
    let mut third = Box::pin(session(&audiences, "files").token());
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending() && poll(&mut third).is_pending());
    fixture.mail.gate().open();
    // The one that asked last is polled first.
    let (third, (second, first)) = fixture.time.run(join(third, join(second, first)));
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(fixture.asked(), ["mail", "maps", "files"]);
}

#[test]
fn an_audience_without_callers_is_passed_over() {
    let (fixture, audiences) = Scripted::logged_in();
    fixture.mail.gate().close();
    let mut mail = Box::pin(session(&audiences, "mail").token());
    assert!(poll(&mut mail).is_pending());
    {
        let mut files = Box::pin(session(&audiences, "files").token());
        assert!(poll(&mut files).is_pending());
    }
    let mut maps = Box::pin(session(&audiences, "maps").token());
    assert!(poll(&mut maps).is_pending());
    fixture.mail.gate().open();
    let (maps, mail) = fixture.time.run(join(maps, mail));
    assert!(maps.is_ok() && mail.is_ok());
    assert_eq!(fixture.asked(), ["mail", "maps"]);
    // Its next caller is served.
    fixture.time.run(session(&audiences, "files").token()).unwrap();
}

#[test]
fn an_audience_may_wait_for_its_turn_longer_than_a_request_takes() {
    let (fixture, audiences) = Scripted::logged_in_with(|builder| builder.reuse_policy(ReusePolicy::NonRotating));
    fixture.mail.push(Step::HangSent);
    fixture.maps.push(Step::HangSent);
    let (mail, maps, files) = (session(&audiences, "mail"), session(&audiences, "maps"), session(&audiences, "files"));
    let (mail, (maps, files)) = fixture.time.run(join(mail.token(), join(maps.token(), files.token())));
    assert_eq!(mail.unwrap_err().class(), Some(FailureClass::Ambiguous));
    assert_eq!(maps.unwrap_err().class(), Some(FailureClass::Ambiguous));
    assert_eq!(files.unwrap().scope(), Some("files"));
}

/// Starts a request of `mail` that the server does not answer, whose caller goes away.
fn left_alone(fixture: &Scripted, audiences: &Audiences) {
    fixture.mail.gate().close();
    let mut mail = Box::pin(session(audiences, "mail").token());
    // Until nothing is awake any more.
    for _ in 0..10 {
        assert!(poll(&mut mail).is_pending());
    }
    assert_eq!(fixture.mail.count(), 1);
}

#[test]
fn a_request_that_no_caller_waits_for_is_given_up_where_refresh_tokens_stay_the_same() {
    let (fixture, audiences) = Scripted::logged_in_with(|builder| builder.reuse_policy(ReusePolicy::NonRotating));
    left_alone(&fixture, &audiences);
    let began = fixture.time.now().boot;
    fixture.time.run(session(&audiences, "files").token()).unwrap();
    assert_eq!(fixture.time.now().boot, began);
    // It is not given up while a caller waits.
    let (mut mail, mut maps) =
        (Box::pin(session(&audiences, "mail").token()), Box::pin(session(&audiences, "maps").token()));
    fixture.time.advance(SECOND * 10);
    assert!(poll(&mut mail).is_pending() && poll(&mut maps).is_pending() && poll(&mut mail).is_pending());
    fixture.mail.gate().open();
    let (mail, maps) = fixture.time.run(join(mail, maps));
    assert!(mail.is_ok() && maps.is_ok(), "{mail:?} {maps:?}");
    assert_eq!(fixture.asked(), ["mail", "files", "mail", "maps"]);
}

#[test]
fn a_request_that_no_caller_waits_for_is_waited_for_where_refresh_tokens_rotate() {
    let (fixture, audiences) = Scripted::logged_in();
    left_alone(&fixture, &audiences);
    let mut files = Box::pin(session(&audiences, "files").token());
    assert!(poll(&mut files).is_pending());
    fixture.mail.gate().open();
    fixture.time.run(files).unwrap();
    let presented = fixture.files.presented();
    assert_eq!(presented.first().map(RefreshToken::expose), Some("mail-refresh-1"), "what mail's answer has brought");
}

#[test]
fn an_audience_that_waits_for_its_turn_when_the_last_handle_goes_is_not_served() {
    let (fixture, audiences) = Scripted::logged_in();
    let mut driver = audiences.driver();
    let _ = poll(&mut driver);
    let served = fixture.asked().len();
    fixture.close_gates();
    assert!(session(&audiences, "files").refresh().now_or_never().is_none());
    assert!(session(&audiences, "mail").refresh().now_or_never().is_none());
    let _ = poll(&mut driver);
    drop(audiences);
    let _ = poll(&mut driver);
    for grant in [&fixture.files, &fixture.mail] {
        grant.gate().open();
    }
    fixture.time.run(driver);
    assert_eq!(fixture.asked()[served..], ["files"]);
    assert_eq!(fixture.stored(), "files-refresh-2");
}
