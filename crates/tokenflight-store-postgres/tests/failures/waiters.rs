//! Sessions that wait for another host's claims.

use tokenflight::{TokenRequest, TokenSet, grant_fn};
use tokenflight_core::store::{Body, Op, StoredTokens};

use crate::{prelude::*, support::ops::tokens};

const WAITERS: u32 = 64;

/// A login whose access token ran out, and another host's claim on it. What that host commits then.
async fn claimed(store: &Rows, key: &GrantKey) -> Op {
    let seen = store.load(key).await.unwrap();
    let set = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(Duration::from_secs(1));
    let tokens_0 = Some(StoredTokens::from_set(&set, Duration::from_secs(1_700_000_000), None));
    stored(store.apply(key, op(&seen, Body::Reset { base: None, tokens: tokens_0 })).await);
    let Reply::Granted(entry) = store.apply(key, claim(store, key, Duration::ZERO).await).await.unwrap() else {
        panic!("another claims it");
    };
    let presented = entry.tokens().and_then(|tokens| tokens.refresh.clone());
    let (epoch, login, over, next) = (entry.epoch, entry.login, entry.set, tokens(1));
    let body = Body::Commit { epoch, login, over, presented, next };
    Op::new(entry.home, Now::new(Duration::ZERO, Duration::ZERO), body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_wait_for_other_hosts_ask_for_their_keys_together() {
    let Some(server) = shared() else { return };
    let (other, time) = (CellStore::new(cell(server).await), TokioTime::new());
    let keys: Vec<_> = (0..WAITERS).map(|n| key(&format!("waiters/{n}"))).collect();
    let commits = join_all(keys.iter().map(|key| claimed(&other, key))).await;

    let sql = Arc::new(Wrapped::new(connections(server)));
    let cell = PostgresCell::open(Arc::clone(&sql)).await.unwrap();
    let waiters = keys.iter().map(|key| {
        let grant = grant_fn(|_: TokenRequest| async { Ok(TokenSet::new("presented")) });
        let session = Session::builder(grant).key(key.clone()).store(CellStore::new(cell.clone())).build().unwrap();
        let time = &time;
        async move {
            let token = session.token().await.unwrap();
            (token.access().expose().to_owned(), time.now().boot)
        }
    });
    let others = async {
        // At first they ask more often.
        time.sleep(Duration::from_secs(1)).await;
        let before = (sql.loads.load(Relaxed), sql.keys.load(Relaxed));
        time.sleep(Duration::from_secs(2)).await;
        let (asked, keys_asked) = (sql.loads.load(Relaxed) - before.0, sql.keys.load(Relaxed) - before.1);
        let mut committed = Vec::new();
        for (key, commit) in keys.iter().zip(commits) {
            stored(other.apply(key, commit).await);
            committed.push(time.now().boot);
        }
        (asked, keys_asked, committed)
    };
    let (got, (asked, keys_asked, committed)) = tokio::join!(join_all(waiters), others);
    let mut late: Vec<Duration> =
        got.iter().zip(committed).map(|((_, at), committed)| at.saturating_sub(committed)).collect();
    late.sort();
    println!(
        "{WAITERS} waiters ask for {keys_asked} keys in {asked} statements in 2 s; a commit is seen after {:?} (median), {:?}",
        late[late.len() / 2],
        late[late.len() - 1],
    );
    assert!(got.iter().all(|(token, _)| token == "access-1"), "one was presented");
    assert!(asked * 2 <= keys_asked, "{keys_asked} keys in {asked} statements");
}
