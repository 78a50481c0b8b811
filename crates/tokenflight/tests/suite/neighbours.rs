//! Several processes on one store.

use tokenflight::{ErrorKind, Event, Source, Store};
use tokenflight_core::lease::{Claim, Lease, Owner};
use tokenflight_test::{
    AuthServer, MockGrant,
    mock::{OpKind, Trouble},
};

use super::{
    bed::Bed,
    world::{LIFE, World, key, pair, presented, secs},
};

fn strict(bed: &Bed) -> AuthServer {
    AuthServer::builder(bed.time.shared())
        .access_lifetime(LIFE)
        .latency(secs(1)..=secs(3))
        .reuse(tokenflight_test::auth::Reuse::KillFamilyAndAccess)
        .build()
}

/// C-30, C-31.
pub(crate) async fn two_processes_rotate_once(bed: Bed) {
    let auth = strict(&bed);
    let world = World::new(&bed, auth.grant());
    let other = world.neighbour(auth.grant());
    world.log_in_with(auth.login()).await;
    other.token().await.expect("found in the store");
    for round in 1..=5 {
        bed.pass(LIFE).await;
        let callers: Vec<_> = world.callers(10).into_iter().chain(other.callers(10)).collect();
        bed.pass(secs(10)).await;
        let mut tokens = callers.into_iter().map(|caller| caller.ended().expect("a token"));
        let first = tokens.next().expect("twenty callers");
        assert!(tokens.all(|token| token.access() == first.access()), "everybody has the same");
        assert_eq!(auth.report().total.token_requests, round);
    }
    auth.assert_unharmed();
}

/// C-41.
pub(crate) async fn what_a_neighbour_rotated_is_adopted_without_a_submission(bed: Bed) {
    let (ours, theirs) = (MockGrant::new(), MockGrant::new());
    let world = World::new(&bed, ours.clone());
    let other = world.neighbour(theirs.clone());
    world.log_in().await;
    bed.pass(secs(200)).await;
    other.token().await.expect("found in the store");
    other.refresh().await.expect("rotated");
    world.told();

    bed.pass(secs(100)).await;
    assert_eq!(world.access().await, "access-1");
    assert_eq!((ours.count(), theirs.count()), (0, 1));
    assert!(matches!(world.told().as_slice(), [Event::Refreshed { source: Source::Store, .. }]));
    // Its age came with it.
    bed.pass(secs(201)).await;
    assert_eq!(presented(&ours).len(), 0);
    world.token().await.expect("a token");
    assert_eq!(presented(&ours), ["refresh-1"], "the newest, not the one it logged in with");
}

/// C-39: falling through to a refresh without the lease is forbidden.
pub(crate) async fn a_lease_that_stays_taken_is_never_ignored(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    let claim = Claim::new(Owner::new(1), secs(600), bed.time.now());
    let model = world.model.clone();
    assert!(matches!(bed.run(async move { model.lease(&key(), claim).await }).await, Ok(Lease::Granted(_))));

    let start = bed.boot();
    let error = world.token().await.expect_err("somebody else has the lease");
    assert_eq!((error.kind(), error.is_transient()), (&ErrorKind::Store, true));
    assert!((secs(75)..secs(77)).contains(&(bed.boot() - start)), "patient, but not for ever");
    assert_eq!(grant.count(), 0);

    // It was never given back; once it has run out it is nobody's.
    let _driver = world.drive();
    bed.pass(secs(700)).await;
    assert_eq!(grant.count(), 1);
}

/// C-27, R-214: a neighbour died after it had noted its intent. Its request may still be on its way.
pub(crate) async fn a_dead_neighbours_intent_is_waited_out(bed: Bed) {
    let grant = MockGrant::new();
    let world = World::new(&bed, grant.clone());
    world.log_in().await;
    bed.pass(LIFE).await;
    let (model, claim) = (world.model.clone(), Claim::new(Owner::new(1), secs(60), bed.time.now()));
    bed.run(async move {
        assert!(matches!(model.lease(&key(), claim).await, Ok(Lease::Granted(_))));
        assert!(model.intend(&key(), Owner::new(1)).await.expect("noted"));
    })
    .await;

    let start = bed.boot();
    assert_eq!(world.access().await, "access-1");
    let waited = bed.boot() - start;
    assert!((secs(60)..secs(61)).contains(&waited), "waited {waited:?}");
    assert_eq!(presented(&grant), ["refresh-0"]);
}

/// C-26: the store holds a spent token, and says so as long as its successor is only in memory.
pub(crate) async fn an_unpersisted_rotation_stops_the_neighbour_too(bed: Bed) {
    let (ours, theirs) = (MockGrant::new(), MockGrant::new());
    let world = World::new(&bed, ours.clone());
    let other = world.neighbour(theirs.clone());
    world.log_in_with(pair("access-0", "refresh-0", LIFE)).await;
    other.token().await.expect("found in the store");
    bed.pass(LIFE).await;
    for _ in 0..4 {
        world.store.push(OpKind::Commit, Trouble::Fail);
    }
    let _driver = world.drive();
    assert_eq!(world.access().await, "access-1", "published all the same");
    let caller = other.caller();
    bed.pass(secs(10)).await;
    assert_eq!(caller.ended().expect("adopted once it was stored").access().expose(), "access-1");
    assert_eq!((ours.count(), theirs.count()), (1, 0));
}
