//! A store that tells when an entry was written, asked while another holder's claim is waited for.

use tokenflight_test::mock::Gate;

use crate::fixture::*;

/// It tells while the gate is open.
#[derive(Clone)]
struct Telling(MockStore, Gate);

impl Store for Telling {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        self.0.load(key)
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        self.0.apply(key, op)
    }

    fn changed<'a>(&'a self, _key: &'a GrantKey) -> BoxFuture<'a, ()> {
        Box::pin(self.1.pass())
    }
}

/// Has a session wait for another holder's claim for a second. Then the other one acts, and the
/// session must find `x`.
fn waits<R>(fixture: &Fixture, then: impl AsyncFnOnce(&Telling) -> R) -> R {
    let store = Telling(MockStore::before(fixture.model.clone()), Gate::new());
    store.1.close();
    let builder = Session::builder(fixture.grant.clone()).store(store.clone()).time(fixture.time.clone());
    let session = builder.build().expect("the settings make sense");
    let (owner, seen) = (Owner::unique(), fixture.entry().op);
    let claim = Body::Claim { owner, seen, length: secs(75), yields: None, holder: "another process".into() };
    fixture.time.run(fixture.model.apply(&key(), Op::new(None, fixture.time.now(), claim))).expect("claimed");
    let act = async {
        Time::sleep(&fixture.time, secs(1)).await;
        then(&store).await
    };
    let (result, token) = fixture.time.run(join(act, session.token()));
    assert_eq!(token.expect("found").access().expose(), "access-x");
    result
}

#[test]
fn a_notice_ends_the_pause_of_a_waiter() {
    let fixture = Fixture::new();
    let put = waits(&fixture, async |store| {
        fixture.put("x");
        store.1.open();
        fixture.time.now().boot
    });
    let took = fixture.time.now().boot - put;
    assert!(took <= Duration::from_millis(20), "{took:?}, and pauses are of 125 to 250 ms by then");
}

#[test]
fn a_store_that_tells_all_the_time_is_not_asked_all_the_time() {
    let fixture = Fixture::new();
    let asked = waits(&fixture, async |store| {
        let loads = || store.0.kinds().iter().filter(|kind| **kind == Load).count();
        store.1.open();
        let before = loads();
        Time::sleep(&fixture.time, secs(1)).await;
        let asked = loads() - before;
        fixture.put("x");
        asked
    });
    assert!((40..=100).contains(&asked), "{asked} times in a second");
}
