//! Logins that the soak makes itself: what the server is told, what the user is shown, and what is refused before either.

use std::{fs, path::Path, process::ExitCode};

use crate::{
    bed::{folder, member, soak},
    browser::Browser,
    login_ended::back,
    provider::{GRANTED, TOKENS, assert_broken, assert_empty, flags, provider},
    screen::Running,
    script::Script,
};

const DOCUMENT: &str = "/.well-known/openid-configuration";

#[test]
fn the_scope_is_for_the_login_and_not_for_the_refreshes() {
    let server = provider(GRANTED, (200, TOKENS));
    let file = folder("login-scope").join("tokens.json");
    let ran = soak(&flags(
        &server,
        &file,
        &["--login=device", "--scope=offline_access read", "--login-parameter=audience=api"],
    ));
    assert_eq!(ran.code, ExitCode::SUCCESS, "{}{}", ran.out, ran.err);

    let device = server.asked("/device");
    assert_eq!(device.len(), 1);
    assert!(device[0].contains("scope=offline_access+read"), "{device:?}");
    assert!(device[0].contains("audience=api"), "{device:?}");
    let token = server.asked("/token");
    assert!(token[0].contains("device_code=device-code-of-the-script-1"), "{token:?}");
    // More than was granted must not be asked for, and what was granted is not known.
    let refreshes = &token[1..];
    assert!(refreshes.len() >= 3 && refreshes.iter().all(|form| !form.contains("scope")), "{token:?}");
    assert!(refreshes[0].contains("refresh_token=refresh-token-of-the-script-0"), "{token:?}");
    assert_eq!(member(&file, "refresh_token"), format!("refresh-token-of-the-script-{}", refreshes.len()));
}

#[test]
fn a_login_that_is_there_already_is_not_touched() {
    let server = provider(GRANTED, (200, TOKENS));
    for way in ["--login=device", "--login=code"] {
        let file = folder("login-there").join("tokens.json");
        fs::write(&file, "what another program has put here").unwrap();
        assert_broken(&Running::start(&flags(&server, &file, &[way])).end(), "does not overwrite a login");
        assert_eq!(fs::read_to_string(&file).unwrap(), "what another program has put here");
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "a lock is left");
    }
    assert_eq!(server.count(), 0, "no login is made for nothing");
}

#[test]
fn what_makes_no_sense_is_refused_before_anybody_logs_in() {
    let server = provider(GRANTED, (200, TOKENS));
    let file = folder("login-senseless").join("tokens.json");
    for (more, words) in [
        (["--login=device", "--resource=http://api.example/me"], "--resource"),
        (["--login=device", "--login-parameter=consent"], "--login-parameter must be NAME=VALUE"),
        (
            ["--login=code", "--authorization-endpoint=http://as.example/auth"],
            "--authorization-endpoint: neither https",
        ),
        (["--login=device", "--device-endpoint=http://as.example/device"], "--device-endpoint: neither https"),
    ] {
        assert_broken(&Running::start(&flags(&server, &file, &more)).end(), words);
        assert_empty(&file);
    }
    let nowhere = Path::new("/nowhere/tokens.json");
    assert_broken(&soak(&flags(&server, nowhere, &["--login=device"])), "/nowhere/tokens.json");
    assert_eq!(server.count(), 0);
}

#[test]
fn where_a_login_begins_comes_from_a_flag_the_file_or_the_issuer() {
    let server = Script::start(|path, _| match path {
        DOCUMENT => (200, r#"{"issuer": "HERE", "token_endpoint": "HERE/token"}"#.to_owned()),
        _ => (400, r#"{"error": "invalid_client"}"#.to_owned()),
    });
    let folder = folder("login-begins");
    let (file, config) = (folder.join("tokens.json"), folder.join("soak.toml"));
    let common = format!("client-id = \"c\"\nresource = \"https://api.example/me\"\ntoken-file = {file:?}\n");
    let soak = |text: &str, flags: &[&str]| {
        fs::write(&config, format!("{common}{text}")).unwrap();
        soak(&[&["--config", config.to_str().unwrap()], flags].concat())
    };
    let (here, token, device) = (server.at(""), server.at("/token"), server.at("/device"));

    let named = format!("login = \"device\"\ntoken-endpoint = {token:?}\ndevice-endpoint = {device:?}\n");
    assert_broken(
        &soak(&named, &[]),
        "there is no login: the client or the token endpoint is configured wrongly: invalid_client",
    );
    assert_eq!(server.asked("/device").len(), 1);
    // A flag fills up what the metadata leave out.
    assert_broken(&soak("", &["--login=device", "--issuer", &here, "--device-endpoint", &device]), "invalid_client");
    assert_eq!(server.asked("/device").len(), 2);

    let missing = [("device", "--device-endpoint is missing"), ("code", "--authorization-endpoint is missing")];
    for (way, words) in missing {
        assert_broken(&soak("", &["--login", way, "--issuer", &here]), words);
        assert_broken(&soak("", &["--login", way, "--token-endpoint", &token]), words);
        // The code of one server must not be taken to another.
        let other =
            named.replace("device\"", &format!("{way}\"")) + "authorization-endpoint = \"https://as.example/\"\n";
        assert_broken(&soak(&other, &["--token-endpoint=https://other.example/token"]), words);
    }
    assert_eq!(server.asked("/device").len(), 2);
}

#[test]
fn an_address_to_open_is_made_of_the_file_and_of_flags_which_win() {
    let server = provider(GRANTED, (200, TOKENS));
    let folder = folder("login-address");
    let (file, config) = (folder.join("tokens.json"), folder.join("soak.toml"));
    let text = r#"
        token-endpoint = "https://as.example/token"
        login = "code"
        authorization-endpoint = "https://as.example/login?tenant=t"
        login-parameter = ["prompt=consent", "audience=a&b=c"]
        scope = "read"
    "#;
    fs::write(&config, text).unwrap();
    let mut flags = flags(&server, &file, &["--config", config.to_str().unwrap()]);
    flags.retain(|flag| !flag.contains("-endpoint="));
    let url = |flags: &[String]| {
        let soak = Running::start(flags);
        let url = soak.line("https://");
        Browser::default().open(&back(&url, "error=access_denied"));
        assert_broken(&soak.end(), "access_denied");
        url
    };

    let address = url(&flags);
    assert!(address.starts_with("https://as.example/login?tenant=t&response_type=code&client_id=c&"), "{address}");
    assert!(address.contains("&scope=read&"), "{address}");
    assert!(address.ends_with("&prompt=consent&audience=a%26b%3Dc"), "{address}");

    flags.extend(["--login-parameter=access_type=offline", "--login-parameter=prompt="].map(str::to_owned));
    let address = url(&flags);
    assert!(address.ends_with("&code_challenge_method=S256&access_type=offline&prompt="), "{address}");
}

/// What a terminal would obey, or show in another order: an escape, a one-character CSI, and right-to-left.
const STEERING: [char; 3] = ['\u{1b}', '\u{9b}', '\u{202e}'];

#[test]
fn what_a_server_sends_does_not_steer_the_terminal() {
    let granted = r#"{"device_code": "device-code-of-the-script-1", "user_code": "AB\u001b[2J\u009b2J\u202eCD",
        "verification_uri": "https://as.example/\u001b[2J\u009b2J\u202ed", "expires_in": 600, "interval": 0,
        "verification_uri_complete": "https://as.example/\u001b[2J\u009b2J\u202ed?c"}"#;
    let server = provider(granted, (400, r#"{"error": "\u001b[2J\u009b2J\u202e"}"#));
    let file = folder("login-steering").join("tokens.json");
    let ran = soak(&flags(&server, &file, &["--login=device"]));
    assert_broken(&ran, "there is no login");
    assert!(!ran.err.contains(STEERING), "{:?}", ran.err);
    // What is odd is seen, and an address still leads to the same place.
    assert!(ran.err.contains(r"enter AB\u{1b}[2J\u{9b}2J\u{202e}CD at"), "{}", ran.err);
    assert!(ran.err.contains("\nhttps://as.example/%1B[2J%C2%9B2J%E2%80%AEd\n"), "{}", ran.err);
    assert!(ran.err.contains("\nhttps://as.example/%1B[2J%C2%9B2J%E2%80%AEd?c\n"), "{}", ran.err);
}

#[test]
fn an_address_in_the_metadata_does_not_steer_the_terminal() {
    let server = Script::start(|_, _| {
        let document = r#"{"issuer": "HERE", "token_endpoint": "HERE/token",
            "authorization_endpoint": "HERE/\u009b2J\u202eauth"}"#;
        (200, document.to_owned())
    });
    let file = folder("login-metadata").join("tokens.json");
    let mut flags = flags(&server, &file, &["--login=code"]);
    flags.retain(|flag| !flag.starts_with("--token-endpoint=") && !flag.starts_with("--authorization-endpoint="));
    flags.push(format!("--issuer={}", server.at("")));
    let soak = Running::start(&flags);
    let url = soak.line("http");
    assert!(url.starts_with(&server.at("/%C2%9B2J%E2%80%AEauth?response_type=code&")), "{url:?}");
}
