//! An answer that was lost on the way: the refresh token is spent, and its successor is nowhere.

use tokenflight::ReusePolicy;
use tokenflight_oauth2::provider::Provider;

use crate::fixture::*;

on_both!(a_lost_answer_costs_the_session_not_before_the_access_token_has_expired);

/// Strict: the refresh token may be spent, and presenting a spent one ends the session.
async fn a_lost_answer_costs_the_session_not_before_the_access_token_has_expired(kind: Kind) {
    let server = Setup::new(kind, 6).start().await;
    let user = User::logged_in(&server, public(&server).refresh_token(), "public").await.driven();
    let access = user.access().await.unwrap();
    server.told("cut?n=1").await;
    let error = user.session.refresh().await.unwrap_err();
    assert_eq!(error.class(), Some(FailureClass::Ambiguous), "{error:?}");
    assert!(!error.needs_login());
    // A caller who insists gets the same answer, and the server is not asked.
    let again = user.session.refresh().await.unwrap_err();
    assert_eq!(again.class(), Some(FailureClass::Ambiguous), "{again:?}");

    let mut served = 0;
    until("the access token expires", async || {
        let log = server.log().await;
        let token = user.access().await;
        // A log that is older than a usable token.
        if matches!(user.session.state().status, Status::Usable) {
            assert_eq!(token.unwrap(), access, "the current token is served");
            assert_eq!((log.refreshes, log.reuses, log.denied, log.cuts), (1, 0, 0, 1), "{log:?}");
            served += 1;
        }
        matches!(user.session.state().status, Status::Over(_))
    })
    .await;
    assert!(served > 10, "served {served} times");

    let error = user.access().await.unwrap_err();
    assert!(error.is_ended() && error.needs_login(), "{error:?}");
    assert_eq!(error.class(), Some(FailureClass::Terminal));
    assert!(user.session.refresh().await.unwrap_err().is_ended());
    let log = server.log().await;
    assert_eq!((log.refreshes, log.reuses, log.denied), (1, 1, 0), "one replay, and no more: {log:?}");
    assert_eq!(user.count(|event| matches!(event, Event::Ended { .. })), 1, "{:?}", user.events());
    println!("{kind:?}: served {served} times after the loss; {log:?}");
}

/// Where a used refresh token is answered again for a while, a lost answer costs nothing.
#[test]
fn a_lost_answer_is_fetched_again_within_the_grace_period() {
    run(Kind::Django, async |kind| {
        const FORGIVING: Provider =
            Provider { reuse: ReusePolicy::grace(Duration::from_secs(10)), ..*provider::UNKNOWN };
        let server = Setup { grace_seconds: 10, ..Setup::new(kind, 30) }.start().await;
        let grant = public(&server).provider(&FORGIVING).refresh_token();
        let user = User::logged_in(&server, grant, "public").await.driven();
        let first = user.access().await.unwrap();
        server.told("cut?n=1").await;
        let error = user.session.refresh().await.unwrap_err();
        assert_eq!(error.class(), Some(FailureClass::Ambiguous), "{error:?}");

        until("the driver presents the same refresh token again", async || {
            user.count(|event| matches!(event, Event::Refreshed { .. })) > 0
        })
        .await;
        assert_ne!(user.access().await.unwrap(), first);
        assert_eq!(user.get().await.0, StatusCode::OK);
        let log = server.log().await;
        assert_eq!((log.refreshes, log.graced, log.reuses, log.denied), (2, 1, 0, 0), "{log:?}");

        // And on it goes, with the successor.
        user.session.refresh().await.unwrap();
        assert_eq!(user.get().await.0, StatusCode::OK);
        let log = server.log().await;
        assert_eq!((log.refreshes, log.graced, log.reuses, log.denied), (3, 1, 0, 0), "{log:?}");
    });
}
