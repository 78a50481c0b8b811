//! A store whose reads are older than what it compares with, as those of a replica are.

use tokenflight::{ErrorKind, GrantKey, Session, Store};
use tokenflight_core::{
    BoxFuture,
    store::{Op, Reply, Seen, StoreError},
};
use tokenflight_test::{MockStore, mock::OpKind};

use super::fixture::{Fixture, key};

struct Lagging(MockStore, Seen);

impl Store for Lagging {
    fn load<'a>(&'a self, _key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(async { Ok(self.1.clone()) })
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        self.0.apply(key, op)
    }
}

#[test]
fn it_is_asked_with_pauses_and_not_for_ever() {
    let fixture = Fixture::new();
    let old = fixture.time.run(fixture.model.load(&key())).expect("a read");
    fixture.put("x");
    let store = MockStore::before(fixture.model.clone());
    let lagging = Lagging(store.clone(), old);
    let builder = Session::builder(fixture.grant.clone()).store(lagging).time(fixture.time.clone());
    let session = builder.build().expect("the settings make sense");
    let began = fixture.time.now().boot;
    let error = fixture.time.run(session.token()).expect_err("nothing can be claimed");
    assert_eq!((error.kind(), fixture.grant.count()), (&ErrorKind::Store, 0));
    let (took, claims) =
        (fixture.time.now().boot - began, store.kinds().iter().filter(|kind| **kind == OpKind::Claim).count());
    assert!(claims > 100 && (claims as f64) < 5.0 + took.as_secs_f64() * 50.0, "{claims} in {took:?}");
}
