//! An authorization server that other people wrote.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use super::{User, browser::ask};

/// One on loopback, until it is dropped. The README beside its source says what it can do.
pub(crate) struct Real {
    child: Child,
    ready: Value,
}

/// Which one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    OidcProvider,
    Django,
}

impl Real {
    /// Starts it; `None` if it is not installed.
    pub(crate) fn start(user: &User, kind: Kind, settings: &[(&str, &str)]) -> Option<Self> {
        let (variable, script) = match kind {
            Kind::OidcProvider => ("TOKENFLIGHT_OIDC_PROVIDER", "oidc-provider/server.mjs"),
            Kind::Django => ("TOKENFLIGHT_DJANGO", "django/server.py"),
        };
        let Some(place) = env::var_os(variable).filter(|place| !place.is_empty()).map(PathBuf::from) else {
            assert!(env::var_os("CI").is_none(), "{variable} is not set; `cargo xtask servers` tells");
            eprintln!("skipped: {variable} is not set; `cargo xtask servers` tells");
            return None;
        };
        let program = match kind {
            Kind::OidcProvider => PathBuf::from("node"),
            Kind::Django => place.join("bin/python"),
        };
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tokenflight-oauth2/tests/servers");
        let mut command = Command::new(program);
        command.env("TMPDIR", user.work()).arg(scripts.join(script)).envs(settings.iter().copied());
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.unwrap();
        let mut first = String::new();
        // The rest is not read: it is closed, so that no full pipe holds the server up.
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        Some(Self { child, ready: serde_json::from_str(&first).unwrap() })
    }

    /// One of the first line's texts.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    pub(crate) fn secret(&self, client: &str) -> &str {
        self.ready["clients"][client]["secret"].as_str().unwrap()
    }

    /// A login of this client, as the server answers it, in a file.
    pub(crate) fn login(&self, client: &str, file: &Path) {
        fs::write(file, self.send("POST", &format!("/test/login?client={client}"))).unwrap();
    }

    /// One of the server's counters.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let log: Value = serde_json::from_str(&self.send("GET", "/test/log")).unwrap();
        log[name].as_u64().unwrap()
    }

    fn send(&self, method: &str, path: &str) -> String {
        let (status, _, body) = ask(method, &format!("{}{path}", self.text("issuer")), "", "");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        // It ends by itself when its stdin is closed; dead is dead.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
