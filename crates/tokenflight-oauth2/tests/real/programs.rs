//! Programs that live for one request: what they begin must not be lost with them.

use std::collections::HashMap;

use tokenflight::{CallbackStore, GrantKey};

use crate::fixture::*;

on_both!(programs_that_end_in_the_lead_of_their_token_lose_no_login);

/// How long access tokens live, in seconds.
const LIFETIME: u64 = 12;

/// How many programs of each kind at a time: a server on two cores answers so many within the lead.
const AT_ONCE: usize = 20;

/// What outlives a program: one file, say.
type Kept = Arc<Mutex<HashMap<GrantKey, tokenflight_core::store::Blob>>>;

/// How a program ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// `main` returns, and there was no driver.
    Returns,
    /// `main` returns, with a driver that was spawned.
    ReturnsDriven,
    /// By `Session::run_until`.
    RunUntil,
    /// By `Session::shutdown`, with a driver.
    Shutdown,
}

async fn programs_that_end_in_the_lead_of_their_token_lose_no_login(kind: Kind) {
    let programs = programs().map_or(AT_ONCE, |told| usize::try_from(told).unwrap());
    let server = Arc::new(Setup::new(kind, LIFETIME).start().await);
    let ends = [End::Returns, End::ReturnsDriven, End::RunUntil, End::Shutdown];
    let mut begun = 0;
    while begun < programs {
        let mut users = Vec::new();
        for at in begun..programs.min(begun + AT_ONCE) {
            let (kept, end) = (Kept::default(), ends[at % ends.len()]);
            let session = session(&server, &kept);
            session.login(server.login("public").await.0).await.unwrap();
            users.push((kept, end));
        }
        begun += users.len();
        // The lead of these tokens begins after nine seconds and a half.
        pass(Duration::from_millis(9_600)).await;
        run(&server, &users, StatusCode::OK).await;
        pass(Duration::from_secs(LIFETIME - 9)).await;
        // The refresh token is good: nothing was presented that was not stored.
        run(&server, &users, StatusCode::OK).await;
    }
    let log = server.log().await;
    assert_eq!((log.reuses, log.denied), (0, 0), "{log:?}");
    println!("{kind:?}: {programs} programs, two requests each: {log:?}");
}

/// Runs a program for each of them, all at once, each with a thread and a runtime of its own, as a
/// process has them.
async fn run(server: &Arc<Server>, users: &[(Kept, End)], expected: StatusCode) {
    let programs = users.iter().map(|(kept, end)| {
        let (server, kept, end) = (Arc::clone(server), Arc::clone(kept), *end);
        (end, tokio::task::spawn_blocking(move || program(&server, &kept, end)))
    });
    for (end, program) in programs.collect::<Vec<_>>() {
        assert_eq!(program.await.unwrap(), expected, "{end:?}");
    }
}

fn session(server: &Server, kept: &Kept) -> Session {
    let (read, write) = (Arc::clone(kept), Arc::clone(kept));
    let load = move |key| {
        let found = read.lock().unwrap().get(&key).cloned();
        async move { Ok(found) }
    };
    let save = move |key, value| {
        write.lock().unwrap().insert(key, value);
        async { Ok(()) }
    };
    let store = CallbackStore::new(load, save);
    Session::builder(public(server).refresh_token()).store(store).key(GrantKey::new("alice")).build().unwrap()
}

/// A `main` that makes one request.
fn program(server: &Server, kept: &Kept, end: End) -> StatusCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let session = session(server, kept);
        let request = get(server, session.clone());
        let limit = Duration::from_secs(10);
        match end {
            End::Returns => request.await,
            End::ReturnsDriven | End::Shutdown => {
                #[allow(clippy::disallowed_methods)] // A program of tokio's.
                tokio::spawn(session.driver());
                let status = request.await;
                if matches!(end, End::Shutdown) {
                    session.shutdown(limit).await.unwrap();
                }
                status
            }
            End::RunUntil => session.run_until(limit, request).await,
        }
    })
}

async fn get(server: &Server, session: Session) -> StatusCode {
    let origins = Origins::with_plain_loopback([server.at.issuer.as_str()]).unwrap();
    let pool = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::get(&server.at.resource).body(Full::default()).unwrap();
    BearerLayer::new(session, origins).layer(pool).oneshot(request).await.unwrap().status()
}
