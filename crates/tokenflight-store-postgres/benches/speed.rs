//! What a refresh costs at the database, by how many are refreshed at once: this store, beside the
//! two ways that are usual.
//!
//! `cargo bench -p tokenflight-store-postgres --bench speed`; with `--test` each runs once. A
//! refresh is what a session does: it reads, claims, and commits, each time another grant. The
//! server syncs its disk. Runs alternate, so that what else the machine does meets all three; what
//! counts are the ratios.

#![allow(clippy::unwrap_used)] // What cannot be prepared cannot be measured.

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};
use tokenflight::{Time, time::TokioTime};
use tokenflight_core::{
    Now,
    store::{Body, CellStore, GrantKey, Op, Reply, Seen, Store},
};
use tokenflight_test::postgres::Postgres;
use tokio::sync::{Mutex, Semaphore};
use tokio_postgres::{Client, NoTls, types::Type};

use self::support::{
    APP, cell,
    ops::{Rows, claim, logged_in, stored, tokens},
};

/// Connections of the two others: more than a server usually has to give to one service.
const CONNECTIONS: usize = 64;

const GRANTS: usize = 1024;

/// A refresh of the grant with this number, at the database.
type Refresh = Arc<dyn Fn(usize) -> BoxFuture<'static, ()> + Send + Sync>;

fn main() {
    let Some(server) = support::server(&[("max_connections", "160")]) else { return };
    let short = env::args().any(|word| word == "--test");
    let (seconds, rounds, crowds) = if short { (0.1, 1, &[4][..]) } else { (3.0, 3, &[1, 16, 64, 512][..]) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(CellStore::new(cell(&server).await));
        let keys: Vec<GrantKey> = (0..GRANTS).map(key).collect();
        join_all(keys.iter().map(|key| logged_in(&*store, key, 0))).await;
        for other in ["single", "locked"] {
            server.sql(&format!("CREATE TABLE {other} (LIKE tokenflight_grants INCLUDING ALL) WITH (fillfactor = 70)"));
            server.sql(&format!("INSERT INTO {other} TABLE tokenflight_grants; GRANT ALL ON {other} TO app"));
        }
        server.sql("VACUUM ANALYZE");
        let pool = Arc::new(Pool::new(&server).await);
        let ways: [(&str, Refresh); 3] = [
            ("PostgresCell, four connections", batched(store)),
            ("compare and swap, a connection each", single(Arc::clone(&pool))),
            ("SELECT … FOR UPDATE in a transaction", locked(pool)),
        ];
        println!("refreshes/s (of the best of {rounds} runs of {seconds} s)");
        for crowd in crowds {
            let mut best = [0.0_f64; 3];
            for _ in 0..rounds {
                for (best, (_, way)) in best.iter_mut().zip(&ways) {
                    *best = best.max(rate(way, *crowd, Duration::from_secs_f64(seconds)).await);
                }
            }
            for (best_of, (name, _)) in best.iter().zip(&ways) {
                println!("{crowd:>4} at once  {name:<38} {best_of:>8.0}/s  {:>5.2}", best_of / best[2]);
            }
        }
    });
}

/// So many at once, for so long.
async fn rate(way: &Refresh, crowd: usize, length: Duration) -> f64 {
    let time = TokioTime::new();
    let begin = time.now().boot;
    let (until, done) = (begin + length, AtomicUsize::new(0));
    join_all((0..crowd).map(|one| {
        let (time, done) = (&time, &done);
        async move {
            let mut grant = one;
            while time.now().boot < until {
                way(grant).await;
                done.fetch_add(1, Relaxed);
                // Never the same as another at the same time.
                grant = (grant + crowd) % (GRANTS / crowd * crowd);
            }
        }
    }))
    .await;
    done.load(Relaxed) as f64 / (time.now().boot - begin).as_secs_f64()
}

fn key(grant: usize) -> GrantKey {
    GrantKey::new(format!("grant-{grant}"))
}

fn batched(store: Arc<Rows>) -> Refresh {
    Arc::new(move |grant| {
        let store = Arc::clone(&store);
        Box::pin(async move {
            let key = key(grant);
            // Long after any claim before it: each is watched for as long as it takes.
            let op = claim(&store, &key, Duration::from_secs(1000)).await;
            let facts = op.read.as_ref().unwrap().facts;
            let Reply::Granted(entry) = store.apply(&key, op).await.unwrap() else { panic!("another claims it") };
            let presented = entry.tokens().and_then(|tokens| tokens.refresh.clone());
            let (epoch, login, over, next) = (entry.epoch, entry.login, entry.set, tokens(1));
            let body = Body::Commit { epoch, login, over, presented, next };
            let commit = Op::new(entry.home, Now::new(Duration::ZERO, Duration::ZERO), body);
            stored(store.apply(&key, commit.having_read(Seen::new(Some(entry), facts))).await);
        })
    })
}

/// The same number of statements, each by itself.
fn single(pool: Arc<Pool>) -> Refresh {
    Arc::new(move |grant| {
        let pool = Arc::clone(&pool);
        Box::pin(async move {
            let (key, connection) = (key(grant), pool.take().await);
            let (client, _permit) = &connection;
            let rows = client
                .query_typed("SELECT version::text, record FROM single WHERE key = $1", &[(&key.as_str(), Type::TEXT)])
                .await
                .unwrap();
            let (mut version, record): (String, Vec<u8>) = (rows[0].get(0), rows[0].get(1));
            for _ in 0..2 {
                let rows = client
                    .query_typed(
                        "UPDATE single SET version = gen_random_uuid(), record = $3 \
                         WHERE key = $1 AND version = $2::text::uuid RETURNING version::text",
                        &[(&key.as_str(), Type::TEXT), (&version, Type::TEXT), (&record, Type::BYTEA)],
                    )
                    .await
                    .unwrap();
                version = rows[0].get(0);
            }
            pool.give(connection).await;
        })
    })
}

/// As services usually have it: a row lock around reading and writing, for claim and commit.
fn locked(pool: Arc<Pool>) -> Refresh {
    Arc::new(move |grant| {
        let pool = Arc::clone(&pool);
        Box::pin(async move {
            let (key, connection) = (key(grant), pool.take().await);
            let (client, _permit) = &connection;
            for _ in 0..2 {
                client.batch_execute("BEGIN").await.unwrap();
                let select = "SELECT record FROM locked WHERE key = $1 FOR UPDATE";
                let rows = client.query_typed(select, &[(&key.as_str(), Type::TEXT)]).await.unwrap();
                let record: Vec<u8> = rows[0].get(0);
                let update = "UPDATE locked SET record = $2 WHERE key = $1";
                client.query_typed(update, &[(&key.as_str(), Type::TEXT), (&record, Type::BYTEA)]).await.unwrap();
                client.batch_execute("COMMIT").await.unwrap();
            }
            pool.give(connection).await;
        })
    })
}

/// A connection each, as far as there are any.
struct Pool {
    idle: Mutex<Vec<Client>>,
    free: Arc<Semaphore>,
}

type Taken = (Client, tokio::sync::OwnedSemaphorePermit);

impl Pool {
    async fn new(server: &Postgres) -> Self {
        let connect = |_| async {
            let (client, connection) = tokio_postgres::connect(&server.address(APP), NoTls).await.unwrap();
            #[allow(clippy::disallowed_methods)] // The runtime ends it.
            tokio::spawn(connection);
            client
        };
        let idle = join_all((0..CONNECTIONS).map(connect)).await;
        Self { idle: Mutex::new(idle), free: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    async fn take(&self) -> Taken {
        let permit = Arc::clone(&self.free).acquire_owned().await.unwrap();
        (self.idle.lock().await.pop().unwrap(), permit)
    }

    async fn give(&self, (client, permit): Taken) {
        self.idle.lock().await.push(client);
        drop(permit);
    }
}
