//! A store whose reads are older than what it compares with, as those of a replica are.

use tokenflight::ReusePolicy;
use tokenflight_core::store::ClockId;

use crate::fixture::*;

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
    let (took, claims) = (fixture.time.now().boot - began, store.kinds().iter().filter(|kind| **kind == Claim).count());
    assert!(claims > 100 && (claims as f64) < 5.0 + took.as_secs_f64() * 50.0, "{claims} in {took:?}");
}

/// A store whose answers to reads are noticed this much later than it gave them.
struct Unnoticed(ModelStore, ManualTime, Duration);

impl Store for Unnoticed {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(async {
            let seen = self.0.load(key).await;
            Time::sleep(&self.1, self.2).await;
            seen
        })
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        self.0.apply(key, op)
    }
}

/// The storage's clock is as old as its answer: a token in doubt is within the grace window by the
/// one, and not by the other.
#[test]
fn a_grace_window_that_closed_before_the_answer_was_noticed_is_closed() {
    for (late, presented) in [(secs(0), 2), (secs(6), 1)] {
        let (time, model, grant) = (ManualTime::new(3), ModelStore::new(), MockGrant::new());
        model.set_clock(ClockId::new(7), time.shared());
        let store = Unnoticed(model, time.clone(), late);
        let builder = Session::builder(grant.clone()).store(store).time(time.clone());
        let session = builder.reuse_policy(ReusePolicy::Grace { window: secs(60) }).build().expect("it makes sense");
        time.run(session.login(pair("0"))).expect("stored");
        time.advance(secs(60));
        grant.push(Step::Fail(GrantError::new(FailureClass::Ambiguous)));
        time.run(session.refresh()).expect_err("the answer was lost");
        // What is left of the window, when the store is asked, is worth a request.
        time.advance(secs(55));
        let _ = time.run(session.refresh());
        assert_eq!(grant.count(), presented, "{late:?} late");
        time.run(session.token()).expect("the access token is usable");
    }
}
