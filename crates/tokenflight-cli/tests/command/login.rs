//! `tokenflight login` and `tokenflight logout`.

use crate::support::*;

#[test]
fn a_login_with_a_browser_writes_a_new_profile_down() {
    let user = User::new();
    let issuer = user.server.issuer();
    user.configure("# My own words.\n");
    let words = ["login", "--profile", "work", "--issuer", &issuer, "--client-id", "me", "--scope", "read"];
    let output = user.browse(&[&words[..], &["--host", "git.example", "--no-browser"]].concat());
    assert!(output.status.success() && said(&output).contains("Logged in"), "{output:?}");
    assert!(output.stdout.is_empty());
    let config = fs::read_to_string(user.config()).unwrap();
    assert!(config.starts_with("# My own words.\n") && config.contains("[profile.\"work\"]"), "{config}");
    assert!(user.server.is_good(user.print(&["token", "--profile", "work"]).trim_end()));
    // Again, with the profile as it is written down, and with one that says something else.
    assert!(user.browse(&["login", "--profile", "work", "--no-browser"]).status.success());
    let other = user.run(&["login", "--profile", "work", "--client-id", "another"]);
    assert!(other.status.code() == Some(2) && said(&other).contains("says something else"), "{other:?}");
}

#[test]
fn the_named_browser_is_opened() {
    let user = User::logged_in(&[]);
    let script = user.work().join("browser");
    fs::write(&script, format!("#!/bin/sh\necho \"$1\" > {}\n", user.work().join("opened").display())).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = user.command(&["login", "--browser"]);
    let mut child = command.env("BROWSER", &script).stderr(Stdio::null()).spawn().unwrap();
    let opened = || fs::read_to_string(user.work().join("opened")).unwrap_or_default();
    until("the browser is opened", || opened().ends_with('\n'));
    Browser::default().open(opened().trim());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_login_with_a_code_tells_the_code_and_waits() {
    let user = User::new();
    let issuer = user.server.issuer();
    let output = user.run(&["login", "--issuer", &issuer, "--client-id", "me", "--device"]);
    assert!(output.status.success() && said(&output).contains("enter WDJB-MJHT at"), "{output:?}");
    assert!(user.server.is_good(&user.token()));
    // Without a terminal nothing moves.
    assert!(!said(&output).contains('\x1b'));
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_a_line_counts_down_while_a_login_is_waited_for() {
    let Some(script) = find("script", "the line on a terminal was not looked at") else { return };
    let user = User::logged_in(&[]);
    let mut command = user.program(script);
    let line = format!("{} login --device && {0} status", env!("CARGO_BIN_EXE_tokenflight"));
    let output = command.args(["-qec", &line, "/dev/null"]).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("Waiting for the login, 9 min 59 s left"), "{shown}");
    // It is wiped away before the next words, and the status is a table.
    assert!(shown.contains("\r\x1b[2KLogged in") && shown.contains("│ login        ┆ active"), "{shown}");
}

#[test]
fn a_login_that_the_person_refuses_changes_nothing() {
    let user = User::logged_in(&[]);
    let before = user.token();
    user.server.habits.says_no.store(true, Ordering::Relaxed);
    let output = user.run(&["login", "--device"]);
    assert!(output.status.code() == Some(5) && said(&output).contains("access_denied"), "{output:?}");
    assert_eq!(user.token(), before);
}

#[test]
fn a_login_without_a_refresh_token_is_kept_and_said() {
    let user = User::new();
    user.server.habits.no_refresh_token.store(true, Ordering::Relaxed);
    let issuer = user.server.issuer();
    let output = user.browse(&["login", "--issuer", &issuer, "--client-id", "me", "--no-browser"]);
    assert!(output.status.success() && said(&output).contains("offline_access"), "{output:?}");
    assert!(user.server.is_good(&user.token()));
}

#[test]
fn a_provider_of_the_table_brings_its_endpoints() {
    let user = User::new();
    let issuer = user.server.issuer();
    let output = user.run(&["login", "--provider", "nothing", "--client-id", "me"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("no provider `nothing`"), "{output:?}");
    let output = user.run(&["login", "--provider", "okta", "--client-id", "me"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("needs a tenant"), "{output:?}");
    // The habits of one, at the address of another.
    let words = ["login", "--provider", "keycloak", "--issuer", &issuer, "--client-id", "me", "--no-browser"];
    assert!(user.browse(&words).status.success());
    assert!(user.server.is_good(user.print(&["token", "--refresh"]).trim_end()));
}

#[test]
fn the_secret_of_a_client_comes_from_a_file_or_from_standard_input() {
    let user = User::new();
    let issuer = user.server.issuer();
    fs::write(user.work().join("secret"), "s3cret\n").unwrap();
    let words = ["login", "--issuer", &issuer, "--client-id", "me", "--client-secret-file", "secret", "--no-browser"];
    let output = user.browse(&words);
    assert!(output.status.success(), "{output:?}");
    // `me:s3cret`
    assert_eq!(user.server.habits.client.lock().unwrap().as_deref(), Some("Basic bWU6czNjcmV0"));
    let words = ["login", "-p", "other", "--issuer", &issuer, "--client-id", "me", "--client-secret-stdin", "--device"];
    let output = feed(user.command(&words), "another\n");
    assert!(output.status.success(), "{output:?}");
    let token = user.print(&["token", "-p", "other", "--refresh"]);
    assert!(user.server.is_good(token.trim_end()));
    // `me:another`
    assert_eq!(user.server.habits.client.lock().unwrap().as_deref(), Some("Basic bWU6YW5vdGhlcg=="));
    let config = fs::read_to_string(user.config()).unwrap();
    assert!(!config.contains("s3cret") && !config.contains("another"), "{config}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let kept = fs::metadata(user.state().join("other.secret")).unwrap();
        assert_eq!(kept.permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_logout_revokes_and_a_local_one_does_not() {
    let user = User::logged_in(&[]);
    let output = user.run(&["logout"]);
    assert!(output.status.success() && said(&output).contains("is logged out\n"), "{output:?}");
    assert!(!user.server.auth.report().is_alive("alice"));
    assert_eq!(user.run(&["token"]).status.code(), Some(4));
    assert_eq!(user.status()["state"], json!("logged_out"));

    let user = User::logged_in(&[]);
    let output = user.run(&["logout", "--local"]);
    assert!(output.status.success() && said(&output).contains("the server was not told"), "{output:?}");
    assert!(user.server.auth.report().is_alive("alice"));
    assert_eq!(user.run(&["token"]).status.code(), Some(4));
    assert!(said(&user.run(&["logout"])).contains("was not logged in"));
}

#[test]
fn a_login_that_was_made_elsewhere_is_taken_over_and_refreshed_before_it_is_used() {
    let user = User::new();
    user.configure(&format!("[profile.default]\nissuer = \"{}\"\nclient_id = \"me\"\n", user.server.issuer()));
    let file = user.work().join("tokens.json");
    let import = |text: &str| {
        fs::write(&file, text).unwrap();
        user.run(&["login", "--import", "tokens.json"])
    };
    for text in [
        r#"{"access_token": "very-secret", "refresh_token": 7}"#,
        r#"{"access_token": ["very-secret"], "refresh_token": "r"}"#,
        r#"["very-secret"]"#,
        "very-secret",
        r#"{"access_token": "very-secret"}"#,
        r#"{"access_token": "very-secret", "refresh_token": ""}"#,
    ] {
        let refused = import(text);
        assert!(refused.status.code() == Some(2) && !said(&refused).contains("very-secret"), "{refused:?}");
        assert!(!user.record().exists());
    }
    let set = user.server.auth.login();
    let (access, refresh) = (set.access().expose(), set.refresh().unwrap().expose());
    let output = import(&json!({ "access_token": access, "refresh_token": refresh, "expires_in": 300 }).to_string());
    assert!(output.status.success() && said(&output).contains("Logged in"), "{output:?}");
    let token = user.token();
    assert!(user.server.is_good(&token) && token != access);
    assert_eq!(user.server.rotations(), 1);
    let both = user.run(&["login", "--import", "tokens.json", "--device"]);
    assert_eq!(both.status.code(), Some(2), "{both:?}");
}

#[test]
fn a_login_with_a_refresh_token_alone_is_taken_over() {
    let user = User::new();
    user.configure(&format!("[profile.default]\nissuer = \"{}\"\nclient_id = \"me\"\n", user.server.issuer()));
    let set = user.server.auth.login();
    let answer = json!({ "refresh_token": set.refresh().unwrap().expose() });
    fs::write(user.work().join("tokens.json"), answer.to_string()).unwrap();
    let output = user.run(&["login", "--import", "tokens.json"]);
    assert!(output.status.success() && said(&output).contains("Logged in"), "{output:?}");
    assert!(user.server.is_good(&user.token()));
    assert_eq!(user.server.rotations(), 1);
}
