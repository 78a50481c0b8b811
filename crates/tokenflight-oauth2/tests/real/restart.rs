//! A server that is away for a while.

use crate::{fixture::*, server::Directory};

on_both!(
    a_session_outlives_a_restart_of_its_server,
    a_session_whose_token_expires_meanwhile_comes_back_with_the_server,
);

async fn a_session_outlives_a_restart_of_its_server(kind: Kind) {
    let directory = Directory::new("restart", kind);
    let server = Setup { state: Some(directory.0.clone()), ..Setup::new(kind, 60) }.start().await;
    let user = User::logged_in(&server, public(&server).refresh_token(), "public").await.driven();
    let access = user.access().await.unwrap();

    let setup = server.kill();
    let error = user.session.refresh().await.unwrap_err();
    assert_eq!(error.class(), Some(FailureClass::NotSent), "{error:?}");
    assert!(error.is_transient() && !error.needs_login());
    assert_eq!(user.access().await.unwrap(), access, "the current token is served");

    let server = setup.start().await;
    assert_eq!(user.get().await.0, StatusCode::OK, "the old token is still good");
    // Not sent is not spent: the same refresh token brings the next, as soon as the wait is over.
    until("the refresh", async || user.session.refresh().await.is_ok()).await;
    assert_ne!(user.access().await.unwrap(), access);
    assert_eq!(user.get().await.0, StatusCode::OK);
    let log = server.log().await;
    assert_eq!((log.refreshes, log.reuses, log.denied), (1, 0, 0), "{log:?}");
}

async fn a_session_whose_token_expires_meanwhile_comes_back_with_the_server(kind: Kind) {
    let directory = Directory::new("outage", kind);
    let server = Setup { state: Some(directory.0.clone()), ..Setup::new(kind, 3) }.start().await;
    let user = User::logged_in(&server, public(&server).refresh_token(), "public").await.driven();
    user.session.refresh().await.unwrap();

    let setup = server.kill();
    until("the access token expires", async || matches!(user.session.state().status, Status::Stale)).await;
    let error = user.access().await.unwrap_err();
    assert_eq!(error.class(), Some(FailureClass::NotSent), "{error:?}");
    assert!(error.is_transient() && !error.needs_login());
    pass(Duration::from_millis(500)).await;

    let refreshed = |event: &Event| matches!(event, Event::Refreshed { .. });
    let before = user.count(refreshed);
    let server = setup.start().await;
    // By the driver: no caller asks.
    until("new tokens", async || user.count(refreshed) > before).await;
    assert_eq!(user.get().await.0, StatusCode::OK);
    assert_eq!(user.count(|event| matches!(event, Event::Ended { .. })), 0);
    let log = server.log().await;
    assert_eq!((log.reuses, log.denied), (0, 0), "{log:?}");
}
