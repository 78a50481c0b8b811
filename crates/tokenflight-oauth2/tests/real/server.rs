//! One of the two servers, as a process of its own.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde::Deserialize;
use tokenflight::TokenSet;
use tokenflight_oauth2::{
    answer::{Answer, Verdict, judge},
    provider,
};
use tower::ServiceExt;

use crate::support::client;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    OidcProvider,
    Django,
}

impl Kind {
    const fn variable(self) -> &'static str {
        match self {
            Self::OidcProvider => "TOKENFLIGHT_OIDC_PROVIDER",
            Self::Django => "TOKENFLIGHT_DJANGO",
        }
    }

    /// Where it is installed, if it is. Else a line says so, or a panic if `CI` is set.
    pub(crate) fn installed(self) -> Option<String> {
        let place = env::var(self.variable()).ok().filter(|place| !place.is_empty());
        if place.is_none() {
            assert!(env::var_os("CI").is_none(), "{} is not set; `cargo xtask servers` tells", self.variable());
            println!("skipped: {} is not set; `cargo xtask servers` tells", self.variable());
        }
        place
    }

    fn command(self) -> Command {
        let place = self.installed().expect("installed");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers");
        let (program, script) = match self {
            Self::OidcProvider => (PathBuf::from("node"), "oidc-provider/server.mjs"),
            Self::Django => (Path::new(&place).join("bin/python"), "django/server.py"),
        };
        let mut command = Command::new(program);
        command.arg(sources.join(script));
        command
    }
}

/// How a server is started.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) kind: Kind,
    pub(crate) access_seconds: u64,
    /// Django only.
    pub(crate) grace_seconds: u64,
    /// oidc-provider only.
    pub(crate) jwks: Option<String>,
    /// What a second start finds again, and at which port.
    pub(crate) state: Option<PathBuf>,
    pub(crate) port: u16,
}

impl Setup {
    pub(crate) const fn new(kind: Kind, access_seconds: u64) -> Self {
        Self { kind, access_seconds, grace_seconds: 0, jwks: None, state: None, port: 0 }
    }

    pub(crate) async fn start(&self) -> Server {
        let setup = self.clone();
        // Reading its first line takes a second, in which the runtime has other things to do.
        tokio::task::spawn_blocking(move || Server::start(setup)).await.unwrap()
    }
}

/// The first line that a server prints.
#[derive(Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) issuer: String,
    pub(crate) token: String,
    pub(crate) revocation: String,
    pub(crate) resource: String,
    test: String,
    pub(crate) port: u16,
    clients: BTreeMap<String, Registered>,
}

#[derive(Debug, Deserialize)]
struct Registered {
    secret: Option<String>,
}

/// The counters of one start.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Log {
    pub(crate) refreshes: u64,
    pub(crate) graced: u64,
    pub(crate) reuses: u64,
    pub(crate) revocations: u64,
    pub(crate) credentials: u64,
    pub(crate) denied: u64,
    pub(crate) cuts: u64,
    pub(crate) served: u64,
    pub(crate) refused: u64,
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) setup: Setup,
    pub(crate) at: Ready,
    process: Child,
    /// Its temporary files. It is killed, so it cannot take them away itself.
    _scratch: Directory,
}

impl Server {
    fn start(setup: Setup) -> Self {
        let mut command = setup.kind.command();
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let scratch = Directory::new(&format!("server-{}", STARTED.fetch_add(1, SeqCst)), setup.kind);
        fs::create_dir_all(&scratch.0).unwrap();
        command.env("TMPDIR", &scratch.0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("SERVER_PORT", setup.port.to_string());
        command.env("SERVER_ACCESS_SECONDS", setup.access_seconds.to_string());
        command.env("SERVER_GRACE_SECONDS", setup.grace_seconds.to_string());
        if let Some(state) = &setup.state {
            command.env("SERVER_STATE", state);
        }
        if let Some(jwks) = &setup.jwks {
            command.env("SERVER_JWKS", jwks);
        }
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        drain(lines);
        let at = serde_json::from_str(&first).unwrap_or_else(|error| panic!("{first:?}: {error}"));
        Self { setup, at, process, _scratch: scratch }
    }

    pub(crate) fn secret(&self, client: &str) -> &str {
        self.at.clients[client].secret.as_deref().unwrap()
    }

    async fn call(&self, method: Method, path: &str) -> (StatusCode, HeaderMap, Bytes) {
        let request = Request::builder().method(method).uri(format!("{}/{path}", self.at.test));
        let answer = client().oneshot(request.body(Full::default()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        (head.status, head.headers, body.collect().await.unwrap().to_bytes())
    }

    /// Has it do something that only tests may ask for, such as `cut?n=1`; what it answers.
    pub(crate) async fn told(&self, what: &str) -> serde_json::Value {
        let (status, _, body) = self.call(Method::POST, what).await;
        assert_eq!(status, StatusCode::OK, "{what}: {body:?}");
        serde_json::from_slice(&body).unwrap()
    }

    pub(crate) async fn log(&self) -> Log {
        let (_, _, body) = self.call(Method::GET, "log").await;
        serde_json::from_slice(&body).unwrap()
    }

    /// A login of this client: its tokens, and the name that the server knows it by.
    pub(crate) async fn login(&self, client: &str) -> (TokenSet, String) {
        let (status, headers, body) = self.call(Method::POST, &format!("login?client={client}")).await;
        let name = headers["x-session"].to_str().unwrap().to_owned();
        match judge(&Answer::new(status, &headers, &Ok(body)), provider::UNKNOWN) {
            Verdict::Tokens(tokens) => (tokens, name),
            verdict => panic!("{verdict:?}"),
        }
    }

    /// Ends it at once, and tells how to start it again where it was.
    pub(crate) fn kill(self) -> Setup {
        Setup { port: self.at.port, ..self.setup.clone() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads on to the end: a server whose output is not read stands still.
fn drain(mut lines: BufReader<ChildStdout>) {
    #[allow(clippy::disallowed_methods)] // A pipe is read by a thread; it ends with the server.
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while lines.read(&mut buffer).is_ok_and(|count| count > 0) {}
    });
}

/// A directory for one test, which is gone when it is over.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new(test: &str, kind: Kind) -> Self {
        let name = format!("real-{test}-{kind:?}-{}", std::process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
