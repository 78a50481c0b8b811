//! `tokenflight status`, `adopt` and `release`: what is in the way, and what helps.

use std::fs::File;

use crate::support::*;

#[test]
fn the_status_says_what_is_stored_and_what_the_last_refresh_brought() {
    let user = User::logged_in(&[]);
    let status = user.status();
    assert_eq!(
        (&status["state"], &status["usable"], &status["renewable"]),
        (&json!("active"), &json!(true), &json!(true))
    );
    assert_eq!((&status["turn"]["state"], &status["problems"]), (&json!("free"), &json!([])));
    assert_eq!(status["last_refresh"], json!(null));
    user.print(&["token", "--refresh"]);
    // The command does not wait for what is told of the refresh.
    until("the refresh is told", || user.status()["last_refresh"]["class"] == json!("ok"));
    *user.server.habits.refuse.lock().unwrap() = Some((429, json!({ "error": "slow_down" })));
    assert_eq!(user.run(&["token", "--refresh"]).status.code(), Some(3));
    let last = user.status()["last_refresh"].clone();
    assert_eq!((&last["class"], &last["failures"]), (&json!("throttled"), &json!(1)));
    let lines = user.print(&["status"]);
    assert!(lines.contains("login: active\n") && lines.contains("last refresh: throttled"), "{lines}");
    // The token that is stored is good all the same.
    assert!(user.run(&["status", "--check"]).status.success());
}

#[test]
fn every_profile_is_told_unless_one_is_named() {
    let user = User::new();
    user.configure("[profile.a]\nissuer = \"https://a.example\"\n[profile.b]\nissuer = \"https://b.example\"\n");
    let lines = user.print(&["status"]);
    assert!(lines.contains("profile: a\n") && lines.contains("profile: b\n"), "{lines}");
    assert!(lines.contains("run `tokenflight login --profile b`"), "{lines}");
    assert!(!user.print(&["status", "-p", "b"]).contains("profile: a\n"));
    assert_eq!(user.run(&["status", "--check"]).status.code(), Some(4));
}

#[test]
fn a_copied_login_serves_its_token_and_refreshes_after_it_was_adopted() {
    let user = User::logged_in(&[]);
    let token = user.token();
    // As a restored backup: the same bytes in another folder.
    let (state, backup) = (user.state(), user.work().join("backup"));
    fs::rename(&state, &backup).unwrap();
    fs::create_dir(&state).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    for file in fs::read_dir(&backup).unwrap().flatten() {
        fs::copy(file.path(), state.join(file.file_name())).unwrap();
    }
    assert_eq!(user.token(), token);
    let refused = user.run(&["token", "--refresh"]);
    assert!(refused.status.code() == Some(5) && said(&refused).contains("tokenflight adopt"), "{refused:?}");
    assert_eq!(user.status()["copy"], json!(true));
    assert!(user.print(&["status"]).contains("run `tokenflight adopt`"));
    assert!(user.run(&["adopt"]).status.success());
    assert_eq!(user.status()["copy"], json!(false));
    assert!(said(&user.run(&["adopt"])).contains("nothing was changed"));
    // The original may have presented it: the access token is used to its end.
    assert_eq!((user.token(), user.server.rotations()), (token, 0));
}

#[test]
fn a_damaged_record_is_replaced_by_a_login_and_kept_beside_it() {
    let user = User::logged_in(&[]);
    fs::write(user.record(), "{\"v\":1,").unwrap();
    let refused = user.run(&["token"]);
    assert!(refused.status.code() == Some(5) && said(&refused).contains("run `tokenflight login`"), "{refused:?}");
    assert_eq!(user.status()["state"], json!("unknown"));
    assert!(user.browse(&["login", "--no-browser"]).status.success());
    assert!(user.server.is_good(&user.token()));
    assert_eq!(fs::read_to_string(user.state().join("default.json.bad")).unwrap(), "{\"v\":1,");
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_may_write_to_is_refused_and_what_helps_told() {
    use std::os::unix::fs::PermissionsExt;
    let user = User::logged_in(&[]);
    fs::set_permissions(user.state(), fs::Permissions::from_mode(0o777)).unwrap();
    let refused = user.run(&["token"]);
    assert!(refused.status.code() == Some(5) && said(&refused).contains("chmod 700"), "{refused:?}");
    assert!(user.print(&["status"]).contains("chmod 700"));
    fs::set_permissions(user.state(), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(user.server.is_good(&user.token()));
}

#[test]
fn who_holds_the_turn_is_told_and_a_person_can_take_it_away() {
    let user = User::expired();
    // A program that hangs in a refresh.
    let path = user.state().join("default.json.turn");
    let turn = File::options().read(true).write(true).create(true).truncate(false).open(path).unwrap();
    turn.lock().unwrap();
    let late = user.run(&["token", "--wait", "1s"]);
    assert!(late.status.code() == Some(3) && said(&late).contains("has the turn"), "{late:?}");
    let status = user.status();
    assert_eq!(status["turn"]["state"], json!("held"));
    assert_eq!(user.server.auth.report().total.token_requests, 0);
    assert!(user.run(&["release"]).status.success());
    let refreshed = user.run(&["token"]);
    assert!(refreshed.status.success(), "{refreshed:?}");
    assert_eq!(user.server.rotations(), 1);
    // The refresh is seen before its process has given the turn back.
    until("the turn is free", || user.status()["turn"]["state"] == json!("free"));
    assert!(said(&user.run(&["release"])).contains("nothing was changed"));
}

#[test]
fn a_command_that_is_stopped_while_it_looks_keeps_no_refresh_back() {
    let user = User::expired();
    let path = user.state().join("default.refresher");
    let looking = File::options().read(true).write(true).create(true).truncate(false).open(path).unwrap();
    looking.lock_shared().unwrap();
    assert!(user.server.is_good(&user.token()));
    assert_eq!(user.server.rotations(), 1);
}

#[cfg(unix)]
#[test]
fn a_refresh_that_is_stopped_is_named_and_goes_on_when_it_is_resumed() {
    use crate::support::find;
    let Some(kill) = find("kill", "no refresh was stopped") else { return };
    let user = User::expired();
    *user.server.habits.slow.lock().unwrap() = (Duration::from_millis(500), Duration::ZERO);
    let first = user.run(&["token", "--wait", "0"]);
    assert_eq!(first.status.code(), Some(3), "{first:?}");
    let at_work = || user.status()["turn"]["refresher"].as_str().map(str::to_owned);
    until("a refresh is at work", || at_work().is_some_and(|words| words.starts_with("process ")));
    let pid = at_work().unwrap().trim_start_matches("process ").to_owned();
    let signal = |name: &str| assert!(user.program(&kill).args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    let late = user.run(&["token", "--wait", "1s"]);
    assert!(late.status.code() == Some(3) && said(&late).contains(&format!("process {pid}")), "{late:?}");
    signal("-CONT");
    assert!(user.server.is_good(&user.token()));
    assert_eq!(user.server.rotations(), 1);
}

#[test]
fn the_profile_in_the_manual_is_understood() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/command-line.md");
    let page = fs::read_to_string(page).unwrap();
    let block = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    // Also what is only shown: a line that begins with a setting's name is one.
    let is_setting = |line: &str| line.split_once(" = ").is_some_and(|(name, _)| !name.contains(' '));
    let shown = |line: &str| line.strip_prefix("# ").filter(|line| is_setting(line)).map(str::to_owned);
    let lines: Vec<_> = block.lines().map(|line| shown(line).unwrap_or_else(|| line.to_owned())).collect();
    let user = User::new();
    user.configure(&lines.join("\n"));
    let status = user.run(&["status"]);
    assert!(status.status.success(), "{status:?}");
    let lines = String::from_utf8(status.stdout).unwrap();
    assert!(lines.contains("profile: default\n") && lines.contains("login: none\n"), "{lines}");
}
