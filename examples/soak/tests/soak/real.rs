//! Against authorization servers that other people wrote.

use std::{fs, path::Path, process::ExitCode};

use tokenflight::{Grant, Reason, RefreshToken, TokenRequest};
use tokenflight_example_soak::HARMED;
use tokenflight_oauth2::{ClientAuth, TokenEndpoint, client};

use crate::{
    bed::{Ran, assert_no_token, folder, member, soak},
    server::{Kind, Server},
};

/// The refresh token in the file brings tokens.
pub(crate) fn assert_alive(server: &Server, auth: ClientAuth, file: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let endpoint = TokenEndpoint::new(server.text("token"), client::https().unwrap()).unwrap();
    let token = RefreshToken::new(member(file, "refresh_token"));
    let request = TokenRequest::new(Some(token), Reason::Forced);
    runtime.block_on(endpoint.client(auth).refresh_token().request(&request)).unwrap();
}

/// The table's one row, cell by cell.
fn row(ran: &Ran) -> Vec<&str> {
    let line = ran.out.lines().find(|line| line.starts_with('│') && line.contains("alive")).unwrap();
    line.trim_matches('│').split('┆').map(str::trim).collect()
}

fn assert_unharmed(ran: &Ran, server: &Server) {
    let said = format!("{}{}", ran.out, ran.err);
    assert_eq!(ran.code, ExitCode::SUCCESS, "{said}");
    assert_no_token(&said);
    for heading in ["requests", "cancelled", "401s to", "errors", "refreshes", "longest", "session"] {
        assert!(ran.out.contains(heading), "{heading} is missing in\n{said}");
    }
    let [requests, cancelled, unauthorized, errors, token_requests, refreshes, failed, _, session] = row(ran)[..]
    else {
        panic!("{said}")
    };
    let number = |text: &str| text.replace(',', "").parse::<u64>().unwrap();
    assert!(number(requests) > 100 && number(cancelled) > 0, "{said}");
    assert_eq!([unauthorized, errors, failed, session], ["0", "0", "0", "alive"], "{said}");
    // Two before the load, one after it, and at least two in eight seconds.
    assert!(number(refreshes) >= 5, "{said}");
    assert_eq!(number(token_requests), server.count("refreshes"), "{said}");
    assert_eq!(server.count("reuses"), 0, "{said}");
    assert!(ran.out.contains("rotate: each of"), "{said}");
    assert!(ran.out.contains("agrees with ours"), "{said}");
    assert!(ran.out.contains("3 s; "), "{said}");
    assert!(ran.out.contains("Recommended: ReusePolicy::Strict"), "{said}");
}

#[test]
fn oidc_provider_keeps_the_session_and_lets_old_access_tokens_live() {
    let Some(server) = Server::start(Kind::OidcProvider, &[("SERVER_ACCESS_SECONDS", "3")]) else { return };
    let file = folder("oidc-provider").join("tokens.json");
    server.login("public", &file);
    let before = member(&file, "refresh_token");

    let tokens = file.to_str().unwrap();
    let ran = soak(
        &[
            ["--issuer", server.text("issuer")],
            ["--client-id", "public"],
            ["--resource", server.text("resource")],
            ["--token-file", tokens],
            ["--workers", "20"],
            ["--duration", "8"],
            ["--skew", "1"],
        ]
        .concat(),
    );

    assert_unharmed(&ran, &server);
    assert!(ran.out.contains("lives on after a refresh"), "{}", ran.out);
    assert_ne!(member(&file, "refresh_token"), before);
    assert_eq!(member(&file, "token_type"), "Bearer");
    assert_alive(&server, ClientAuth::public("public"), &file);
}

#[test]
fn django_oauth_toolkit_keeps_the_session_though_old_access_tokens_die() {
    let Some(server) = Server::start(Kind::Django, &[("SERVER_ACCESS_SECONDS", "3")]) else { return };
    let folder = folder("django");
    let (file, secret, config) = (folder.join("tokens.json"), folder.join("secret"), folder.join("soak.toml"));
    server.login("basic", &file);
    fs::write(&secret, format!("{}\n", server.secret("basic"))).unwrap();
    let text = format!(
        "token-endpoint = {:?}\nclient-id = \"basic\"\nclient-auth = \"basic\"\nclient-secret-file = {secret:?}\n\
         resource = {:?}\ntoken-file = {file:?}\nworkers = 20\nduration = 600\nskew = 1\n",
        server.text("token"),
        server.text("resource"),
    );
    fs::write(&config, text).unwrap();

    // The flag wins, or this would take ten minutes.
    let ran = soak(&["--config", config.to_str().unwrap(), "--duration", "8"]);

    assert_unharmed(&ran, &server);
    assert!(ran.out.contains("dies at a refresh"), "{}", ran.out);
    assert!(ran.out.contains("truthful"), "{}", ran.out);
    assert!(!ran.out.contains(server.secret("basic")), "{}", ran.out);
    assert_alive(&server, ClientAuth::basic("basic", server.secret("basic")), &file);
}

fn probing(server: &Server, file: &Path, more: &[&str]) -> Ran {
    server.login("public", file);
    let tokens = file.to_str().unwrap();
    let mut flags = vec!["--token-endpoint", server.text("token"), "--client-id", "public", "--token-file", tokens];
    flags.extend(["--resource", server.text("resource"), "--workers", "2", "--duration", "1"]);
    flags.extend(more);
    soak(&flags)
}

#[test]
fn a_used_refresh_token_is_presented_with_consent_only() {
    let Some(server) = Server::start(Kind::OidcProvider, &[("SERVER_ACCESS_SECONDS", "30")]) else { return };
    let file = folder("consent").join("tokens.json");

    let ran = probing(&server, &file, &["--probe-grace", "0"]);
    assert_eq!(ran.code, ExitCode::SUCCESS, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("may end your session"), "{}", ran.err);
    assert_eq!(server.count("reuses"), 0);
    assert_alive(&server, ClientAuth::public("public"), &file);

    let ran = probing(&server, &file, &["--probe-grace", "0", "--yes-end-my-session"]);
    assert_eq!(ran.code, ExitCode::from(HARMED), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("a used refresh token is presented again"), "{}", ran.err);
    assert!(ran.out.contains("refused 0 s after they were used; the session is over"), "{}", ran.out);
    assert_eq!(server.count("reuses"), 1);
    assert_no_token(&ran.out);
}

#[test]
fn a_grace_window_is_found_and_the_session_survives_in_the_file() {
    let settings = [("SERVER_ACCESS_SECONDS", "30"), ("SERVER_GRACE_SECONDS", "20")];
    let Some(server) = Server::start(Kind::Django, &settings) else { return };
    let file = folder("grace").join("tokens.json");

    let ran = probing(&server, &file, &["--probe-grace", "2", "--yes-end-my-session"]);
    assert_eq!(ran.code, ExitCode::SUCCESS, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("answered again 2 s after they were used; the session survived"), "{}", ran.out);
    assert!(ran.out.contains("ReusePolicy::grace(Duration::from_secs(2))"), "{}", ran.out);
    assert_eq!(server.count("graced"), 1);
    assert_alive(&server, ClientAuth::public("public"), &file);
}
