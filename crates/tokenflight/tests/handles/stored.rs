//! A login or logout that the store has not taken is stored by what comes next.

use tokenflight::GrantKey;
use tokenflight_test::MockStore;

use crate::fixture::*;

/// What is stored after a shutdown that was storing a rotation at this change, whose caller went.
fn stored_after_a_shutdown(change: impl FnOnce(&Session)) -> Option<String> {
    let (world, session) = world();
    world.rotates_unsaved(&session);
    world.store.gate(OpKind::Commit).close();
    let mut shutdown = Box::pin(session.shutdown(SECOND * 60));
    assert!(poll(&mut shutdown).is_pending());
    world.store.gate(OpKind::Reset).close();
    change(&session);
    world.store.gate(OpKind::Commit).open();
    world.store.gate(OpKind::Reset).open();
    world.time.run(shutdown).unwrap();
    assert!(!session.state().unsaved, "the shutdown says that all is stored");
    world.stored()
}

#[test]
fn a_shutdown_stores_a_logout_that_comes_meanwhile() {
    let stored = stored_after_a_shutdown(|session| assert!(session.logout().now_or_never().is_none()));
    assert_eq!(stored, None, "the logout is not stored");
}

#[test]
fn a_shutdown_stores_a_login_that_comes_meanwhile() {
    let stored = stored_after_a_shutdown(|session| assert!(session.login(set("next")).now_or_never().is_none()));
    assert_eq!(stored.as_deref(), Some("refresh-next"));
}

/// No driver; the store fails once while the user logs out. Callers go on asking.
#[test]
fn callers_store_a_logout_if_there_is_no_driver() {
    let (world, session) = world();
    world.store.push(OpKind::Reset, Trouble::Fail);
    world.time.run(session.logout()).unwrap_err();
    for _ in 0..100 {
        world.time.run(session.token()).unwrap_err();
        world.time.advance(SECOND * 6);
    }
    assert_eq!(world.stored(), None, "the next process is logged in");
}

/// All audiences: the store fails once at a logout, there is no driver, and callers go on asking.
#[test]
fn callers_of_audiences_store_a_logout_if_there_is_no_driver() {
    let (time, model) = (ManualTime::new(1), ModelStore::new());
    let store = MockStore::before(model.clone());
    let audiences = Audiences::builder()
        .time(time.clone())
        .store(store.clone())
        .audience("files", MockGrant::new())
        .build()
        .unwrap();
    time.run(audiences.login(set("0"))).unwrap();
    store.push(OpKind::Reset, Trouble::Fail);
    time.run(audiences.logout()).unwrap_err();
    for _ in 0..100 {
        time.run(audiences.session("files").unwrap().token()).unwrap_err();
        time.advance(SECOND * 6);
    }
    assert!(model.entry(&GrantKey::new("default")).unwrap().tokens().is_none(), "the next process is logged in");
}
