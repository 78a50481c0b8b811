//! What becomes of a session: logins, logouts, ends, failures.

use tokenflight::{Audiences, BoxFuture, GrantKey, Store};
use tokenflight_core::store::{Body, Op, Owner};

use crate::fixture::*;

#[test]
fn a_login_and_a_logout_are_told() {
    let fixture = Fixture::blank(|builder| builder);
    let (recorder, _) = Recorder::during(|| {
        fixture.log_in();
        fixture.run(fixture.session.logout()).unwrap()
    });
    let login = recorder.one("logged_in");
    assert_eq!((login.level(), login.says(["session", "generation"])), (Level::INFO, ["orders", "1"]));
    let logout = recorder.one("logged_out");
    assert_eq!((logout.level(), logout.says(["session"])), (Level::INFO, ["orders"]));
}

#[test]
fn a_new_token_is_told_with_where_it_came_from() {
    let fixture = Fixture::new();
    let (recorder, _) = Recorder::during(|| fixture.run(fixture.session.refresh()).unwrap());
    let told = recorder.one("refreshed");
    assert_eq!(told.level(), Level::DEBUG);
    assert_eq!(told.says(["session", "generation", "adopted"]), ["orders", "2", "server"]);
}

/// One failure is nothing to wake a person for; three in a row are, once.
#[test]
fn the_third_failure_in_a_row_is_a_warning_and_only_that_one() {
    let fixture = Fixture::expired();
    let fail = || {
        fixture.grant.push(Step::Fail(GrantError::throttled(Some(SECOND * 7))));
        fixture.time.advance(SECOND * 400);
        fixture.run(fixture.session.token()).unwrap_err();
    };
    let (recorder, ()) = Recorder::during(|| {
        (0..5).for_each(|_| fail());
        fixture.time.advance(SECOND * 400);
        fixture.run(fixture.session.token()).unwrap();
        fixture.time.advance(SECOND * 400);
        (0..3).for_each(|_| fail());
    });
    let told = recorder.events("refresh_failed");
    let levels: Vec<_> = told.iter().map(|told| told.level()).collect();
    let (quiet, loud) = (Level::DEBUG, Level::WARN);
    assert_eq!(levels, [quiet, quiet, loud, quiet, quiet, quiet, quiet, loud]);
    let says = ["session", "class", "error.type", "retry_after_ms"];
    assert!(told.iter().all(|told| told.says(says) == ["orders", "throttled", "throttled", "7000"]));
}

#[test]
fn what_is_set_up_wrong_is_a_warning_at_once_and_once() {
    let fixture = Fixture::expired();
    let (recorder, ()) = Recorder::during(|| {
        for _ in 0..4 {
            fixture.grant.push(Step::Fail(GrantError::config("wrong key").code("invalid_client")));
            fixture.time.advance(SECOND * 400);
            fixture.run(fixture.session.token()).unwrap_err();
        }
    });
    let told = recorder.one("config_error");
    assert_eq!((told.level(), told.says(["session", "error.type"])), (Level::WARN, ["orders", "invalid_client"]));
    let rest = recorder.events("refresh_failed");
    assert_eq!(rest.iter().map(|told| told.level()).collect::<Vec<_>>(), [Level::DEBUG; 3]);
}

/// Each of the two is an alarm of its own: one that has rung does not silence the other.
#[test]
fn what_is_set_up_wrong_is_told_after_other_failures_and_those_after_it() {
    let config = || GrantError::config("wrong key").code("invalid_client");
    let throttled = || GrantError::throttled(None);
    let told = |failures: [GrantError; 5]| {
        let fixture = Fixture::expired();
        let (recorder, ()) = Recorder::during(|| {
            for failure in failures {
                fixture.grant.push(Step::Fail(failure));
                fixture.time.advance(SECOND * 400);
                fixture.run(fixture.session.token()).unwrap_err();
            }
        });
        let loud = |name| recorder.events(name).iter().filter(|told| told.level() == Level::WARN).count();
        (loud("config_error"), loud("refresh_failed"))
    };
    assert_eq!(told([throttled(), throttled(), throttled(), config(), config()]), (1, 1));
    assert_eq!(told([config(), throttled(), throttled(), throttled(), throttled()]), (1, 1));
}

#[test]
fn an_end_is_a_warning() {
    let fixture = Fixture::expired();
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    let (recorder, _) = Recorder::during(|| fixture.run(fixture.session.token()).unwrap_err());
    let told = recorder.one("ended");
    assert_eq!((told.level(), told.says(["session", "error.type"])), (Level::WARN, ["orders", "invalid_grant"]));
    assert!(recorder.events("suspected_reuse").is_empty(), "its token was presented once");
}

/// The answer to the first presentation was lost. Within the grace window the token is presented
/// again, and the server says that the grant is over: it may have taken that for theft.
#[test]
fn an_end_after_a_token_was_presented_twice_is_a_suspicion() {
    let window = SECOND * 1000;
    let fixture = Fixture::with(|builder| builder.reuse_policy(ReusePolicy::Grace { window }));
    fixture.time.advance(SECOND * 300);
    fixture.grant.push(Step::Fail(GrantError::ambiguous("cut")));
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    let (recorder, error) = Recorder::during(|| fixture.run(fixture.session.token()).unwrap_err());
    assert!(error.is_ended(), "{error:?}");
    let told = recorder.one("suspected_reuse");
    assert_eq!((told.level(), told.says(["session", "generation"])), (Level::WARN, ["orders", "1"]));
}

#[test]
fn what_wants_a_person_is_a_warning() {
    let fixture = Fixture::expired();
    fixture.grant.push(Step::Fail(GrantError::interaction("consent_required")));
    let (recorder, _) = Recorder::during(|| fixture.run(fixture.session.token()).unwrap_err());
    let told = recorder.one("interaction_required");
    assert_eq!((told.level(), told.says(["session", "error.type"])), (Level::WARN, ["orders", "consent_required"]));
}

#[test]
fn what_is_not_stored_is_a_warning_until_it_is() {
    let fixture = Fixture::new();
    fixture.store.push(OpKind::Commit, Trouble::Fail);
    let (recorder, ()) = Recorder::during(|| {
        fixture.run(fixture.session.refresh()).unwrap();
        fixture.run(fixture.session.shutdown(SECOND * 60)).unwrap();
    });
    let (open, closed) = (recorder.one("unpersisted"), recorder.one("persisted"));
    assert_eq!((open.level(), open.says(["session", "generation"])), (Level::WARN, ["orders", "2"]));
    assert_eq!((closed.level(), closed.says(["session", "generation"])), (Level::INFO, ["orders", "2"]));
}

#[test]
fn what_another_process_has_overtaken_is_told() {
    let fixture = Fixture::new();
    fixture.store.push(OpKind::Commit, Trouble::Fail);
    let (recorder, ()) = Recorder::during(|| {
        fixture.run(fixture.session.refresh()).unwrap();
        let tokens = TokenSet::new("access-e").refresh_token("refresh-e").expires_in(SECOND * 300);
        fixture.run(fixture.elsewhere().login(tokens)).unwrap();
        let _ = fixture.run(fixture.session.shutdown(SECOND * 60));
    });
    let told = recorder.one("overtaken");
    assert_eq!((told.level(), told.says(["session", "generation"])), (Level::INFO, ["orders", "2"]));
}

#[test]
fn a_lifetime_too_short_to_renew_ahead_of_is_told() {
    let fixture = Fixture::new();
    fixture.grant.set_lifetime(Some(SECOND * 50));
    fixture.grant.gate().close();
    let (recorder, _) = Recorder::during(|| {
        let mut refreshing = Box::pin(fixture.session.refresh());
        assert!((&mut refreshing).now_or_never().is_none());
        fixture.time.advance(SECOND * 30);
        fixture.grant.gate().open();
        fixture.run(refreshing).unwrap()
    });
    let told = recorder.one("proactive_off");
    assert_eq!((told.level(), told.says(["session"])), (Level::INFO, ["orders"]));
}

/// Another process has the claim, and hangs.
#[test]
fn a_wait_for_another_holder_is_told() {
    let fixture = Fixture::new();
    let (owner, length) = (Owner::unique(), SECOND * 600);
    let seen = fixture.model.entry(&GrantKey::new("default")).unwrap().op;
    let body = Body::Claim { owner, seen, length, yields: None, holder: "a name of its own".into() };
    let claim = fixture.model.another_process();
    let op = Op::new(None, fixture.time.now(), body);
    fixture.run(claim.apply(&GrantKey::new("default"), op)).unwrap();
    let (recorder, _) = Recorder::during(|| fixture.run(fixture.session.refresh()).unwrap_err());
    let told = recorder.one("waiting");
    assert_eq!((told.level(), told.says(["session"])), (Level::INFO, ["orders"]));
    assert!(told.get("tokenflight.at_most_ms").parse::<u64>().unwrap() > 0);
    assert!(!format!("{told:?}").contains("a name of its own"), "it is text");
}

/// A grant whose server does not take tokens back.
struct Clinging(MockGrant);

impl Grant for Clinging {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        self.0.request(request)
    }

    fn revoke<'a>(&'a self, _: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        Box::pin(async { Err(GrantError::config("not here").code("unsupported_token_type")) })
    }
}

#[test]
fn a_refresh_token_that_was_not_taken_back_is_a_warning() {
    let time = ManualTime::new(7);
    let session = Session::builder(Clinging(MockGrant::new())).time(time.clone()).label("orders").build().unwrap();
    time.run(session.login(TokenSet::new("access-0").refresh_token("refresh-0"))).unwrap();
    let (recorder, _) = Recorder::during(|| time.run(session.logout()).unwrap());
    let told = recorder.one("revocation_failed");
    assert_eq!((told.level(), told.says(["session", "error.type"])), (Level::WARN, ["orders", "_OTHER"]));
}

#[test]
fn what_the_last_handle_leaves_behind_is_a_warning() {
    let fixture = Fixture::new();
    fixture.grant.gate().close();
    let (recorder, ()) = Recorder::during(|| {
        assert!(Box::pin(fixture.session.refresh()).now_or_never().is_none());
        drop(fixture.session);
    });
    let told = recorder.one("abandoned");
    assert_eq!((told.level(), told.says(["session"])), (Level::WARN, ["orders"]));
}

/// A session that was given no name.
#[test]
fn without_a_label_a_session_is_the_default() {
    let time = ManualTime::new(7);
    let session = Session::builder(MockGrant::new()).time(time.clone()).build().unwrap();
    let (recorder, ()) = Recorder::during(|| time.run(session.login(TokenSet::new("access-0"))).unwrap());
    assert_eq!(recorder.one("logged_in").says(["session"]), ["default"]);
}

#[test]
fn audiences_have_the_label_of_their_builder() {
    let time = ManualTime::new(7);
    let builder = Audiences::builder().audience("mail", MockGrant::new()).time(time.clone()).label("orders");
    let audiences = builder.build().unwrap();
    let (recorder, ()) = Recorder::during(|| {
        time.run(audiences.login(TokenSet::from_refresh_token("refresh-0"))).unwrap();
        time.run(audiences.session("mail").unwrap().token()).unwrap();
    });
    let spans = recorder.refreshes();
    assert_eq!(spans.len(), 2, "of the audience, and of what it has in common with others: {spans:?}");
    assert!(spans.iter().all(|span| span.says(["session", "outcome"]) == ["orders", "ok"]), "{spans:?}");
}
