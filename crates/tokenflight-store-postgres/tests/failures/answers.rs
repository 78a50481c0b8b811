//! A write that took effect, and whose answer was lost.

use futures_util::FutureExt;
use tokenflight_core::{BoxFuture, store::StoreError};
use tokenflight_test::proxy::Proxy;

use crate::prelude::*;

/// A store whose statements go through a proxy.
pub(crate) async fn through_a_proxy(server: &Postgres, limit: Duration) -> (Proxy, Rows) {
    let proxy = Proxy::to(([127, 0, 0, 1], server.port()).into()).unwrap();
    let address = format!("host=127.0.0.1 port={} user={APP} dbname=postgres", proxy.addr().port());
    let connections = Connections::new(&address).unwrap().answer_limit(limit);
    (proxy, CellStore::new(PostgresCell::open(connections).await.unwrap()))
}

/// Runs the operation while `meddle` waits for what it does at the server.
async fn meanwhile(
    mut operation: BoxFuture<'_, Result<Reply, StoreError>>,
    meddle: impl FnOnce() + Send + 'static,
) -> Result<Reply, StoreError> {
    // Begun before anything is meddled with.
    assert!((&mut operation).now_or_never().is_none());
    let meddled = tokio::task::spawn_blocking(meddle);
    let result = operation.await;
    meddled.await.unwrap();
    result
}

fn row(server: &Postgres, name: &str) -> String {
    server.sql(&format!("SELECT version FROM tokenflight_grants WHERE key = '{name}'")).replace('-', "")
}

/// A commit that waits for a standby which does not exist.
async fn with_a_ghost(end: &'static str) -> Option<()> {
    let server = Box::leak(Box::new(server(&[])?));
    let store = CellStore::new(cell(server).await);
    let alice = key("alice");
    logged_in(&store, &alice, 1).await;
    let op = commit(&store, &alice, 2).await;
    server.set("synchronous_standby_names", "ghost");
    let ghostly: &'static Postgres = server;
    let result = meanwhile(store.apply(&alice, op.clone()), move || {
        let waits = "wait_event = 'SyncRep' AND usename = 'app'";
        let count = format!("SELECT count(*) FROM pg_stat_activity WHERE {waits}");
        ghostly.wait("the commit waits for its standby", || ghostly.sql(&count) == "1");
        ghostly.sql(&format!("SELECT {end}(pid) FROM pg_stat_activity WHERE {waits}"));
    })
    .await;
    let (kind, error) = failed(result);
    assert_eq!(kind, StoreErrorKind::Unknown, "{error}");
    match end {
        "pg_terminate_backend" => match &error {
            PostgresError::Lost { .. } => {}
            other => assert_eq!(state(other), "57P01"),
        },
        _ => assert!(matches!(error, PostgresError::Unreplicated), "{error}"),
    }
    // It is there, whatever the error said.
    assert_eq!(row(server, "alice"), format!("{:032x}", op.id.get()));
    server.set("synchronous_standby_names", "");
    let entry = stored(store.apply(&alice, op).await);
    assert!(is_set(&entry, 2) && entry.rotation == 2, "{entry:?}");
    // Stopped here: a leaked server is not dropped.
    server.stop(Stop::Immediate);
    Some(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_connection_was_ended_while_it_waited_for_a_standby_is_found_by_its_id() {
    with_a_ghost("pg_terminate_backend").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_acknowledged_without_its_standby_is_unknown() {
    with_a_ghost("pg_cancel_backend").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_and_a_commit_whose_answers_were_lost_are_found_by_their_ids() {
    let Some(server) = shared() else { return };
    let (proxy, store) = through_a_proxy(server, Duration::from_secs(8)).await;
    let alice = key("answers/lost");
    let first = login(&store, &alice, 1).await;
    proxy.lose_answer("INSERT INTO", 1);
    let (kind, error) = failed(store.apply(&alice, first.clone()).await);
    assert!(kind == StoreErrorKind::Unknown && matches!(error, PostgresError::Lost { .. }), "{error:?}");
    let entry = stored(store.apply(&alice, first).await);
    assert!(is_set(&entry, 1) && entry.epoch.get() == 1, "{entry:?}");

    let next = commit(&store, &alice, 2).await;
    proxy.lose_answer("UPDATE", 1);
    assert_eq!(failed(store.apply(&alice, next.clone()).await).0, StoreErrorKind::Unknown);
    let entry = stored(store.apply(&alice, next).await);
    assert!(is_set(&entry, 2) && entry.rotation == 2, "{entry:?}");
    assert_eq!(proxy.lost(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_whose_answer_was_lost_has_done_nothing() {
    let Some(server) = shared() else { return };
    let (proxy, store) = through_a_proxy(server, Duration::from_secs(8)).await;
    let alice = key("answers/read");
    proxy.lose_answer("SELECT", 1);
    assert_eq!(failed(store.load(&alice).await).0, StoreErrorKind::NotDone);
    assert!(store.load(&alice).await.unwrap().entry.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_cut_off_anywhere_is_stored_once() {
    let Some(server) = shared() else { return };
    let (proxy, store) = through_a_proxy(server, Duration::from_secs(8)).await;
    let alice = key("answers/cut");
    logged_in(&store, &alice, 0).await;
    for n in 1..40 {
        let next = commit(&store, &alice, n).await;
        proxy.cut_after(75 * n as usize);
        let entry = loop {
            // Each try begins with a read, which may be cut as well.
            match store.apply(&alice, next.clone()).await {
                Ok(reply) => break stored(Ok(reply)),
                Err(error) => assert_ne!(error.kind(), StoreErrorKind::Refused, "{error:?}"),
            }
        };
        assert!(is_set(&entry, n) && entry.rotation == u64::from(n) + 1, "{entry:?}");
        // What comes next is read whole.
        proxy.cut_after(usize::MAX);
    }
    assert!(proxy.lost() > 10, "only {} connections were cut", proxy.lost());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_future_is_dropped_is_made() {
    let Some(server) = shared() else { return };
    let cell = cell(server).await;
    let alice = key("answers/dropped");
    let incarnation = cell.load(&alice).await.unwrap().facts.incarnation;
    let op = OpId::unique();
    let expected = Version { op: OpId::NONE, incarnation };
    let swap = cell.swap(&alice, expected, op, Blob::new(b"{}".to_vec()));
    // Where this thread stands still for long, it is made within the poll.
    let _ = swap.now_or_never();
    server.wait("it is written", || row(server, "answers/dropped") == format!("{:032x}", op.get()));
}
