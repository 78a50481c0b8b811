//! A session, or a token, that the server has ended before its time.

use crate::fixture::*;

on_both!(
    a_token_that_dies_early_is_none_of_the_callers_business,
    a_revoked_session_ends_once_and_is_not_asked_about_again,
    others_sessions_are_not_affected,
);

async fn a_token_that_dies_early_is_none_of_the_callers_business(kind: Kind) {
    let server = Setup::new(kind, 4).start().await;
    let user = User::logged_in(&server, public(&server).refresh_token(), "public").await;
    // Half of its lifetime: a refusal of a younger token is taken to be about something else.
    pass(Duration::from_secs(2)).await;
    server.told(&format!("expire?session={}", user.name)).await;
    assert_eq!(user.get().await.0, StatusCode::OK);
    let log = server.log().await;
    assert_eq!((log.refreshes, log.reuses, log.denied), (1, 0, 0), "{log:?}");
}

async fn a_revoked_session_ends_once_and_is_not_asked_about_again(kind: Kind) {
    let server = Setup::new(kind, 60).start().await;
    let user = User::logged_in(&server, public(&server).refresh_token(), "public").await.driven();
    assert_eq!(user.get().await.0, StatusCode::OK);
    server.told(&format!("revoke?session={}", user.name)).await;

    let error = user.session.refresh().await.unwrap_err();
    let ErrorKind::Ended(reason) = error.kind() else { panic!("{error:?}") };
    assert_eq!(reason.code(), "invalid_grant");
    assert!(error.needs_login());
    assert_eq!(error.class(), Some(FailureClass::Terminal));

    for _ in 0..5 {
        // What was issued is good until it expires or is refused.
        assert!(user.session.token().await.is_ok());
        assert!(user.session.refresh().await.unwrap_err().is_ended());
    }
    let log = server.log().await;
    assert_eq!((log.denied, log.reuses, log.refreshes), (1, 0, 0), "asked once: {log:?}");
    assert_eq!(user.count(|event| matches!(event, Event::Ended { .. })), 1, "{:?}", user.events());

    // Only a login helps, and it does.
    user.session.login(server.login("public").await.0).await.unwrap();
    assert_eq!(user.get().await.0, StatusCode::OK);
    user.session.refresh().await.unwrap();
    assert_eq!(user.get().await.0, StatusCode::OK);
}

async fn others_sessions_are_not_affected(kind: Kind) {
    let server = Setup::new(kind, 60).start().await;
    let gone = User::logged_in(&server, public(&server).refresh_token(), "public").await;
    let stays = User::logged_in(&server, public(&server).refresh_token(), "public").await;
    server.told(&format!("revoke?session={}", gone.name)).await;
    assert!(gone.session.refresh().await.unwrap_err().is_ended());
    stays.session.refresh().await.unwrap();
    assert_eq!(stays.get().await.0, StatusCode::OK);
}
