//! Notices: what one host writes, another one hears of.

use futures_util::future::{Either, FutureExt, select};
use tokenflight_store_postgres::NotifyingCell;

use crate::prelude::*;

type Rows = CellStore<NotifyingCell>;

async fn host(server: &Postgres) -> Rows {
    CellStore::new(cell(server).await.notify(connections(server)))
}

/// Long enough for the server, and much shorter than a test may take.
const SOON: Duration = Duration::from_secs(10);

/// Whether one of many writes of the other host is heard of: this host may listen after the first.
async fn hears(one: &Rows, other: &Rows, key: &GrantKey) -> bool {
    let mut changed = one.changed(key);
    for n in 0..200 {
        if (&mut changed).now_or_never().is_some() {
            return true;
        }
        stored(other.apply(key, login(other, key, n).await).await);
        TokioTime::new().sleep(SOON / 200).await;
    }
    false
}

#[tokio::test]
async fn a_write_is_heard_of_by_the_hosts_that_wait_for_its_key() {
    let Some(server) = shared() else { return };
    let (one, other) = (host(server).await, host(server).await);
    let (alice, bob) = (key("notices-alice"), key("notices-bob"));
    let mut waits = one.changed(&bob);
    assert!((&mut waits).now_or_never().is_none());
    assert!(hears(&one, &other, &alice).await);
    assert!((&mut waits).now_or_never().is_none(), "of another key");
    // From here on it listens: a single write is enough.
    let mut changed = one.changed(&alice);
    assert!((&mut changed).now_or_never().is_none());
    logged_in(&CellStore::new(other.cell().get_ref().clone()), &alice, 1).await;
    assert!((&mut changed).now_or_never().is_none(), "a cell without notices tells nothing");
    logged_in(&other, &alice, 2).await;
    let told = select(changed, TokioTime::new().sleep(SOON)).await;
    assert!(matches!(told, Either::Left(_)), "it is told");
    assert!((&mut waits).now_or_never().is_none(), "of another key");
}

#[tokio::test]
async fn a_connection_that_was_ended_is_made_again() {
    let Some(server) = &server(&[("fsync", "off")]) else { return };
    let (one, other, key) = (host(server).await, host(server).await, key("notices-again"));
    assert!(hears(&one, &other, &key).await);
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
    assert!(hears(&one, &other, &key).await);
}

/// Neither a notice nor a write waits for the other.
#[tokio::test]
async fn without_a_connection_for_notices_all_is_stored_all_the_same() {
    let Some(server) = shared() else { return };
    let nowhere = Connections::new("postgres://app@127.0.0.1:1/app?sslmode=disable").unwrap();
    let store = CellStore::new(cell(server).await.notify(nowhere));
    let key = key("notices-nowhere");
    logged_in(&store, &key, 1).await;
    assert!(store.changed(&key).now_or_never().is_none());
}
