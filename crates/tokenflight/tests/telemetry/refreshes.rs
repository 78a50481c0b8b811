//! The span of a refresh.

use crate::{fixture::*, recorder::Told};

/// The span of the one refresh that this takes.
#[track_caller]
fn refresh<T>(work: impl FnOnce() -> T) -> Told {
    let spans = Recorder::during(work).0.refreshes();
    assert_eq!(spans.len(), 1, "{spans:?}");
    spans[0].clone()
}

const STORY: [&str; 4] = ["reason", "outcome", "adopted", "error.type"];

#[test]
fn a_refresh_is_a_root_span_with_all_its_numbers() {
    let fixture = Fixture::expired();
    let span = refresh(|| fixture.run(fixture.session.token()).unwrap());
    assert_eq!(span.level(), Level::DEBUG);
    assert_eq!(span.parent, None);
    assert!(span.entered > 0);
    let all = ["session", "reason", "generation", "epoch", "outcome", "adopted", "error.type"];
    assert_eq!(span.says(all), ["orders", "expired", "1", "1", "ok", "server", ""]);
}

#[test]
fn a_refresh_says_why_it_was_started() {
    let fixture = Fixture::new();
    let forced = refresh(|| fixture.run(fixture.session.refresh()).unwrap());
    assert_eq!(forced.says(["reason"]), ["forced"]);

    fixture.time.advance(SECOND * 60);
    let current = fixture.session.state().generation;
    let refused = refresh(|| fixture.run(fixture.session.newer_than(current)).unwrap());
    assert_eq!(refused.says(["reason", "generation"]), ["refused", "2"]);

    fixture.time.advance(SECOND * 290);
    let mut driver = fixture.session.driver();
    let due = refresh(|| {
        for _ in 0..6 {
            assert!((&mut driver).now_or_never().is_none());
            fixture.time.advance(SECOND);
        }
    });
    assert_eq!(due.says(["reason"]), ["due"]);

    let other = Fixture::blank(|builder| builder);
    other.run(other.elsewhere().login(TokenSet::new("access-e").refresh_token("r").expires_in(SECOND * 300))).unwrap();
    let first = refresh(|| other.run(other.session.token()).unwrap());
    assert_eq!(first.says(STORY), ["first", "ok", "store", ""]);
}

#[test]
fn a_refresh_says_how_it_ended() {
    let failures = [
        (GrantError::not_sent("no route"), ["expired", "not_sent", "", "not_sent"]),
        (GrantError::throttled(None), ["expired", "throttled", "", "throttled"]),
        (GrantError::ambiguous("cut"), ["expired", "ambiguous", "", "ambiguous"]),
        (GrantError::config("no key").code("invalid_client"), ["expired", "config", "", "invalid_client"]),
        (GrantError::interaction("interaction_required"), ["expired", "interaction", "", "interaction_required"]),
        (GrantError::terminal("invalid_grant"), ["expired", "terminal", "", "invalid_grant"]),
        (GrantError::terminal("token_7f3a_is_revoked"), ["expired", "terminal", "", "_OTHER"]),
    ];
    for (error, story) in failures {
        let fixture = Fixture::expired();
        fixture.grant.push(Step::Fail(error));
        let span = refresh(|| fixture.run(fixture.session.token()).unwrap_err());
        assert_eq!(span.says(STORY), story);
    }
}

#[test]
fn a_refresh_that_presents_nothing_says_so() {
    // The answer to another process was lost, and this server ends a session whose token is
    // presented twice.
    let fixture = Fixture::with(|builder| builder.reuse_policy(ReusePolicy::Strict));
    let (grant, time) = (MockGrant::new(), fixture.time.clone());
    grant.push(Step::Fail(GrantError::ambiguous("cut")));
    let other = Session::builder(grant).store(fixture.model.clone()).time(time).reuse_policy(ReusePolicy::Strict);
    fixture.run(other.build().unwrap().refresh()).unwrap_err();
    let kept = refresh(|| fixture.run(fixture.session.refresh()).unwrap_err());
    assert_eq!(kept.says(STORY), ["forced", "kept_back", "", "ambiguous"]);

    let fixture = Fixture::expired();
    fixture.run(fixture.elsewhere().logout()).unwrap();
    let over = refresh(|| fixture.run(fixture.session.token()).unwrap_err());
    assert_eq!(over.says(STORY), ["expired", "over", "", "logged_out"]);

    let fixture = Fixture::expired();
    fixture.store.push(OpKind::Load, Trouble::Fail);
    let failed = refresh(|| fixture.run(fixture.session.token()).unwrap_err());
    assert_eq!(failed.says(STORY), ["expired", "not_sent", "", "store"]);
}

#[test]
fn a_refresh_that_a_login_overtakes_is_stale() {
    let fixture = Fixture::new();
    fixture.grant.gate().close();
    let span = refresh(|| {
        let mut refreshing = Box::pin(fixture.session.refresh());
        assert!((&mut refreshing).now_or_never().is_none());
        fixture.log_in();
        fixture.grant.gate().open();
        fixture.run(fixture.session.shutdown(SECOND)).unwrap();
    });
    assert_eq!(span.says(STORY), ["forced", "stale", "", ""]);
}

#[test]
fn a_refresh_that_no_handle_is_left_for_is_closed() {
    let fixture = Fixture::new();
    fixture.grant.gate().close();
    let Fixture { time, grant, session, .. } = fixture;
    let span = refresh(|| {
        let mut driver = session.driver();
        let mut refreshing = Box::pin(session.refresh());
        for _ in 0..2 {
            assert!((&mut driver).now_or_never().is_none());
            assert!((&mut refreshing).now_or_never().is_none());
        }
        drop(refreshing);
        drop(session);
        grant.gate().open();
        time.run(driver);
    });
    assert_eq!(span.says(STORY), ["forced", "closed", "", ""]);
}

#[test]
fn a_refresh_that_panics_is_ambiguous() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::PanicSent);
    let span = refresh(|| fixture.run(fixture.session.refresh()).unwrap_err());
    assert_eq!(span.says(STORY), ["forced", "ambiguous", "", "ambiguous"]);
}

/// The request that is cancelled must not take the refresh with it, nor be its parent; and each
/// poll is inside the span.
#[test]
fn a_refresh_follows_from_the_span_that_started_it_and_is_entered_at_each_poll() {
    let fixture = Fixture::new();
    fixture.grant.set_yields(3);
    let (recorder, ()) = Recorder::during(|| {
        let mut first = info_span!("first request").in_scope(|| Box::pin(fixture.session.refresh()));
        info_span!("first request").in_scope(|| assert!((&mut first).now_or_never().is_none()));
        drop(first);
        info_span!("second request").in_scope(|| fixture.run(fixture.session.refresh()).unwrap());
    });
    let span = &recorder.refreshes()[0];
    assert_eq!(recorder.refreshes().len(), 1);
    assert_eq!((span.parent, span.follows.as_slice()), (None, &["first request"][..]));
    assert!(span.entered >= 4, "{span:?}");
    let refreshed = recorder.one("refreshed");
    assert_eq!(recorder.parent(&refreshed), Some("tokenflight.refresh"));
}
