//! Over a pgbouncer that shares connections by transaction, where one is installed.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod support;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use futures_util::future::join_all;
use tokenflight_core::store::{Blob, Cell, CellStore, OpId, Reply, Store, StoreErrorKind, Version};
use tokenflight_store_postgres::{Connections, PostgresCell, PostgresError};
use tokenflight_test::{
    contract,
    postgres::{Postgres, Stop},
    proxy::Proxy,
};

use self::support::{
    APP,
    ops::{Rows, commit, failed, is_set, key, logged_in, stored},
    pgbouncer::{Pgbouncer, program},
    server, setting,
};

/// A server of the test's own, and what is before it.
fn both() -> Option<(Postgres, Pgbouncer)> {
    program()?;
    let server = server(&[("fsync", "off")])?;
    let pgbouncer = Pgbouncer::before(&server)?;
    Some((server, pgbouncer))
}

/// A cell that gives up after this time.
async fn open(port: u16, limit: Duration) -> PostgresCell {
    let address = format!("host=127.0.0.1 port={port} user={APP} dbname=postgres");
    PostgresCell::open(Connections::new(&address).unwrap().answer_limit(limit)).await.unwrap()
}

async fn rows(pgbouncer: &Pgbouncer) -> Rows {
    CellStore::new(open(pgbouncer.port(), Duration::from_secs(8)).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_behind_pgbouncer_keep_the_contracts_of_cells_and_stores() {
    let Some((_server, pgbouncer)) = both() else { return };
    let store = rows(&pgbouncer).await;
    contract::cell(store.cell(), &setting("rows")).await;
    contract::store(&store, &setting("store")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_share_few_connections_and_lose_no_write() {
    let Some((server, pgbouncer)) = both() else { return };
    let stores: Vec<Rows> = join_all((0..20).map(|_| rows(&pgbouncer))).await;
    let alice = key("alice");
    logged_in(&stores[0], &alice, 0).await;
    let tasks = stores.iter().map(|store| async {
        let mut done = 0;
        for n in 0..10 {
            let reply = store.apply(&alice, commit(store, &alice, n).await).await.unwrap();
            done += u64::from(matches!(reply, Reply::Stored { .. }));
        }
        done
    });
    let done: u64 = join_all(tasks).await.into_iter().sum();
    // The login was the first.
    assert_eq!(stores[0].load(&alice).await.unwrap().entry.unwrap().rotation, done + 1);
    let connections = server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'");
    assert!(connections.parse::<usize>().unwrap() <= 8, "{connections}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_connection_was_ended_behind_pgbouncer_is_found_by_its_id() {
    let Some((server, pgbouncer)) = both() else { return };
    let store = rows(&pgbouncer).await;
    let alice = key("alice");
    logged_in(&store, &alice, 1).await;
    let op = commit(&store, &alice, 2).await;
    // It takes effect, and its answer waits for a standby that does not exist.
    server.set("synchronous_standby_names", "ghost");
    let server = std::sync::Arc::new(server);
    let meddled = {
        let server = std::sync::Arc::clone(&server);
        tokio::task::spawn_blocking(move || {
            server.wait("the commit waits", || server.terminate("wait_event = 'SyncRep' AND usename = 'app'") > 0);
        })
    };
    let (kind, error) = failed(store.apply(&alice, op.clone()).await);
    assert_eq!(kind, StoreErrorKind::Unknown, "{error}");
    meddled.await.unwrap();
    server.set("synchronous_standby_names", "");
    let entry = stored(store.apply(&alice, op).await);
    assert!(is_set(&entry, 2) && entry.rotation == 2, "{entry:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_before_pgbouncer_is_found_by_its_id() {
    let Some((_server, pgbouncer)) = both() else { return };
    let proxy = Proxy::to(SocketAddr::from((Ipv4Addr::LOCALHOST, pgbouncer.port()))).unwrap();
    let store = CellStore::new(open(proxy.addr().port(), Duration::from_secs(8)).await);
    let alice = key("alice");
    logged_in(&store, &alice, 1).await;
    let op = commit(&store, &alice, 2).await;
    proxy.lose_answer("UPDATE", 1);
    assert_eq!(failed(store.apply(&alice, op.clone()).await).0, StoreErrorKind::Unknown);
    let entry = stored(store.apply(&alice, op).await);
    assert!(is_set(&entry, 2) && entry.rotation == 2, "{entry:?}");
}

/// Where there is no server, pgbouncer keeps a statement and waits for one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_pgbouncer_keeps_while_the_server_is_down_is_unknown_and_takes_effect_once() {
    let Some((server, pgbouncer)) = both() else { return };
    let store = CellStore::new(open(pgbouncer.port(), Duration::from_secs(1)).await);
    let alice = key("alice");
    logged_in(&store, &alice, 1).await;
    let op = commit(&store, &alice, 2).await;
    server.stop(Stop::Immediate);
    let expected = Version { op: OpId::new(1), incarnation: None };
    let (kind, error) = failed(store.cell().swap(&alice, expected, OpId::new(2), Blob::new(Vec::new())).await);
    assert!(kind == StoreErrorKind::Unknown && matches!(error, PostgresError::Late { .. }), "{error:?}");
    // A read comes first.
    assert_eq!(failed(store.apply(&alice, op.clone()).await).0, StoreErrorKind::NotDone);
    server.start_again();
    let entry = loop {
        // It looks for the server once a second.
        if let Ok(reply) = store.apply(&alice, op.clone()).await {
            break stored(Ok(reply));
        }
    };
    assert!(is_set(&entry, 2) && entry.rotation == 2, "{entry:?}");
}
