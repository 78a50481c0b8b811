//! What is refused before anything is sent, and where secrets are kept out of.

use std::{fs, process::ExitCode};

use tokenflight_example_soak::BROKEN;

use crate::bed::{folder, parse, soak};

const LOGIN: &str = r#"{"access_token": "access-1", "refresh_token": "refresh-1", "expires_in": 60}"#;

const GOOD: [&str; 3] =
    ["--token-endpoint=https://as.example/token", "--client-id=c", "--resource=https://api.example/me"];

fn refused(more: &[&str]) -> String {
    let flags: Vec<&str> = GOOD.iter().chain(more).copied().collect();
    let ran = soak(&flags);
    assert_eq!(ran.code, ExitCode::from(BROKEN), "{more:?}: {}", ran.out);
    ran.err
}

#[test]
fn a_setting_that_makes_no_sense_is_refused_with_what_would() {
    for (flags, words) in [
        (["--token-file=t", "--workers=0"], "between 1 and 512"),
        (["--token-file=t", "--duration=0"], "between 1 and 86400 seconds"),
        (["--token-file=t", "--duration=NaN"], "between 1 and 86400 seconds"),
        (["--token-file=t", "--cancel=1"], "less than 1"),
        (["--token-file=t", "--skew=1e9"], "between 0 and 600 seconds"),
        (["--token-file=t", "--provider=okra"], "okta"),
        (["--token-file=t", "--client-auth=basic"], "SOAK_CLIENT_SECRET"),
        (["--token-file=/nowhere/t", "--pause=0"], "/nowhere/t"),
        (["--pause=0", "--cancel=0"], "--token-file is missing"),
    ] {
        let told = refused(&flags);
        assert!(told.contains(words), "{flags:?}: {told}");
    }
}

#[test]
fn no_secret_fits_on_the_command_line_and_none_is_repeated() {
    let error = parse(&["--client-secret=hunter2"]).unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");

    let config = folder("secret").join("soak.toml");
    for text in ["client-id = \"c\"\nclient-secret = \"hunter2\"\n", "client-id = \"c\"\nworkers = \"hunter2\"\n"] {
        fs::write(&config, text).unwrap();
        let told = refused(&["--config", config.to_str().unwrap()]);
        assert!(told.contains("line 2") && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn consent_does_not_come_from_a_file() {
    let config = folder("consent-in-a-file").join("soak.toml");
    fs::write(&config, "yes-end-my-session = true\n").unwrap();
    assert!(refused(&["--config", config.to_str().unwrap()]).contains("line 1"));
}

#[test]
fn tokens_go_nowhere_that_is_not_secure_and_the_file_stays_as_it_is() {
    let file = folder("insecure").join("tokens.json");
    fs::write(&file, LOGIN).unwrap();
    let tokens = format!("--token-file={}", file.display());
    for (place, words) in [
        (["--token-endpoint=http://as.example/token", "--resource=https://api.example/me"], "https"),
        (["--token-endpoint=https://as.example/token", "--resource=http://api.example/me"], "https"),
        (["--token-endpoint=https://as.example/token", "--resource=https://me:secret@api.example/"], "user name"),
        (["--issuer=http://as.example", "--resource=https://api.example/me"], "https"),
    ] {
        let ran = soak(&[place[0], place[1], "--client-id=c", &tokens]);
        assert_eq!(ran.code, ExitCode::from(BROKEN), "{place:?}");
        assert!(ran.err.contains(words) && !ran.err.contains("secret@"), "{place:?}: {}", ran.err);
        assert_eq!(fs::read_to_string(&file).unwrap(), LOGIN);
    }
}

#[test]
fn a_token_endpoint_that_is_not_there_costs_nothing() {
    let file = folder("not-there").join("tokens.json");
    fs::write(&file, LOGIN).unwrap();
    let tokens = format!("--token-file={}", file.display());
    // Nothing listens on port 9 of a machine of today; if something does, it is no token endpoint.
    let ran =
        soak(&["--token-endpoint=http://127.0.0.1:9/", "--client-id=c", "--resource=http://127.0.0.1:9/", &tokens]);
    assert_eq!(ran.code, ExitCode::from(BROKEN), "{}", ran.out);
    assert!(ran.err.contains("the first refresh failed"), "{}", ran.err);
    let left: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(left, serde_json::from_str::<serde_json::Value>(LOGIN).unwrap());
}
