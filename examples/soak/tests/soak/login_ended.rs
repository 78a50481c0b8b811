//! Logins that come to nothing, or whose tokens cannot be kept.

use std::fs;

use crate::{
    bed::{Ran, folder, soak},
    browser::Browser,
    provider::{GRANTED, TOKENS, assert_broken, assert_empty, flags, provider, provider_with},
    screen::Running,
    script::Script,
};

/// Where the browser is sent back to with this.
pub(crate) fn back(url: &str, with: &str) -> String {
    let pairs: Vec<_> = form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes()).collect();
    let get = |name: &str| &pairs.iter().find(|(known, _)| known == name).unwrap().1;
    format!("{}?{with}&state={}", get("redirect_uri"), get("state"))
}

#[test]
fn a_login_without_a_refresh_token_is_said_and_not_kept() {
    let no_refresh = r#"{"access_token": "access-token-of-the-script-0"}"#;
    let server = provider(GRANTED, (200, no_refresh));
    let file = folder("login-no-refresh").join("tokens.json");

    let ran = soak(&flags(&server, &file, &["--login=device"]));
    assert_broken(&ran, "no refresh token");
    assert!(ran.err.contains("offline_access") && !ran.err.contains("prompt=consent"), "{}", ran.err);
    assert_empty(&file);

    let soak = Running::start(&flags(&server, &file, &["--login=code"]));
    Browser::default().open(&back(&soak.line("https://"), "code=c"));
    assert_broken(&soak.end(), "--login-parameter prompt=consent");
    assert_empty(&file);
    assert_eq!((server.asked("/token").len(), server.asked("/me").len()), (2, 0));
}

#[test]
fn a_login_that_is_refused_is_said_in_a_code_or_without() {
    let file = folder("login-refused").join("tokens.json");
    for (answer, words) in [
        (r#"{"error": "access_denied", "error_description": "rt-7Hq0pXz"}"#, "no login: refused: access_denied"),
        (r#"{"error": "expired_token"}"#, "no login: the user did not say yes in time"),
        (r#"{"error": "Rt-7Hq0pXz is spent"}"#, "with a code of its own"),
    ] {
        let server = provider(GRANTED, (400, answer));
        let ran = soak(&flags(&server, &file, &["--login=device"]));
        assert_broken(&ran, words);
        assert!(!ran.err.contains("7Hq0pXz"), "{}", ran.err);
        assert_empty(&file);
    }

    let server = provider(GRANTED, (200, TOKENS));
    for (answer, words) in [
        ("error=access_denied&error_description=rt-7Hq0pXz", "no login: refused: access_denied"),
        ("error=rt-7Hq0pXz", "no login: refused: with a code of its own"),
    ] {
        let soak = Running::start(&flags(&server, &file, &["--login=code"]));
        Browser::default().open(&back(&soak.line("https://"), answer));
        let ran = soak.end();
        assert_broken(&ran, words);
        assert!(!ran.err.contains("7Hq0pXz"), "{}", ran.err);
        assert_empty(&file);
    }
    assert_eq!(server.count(), 0);
}

/// What is not durable is not used, and what is in the way is not overwritten.
#[test]
fn a_file_that_appears_during_the_login_stays_and_the_login_is_saved_elsewhere() {
    let file = folder("login-appears").join("tokens.json");
    let place = file.clone();
    let server = provider_with(GRANTED, move || {
        fs::write(&place, "what another program has put here").unwrap();
        (200, TOKENS.to_owned())
    });
    assert_saved_elsewhere(&server, &flags(&server, &file, &["--login=device"]));
    assert_eq!(fs::read_to_string(&file).unwrap(), "what another program has put here");
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_login_whose_folder_has_gone_is_saved_elsewhere() {
    let file = folder("login-gone").join("tokens.json");
    let place = file.parent().unwrap().to_owned();
    let server = provider_with(GRANTED, move || {
        fs::remove_dir_all(&place).unwrap();
        (200, TOKENS.to_owned())
    });
    assert_saved_elsewhere(&server, &flags(&server, &file, &["--login=device"]));
}

fn assert_saved_elsewhere(server: &Script, flags: &[String]) {
    let ran = soak(flags);
    let place = ran.err.split_once("the newest tokens are in ").unwrap().1.lines().next().unwrap();
    let saved = fs::read_to_string(place).unwrap();
    fs::remove_file(place).unwrap();
    assert!(saved.contains("refresh-token-of-the-script-0"), "{saved}");
    assert_broken(&Ran { err: ran.err.replace(place, ""), ..ran }, "tokens.json: ");
    assert_eq!((server.asked("/token").len(), server.asked("/me").len()), (1, 0), "it was used");
}
