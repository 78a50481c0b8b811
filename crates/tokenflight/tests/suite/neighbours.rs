//! Several processes on one store.

use tokenflight_core::store::Owner;

use super::fixture::*;

fn strict(tasks: &Tasks) -> AuthServer {
    AuthServer::builder(tasks.time().shared())
        .access_lifetime(LIFE)
        .latency(secs(1)..=secs(3))
        .reuse(tokenflight_test::auth::Reuse::KillFamilyAndAccess)
        .build()
}

pub(crate) async fn two_processes_rotate_once(tasks: Tasks) {
    let auth = strict(&tasks);
    let fixture = Fixture::new(&tasks, auth.grant());
    let other = fixture.neighbour(auth.grant());
    fixture.log_in_with(auth.login()).await;
    other.token().await.expect("found in the store");
    for round in 1..=5 {
        tasks.pass(LIFE).await;
        let callers: Vec<_> = fixture.callers(10).into_iter().chain(other.callers(10)).collect();
        tasks.pass(secs(10)).await;
        let mut tokens = callers.into_iter().map(|caller| caller.ended().expect("a token"));
        let first = tokens.next().expect("twenty callers");
        assert!(tokens.all(|token| token.access() == first.access()), "every caller has the same");
        assert_eq!(auth.report().total.token_requests, round);
    }
    auth.assert_unharmed();
}

pub(crate) async fn what_a_neighbour_rotated_is_adopted_without_a_submission(tasks: Tasks) {
    let ((ours, fixture), theirs) = (Fixture::logged_in(&tasks).await, MockGrant::new());
    let other = fixture.neighbour(theirs.clone());
    tasks.pass(secs(200)).await;
    other.token().await.expect("found in the store");
    other.refresh().await.expect("rotated");
    fixture.told();

    tasks.pass(secs(100)).await;
    assert_eq!(fixture.access().await, "access-1");
    assert_eq!((ours.count(), theirs.count()), (0, 1));
    assert!(matches!(fixture.told().as_slice(), [Event::Refreshed { source: Source::Store, .. }]));
    // Its age came with it.
    tasks.pass(secs(201)).await;
    assert_eq!(presented(&ours).len(), 0);
    fixture.token().await.expect("a token");
    assert_eq!(presented(&ours), ["refresh-1"], "the newest, not the one it logged in with");
}

/// Claims the stored token as another process would that then dies.
async fn claim(fixture: &Fixture, length: Duration) {
    let (owner, seen, holder) = (Owner::unique(), fixture.entry().op, "a neighbour".into());
    let op = Op::new(None, fixture.tasks.time().now(), Body::Claim { owner, seen, length, yields: None, holder });
    let model = fixture.model.another_process();
    let claimed = fixture.tasks.run(async move { model.apply(&key(), op).await }).await;
    assert!(matches!(claimed, Ok(Reply::Granted(_))), "{claimed:?}");
}

/// Falling through to a refresh without the claim would present the token twice.
pub(crate) async fn a_claim_that_stays_taken_is_never_ignored(tasks: Tasks) {
    let (grant, fixture) = Fixture::expired(&tasks).await;
    claim(&fixture, secs(600)).await;

    let start = tasks.time().now().boot;
    fixture.told();
    let error = fixture.token().await.expect_err("another holder has the claim");
    assert_eq!((error.kind(), error.is_transient()), (&ErrorKind::Store, true));
    assert!((secs(100)..secs(102)).contains(&(tasks.time().now().boot - start)), "patient, but not for ever");
    assert_eq!(grant.count(), 0);
    let told = fixture.told();
    assert!(
        matches!(told.as_slice(), [Event::Waiting { holder, at_most: Some(_) }, Event::RefreshFailed { .. }]
            if holder == "a neighbour"),
        "{told:?}"
    );

    // It was never given back; once it has run out it excludes no holder.
    let _driver = fixture.drive();
    tasks.pass(secs(700)).await;
    assert_eq!(grant.count(), 1);
}

/// Another process's renewal takes a moment, and nothing is wrong; what takes longer is told once.
pub(crate) async fn a_wait_for_another_holder_is_told_after_a_second_and_until_when_it_lasts(tasks: Tasks) {
    let held = secs(600);
    for (wait, is_told) in [(900, false), (1_300, true), (5_000, true)] {
        let (grant, fixture) = Fixture::expired(&tasks).await;
        claim(&fixture, held).await;
        let until = tasks.time().now().boot + held;
        fixture.told();
        let (caller, start) = (fixture.caller(), tasks.time().now().boot);
        let mut told = Vec::new();
        while tasks.time().now().boot - start < Duration::from_millis(wait) {
            tasks.pass(Duration::from_millis(10)).await;
            told.extend(fixture.told().into_iter().map(|event| (event, tasks.time().now().boot)));
        }
        match (told.as_slice(), is_told) {
            ([], false) => {}
            ([(Event::Waiting { holder, at_most: Some(left) }, at)], true) => {
                assert_eq!(holder, "a neighbour");
                assert!((secs(1)..Duration::from_millis(1_300)).contains(&(*at - start)), "{:?}", *at - start);
                assert!((until - *left).abs_diff(*at) <= Duration::from_millis(10), "{left:?} at {at:?} of {until:?}");
            }
            told => panic!("after {wait} ms: {told:?}"),
        }
        fixture.overtake(&pair("access-9", "refresh-9", LIFE));
        tasks.pass(secs(1)).await;
        assert_eq!(caller.ended().expect("the neighbour's").access().expose(), "access-9");
        assert!(!fixture.told().iter().any(|event| matches!(event, Event::Waiting { .. })));
        assert_eq!(grant.count(), 0);
    }
}

/// A neighbour died with its claim. Its request may still be on its way.
pub(crate) async fn a_dead_neighbours_claim_is_waited_out(tasks: Tasks) {
    let (grant, fixture) = Fixture::expired(&tasks).await;
    claim(&fixture, secs(60)).await;

    let start = tasks.time().now().boot;
    assert_eq!(fixture.access().await, "access-1");
    let waited = tasks.time().now().boot - start;
    assert!((secs(60)..secs(61)).contains(&waited), "waited {waited:?}");
    assert_eq!(presented(&grant), ["refresh-0"]);
}

/// The store holds a spent token, and says so as long as its successor is only in memory.
pub(crate) async fn an_unpersisted_rotation_stops_the_neighbour_too(tasks: Tasks) {
    let ((ours, fixture), theirs) = (Fixture::logged_in(&tasks).await, MockGrant::new());
    let other = fixture.neighbour(theirs.clone());
    other.token().await.expect("found in the store");
    tasks.pass(LIFE).await;
    for _ in 0..4 {
        fixture.store.push(OpKind::Commit, Trouble::Fail);
    }
    let _driver = fixture.drive();
    assert_eq!(fixture.access().await, "access-1", "published all the same");
    let caller = other.caller();
    tasks.pass(secs(10)).await;
    assert_eq!(caller.ended().expect("adopted once it was stored").access().expose(), "access-1");
    assert_eq!((ours.count(), theirs.count()), (1, 0));
}
