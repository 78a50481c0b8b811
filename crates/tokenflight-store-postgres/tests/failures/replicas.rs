//! Standbys, promotion, restore.

use crate::prelude::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_nothing_is_presented_before_a_lost_claim_has_run_out() {
    let Some(first) = server(&[]) else { return };
    let second = first.standby("second");
    let both = format!("host=127.0.0.1,127.0.0.1 port={},{} user={APP} dbname=postgres", second.port(), first.port());
    // The standby is named first, and passed over.
    let store = CellStore::new(PostgresCell::open(Connections::new(&both).unwrap()).await.unwrap());
    let alone = PostgresCell::open(Connections::new(&second.address(APP)).unwrap()).await;
    assert!(matches!(alone, Err(PostgresError::Unreachable { .. })), "{alone:?}");

    let alice = key("alice");
    let known = logged_in(&store, &alice, 1).await;
    let before = store.load(&alice).await.unwrap().facts;
    second.wait("the standby has it", || second.sql("SELECT count(*) FROM tokenflight_grants") == "1");
    first.stop(Stop::Immediate);
    assert_eq!(failed(store.load(&alice).await).0, StoreErrorKind::NotDone);
    second.promote();
    let seen = store.load(&alice).await.unwrap();
    assert_ne!(before.incarnation, seen.facts.incarnation);
    assert_ne!(before.clock, seen.facts.clock, "the clocks of two machines are compared");
    assert!(is_set(&seen.entry.unwrap(), 1));
    let early = claim(&store, &alice, Duration::from_secs(74)).await;
    assert!(matches!(store.apply(&alice, early).await.unwrap(), Reply::Busy { .. }));
    let later = claim(&store, &alice, Duration::from_secs(75)).await;
    match store.apply(&alice, later).await.unwrap() {
        Reply::Granted(entry) => assert!(entry.doubt.is_some(), "what may have been lost leaves no doubt"),
        other => panic!("{other:?}"),
    }
    assert_eq!(known.epoch.get(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_restore_has_lost_is_written_back_by_a_process_that_saw_it() {
    let Some(server) = server(&[("fsync", "off")]) else { return };
    let store = CellStore::new(cell(&server).await);
    let alice = key("alice");
    logged_in(&store, &alice, 1).await;
    server.sql("CREATE TABLE yesterday AS TABLE tokenflight_grants");
    let later = logged_in(&store, &alice, 2).await;
    // As pg_restore --clean does it.
    server.sql("DROP TABLE tokenflight_grants");
    server.sql(tokenflight_store_postgres::SCHEMA);
    server.sql(
        "INSERT INTO tokenflight_grants TABLE yesterday; GRANT SELECT, INSERT, UPDATE ON tokenflight_grants TO app",
    );

    let seen = store.load(&alice).await.unwrap();
    assert!(is_set(seen.entry.as_ref().unwrap(), 1));
    assert_ne!(seen.entry.as_ref().unwrap().home, seen.facts.incarnation);
    let again = op(&seen, tokenflight_core::store::Body::Again { record: Box::new(later) });
    assert!(matches!(store.apply(&alice, again).await.unwrap(), Reply::Stored { .. }));
    assert!(is_set(&store.load(&alice).await.unwrap().entry.unwrap(), 2));
}

/// A pool of the application's that leads to a standby: what that shows may be old.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_not_opened_on_a_standby() {
    let Some(first) = server(&[("fsync", "off")]) else { return };
    let second = first.standby("second");
    let error =
        PostgresCell::open(crate::support::plain::Plain::connect(&second.address(APP)).await).await.unwrap_err();
    assert!(matches!(error, PostgresError::Standby), "{error:?}");
}
