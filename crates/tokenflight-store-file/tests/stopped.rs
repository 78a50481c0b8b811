//! A process is stopped while it presents: no other does, and it goes on as if nothing had been.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod support;

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::Child,
    sync::Arc,
    time::Duration,
};

use futures_util::future::{Either, join, join_all, select};
use rustix::process::{Pid, Signal, getpid, kill_process};
use tokenflight::{ErrorKind, GrantKey, ReusePolicy, Session, Store, Time, time::TokioTime};
use tokenflight_store_file::{FileError, FileStore, Presenter};
use tokenflight_test::{AuthServer, Served, auth::Grace};

use self::support::{
    Folder, child,
    server::{grant, session},
};

const FOLDER: &str = "TOKENFLIGHT_FOLDER";
const SERVER: &str = "TOKENFLIGHT_SERVER";

/// How long a holder is stopped, and others try.
const WHILE: Duration = Duration::from_millis(150);

/// What a child process does; not a test by itself.
#[test]
fn child() {
    let Some(point) = child::part() else { return };
    let stop = move |at: &str| {
        if at == point {
            kill_process(getpid(), Signal::STOP).unwrap();
            // The signal may reach another thread first, and this one a moment later.
            std::thread::park_timeout(WHILE);
        }
    };
    let (folder, server) = (child::given(FOLDER), child::given(SERVER).parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let session = session(Path::new(&folder), server, stop);
        session.token().await.unwrap();
        let token = session.refresh().await.unwrap();
        child::say(token.access().expose());
    });
}

/// A login, a server, and a process that is stopped at a point of its refresh.
struct Scene {
    folder: Folder,
    auth: AuthServer,
    served: Served,
    holder: Child,
}

impl Scene {
    async fn new(point: &str, grace: Grace) -> Self {
        let folder = Folder::new();
        let auth = AuthServer::builder(Arc::new(TokioTime::new())).grace(grace).build();
        let served = auth.serve().unwrap();
        session(folder.path(), served.addr(), |_| ()).login(auth.login()).await.unwrap();
        let holder = spawn(point, folder.path(), served.addr());
        let scene = Self { folder, auth, served, holder };
        scene.until_stopped().await;
        scene
    }

    async fn until_stopped(&self) {
        let status = format!("/proc/{}/stat", self.holder.id());
        loop {
            let text = fs::read_to_string(&status).unwrap();
            if text.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')) {
                return;
            }
            assert!(!text.contains(") Z"), "the holder has ended before it came to this point");
            TokioTime::new().sleep(Duration::from_millis(2)).await;
        }
    }

    fn signal(&self, signal: Signal) {
        let holder = Pid::from_raw(self.holder.id().cast_signed()).unwrap();
        kill_process(holder, signal).unwrap();
    }

    fn session(&self) -> Session {
        session(self.folder.path(), self.served.addr(), |_| ())
    }

    fn submissions(&self) -> u64 {
        self.auth.report().total.token_requests
    }

    /// Resumes the holder, and returns the token it had.
    fn resumed(&mut self) -> String {
        self.signal(Signal::CONT);
        let output = BufReader::new(self.holder.stdout.take().unwrap());
        let lines: Vec<_> = output.lines().map(Result::unwrap).collect();
        let text = lines.join("\n");
        assert!(self.holder.wait().unwrap().success(), "{text}");
        child::said(&text).next().unwrap_or_else(|| panic!("{text}")).to_owned()
    }
}

fn spawn(point: &str, folder: &Path, server: SocketAddr) -> Child {
    child::child(point).env(FOLDER, folder).env(SERVER, server.to_string()).spawn().unwrap()
}

/// How long a holder is stopped: as [`WHILE`] says, or so many seconds.
const SECONDS: &str = "TOKENFLIGHT_STOP_SECONDS";

/// Others wait no longer than this: for the length of a claim, and 25 s.
const AT_MOST: Duration = Duration::from_secs(100);

#[tokio::test(flavor = "multi_thread")]
async fn while_a_holder_is_stopped_at_any_point_nothing_else_presents() {
    let seconds = std::env::var(SECONDS).map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let length = seconds.unwrap_or(WHILE);
    // With the claim held; with the request sent; with the answer in hand.
    join_all([("before", 0), ("during", 1), ("after", 1)].map(|(point, sent)| stopped(point, sent, length))).await;
}

async fn stopped(point: &str, sent: u64, length: Duration) {
    let mut scene = Scene::new(point, Grace::None).await;
    let (session, time) = (scene.session(), TokioTime::new());
    // What is usable is served at once.
    session.token().await.unwrap();
    let (began, refresh) = (time.now().boot, Box::pin(session.refresh()));
    let waiting = match select(refresh, time.sleep(length)).await {
        Either::Right((_, refresh)) => Some(refresh),
        Either::Left((given_up, _)) => {
            let (error, waited) = (given_up.expect_err("a stopped holder was overtaken"), time.now().boot - began);
            assert!(waited + WHILE >= AT_MOST, "{point}: given up after {waited:?}");
            let told = format!("{error}: {:?}", std::error::Error::source(&error));
            assert!(told.contains(&scene.holder.id().to_string()), "the error does not say whom to resume: {told}");
            println!("stopped {point} its request for {length:?}: {waited:?} later {told}");
            time.sleep(length.saturating_sub(waited)).await;
            None
        }
    };
    assert_eq!(scene.submissions(), sent, "stopped {point} its request");
    let status = FileStore::in_dir(scene.folder.path()).status(&GrantKey::new("alice")).unwrap();
    let Presenter::Alive { holder: Some(holder) } = status.presenter else { panic!("{:?}", status.presenter) };
    assert!(holder.contains(&scene.holder.id().to_string()), "the error does not say whom to resume: {holder}");

    let theirs = scene.resumed();
    let ours = match waiting {
        Some(refresh) => refresh.await.unwrap(),
        None => session.refresh().await.unwrap(),
    };
    let total = scene.auth.report().total;
    assert_eq!((total.token_requests, total.presented_twice), (total.rotations, 0), "{point}");
    assert!(total.rotations == 2 || ours.access().expose() == theirs, "{point}");
    scene.auth.assert_unharmed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_is_killed_with_the_answer_in_hand_is_taken_over_within_the_grace_window() {
    let window = Duration::from_secs(60);
    let scene = Scene::new("after", Grace::SamePair(window)).await;
    let time = TokioTime::new();
    let builder = Session::builder(grant(scene.served.addr(), |_| ())).key(GrantKey::new("alice"));
    let builder = builder.reuse_policy(ReusePolicy::Grace { window });
    let session = builder.store(FileStore::in_dir(scene.folder.path())).build().unwrap();
    scene.signal(Signal::KILL);
    let before = time.now().boot;
    session.refresh().await.unwrap();
    let waited = time.now().boot - before;
    let report = scene.auth.report();
    assert!(waited >= Duration::from_secs(5) && waited < Duration::from_secs(20), "{waited:?}");
    assert_eq!(
        (report.total.rotations, report.total.reuses_in_grace, report.total.presented_twice),
        (1, 1, 0),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_holder_that_had_sent_nothing_leaves_the_session_whole_on_a_strict_server() {
    let scene = Scene::new("before", Grace::None).await;
    scene.signal(Signal::KILL);
    let session = scene.session();
    // Whether it was sent is not known: the access token is used as long as it lasts.
    session.token().await.unwrap();
    let error = session.refresh().await.unwrap_err();
    assert!(error.is_transient() && scene.submissions() == 0, "{error:?}");
    scene.auth.assert_unharmed();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_process_stopped_within_a_step_blocks_no_reading_and_a_write_says_so() {
    let Some(strace) = child::strace() else { return };
    let folder = Folder::new();
    let auth = AuthServer::new(Arc::new(TokioTime::new()));
    let served = auth.serve().unwrap();
    session(folder.path(), served.addr(), |_| ()).login(auth.login()).await.unwrap();
    // Where it has written its claim and not yet replaced the record.
    let options = ["-e", "trace=fsync", "-e", "inject=fsync:signal=STOP:when=1"].map(str::to_owned);
    let log = folder.join("log");
    let mut command = child::watched(&strace, &log, &[], &options, "nowhere");
    let mut holder = command.env(FOLDER, folder.path()).env(SERVER, served.addr().to_string()).spawn().unwrap();
    let time = TokioTime::new();
    let traced = loop {
        time.sleep(Duration::from_millis(5)).await;
        assert!(holder.try_wait().unwrap().is_none(), "the holder has ended before it came to its step");
        let log = fs::read_to_string(&log).unwrap_or_default();
        if let Some(line) = log.lines().find(|line| line.contains("stopped by SIGSTOP")) {
            let pid = line.split_whitespace().next().and_then(|pid| pid.parse::<i32>().ok()).unwrap();
            break Pid::from_raw(pid).unwrap();
        }
    };

    let (store, key) = (FileStore::in_dir(folder.path()), GrantKey::new("alice"));
    let ours = Session::builder(grant(served.addr(), |_| ())).key(key.clone()).store(store.clone()).build().unwrap();
    ours.token().await.unwrap();
    let before = time.now().boot;
    let reading = async {
        time.sleep(WHILE).await;
        let before = time.now().boot;
        store.load(&key).await.unwrap();
        time.now().boot - before
    };
    let (login, read) = join(ours.login(auth.login()), reading).await;
    assert!(read < Duration::from_secs(2), "reading has waited for a step: {read:?}");
    let (error, waited) = (login.unwrap_err(), time.now().boot - before);
    assert_eq!(*error.kind(), ErrorKind::Store);
    assert!(matches!(FileError::find(&error), Some(FileError::Held { .. })), "{error:?}");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    assert_eq!(auth.report().total.token_requests, 0);

    kill_process(traced, Signal::CONT).unwrap();
    let _ = holder.wait();
    assert_eq!(auth.report().total.presented_twice, 0);
}
