//! The first example of the README against an authorization server and an API with TLS, which are
//! trusted as any other: by the system's certificates.

use std::{
    collections::BTreeMap,
    fs::{self, File},
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

/// What stands in the first block of this kind.
fn block(kind: &str) -> &'static str {
    let (_, rest) = include_str!("../../../../README.md").split_once("## Use it").unwrap();
    let (_, rest) = rest.split_once(&format!("```{kind}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn the_program_of_the_readme_is_an_example() {
    let example = include_str!("../../../readme/main.rs");
    assert!(example.ends_with(&format!("\n\n{}", block("rust,no_run"))), "examples/readme/main.rs");
}

/// Whether the default features are wanted, and which ones besides.
type Features<'a> = (bool, Vec<&'a str>);

/// `cargo xtask lint` builds that example alone, so with just these features.
#[test]
fn what_the_readme_adds_is_what_its_example_depends_on() {
    let commands = block("sh").lines().flat_map(|line| line.split(" && "));
    let added = commands.flat_map(|command| {
        let words: Vec<&str> = command.strip_prefix("cargo add ").unwrap().split(' ').collect();
        let end = words.iter().position(|word| word.starts_with("--")).unwrap_or(words.len());
        let features = words.iter().position(|word| *word == "--features");
        let features = features.map_or_else(Vec::new, |at| words[at + 1].split(',').collect());
        let features: Features<'_> = (!words.contains(&"--no-default-features"), features);
        words[..end].iter().map(|name| (*name, features.clone())).collect::<Vec<_>>()
    });
    let (_, manifest) = include_str!("../../../readme/Cargo.toml").split_once("[dependencies]\n").unwrap();
    let has = manifest.lines().take_while(|line| !line.starts_with('[')).filter_map(|line| {
        let (name, told) = line.split_once(" = ")?;
        let features =
            told.split_once("features = [").map_or("", |(_, rest)| rest.split(']').next().unwrap_or_default());
        let features = features.split('"').skip(1).step_by(2).collect();
        Some((name, (!told.contains("default-features = false"), features)))
    });
    assert_eq!(added.collect::<BTreeMap<_, _>>(), has.collect::<BTreeMap<_, Features<'_>>>());
}

fn tls(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snippets/tls").join(name)
}

/// A token set, as the authorization server has it.
const TOKENS: &str = r#"{"access_token":"access","token_type":"Bearer","expires_in":300,"refresh_token":"next"}"#;

/// Both servers: answers a token request, then a request of the API; the lines of their heads.
async fn serve(listener: TcpListener) -> [Vec<String>; 2] {
    let certificate =
        CertificateDer::from_pem_reader(BufReader::new(File::open(tls("localhost.pem")).unwrap())).unwrap();
    let key = PrivateKeyDer::from_pem_reader(BufReader::new(File::open(tls("localhost.key")).unwrap())).unwrap();
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    [answer(&listener, &acceptor, TOKENS).await, answer(&listener, &acceptor, "").await]
}

/// Answers one request with 200 and this body.
async fn answer(listener: &TcpListener, acceptor: &TlsAcceptor, body: &str) -> Vec<String> {
    let (socket, _) = listener.accept().await.unwrap();
    let mut socket = BufStream::new(acceptor.accept(socket).await.unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await.unwrap();
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let head_of_answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    let answer = format!("{head_of_answer}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    socket.write_all(answer.as_bytes()).await.unwrap();
    socket.flush().await.unwrap();
    // Until the client closes the connection, having read the answer.
    #[allow(clippy::disallowed_methods)] // The library spawns nothing; a test may.
    tokio::spawn(async move { while socket.read_line(&mut String::new()).await.is_ok_and(|read| read > 0) {} });
    head
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::disallowed_methods)] // The server is tokio's.
async fn the_first_example_of_the_readme_logs_in_and_sends_its_token_to_a_real_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let server = tokio::spawn(serve(listener));
    let code = block("rust,no_run");
    assert!(code.contains(".run_until("), "it ends by storing what is not stored yet");
    let run = tokio::task::spawn_blocking(move || {
        let code = code.replace("https://api.example.com", &origin).replace("https://as.example.com", &origin);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let mut program = Command::new(program("readme", &code));
        program.arg("refresh").env("HOME", &folder).env("SSL_CERT_FILE", tls("authority.pem"));
        let ran = program.env_remove("SSL_CERT_DIR").output().unwrap();
        assert!(folder.join(".my-program").exists(), "the store outlives the program");
        ran
    });
    let ran = run.await.unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "200 OK");
    let [token_request, head] = server.await.unwrap();
    assert_eq!(token_request[0], "POST /token HTTP/1.1");
    assert_eq!(head[0], "GET /me HTTP/1.1");
    assert!(head.iter().any(|line| line == "authorization: Bearer access"), "{head:?}");
}
