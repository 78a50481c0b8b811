//! The line between a store and its server.

use tokenflight::{ErrorKind, GrantKey, Policy};
use tokenflight_test::{AuthServer, proxy::Link};

use super::answers::through_a_proxy;
use crate::prelude::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_half_open_is_given_up_and_what_was_sent_is_unknown() {
    let Some(server) = shared() else { return };
    let alice = key("line/half-open");
    let (proxy, reader) = through_a_proxy(server, Duration::from_millis(300)).await;
    logged_in(&reader, &alice, 1).await;
    proxy.set(Link::Dead);
    let (kind, error) = failed(reader.load(&alice).await);
    assert!(kind == StoreErrorKind::NotDone && matches!(error, PostgresError::Late { .. }), "{error:?}");
    // Nor is there another one.
    let (kind, error) = failed(reader.load(&alice).await);
    assert!(kind == StoreErrorKind::NotDone && matches!(error, PostgresError::Unreachable { .. }), "{error:?}");
    proxy.set(Link::Open);
    assert!(is_set(&reader.load(&alice).await.unwrap().entry.unwrap(), 1));

    let (proxy, writer) = through_a_proxy(server, Duration::from_millis(300)).await;
    let next = commit(&writer, &alice, 2).await;
    proxy.set(Link::Dead);
    let expected = Version { op: OpId::new(1), incarnation: None };
    let (kind, error) = failed(writer.cell().swap(&alice, expected, OpId::new(2), Blob::new(Vec::new())).await);
    assert!(kind == StoreErrorKind::Unknown && matches!(error, PostgresError::Late { .. }), "{error:?}");
    // The next try makes new connections.
    proxy.set(Link::Open);
    assert!(is_set(&stored(writer.apply(&alice, next).await), 2));
}

/// One host's session: its token is due whenever it is asked for.
fn session(auth: &AuthServer, store: Rows, name: &str) -> Session {
    let mut policy = Policy::default();
    policy.store_limit = Duration::from_secs(2);
    let builder = Session::builder(auth.grant()).key(GrantKey::new(name)).policy(policy);
    builder.store(store).build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_cut_off_presents_nothing_and_goes_on_when_the_line_heals() {
    let Some(server) = shared() else { return };
    let time: Arc<TokioTime> = Arc::new(TokioTime::new());
    let auth = AuthServer::builder(time).access_lifetime(Duration::from_secs(1)).build();
    let (proxy, store) = through_a_proxy(server, Duration::from_millis(500)).await;
    let here = session(&auth, CellStore::new(cell(server).await), "line/partition");
    let there = session(&auth, store, "line/partition");
    here.login(auth.login()).await.unwrap();
    there.token().await.unwrap();

    proxy.set(Link::Held);
    let asked = auth.report().total.token_requests;
    // Until its token has run out, it is served.
    let error = loop {
        match there.token().await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(*error.kind(), ErrorKind::Store, "{error:?}");
    assert_eq!(auth.report().total.token_requests, asked, "something was presented without a claim");
    // Others go on.
    let token = here.token().await.unwrap();
    assert_eq!(auth.report().total.token_requests, asked + 1);

    proxy.set(Link::Open);
    let healed = loop {
        // What was begun before the line healed may still fail.
        match there.token().await {
            Ok(token) => break token,
            Err(error) => assert_eq!(*error.kind(), ErrorKind::Store, "{error:?}"),
        }
    };
    assert!(healed.access().expose() == token.access().expose() || auth.report().total.token_requests > asked + 1);
    auth.report().assert_unharmed();
}
