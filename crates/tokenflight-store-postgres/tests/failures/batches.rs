//! What waits goes out together.

use std::{future::Future, pin::Pin};

use crate::prelude::*;

const MANY: u32 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sessions_at_once_ask_and_write_in_few_statements() {
    let Some(server) = shared() else { return };
    let sql = Arc::new(Wrapped::new(connections(server)));
    let store = CellStore::new(PostgresCell::open(Arc::clone(&sql)).await.unwrap());
    let keys: Vec<_> = (0..MANY).map(|n| key(&format!("batches/{n}"))).collect();
    join_all(keys.iter().zip(1..).map(|(key, n)| logged_in(&store, key, n))).await;

    let (loads, swaps) = (sql.loads.load(Relaxed), sql.swaps.load(Relaxed));
    let seen = join_all(keys.iter().map(|key| store.load(key))).await;
    for (seen, n) in seen.into_iter().zip(1..) {
        assert!(is_set(&seen.unwrap().entry.unwrap(), n));
    }
    // Two lanes each have one under way when the rest comes; on a loaded machine, bit by bit.
    let asked = sql.loads.load(Relaxed) - loads;
    assert!(asked <= MANY as usize / 5, "{MANY} reads took {asked} statements");

    let ops = join_all(keys.iter().zip(1001..).map(|(key, n)| commit(&store, key, n))).await;
    let replies = join_all(keys.iter().zip(ops).map(|(key, op)| store.apply(key, op))).await;
    for (reply, n) in replies.into_iter().zip(1001..) {
        assert!(is_set(&stored(reply), n));
    }
    let wrote = sql.swaps.load(Relaxed) - swaps;
    assert!(wrote <= MANY as usize / 3, "{MANY} writes took {wrote} statements");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_write_that_is_refused_refuses_no_other() {
    let Some(server) = shared() else { return };
    let store = CellStore::new(cell(server).await);
    server.sql("ALTER TABLE tokenflight_grants ADD CONSTRAINT one CHECK (key <> 'batches/bad') NOT VALID");
    let keys: Vec<_> =
        (0..20).map(|n| key(&if n == 7 { "batches/bad".to_owned() } else { format!("batches/good/{n}") })).collect();
    let ops = join_all(keys.iter().zip(1..).map(|(key, n)| login(&store, key, n))).await;
    let replies = join_all(keys.iter().zip(ops).map(|(key, op)| store.apply(key, op))).await;
    server.sql("ALTER TABLE tokenflight_grants DROP CONSTRAINT one");
    for (n, reply) in replies.into_iter().enumerate() {
        match n {
            7 => assert_eq!(failed(reply).0, StoreErrorKind::Refused),
            _ => drop(stored(reply)),
        }
    }
}

/// Every increment is a compare-and-swap that must not be lost, over few keys, from two processes'
/// worth of connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_tasks_on_ten_keys_lose_no_write_and_lock_each_other_out_never() {
    let Some(server) = shared() else { return };
    let open = || async {
        let address = format!("{} application_name='tokenflight hot'", server.address(APP));
        CellStore::new(PostgresCell::open(Connections::new(&address).unwrap()).await.unwrap())
    };
    let stores = [open().await, open().await];
    let keys: Vec<_> = (0..10).map(|n| key(&format!("batches/hot/{n}"))).collect();
    for key in &keys {
        logged_in(&stores[0], key, 0).await;
    }
    let tasks = (0..200).map(|task| {
        let (store, key) = (&stores[task % 2], &keys[task % 10]);
        let work: Pin<Box<dyn Future<Output = u32> + Send>> = Box::pin(async move {
            let mut stored = 0;
            for n in 0..5 {
                let reply = store.apply(key, commit(store, key, n).await).await.unwrap();
                stored += u32::from(matches!(reply, Reply::Stored { .. }));
            }
            stored
        });
        work
    });
    let stored: u32 = join_all(tasks).await.into_iter().sum();
    let mut rotations = 0;
    for key in &keys {
        // The login was the first.
        rotations += stores[0].load(key).await.unwrap().entry.unwrap().rotation - 1;
    }
    assert_eq!(u64::from(stored), rotations);
    assert!(stored >= 10, "{stored}");
    // A backend says so at its end at the latest.
    drop(stores);
    server.wait("the connections are gone", || {
        server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tokenflight hot'") == "0"
    });
    assert_eq!(server.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'"), "0");
}
