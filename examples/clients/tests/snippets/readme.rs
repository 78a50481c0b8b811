//! The first example of the README against a server with TLS, which is trusted as any other: by the system's certificates.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufStream},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::compiler::program;

/// The code of the first example, with what the README hides.
fn example() -> String {
    let readme = include_str!("../../../../README.md");
    let (_, rest) = readme.split_once("## Use it").unwrap();
    let (_, rest) = rest.split_once("```rust,no_run\n").unwrap();
    let (code, _) = rest.split_once("```").unwrap();
    code.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn tls(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snippets/tls").join(name)
}

/// Answers one request with 200 and its path; the lines of its head.
async fn serve(listener: TcpListener) -> Vec<String> {
    let certificate =
        CertificateDer::from_pem_reader(BufReader::new(File::open(tls("localhost.pem")).unwrap())).unwrap();
    let key = PrivateKeyDer::from_pem_reader(BufReader::new(File::open(tls("localhost.key")).unwrap())).unwrap();
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (socket, _) = listener.accept().await.unwrap();
    let mut socket = BufStream::new(TlsAcceptor::from(Arc::new(config)).accept(socket).await.unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await.unwrap();
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    socket.flush().await.unwrap();
    // Until the client closes the connection.
    let _ = socket.read_line(&mut String::new()).await;
    head
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::disallowed_methods)] // The server is tokio's.
async fn the_first_example_of_the_readme_sends_its_token_to_a_real_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let server = tokio::spawn(serve(listener));
    let code = example();
    assert!(code.contains(".shutdown("), "it ends by storing what is not stored yet");
    let run = tokio::task::spawn_blocking(move || {
        let program = program("readme", &code.replace("https://api.example.com", &origin));
        Command::new(program).env("SSL_CERT_FILE", tls("authority.pem")).env_remove("SSL_CERT_DIR").output().unwrap()
    });
    let ran = run.await.unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "200 OK");
    let head = server.await.unwrap();
    assert_eq!(head[0], "GET /me HTTP/1.1");
    assert!(head.iter().any(|line| line == "authorization: Bearer access"), "{head:?}");
}
