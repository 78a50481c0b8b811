//! A user's folders, an authorization server, and the real command between them.

pub(crate) mod browser;
pub(crate) mod http;
pub(crate) mod real;
pub(crate) mod server;

pub(crate) use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

pub(crate) use base64::{Engine, engine::general_purpose::STANDARD};
pub(crate) use serde_json::json;

pub(crate) use self::{
    browser::Browser,
    http::{Request, Response, accept, converse, serve},
    real::{Kind, Real},
    server::Server,
};

pub(crate) struct User {
    pub(crate) server: Server,
    folder: PathBuf,
}

impl User {
    /// A user without a login, whose access tokens live for five minutes.
    pub(crate) fn new() -> Self {
        Self::of(Server::start(300))
    }

    fn of(server: Server) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("tokenflight-cli-{}-{count}", std::process::id()));
        fs::create_dir_all(folder.join("work")).unwrap();
        Self { server, folder }
    }

    /// A user with a login, whose profile lists these hosts.
    pub(crate) fn logged_in(hosts: &[&str]) -> Self {
        let user = Self::new();
        user.log_in(hosts);
        user
    }

    /// The same, whose access tokens live for so many seconds.
    pub(crate) fn living(seconds: u64) -> Self {
        let user = Self::of(Server::start(seconds));
        user.log_in(&[]);
        user
    }

    /// A user whose access token has expired.
    pub(crate) fn expired() -> Self {
        let user = Self::new();
        *user.server.habits.login_lives.lock().unwrap() = Some(0);
        user.log_in(&[]);
        user
    }

    pub(crate) fn log_in(&self, hosts: &[&str]) {
        let mut profile = format!("[profile.default]\nissuer = \"{}\"\nclient_id = \"me\"\n", self.server.issuer());
        profile += &format!("hosts = {hosts:?}\n");
        self.configure(&profile);
        let output = self.browse(&["login", "--no-browser"]);
        assert!(output.status.success(), "{output:?}");
    }

    /// Logs in with a browser that says yes.
    pub(crate) fn browse(&self, words: &[&str]) -> Output {
        let mut child = self.command(words).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let mut line = String::new();
        while stderr.read_line(&mut line).unwrap() > 0 {
            if line.starts_with("http://") {
                Browser::default().open(line.trim());
            }
            said += &line;
            line.clear();
        }
        let mut output = child.wait_with_output().unwrap();
        output.stderr = said.into_bytes();
        output
    }

    /// Replaces the file of profiles.
    pub(crate) fn configure(&self, text: &str) {
        let file = self.config();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("config/tokenflight/config.toml")
    }

    /// The folder of logins.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state/tokenflight")
    }

    /// The record of the profile `default`.
    pub(crate) fn record(&self) -> PathBuf {
        self.state().join("default.json")
    }

    /// A folder for what a test needs.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// Makes the stored token older by so many seconds.
    pub(crate) fn age(&self, seconds: u64) {
        let text = fs::read_to_string(self.record()).unwrap();
        let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
        record["received"] = (record["received"].as_u64().unwrap() - seconds * 1_000).into();
        fs::write(self.record(), record.to_string()).unwrap();
    }

    /// The command with these words, as this user.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_tokenflight"));
        command.args(words);
        command
    }

    /// Any program as this user: with its folders, and nothing of the environment but the path.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", env::var_os("PATH").unwrap()).env("HOME", &self.folder);
        command.env("XDG_CONFIG_HOME", self.folder.join("config")).env("XDG_STATE_HOME", self.folder.join("state"));
        command.env("XDG_RUNTIME_DIR", self.folder.join("run")).current_dir(self.work()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What it prints. It must end well.
    pub(crate) fn print(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The access token, as `tokenflight token` prints it.
    pub(crate) fn token(&self) -> String {
        self.print(&["token"]).trim_end().to_owned()
    }

    /// The access token that is stored.
    pub(crate) fn stored(&self) -> String {
        self.print(&["token", "--cached", "--min-lifetime", "0"]).trim_end().to_owned()
    }

    /// Runs it with something on standard input.
    pub(crate) fn feed(&self, words: &[&str], input: &str) -> Output {
        feed(self.command(words), input)
    }

    pub(crate) fn status(&self) -> serde_json::Value {
        let all: serde_json::Value = serde_json::from_str(&self.print(&["status", "--json"])).unwrap();
        all["profiles"][0].clone()
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn feed(mut command: Command, input: &str) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// What went to standard error.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[allow(clippy::disallowed_methods)] // Other processes need real time.
pub(crate) fn pause(length: Duration) {
    std::thread::sleep(length);
}

/// Waits until this holds, for a while.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        pause(Duration::from_millis(20));
    }
    panic!("{what}: not within 20 s");
}

/// Where a program is, if the machine has it. Else a line says what is left out; where `CI` is set,
/// nothing is.
pub(crate) fn find(program: &str, what: &str) -> Option<PathBuf> {
    let found = on_path(program);
    if found.is_none() {
        assert!(env::var_os("CI").is_none(), "no {program}; {what}");
        eprintln!("skipped: no {program}; {what}");
    }
    found
}

/// As [`find`], for a program that only an administrator installs: it is left out in CI as well.
pub(crate) fn find_foreign(program: &str, what: &str) -> Option<PathBuf> {
    let found = on_path(program);
    if found.is_none() {
        eprintln!("skipped: no {program}, which only an administrator installs; {what}");
    }
    found
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Whether any file below this folder has the text in it, and which.
pub(crate) fn holds(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(holds(&path, text)),
            false if String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).contains(text) => found.push(path),
            false => {}
        }
    }
    found
}
