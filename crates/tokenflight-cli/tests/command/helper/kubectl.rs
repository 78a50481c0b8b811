//! kubectl, against an API server that wants a token.

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer},
};

use crate::support::*;

/// A certificate of its own: kubectl sends tokens over TLS only.
fn tls(openssl: &Path, user: &User) -> Arc<ServerConfig> {
    let (key, cert) = (user.work().join("key.der"), user.work().join("cert.der"));
    let mut command = user.program(openssl);
    command.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=it".split(' '));
    command.args(["-outform", "DER", "-keyout"]).arg(user.work().join("key.pem")).arg("-out").arg(&cert);
    assert!(command.output().unwrap().status.success());
    let mut command = user.program(openssl);
    command.args("pkcs8 -topk8 -nocrypt -outform DER -in".split(' ')).arg(user.work().join("key.pem"));
    assert!(command.arg("-out").arg(&key).output().unwrap().status.success());
    let config = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let cert = CertificateDer::from(fs::read(cert).unwrap());
    let key = PrivateKeyDer::try_from(fs::read(key).unwrap()).unwrap();
    Arc::new(config.with_single_cert(vec![cert], key).unwrap())
}

#[test]
fn kubectl_gets_the_token_in_the_version_that_it_asks_for() {
    let Some(kubectl) = find_foreign("kubectl", "the helper for kubectl was not driven by it") else { return };
    let Some(openssl) = find("openssl", "the helper for kubectl was not driven by it") else { return };
    let user = User::new();
    let server = user.server.clone();
    let tls = tls(&openssl, &user);
    let answer = move |request: &Request| {
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        match token.is_some_and(|token| server.is_good(token)) {
            true => Response::json(200, &json!({ "answer": "forty-two" })),
            false => {
                Response::json(401, &json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 401 }))
            }
        }
    };
    let api = accept(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&tls)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let _ = converse(&mut stream, &answer);
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
    user.log_in(&[&api.to_string()]);
    for version in ["v1", "v1beta1"] {
        let file = user.work().join("kubeconfig");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{ "name": "it", "cluster": { "server": format!("https://{api}"), "insecure-skip-tls-verify": true } }],
            "contexts": [{ "name": "it", "context": { "cluster": "it", "user": "me" } }],
            "users": [{ "name": "me", "user": { "exec": {
                "apiVersion": format!("client.authentication.k8s.io/{version}"),
                "command": env!("CARGO_BIN_EXE_tokenflight"), "args": ["helper", "kubectl"],
                "interactiveMode": "Never", "provideClusterInfo": true,
            } } }],
        });
        fs::write(&file, config.to_string()).unwrap();
        let mut command = user.program(&kubectl);
        let output = command.arg("--kubeconfig").arg(&file).args(["get", "--raw", "/apis"]).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains("forty-two"), "{version}: {output:?}");
    }
}
