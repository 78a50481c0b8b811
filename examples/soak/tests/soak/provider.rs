use std::{fs, path::Path, process::ExitCode};

use tokenflight_example_soak::BROKEN;

use crate::{
    bed::{Ran, assert_no_token},
    script::Script,
};

/// What a device is told. It may ask at once.
pub(crate) const GRANTED: &str = r#"{"device_code": "device-code-of-the-script-1", "user_code": "ABCD-EFGH",
    "verification_uri": "https://as.example/d", "expires_in": 600, "interval": 0}"#;

/// What a login brings.
pub(crate) const TOKENS: &str =
    r#"{"access_token": "access-token-of-the-script-0", "refresh_token": "refresh-token-of-the-script-0"}"#;

/// A provider whose users have said yes, and its API: a device is told this, and the login is answered like this.
pub(crate) fn provider(device: &'static str, login: (u16, &'static str)) -> Script {
    provider_with(device, move || (login.0, login.1.to_owned()))
}

pub(crate) fn provider_with(device: &'static str, mut login: impl FnMut() -> (u16, String) + Send + 'static) -> Script {
    let mut refreshes = 0;
    Script::start(move |path, form| match path {
        "/device" => (200, device.to_owned()),
        "/token" if !form.contains("grant_type=refresh_token") => login(),
        "/token" => {
            refreshes += 1;
            (200, TOKENS.replace("script-0", &format!("script-{refreshes}")))
        }
        "/me" => (200, "{}".to_owned()),
        _ => (404, "{}".to_owned()),
    })
}

/// All that a soak of this provider needs but `--login`. What is given more is not given twice.
pub(crate) fn flags(server: &Script, file: &Path, more: &[&str]) -> Vec<String> {
    let mut flags = vec![
        format!("--token-endpoint={}", server.at("/token")),
        format!("--device-endpoint={}", server.at("/device")),
        "--authorization-endpoint=https://as.example/auth".to_owned(),
        format!("--resource={}", server.at("/me")),
        format!("--token-file={}", file.display()),
    ];
    let rest = ["--client-id=c", "--workers=1", "--duration=1"];
    flags.extend(rest.map(str::to_owned));
    let option = |flag: &str| flag.split('=').next().map(str::to_owned);
    flags.retain(|flag| more.iter().all(|other| option(other) != option(flag)));
    flags.extend(more.iter().map(|flag| (*flag).to_owned()));
    flags
}

/// A soak that came to nothing, why, and without a secret. Addresses, which are there to be opened, have a line each.
pub(crate) fn assert_broken(ran: &Ran, words: &str) {
    assert_eq!(ran.code, ExitCode::from(BROKEN), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains(words), "{words} is missing in\n{}", ran.err);
    let shown: Vec<&str> = ran.err.lines().filter(|line| !line.starts_with("https://")).collect();
    assert_no_token(&shown.join("\n"));
}

/// There is no token file, and nothing beside it.
pub(crate) fn assert_empty(file: &Path) {
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 0);
}
