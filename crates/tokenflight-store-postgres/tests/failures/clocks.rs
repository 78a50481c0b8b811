//! Whose time counts.

use tokenflight_core::store::Clock;

use crate::prelude::*;

/// A server with a movable clock: the store's statements find another function of that name first.
const SHIM: &str = "CREATE SCHEMA shim; CREATE TABLE shim.skew (by interval); INSERT INTO shim.skew VALUES ('0'); \
     CREATE FUNCTION shim.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS \
     $$ SELECT pg_catalog.clock_timestamp() + by FROM shim.skew $$; \
     GRANT USAGE ON SCHEMA shim TO app; GRANT SELECT ON shim.skew TO app; \
     ALTER ROLE app SET search_path = shim, pg_catalog, public";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_clock_jumps_is_not_trusted_and_gives_no_claim_away_early() {
    let Some(server) = server(&[("fsync", "off")]) else { return };
    server.sql(SHIM);
    let open = || async {
        CellStore::new(PostgresCell::open(Connections::new(&server.address("app")).unwrap()).await.unwrap())
    };
    for (n, jump) in [("+", "300 s"), ("-", "-300 s")] {
        server.sql("UPDATE shim.skew SET by = '0'");
        let (store, alice) = (open().await, key(n));
        logged_in(&store, &alice, 1).await;
        let first = claim(&store, &alice, Duration::ZERO).await;
        assert!(matches!(store.apply(&alice, first).await.unwrap(), Reply::Granted(_)));
        assert!(store.load(&alice).await.unwrap().facts.trusted);

        server.sql(&format!("UPDATE shim.skew SET by = '{jump}'"));
        let facts = store.load(&alice).await.unwrap().facts;
        assert!(!facts.trusted, "{facts:?}");
        // It would have run out by that clock, and this process has not watched it for its length.
        let second = claim(&store, &alice, Duration::from_secs(20)).await;
        let reply = store.apply(&alice, second).await.unwrap();
        assert!(matches!(reply, Reply::Busy { .. }), "{reply:?}");
        // Once back, the clock is not trusted either: a claim may have been timed by it meanwhile.
        server.sql("UPDATE shim.skew SET by = '0'");
        assert!(!store.load(&alice).await.unwrap().facts.trusted);
        // A process that comes now has no doubts.
        assert!(open().await.load(&alice).await.unwrap().facts.trusted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clocks_of_clients_decide_nothing() {
    let Some(server) = server(&[("fsync", "off")]) else { return };
    let store = CellStore::new(PostgresCell::open(Connections::new(&server.address("app")).unwrap()).await.unwrap());
    let alice = key("alice");
    logged_in(&store, &alice, 1).await;
    let first = claim(&store, &alice, Duration::ZERO).await;
    assert!(matches!(store.apply(&alice, first).await.unwrap(), Reply::Granted(_)));
    for hours in [0_u64, 1, 1000] {
        let far = Duration::from_secs(hours * 3600);
        let late = claim(&store, &alice, Duration::from_secs(20)).await.at(Now::new(far, far));
        let reply = store.apply(&alice, late).await.unwrap();
        assert!(matches!(reply, Reply::Busy { .. }), "{reply:?}");
    }
    let Clock::Storage { now, .. } = store.load(&alice).await.unwrap().facts.clock else { panic!("no clock") };
    assert!(now > Duration::from_secs(1_700_000_000));
}
