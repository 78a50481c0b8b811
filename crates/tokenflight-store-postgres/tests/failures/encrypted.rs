//! Encrypted connections, to a server whose certificate is vouched for, and to one whose is not.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::{prelude::*, support::skipped};

/// A certificate that is its own root, for 127.0.0.1, made by `openssl`.
fn certificate(folder: &Path) -> Option<String> {
    let mut openssl = Command::new("openssl");
    openssl.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(' '));
    let name = "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=CA:FALSE";
    openssl.args(name.split(' '));
    openssl.arg("-keyout").arg(folder.join("server.key")).arg("-out").arg(folder.join("server.crt"));
    let made = openssl.stdout(Stdio::null()).stderr(Stdio::null()).status();
    made.is_ok_and(|status| status.success()).then(|| std::fs::read_to_string(folder.join("server.crt")).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_connection_goes_to_a_server_that_is_vouched_for_and_to_no_other() {
    let Some(server) = server(&[("fsync", "off")]) else { return };
    let Some(pem) = certificate(&server.data()) else {
        assert!(std::env::var_os("CI").is_none(), "no openssl");
        return skipped("no openssl; nothing was encrypted");
    };
    if server.try_sql("ALTER SYSTEM SET ssl = on").is_err() {
        // In CI as well: only an administrator installs another one.
        return skipped("this Postgres is built without TLS, as the one is that this project installs");
    }
    server.set("ssl", "on");
    let connections = || Connections::new(&server.address(APP)).unwrap();
    let store = CellStore::new(PostgresCell::open(connections().roots(pem.as_bytes()).unwrap()).await.unwrap());
    let entry = logged_in(&store, &key("alice"), 1).await;
    assert!(is_set(&entry, 1));
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'app'";
    assert_eq!(server.sql(encrypted), "t");

    // The roots of the system do not vouch for it.
    let error = PostgresCell::open(connections().native_roots().unwrap()).await.unwrap_err();
    assert!(matches!(error, PostgresError::Unreachable { .. }), "{error:?}");
    // A server that says it has no TLS is not believed.
    server.set("ssl", "off");
    let error = PostgresCell::open(connections().roots(pem.as_bytes()).unwrap()).await.unwrap_err();
    assert!(matches!(error, PostgresError::Unreachable { .. }), "{error:?}");

    assert!(connections().roots(b"nothing").is_err());
    let plain = Connections::new(&format!("{} sslmode=disable", server.address(APP))).unwrap();
    assert!(plain.roots(pem.as_bytes()).is_err());
}
