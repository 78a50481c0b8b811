use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use serde_json::Value;

use crate::bed::folder;

/// A real authorization server on loopback, until it is dropped. Its README says what it can do.
pub(crate) struct Server {
    child: Child,
    ready: Value,
    /// Its temporary files. It is killed, so it cannot take them away itself.
    scratch: PathBuf,
}

/// Which one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    OidcProvider,
    Django,
}

impl Server {
    /// Starts it; `None`, loudly, if it is not installed.
    pub(crate) fn start(kind: Kind, settings: &[(&str, &str)]) -> Option<Self> {
        let (variable, script) = match kind {
            Kind::OidcProvider => ("TOKENFLIGHT_OIDC_PROVIDER", "oidc-provider/server.mjs"),
            Kind::Django => ("TOKENFLIGHT_DJANGO", "django/server.py"),
        };
        let Some(place) = env::var_os(variable).filter(|place| !place.is_empty()).map(PathBuf::from) else {
            // Not `eprintln`, which is kept back while a test passes.
            let _ = writeln!(std::io::stderr(), "SKIPPED, {variable} is not set: see `cargo xtask servers`");
            return None;
        };
        let program = match kind {
            Kind::OidcProvider => PathBuf::from("node"),
            Kind::Django => place.join("bin/python"),
        };
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/tokenflight-oauth2/tests/servers");
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let scratch = folder(&format!("server-{}", STARTED.fetch_add(1, SeqCst)));
        let mut child = Command::new(program)
            .env("TMPDIR", &scratch)
            .arg(scripts.join(script))
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first = String::new();
        // The rest is not read: it is closed, so that no full pipe holds the server up.
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let ready = serde_json::from_str(&first).unwrap();
        Some(Self { child, ready, scratch })
    }

    /// One of the first line's texts.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    pub(crate) fn secret(&self, client: &str) -> &str {
        self.ready["clients"][client]["secret"].as_str().unwrap()
    }

    /// Logs in, and puts what the server answers into a file.
    pub(crate) fn login(&self, client: &str, file: &Path) {
        fs::write(file, self.send("POST", &format!("/test/login?client={client}"))).unwrap();
    }

    /// One of the server's counters.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let log: Value = serde_json::from_str(&self.send("GET", "/test/log")).unwrap();
        log[name].as_u64().unwrap()
    }

    /// HTTP/1.0, which has neither chunks nor a second request.
    fn send(&self, method: &str, path: &str) -> String {
        let host = self.text("issuer").trim_start_matches("http://");
        let mut socket = TcpStream::connect(host).unwrap();
        write!(socket, "{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{path}: {head}");
        body.to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends by itself when its stdin is closed; dead is dead.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.scratch);
    }
}
