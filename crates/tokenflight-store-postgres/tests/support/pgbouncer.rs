//! A pgbouncer before a server, in transaction mode.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::MetadataExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Once,
};

use tokenflight_test::postgres::Postgres;

use super::APP;

/// It ends when its input does: also when this process is killed.
const SCRIPT: &str = r#"folder=$1; shift; "$@" & read -r _; kill "$!"; wait; rm -rf "$folder""#;

/// Where Debian has it, which is not on everyone's `PATH`.
const ELSEWHERE: &str = "/usr/sbin";

pub(crate) struct Pgbouncer {
    port: u16,
    shell: Child,
}

impl Pgbouncer {
    /// Starts one, with few connections to the server, if it is installed.
    pub(crate) fn before(server: &Postgres) -> Option<Self> {
        let program = program()?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        let folder = env::temp_dir().join(format!("tokenflight-pgbouncer-{port}"));
        fs::create_dir(&folder).unwrap();
        let settings = format!(
            "[databases]\npostgres = host=127.0.0.1 port={} user={APP}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 8\nmax_client_conn = 500\nserver_login_retry = 1\n",
            server.port()
        );
        let file = folder.join("pgbouncer.ini");
        fs::write(&file, settings).unwrap();
        // It refuses to run as root.
        let drops: &[&str] = match fs::metadata(&folder).unwrap().uid() {
            0 => &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"],
            _ => &[],
        };
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh"]).arg(&folder).args(drops).arg(program).arg("-q").arg(file);
        drop(free);
        let shell = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        server.wait("pgbouncer answers", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        Some(Self { port, shell })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self, user: &str) -> String {
        format!("host=127.0.0.1 port={} user={user} dbname=postgres", self.port)
    }
}

impl Drop for Pgbouncer {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// Where it is, or a line that says that it was not found; in CI as well.
pub(crate) fn program() -> Option<PathBuf> {
    static SAID: Once = Once::new();

    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([PathBuf::from(ELSEWHERE)]);
    let found = folders.map(|folder| folder.join("pgbouncer")).find(|program| program.is_file());
    if found.is_none() {
        let left_out = format!("no pgbouncer on PATH or in {ELSEWHERE}, which only an administrator installs");
        SAID.call_once(|| super::skipped(&left_out));
    }
    found
}
