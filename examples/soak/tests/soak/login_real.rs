//! Logins that the soak makes itself, at an authorization server that other people wrote.

use std::{fs, path::Path, process::ExitCode};

use tokenflight_oauth2::ClientAuth;

use crate::{
    bed::{Ran, assert_no_token, folder, member},
    browser::Browser,
    real::assert_alive,
    screen::Running,
    server::{Kind, Server},
};

fn settings<'a>(server: &'a Server, way: &'a str, file: &'a str) -> Vec<&'a str> {
    let mut flags = vec!["--issuer", server.text("issuer"), "--client-id", "public", "--login", way];
    flags.extend(["--resource", server.text("resource"), "--token-file", file, "--workers", "2", "--duration", "1"]);
    flags
}

/// A soak that was as good as one with a login from a file.
fn assert_soaked(ran: &Ran, server: &Server, file: &Path) {
    assert_eq!(ran.code, ExitCode::SUCCESS, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("alive"), "{}", ran.out);
    assert!(ran.err.contains(&format!("The login is in {}.", file.display())), "{}", ran.err);
    // Addresses are there to be opened; the one of a login in a browser has the state in it.
    let unaddressed: Vec<&str> = ran.err.lines().filter(|line| !line.starts_with("http://")).collect();
    assert_no_token(&format!("{}{}", ran.out, unaddressed.join("\n")));
    assert_eq!((server.count("logins"), server.count("reuses")), (1, 0));
    assert_alive(server, ClientAuth::public("public"), file);
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing else is left beside the login");
}

#[test]
fn a_login_in_a_browser_is_soaked_as_one_from_a_file_is() {
    let Some(server) = Server::start(Kind::OidcProvider, &[("SERVER_ACCESS_SECONDS", "30")]) else { return };
    let file = folder("login-code").join("tokens.json");
    let mut flags = settings(&server, "code", file.to_str().unwrap());
    // This provider leaves `offline_access` out of what it grants, unless it may ask the user for consent.
    flags.extend(["--scope", "openid offline_access read", "--login-parameter", "prompt=consent"]);

    let soak = Running::start(&flags);
    let page = Browser::default().open(&soak.line("http://"));
    assert!(page.contains("Your answer has arrived"), "{page}");

    assert_soaked(&soak.end(), &server, &file);
    assert_eq!(member(&file, "scope"), "openid offline_access read");
}

#[test]
fn a_login_on_another_device_is_soaked_as_one_from_a_file_is() {
    let Some(server) = Server::start(Kind::OidcProvider, &[("SERVER_ACCESS_SECONDS", "30")]) else { return };
    let file = folder("login-device").join("tokens.json");
    let mut flags = settings(&server, "device", file.to_str().unwrap());
    flags.extend(["--scope", "offline_access read"]);

    let soak = Running::start(&flags);
    let code = soak.line("enter ");
    let page = Browser::default().open(&soak.line("user_code="));
    assert!(page.contains("successful"), "{page}");

    let ran = soak.end();
    assert_soaked(&ran, &server, &file);
    // The code can be typed as well.
    let code = code.split(' ').find(|word| word.contains('-')).unwrap();
    assert!(ran.err.contains(&format!("\n{}/device\n", server.text("issuer"))), "{}", ran.err);
    assert!(ran.err.contains(&format!("user_code={code}\n")), "{}", ran.err);
}
