//! Logins and soaks at authorization servers that other people wrote.

use std::io::Read;

use crate::support::*;

/// A user at this server, with a profile and without a login.
fn user(kind: Kind, settings: &[(&str, &str)], profile: &str) -> Option<(User, Real)> {
    let user = User::new();
    let server = Real::start(&user, kind, settings)?;
    let (issuer, token) = (server.text("issuer"), server.text("token"));
    user.configure(&format!("[profile.default]\nissuer = {issuer:?}\ntoken_endpoint = {token:?}\n{profile}"));
    Some((user, server))
}

/// The login of a client of this server that asks no person.
fn log_in(user: &User, server: &Real, client: &str) {
    server.login(client, &user.work().join("tokens.json"));
    let output = user.run(&["login", "--import", "tokens.json"]);
    assert!(output.status.success(), "{output:?}");
}

fn soak(user: &User, server: &Real, more: &[&str]) -> (Output, String) {
    let output = user.run(&[&["soak", "--url", server.text("resource")], more].concat());
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), said(&output));
    assert_no_token(&text);
    (output, text)
}

/// The stored refresh token is good.
fn assert_alive(user: &User) {
    user.print(&["token", "--refresh"]);
}

/// Tokens are long words with digits in them, and the reports have none. So all tokens of a run are
/// looked for, whether or not the test has ever seen them.
fn assert_no_token(text: &str) {
    let word = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
    for found in text.split(|char| !word(char)) {
        let like_a_token = found.len() >= 20 && found.bytes().any(|byte| byte.is_ascii_digit());
        assert!(!like_a_token, "{found} looks like a token in:\n{text}");
    }
}

/// The table's one row, cell by cell.
fn assert_unharmed((output, text): &(Output, String), server: &Real) {
    assert!(output.status.success(), "{text}");
    let row = text.lines().find(|line| line.starts_with('│') && line.contains("alive")).unwrap();
    let cells: Vec<&str> = row.trim_matches('│').split('┆').map(str::trim).collect();
    let [requests, cancelled, unauthorized, errors, token_requests, refreshes, failed, _, session] = cells[..] else {
        panic!("{text}")
    };
    let number = |text: &str| text.parse::<u64>().unwrap();
    assert!(number(requests) > 100 && number(cancelled) > 0, "{text}");
    assert_eq!([unauthorized, errors, failed, session], ["0", "0", "0", "alive"], "{text}");
    // Two before the load, one after it, and at least two in eight seconds.
    assert!(number(refreshes) >= 5, "{text}");
    assert_eq!(number(token_requests), server.count("refreshes"), "{text}");
    assert_eq!(server.count("reuses"), 0, "{text}");
    for words in ["rotate: each of", "agrees with ours", "3 s; ", "Recommended: ReusePolicy::Strict"] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
}

const LOAD: [&str; 6] = ["--workers", "20", "--duration", "8s", "--skew", "1s"];

const BRIEF: [&str; 4] = ["--workers", "2", "--duration", "1s"];

const PUBLIC: &str = "client_id = \"public\"\n";

#[test]
fn oidc_provider_keeps_the_session_and_lets_old_access_tokens_live() {
    let settings = [("SERVER_ACCESS_SECONDS", "3")];
    let Some((user, server)) = user(Kind::OidcProvider, &settings, PUBLIC) else { return };
    log_in(&user, &server, "public");
    let ran = soak(&user, &server, &LOAD);
    assert_unharmed(&ran, &server);
    assert!(ran.1.contains("lives on after a refresh"), "{}", ran.1);
    assert_alive(&user);
}

#[test]
fn django_oauth_toolkit_keeps_the_session_though_old_access_tokens_die() {
    let profile = "client_id = \"basic\"\nclient_secret_file = \"secret\"\n";
    let Some((user, server)) = user(Kind::Django, &[("SERVER_ACCESS_SECONDS", "3")], profile) else { return };
    fs::write(user.config().with_file_name("secret"), format!("{}\n", server.secret("basic"))).unwrap();
    log_in(&user, &server, "basic");
    let ran = soak(&user, &server, &LOAD);
    assert_unharmed(&ran, &server);
    assert!(ran.1.contains("dies at a refresh") && ran.1.contains("truthful"), "{}", ran.1);
    assert!(!ran.1.contains(server.secret("basic")), "{}", ran.1);
    assert_alive(&user);
}

#[test]
fn a_used_refresh_token_ends_the_session_at_oidc_provider() {
    let settings = [("SERVER_ACCESS_SECONDS", "30")];
    let Some((user, server)) = user(Kind::OidcProvider, &settings, PUBLIC) else { return };
    log_in(&user, &server, "public");
    let probe = ["--probe-grace", "0", "--yes-end-my-session"];
    let (output, text) = soak(&user, &server, &[&BRIEF[..], &probe].concat());
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("refused 0 s after they were used; the session is over"), "{text}");
    assert_eq!(server.count("reuses"), 1);
}

#[test]
fn a_grace_window_is_found_and_the_login_survives_in_the_store() {
    let settings = [("SERVER_ACCESS_SECONDS", "30"), ("SERVER_GRACE_SECONDS", "20")];
    let Some((user, server)) = user(Kind::Django, &settings, PUBLIC) else { return };
    log_in(&user, &server, "public");
    let probe = ["--probe-grace", "2s", "--yes-end-my-session"];
    let (output, text) = soak(&user, &server, &[&BRIEF[..], &probe].concat());
    assert!(output.status.success(), "{text}");
    assert!(text.contains("answered again 2 s after they were used; the session survived"), "{text}");
    assert!(text.contains("ReusePolicy::grace(Duration::from_secs(2))"), "{text}");
    assert_eq!((server.count("graced"), server.count("reuses")), (1, 0));
    assert_alive(&user);
}

/// Logs in by an address shown behind these words, and returns the page that the browser ends at.
fn browse(user: &User, words: &[&str], address: &str) -> String {
    let mut child = user.command(words).stderr(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(address) {
        line.clear();
        assert!(shown.read_line(&mut line).unwrap() > 0, "no address was shown");
    }
    let page = Browser::default().open(line.trim());
    let mut rest = String::new();
    shown.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
    page
}

#[test]
fn a_login_in_a_browser_and_one_on_another_device_are_kept() {
    let settings = [("SERVER_ACCESS_SECONDS", "30")];
    let user = User::new();
    let Some(server) = Real::start(&user, Kind::OidcProvider, &settings) else { return };
    let issuer = server.text("issuer");
    // This provider leaves `offline_access` out of what a browser is granted, unless it may ask the
    // user for consent.
    let consent = "login_parameters = { prompt = \"consent\" }\n";
    let scopes = "scopes = [\"openid\", \"offline_access\", \"read\"]\n";
    user.configure(&format!("[profile.default]\nissuer = {issuer:?}\n{PUBLIC}{scopes}{consent}"));
    let page = browse(&user, &["login", "--no-browser"], "http://");
    assert!(page.contains("Your answer has arrived"), "{page}");
    assert_alive(&user);
    let page = browse(&user, &["login", "--device"], "user_code=");
    assert!(page.contains("successful"), "{page}");
    assert_alive(&user);
    assert_eq!(server.count("reuses"), 0);
}
