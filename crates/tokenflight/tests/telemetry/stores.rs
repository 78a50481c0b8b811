//! What is asked of the store.

use tokenflight::MemoryStore;
use tokenflight_core::store::Incarnation;

use crate::fixture::*;

fn operations(recorder: &Recorder) -> Vec<(String, String)> {
    let mut told = recorder.events("store.operation");
    // Other processes have another label.
    told.retain(|told| told.says(["session"]) == ["orders"]);
    assert!(told.iter().all(|told| told.level() == Level::DEBUG));
    told.iter().map(|told| told.says(["operation", "outcome"]).map(str::to_owned).into()).collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(operation, outcome)| (operation.to_owned(), outcome.to_owned())).into()
}

#[test]
fn a_refresh_that_succeeds_claims_and_commits() {
    let fixture = Fixture::new();
    let (recorder, _) = Recorder::during(|| fixture.run(fixture.session.refresh()).unwrap());
    assert_eq!(operations(&recorder), pairs([("claim", "ok"), ("commit", "ok")]));
    let told = &recorder.events("store.operation")[0];
    assert_eq!((recorder.parent(told), told.says(["took_ms"])), (Some("tokenflight.refresh"), ["0"]));
}

#[test]
fn a_refresh_that_fails_claims_and_settles_or_ends() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::throttled(None)));
    let (recorder, _) = Recorder::during(|| fixture.run(fixture.session.refresh()).unwrap_err());
    assert_eq!(operations(&recorder), pairs([("claim", "ok"), ("settle", "ok")]));

    let fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    let (recorder, _) = Recorder::during(|| fixture.run(fixture.session.refresh()).unwrap_err());
    assert_eq!(operations(&recorder), pairs([("claim", "ok"), ("end", "ok")]));
}

#[test]
fn a_login_and_a_logout_are_resets() {
    let fixture = Fixture::blank(|builder| builder);
    let (recorder, _) = Recorder::during(|| {
        fixture.log_in();
        fixture.run(fixture.session.logout()).unwrap()
    });
    assert_eq!(operations(&recorder), pairs([("reset", "ok"), ("reset", "ok")]));
}

#[test]
fn a_store_that_lost_the_last_state_is_given_it_again() {
    let fixture = Fixture::blank(|builder| builder);
    fixture.model.set_incarnation(Some(Incarnation::new(1)));
    fixture.log_in();
    fixture.run(fixture.session.refresh()).unwrap();
    fixture.model.fail_over(1);
    fixture.time.advance(SECOND * 400);
    let (recorder, _) = Recorder::during(|| fixture.run(fixture.session.token()));
    assert!(operations(&recorder).contains(&("again".to_owned(), "ok".to_owned())), "{:?}", operations(&recorder));
}

#[test]
fn an_operation_says_how_it_failed_and_how_long_it_took() {
    let fixture = Fixture::new();
    fixture.store.push(OpKind::Commit, Trouble::Fail);
    let (recorder, _) = Recorder::during(|| fixture.run(fixture.session.refresh()).unwrap());
    assert_eq!(operations(&recorder), pairs([("claim", "ok"), ("commit", "error")]));

    // Another process's login came between the answer and the commit.
    let fixture = Fixture::new();
    fixture.grant.gate().close();
    let (recorder, _) = Recorder::during(|| {
        let mut refreshing = Box::pin(fixture.session.refresh());
        assert!((&mut refreshing).now_or_never().is_none());
        fixture.run(fixture.elsewhere().login(TokenSet::new("access-e").refresh_token("refresh-e"))).unwrap();
        fixture.grant.gate().open();
        fixture.run(refreshing)
    });
    assert_eq!(operations(&recorder), pairs([("claim", "ok"), ("commit", "conflict")]));

    let fixture = Fixture::new();
    fixture.store.gate(OpKind::Claim).close();
    let (recorder, _) = Recorder::during(|| {
        let mut refreshing = Box::pin(fixture.session.refresh());
        assert!((&mut refreshing).now_or_never().is_none());
        fixture.time.advance(SECOND * 2);
        fixture.store.gate(OpKind::Claim).open();
        fixture.run(refreshing).unwrap()
    });
    assert_eq!(recorder.events("store.operation")[0].says(["operation", "took_ms"]), ["claim", "2000"]);
}

/// Two sessions of one process over one store.
#[test]
fn a_claim_that_another_holder_has_is_busy() {
    let fixture = Fixture::new();
    let store = MemoryStore::default();
    let build =
        || Session::builder(fixture.grant.clone()).store(store.clone()).time(fixture.time.clone()).label("orders");
    let (one, other) = (build().build().unwrap(), build().build().unwrap());
    fixture.run(one.login(TokenSet::new("access-0").refresh_token("refresh-0"))).unwrap();
    fixture.run(other.token()).unwrap();
    fixture.grant.gate().close();
    let (recorder, _) = Recorder::during(|| {
        let (mut first, mut second) = (Box::pin(one.refresh()), Box::pin(other.refresh()));
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        fixture.grant.gate().open();
        fixture.run(first).unwrap();
        fixture.run(second).unwrap()
    });
    let told = operations(&recorder);
    assert_eq!(told[..2], pairs([("claim", "ok"), ("claim", "busy")]));
    let adopted: Vec<_> = recorder.refreshes().iter().map(|span| span.get("tokenflight.adopted").to_owned()).collect();
    assert_eq!(adopted, ["server", "store"]);
}
