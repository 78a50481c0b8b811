use std::{
    fmt, fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use super::{
    find::programs,
    keeper::{Keeper, User, folder},
};

/// A server with data of its own, on a port of loopback. It is stopped, and its data removed, when
/// this is dropped.
///
/// # Panics
///
/// Every function panics, with the end of the server's log, if it or one of its programs fails.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Last: it removes the folder.
    keeper: Keeper,
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // The server knows no other way.
pub enum Stop {
    /// Transactions are ended, and everything is written: `pg_ctl stop -m fast`.
    Fast,
    /// As by a crash: `pg_ctl stop -m immediate`.
    Immediate,
}

/// What every server is started with.
const SETTINGS: &str = "listen_addresses = '127.0.0.1'\nmax_connections = 60\nshared_buffers = 16MB\n";

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

impl Postgres {
    /// Starts a server with these settings, or says in a line on standard error that it found none.
    ///
    /// The tables are empty. Its superuser is `postgres`. No user needs a password.
    #[must_use]
    pub fn start(settings: &[(&str, &str)]) -> Option<Self> {
        let programs = programs()?;
        let folder = folder();
        let user = User::of(&folder);
        let mut initdb = user.command(&programs.join("initdb"));
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"]);
        run(initdb.arg(folder.join("data")), &folder);
        let settings: String = settings.iter().map(|(name, value)| format!("{name} = '{value}'\n")).collect();
        Some(Self::on_data(programs, user, folder, &format!("{SETTINGS}{settings}")))
    }

    fn on_data(programs: PathBuf, user: User, folder: PathBuf, settings: &str) -> Self {
        let port = free_port();
        let own = format!("{settings}port = {port}\nunix_socket_directories = '{}'\n", folder.display());
        let file = folder.join("data/postgresql.conf");
        let written = fs::read_to_string(&file).and_then(|before| fs::write(&file, before + &own));
        written.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut server = user.command(&programs.join("postgres"));
        let keeper = Keeper::new(&folder, server.arg("-D").arg(folder.join("data")));
        let server = Self { programs, folder, port, keeper };
        server.start_again();
        server
    }

    /// The port of 127.0.0.1 on which it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where its data are. The server's user can read what is put there.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Its address for this user and its database `postgres`, as words:
    /// `host=127.0.0.1 port=… user=… dbname=postgres`.
    #[must_use]
    pub fn address(&self, user: &str) -> String {
        format!("host=127.0.0.1 port={} user={user} dbname=postgres", self.port)
    }

    /// Executes this as superuser; returns what it printed: a line a row, columns divided by `|`.
    ///
    /// # Panics
    ///
    /// If the server refuses it.
    pub fn sql(&self, text: &str) -> String {
        self.try_sql(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Has the superuser execute this.
    ///
    /// # Errors
    ///
    /// What the server said.
    pub fn try_sql(&self, text: &str) -> Result<String, String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-U", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-h"]);
        psql.arg(&self.folder).args(["-p", &self.port.to_string(), "-c", text]);
        let output = psql.stdin(Stdio::null()).output().map_err(|error| format!("psql: {error}"))?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
    }

    /// Changes a setting that needs no restart, and waits until it counts.
    pub fn set(&self, name: &str, value: &str) {
        self.sql(&format!("ALTER SYSTEM SET {name} = '{value}'"));
        self.sql("SELECT pg_reload_conf()");
        self.wait("the setting counts", || self.sql(&format!("SHOW {name}")) == value);
    }

    /// Ends every connection that fits this condition on the server's view of them,
    /// `pg_stat_activity`, waits until they are gone, and says how many that were.
    pub fn terminate(&self, condition: &str) -> usize {
        let them = format!(
            "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND {condition}"
        );
        let ended = self.sql(&format!("SELECT pid, pg_terminate_backend(pid) {them}"));
        let pids: Vec<&str> = ended.lines().filter_map(|line| line.split_once('|')).map(|(pid, _)| pid).collect();
        if !pids.is_empty() {
            let left = format!("SELECT 1 FROM pg_stat_activity WHERE pid IN ({})", pids.join(", "));
            self.wait("the connections are gone", || self.sql(&left).is_empty());
        }
        pids.len()
    }

    /// Stops it. Its data stay.
    pub fn stop(&self, how: Stop) {
        self.keeper.tell(match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        });
    }

    /// Starts it again after a [`stop`](Self::stop).
    pub fn start_again(&self) {
        self.keeper.tell("start");
        self.wait("it answers", || self.try_sql("SELECT 1").is_ok());
    }

    /// A standby of this server: it has a copy of the data and follows under this name.
    #[must_use]
    pub fn standby(&self, name: &str) -> Self {
        let folder = folder();
        let user = User::of(&folder);
        let mut copy = user.command(&self.programs.join("pg_basebackup"));
        let source = format!("host=127.0.0.1 port={} user=postgres application_name={name}", self.port);
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "-d", &source, "-D"]);
        run(copy.arg(folder.join("data")), &folder);
        let standby = Self::on_data(self.programs.clone(), user, folder, "");
        self.wait("its standby follows", || self.sql("SELECT count(*) FROM pg_stat_replication") != "0");
        standby
    }

    /// Makes a primary of a standby, and waits until it takes writes.
    pub fn promote(&self) {
        self.sql("SELECT pg_promote()");
        self.wait("it was promoted", || self.sql("SELECT pg_is_in_recovery()") == "f");
    }

    /// Waits until this holds.
    ///
    /// # Panics
    ///
    /// If it does not within a minute.
    #[allow(clippy::disallowed_methods)] // A test waits for another process here; there is nothing to move by hand.
    pub fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let pause = Duration::from_millis(20);
        let mut waited = Duration::ZERO;
        while !holds() {
            assert!(waited < PATIENCE, "the Postgres server: not seen within a minute: {what}\n{}", log(&self.folder));
            thread::sleep(pause);
            waited += pause;
        }
    }
}

/// What the server wrote last.
fn log(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("log")).unwrap_or_default();
    let last = text.lines().rev().take(20).collect::<Vec<_>>();
    last.into_iter().rev().collect::<Vec<_>>().join("\n")
}

fn run(command: &mut Command, folder: &Path) {
    let output = command.current_dir(folder).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A port that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.unwrap_or_else(|error| panic!("no port: {error}")).port()
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("port", &self.port).field("folder", &self.folder).finish_non_exhaustive()
    }
}
