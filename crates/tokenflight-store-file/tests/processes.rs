//! Many processes over one record, against an authorization server that ends the session when a
//! refresh token comes back.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod support;

use std::{path::Path, sync::Arc, time::Duration};

use tokenflight::{Time, time::TokioTime};
use tokenflight_test::AuthServer;

use self::support::{Folder, child, server::session};

const FOLDER: &str = "TOKENFLIGHT_FOLDER";
const SERVER: &str = "TOKENFLIGHT_SERVER";
const SECONDS: &str = "TOKENFLIGHT_PROCESS_SECONDS";
const PROCESSES: &str = "TOKENFLIGHT_PROCESSES";

/// What a child process does; not a test by itself.
#[test]
fn child() {
    if child::part().is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(ask_all_the_time());
    }
}

/// Asks for a token all the time, and says how often there was one and how often not.
async fn ask_all_the_time() {
    let (folder, server) = (child::given(FOLDER), child::given(SERVER).parse().unwrap());
    let (time, session) = (TokioTime::new(), session(Path::new(&folder), server, |_| ()));
    let until = time.now().boot + Duration::from_secs(child::given(SECONDS).parse().unwrap());
    let (mut had, mut failures, mut longest) = (0_u32, Vec::new(), Duration::ZERO);
    while time.now().boot < until {
        let before = time.now().boot;
        match session.token().await {
            Ok(_) => had += 1,
            Err(error) => failures.push(format!("{error}: {:?}", std::error::Error::source(&error))),
        }
        longest = longest.max(time.now().boot - before);
        time.sleep(Duration::from_millis(5)).await;
    }
    child::say(&format!("{had} {} {} {failures:?}", failures.len(), longest.as_millis()));
}

/// How long the processes run: 20 s, or as many as `TOKENFLIGHT_PROCESS_SECONDS` says.
fn seconds() -> String {
    std::env::var(SECONDS).unwrap_or_else(|_| "20".to_owned())
}

/// How many there are: 16, or as many as `TOKENFLIGHT_PROCESSES` says.
fn processes() -> usize {
    std::env::var(PROCESSES).ok().and_then(|count| count.parse().ok()).unwrap_or(16)
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_processes_submit_each_refresh_token_once_and_lose_no_session() {
    let folder = Folder::new();
    let auth = AuthServer::builder(Arc::new(TokioTime::new()))
        .access_lifetime(Duration::from_secs(1))
        .latency(Duration::from_millis(5)..=Duration::from_millis(60))
        .build();
    let served = auth.serve().unwrap();
    session(folder.path(), served.addr(), |_| ()).login(auth.login()).await.unwrap();

    let children: Vec<_> = (0..processes())
        .map(|_| {
            let mut command = child::child("ask");
            command.env(FOLDER, folder.path()).env(SERVER, served.addr().to_string()).env(SECONDS, seconds());
            command.spawn().unwrap()
        })
        .collect();
    let outputs = tokio::task::spawn_blocking(|| {
        children.into_iter().map(|child| child.wait_with_output().unwrap()).collect::<Vec<_>>()
    });
    let (mut tokens, mut longest) = (0, 0);
    for output in outputs.await.unwrap() {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let said = child::said(&text).next().unwrap_or_else(|| panic!("{text}"));
        let mut numbers = said.split(' ');
        let mut number = || numbers.next().unwrap().parse::<u64>().unwrap();
        let (had, failures, wait) = (number(), number(), number());
        assert_eq!(failures, 0, "{said}");
        (tokens, longest) = (tokens + had, longest.max(wait));
    }
    let report = auth.report();
    let total = report.total;
    println!("{} processes: {tokens} tokens, the longest wait {longest} ms; {report}", processes());
    report.assert_unharmed();
    assert_eq!((total.token_requests, total.presented_twice), (total.rotations, 0), "{report}");
    assert!(report.is_alive("login-1"), "{report}");
    let least = seconds().parse::<u64>().unwrap() / 2;
    assert!(total.rotations >= least, "hardly anything happened: {report}");
}
