//! The server's errors, made by the server.

use tokenflight_core::store::Swap;

use crate::prelude::*;

/// A role of this test alone, with these settings.
pub(crate) fn role(server: &Postgres, name: &str, settings: &str) {
    server.sql(&format!("CREATE ROLE {name} LOGIN; GRANT SELECT, INSERT, UPDATE ON tokenflight_grants TO {name}"));
    if !settings.is_empty() {
        server.sql(&format!("ALTER ROLE {name} {settings}"));
    }
}

/// The store of such a role, and a key of this test alone.
async fn as_role(server: &Postgres, name: &str, settings: &str) -> (CellStore<PostgresCell>, GrantKey) {
    role(server, name, settings);
    let connections = Connections::new(&server.address(name)).unwrap();
    (CellStore::new(PostgresCell::open(connections).await.unwrap()), key(&format!("states/{name}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_was_ended_while_it_rested_costs_no_operation() {
    let Some(server) = shared() else { return };
    let (store, alice) = as_role(server, "rested", "").await;
    for n in 1..6 {
        logged_in(&store, &alice, n).await;
        assert!(server.terminate("usename = 'rested'") > 0);
        server
            .wait("they are gone", || server.sql("SELECT 1 FROM pg_stat_activity WHERE usename = 'rested'").is_empty());
    }
    assert!(is_set(&logged_in(&store, &alice, 7).await, 7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_ended_within_a_write_leaves_it_unknown() {
    let Some(server) = shared() else { return };
    let (store, alice) = as_role(server, "ended", "").await;
    logged_in(&store, &alice, 1).await;
    let op = commit(&store, &alice, 2).await;
    let held = tokio::task::spawn_blocking(|| {
        let server = shared().unwrap();
        let row = "SELECT 1 FROM tokenflight_grants WHERE key = 'states/ended' FOR UPDATE";
        let _ = server.try_sql(&format!("BEGIN; {row}; SELECT pg_sleep(60)"));
    });
    let meddled = tokio::task::spawn_blocking(|| {
        let server = shared().unwrap();
        let waits = "usename = 'ended' AND wait_event_type = 'Lock'";
        server.wait("the write waits for the row", || server.terminate(waits) > 0);
        server.terminate("query LIKE '%pg_sleep(60)%'");
    });
    server
        .wait("the row is locked", || server.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1");
    let (kind, error) = failed(store.apply(&alice, op.clone()).await);
    assert_eq!((kind, state(&error)), (StoreErrorKind::Unknown, "57P01"));
    meddled.await.unwrap();
    held.await.unwrap();
    assert!(is_set(&stored(store.apply(&alice, op).await), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_connection_nothing_is_done_and_the_words_say_why() {
    let Some(server) = shared() else { return };
    let (store, alice) = as_role(server, "many", "").await;
    server.sql("ALTER ROLE many CONNECTION LIMIT 0");
    server.terminate("usename = 'many'");
    let (kind, error) = failed(store.load(&alice).await);
    assert_eq!((kind, state(&error)), (StoreErrorKind::NotDone, "53300"));
    assert!(error.to_string().contains("max_connections"), "{error}");
    server.sql("ALTER ROLE many NOLOGIN");
    let (kind, error) = failed(store.load(&alice).await);
    assert_eq!((kind, state(&error)), (StoreErrorKind::Refused, "28000"));
    server.sql("ALTER ROLE many LOGIN CONNECTION LIMIT -1");
    logged_in(&store, &alice, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_is_not_done_and_one_that_crashed_comes_back() {
    let Some(server) = server(&[]) else { return };
    let store = CellStore::new(cell(&server).await);
    let alice = key("alice");
    logged_in(&store, &alice, 1).await;
    server.stop(Stop::Immediate);
    let (kind, error) = failed(store.load(&alice).await);
    assert!(kind == StoreErrorKind::NotDone && matches!(error, PostgresError::Unreachable { .. }), "{error:?}");
    server.start_again();
    assert!(is_set(&store.load(&alice).await.unwrap().entry.unwrap(), 1), "what was acknowledged is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_others_were_in_the_way_of_is_sent_again_three_times() {
    let Some(server) = shared() else { return };
    let sql = Arc::new(Wrapped::new(connections(server)));
    let store = CellStore::new(PostgresCell::open(Arc::clone(&sql)).await.unwrap());
    let alice = key("states/conflicts");
    *sql.errors.lock().unwrap() = vec!["40001", "40P01"];
    logged_in(&store, &alice, 1).await;
    *sql.errors.lock().unwrap() = vec!["40P01"; 3];
    let op = commit(&store, &alice, 2).await;
    let (kind, error) = failed(store.apply(&alice, op.clone()).await);
    assert_eq!((kind, state(&error)), (StoreErrorKind::NotDone, "40P01"));
    assert!(is_set(&stored(store.apply(&alice, op).await), 2));
}

/// The server's own 40001: the row was touched by another transaction since the statement's began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_with_a_stricter_isolation_loses_no_write() {
    let Some(server) = shared() else { return };
    let (store, alice) = as_role(server, "strict", "SET default_transaction_isolation = 'repeatable read'").await;
    logged_in(&store, &alice, 1).await;
    let touched = tokio::task::spawn_blocking(|| {
        let touch = "UPDATE tokenflight_grants SET changed = now() WHERE key = 'states/strict'";
        shared().unwrap().sql(&format!("BEGIN; {touch}; SELECT pg_sleep(0.3); COMMIT"));
    });
    server.wait("the row is locked", || {
        server.sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.3)%' AND wait_event = 'PgSleep'")
            == "1"
    });
    assert!(is_set(&stored(store.apply(&alice, commit(&store, &alice, 2).await).await), 2));
    touched.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_no_writes_is_left() {
    let Some(server) = shared() else { return };
    let (store, alice) = as_role(server, "reader", "").await;
    logged_in(&store, &alice, 1).await;
    // For connections that are made from now on.
    server.sql("ALTER ROLE reader SET default_transaction_read_only = on");
    server.terminate("usename = 'reader'");
    let (kind, error) = failed(store.load(&alice).await);
    assert!(kind == StoreErrorKind::NotDone && matches!(error, PostgresError::Unreachable { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demoted_primary_has_all_connections_closed() {
    let Some(server) = shared() else { return };
    let (store, alice) = as_role(server, "demoted", "").await;
    logged_in(&store, &alice, 1).await;
    // The server's 25006 on a good connection: a trigger forbids the write.
    server.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'cannot execute UPDATE in a read-only transaction' USING ERRCODE = '25006'; END $$; \
         CREATE TRIGGER demoted BEFORE UPDATE ON tokenflight_grants FOR EACH ROW \
         WHEN (OLD.key = 'states/demoted') EXECUTE FUNCTION refuse()",
    );
    let before = server.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'demoted'");
    let op = commit(&store, &alice, 2).await;
    let (kind, error) = failed(store.apply(&alice, op.clone()).await);
    assert_eq!((kind, state(&error)), (StoreErrorKind::NotDone, "25006"));
    let same = || {
        let now = server.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'demoted'");
        now.lines().any(|pid| before.lines().any(|old| old == pid))
    };
    server.wait("the connections are closed", || !same());
    server.sql("DROP TRIGGER demoted ON tokenflight_grants; DROP FUNCTION refuse");
    assert!(is_set(&stored(store.apply(&alice, op).await), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_stored_is_refused_and_shows_no_token() {
    let Some(server) = shared() else { return };
    let cell = cell(server).await;
    let store = CellStore::new(cell.clone());
    let (kind, error) = failed(store.load(&GrantKey::new("a\0b")).await);
    assert!(kind == StoreErrorKind::Refused && matches!(error, PostgresError::Key), "{error:?}");

    server.sql("ALTER TABLE tokenflight_grants ADD CONSTRAINT picky CHECK (key <> 'states/picky') NOT VALID");
    let picky = key("states/picky");
    let op = login(&store, &picky, 77).await;
    let result = store.apply(&picky, op).await;
    server.sql("ALTER TABLE tokenflight_grants DROP CONSTRAINT picky");
    let shown = format!("{result:?}");
    let (kind, error) = failed(result);
    assert_eq!((kind, state(&error)), (StoreErrorKind::Refused, "23514"));
    // The server's detail has the beginning of the record in it, as hexadecimal digits.
    let record: String = br#"{"v":1"#.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!shown.contains(&record) && !shown.contains("refresh-77"), "{shown}");

    // A version that another has written is lost, not an error.
    let incarnation = cell.load(&picky).await.unwrap().facts.incarnation;
    let expected = Version { op: OpId::new(5), incarnation };
    let blob = Blob::new(b"{}".to_vec());
    assert_eq!(cell.swap(&picky, expected, OpId::unique(), blob).await.unwrap(), Swap::Lost);
}

#[test]
fn a_runtime_that_ended_leaves_the_store_usable_on_another_one() {
    let Some(server) = shared() else { return };
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let first = runtime();
    let (store, alice) = (first.block_on(async { CellStore::new(cell(server).await) }), key("states/runtimes"));
    first.block_on(logged_in(&store, &alice, 1));
    first.shutdown_timeout(Duration::from_secs(1));
    let entry = runtime().block_on(logged_in(&store, &alice, 2));
    assert!(is_set(&entry, 2));
    // Without any runtime there are words, not a panic.
    let error = futures_util::FutureExt::now_or_never(store.load(&alice)).unwrap().unwrap_err();
    assert!(matches!(PostgresError::find(&error), Some(PostgresError::NoRuntime)), "{error:?}");
}
