//! `tokenflight token`: from the record, and from a refresh that outlives the command.

use serde_json::Value;
use tokenflight::{GrantError, GrantKey, Session, grant_fn};
use tokenflight_store_file::FileStore;

use crate::support::*;

#[test]
fn a_stored_token_is_printed_bare_as_a_header_and_as_json() {
    let user = User::logged_in(&[]);
    let token = user.print(&["token"]);
    assert!(user.server.is_good(token.trim_end()), "{token}");
    assert_eq!(token.lines().count(), 1);
    assert_eq!(user.print(&["token", "--format", "header"]), format!("Authorization: Bearer {token}"));
    let json: Value = serde_json::from_str(&user.print(&["token", "--format", "json"])).unwrap();
    assert_eq!(json["access_token"], token.trim_end());
    assert_eq!((&json["token_type"], &json["scope"]), (&json!("Bearer"), &json!("read write")));
    assert!((280..=300).contains(&json["expires_in"].as_u64().unwrap()), "{json}");
    assert!(json["expires_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(user.server.rotations(), 0);
}

#[test]
fn a_stored_token_costs_no_socket_and_no_thread() {
    let Some(strace) = find("strace", "system calls were not counted") else { return };
    let user = User::logged_in(&[]);
    let log = user.work().join("calls");
    let calls = |words: &[&str]| {
        let mut command = user.program(&strace);
        command.args(["-f", "-qq", "-e", "trace=socket,clone,clone3,fork,vfork", "-e", "signal=none", "-o"]).arg(&log);
        let output = command.arg(env!("CARGO_BIN_EXE_tokenflight")).args(words).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::read_to_string(&log).unwrap()
    };
    assert_eq!(calls(&["token"]), "");
    // The same look at what a refresh costs: the counting counts.
    let refreshed = calls(&["token", "--refresh"]);
    assert!(refreshed.contains("socket(") && refreshed.contains("clone"), "{refreshed}");
}

#[test]
fn sixty_four_commands_that_meet_an_expired_token_cost_one_refresh() {
    let user = User::expired();
    user.server.habits.slow.lock().unwrap().1 = Duration::from_millis(100);
    let start = || user.command(&["token"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let commands: Vec<Child> = (0..64).map(|_| start()).collect();
    for command in commands {
        let output = command.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(user.server.is_good(String::from_utf8(output.stdout).unwrap().trim_end()));
    }
    let total = user.server.auth.report().total;
    assert_eq!((total.token_requests, total.rotations), (1, 1));
    user.server.auth.assert_unharmed();
}

#[test]
fn commands_that_want_a_newer_token_at_the_same_time_share_one_refresh() {
    let user = User::logged_in(&[]);
    user.server.habits.slow.lock().unwrap().1 = Duration::from_secs(2);
    let words = ["token", "--refresh"];
    let start = || user.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let commands: Vec<Child> = (0..16).map(|_| start()).collect();
    let mut printed: Vec<_> = commands.into_iter().map(|command| command.wait_with_output().unwrap().stdout).collect();
    printed.dedup();
    assert_eq!((printed.len(), user.server.auth.report().total.token_requests), (1, 1));
}

#[test]
fn a_command_that_is_killed_during_the_request_loses_nothing() {
    let Some(timeout) = find("timeout", "no command was killed during a request") else { return };
    let user = User::logged_in(&[]);
    *user.server.habits.slow.lock().unwrap() = (Duration::from_millis(150), Duration::from_millis(250));
    let rounds: u64 = env::var("TOKENFLIGHT_ROUNDS").map_or(5, |rounds| rounds.parse().unwrap());
    for round in 1..=rounds {
        let before = user.stored();
        let mut command = user.program(&timeout);
        command.args(["-s", "KILL", "0.2", env!("CARGO_BIN_EXE_tokenflight"), "token", "--refresh"]);
        let output = command.output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        // It was in the middle of it: the answer comes to a command that is gone.
        until("the answer is stored", || user.stored() != before);
        assert!(user.server.is_good(&user.stored()));
        assert_eq!(user.server.rotations(), round);
    }
    let total = user.server.auth.report().total;
    assert_eq!(total.token_requests, rounds);
    user.server.auth.assert_unharmed();
}

#[test]
fn a_token_that_does_not_live_long_enough_is_replaced() {
    let user = User::new();
    *user.server.habits.login_lives.lock().unwrap() = Some(100);
    let user = {
        user.configure(&format!("[profile.default]\nissuer = \"{}\"\nclient_id = \"me\"\n", user.server.issuer()));
        assert!(user.browse(&["login", "--no-browser"]).status.success());
        user
    };
    let first = user.print(&["token", "--min-lifetime", "60s"]);
    assert_eq!((user.server.rotations(), user.token()), (0, first.trim_end().to_owned()));
    let second = user.print(&["token", "--min-lifetime", "3m"]);
    assert!(second != first && user.server.rotations() == 1);
    // No token of this server lives that long: it is said, and the newest one printed.
    let output = user.run(&["token", "--min-lifetime", "1h"]);
    assert!(output.status.success() && said(&output).contains("shorter"), "{output:?}");
    assert_eq!(user.server.rotations(), 2);
}

#[cfg(unix)]
#[test]
fn a_refresh_that_is_killed_is_made_again_by_the_command_that_waits_for_it() {
    let Some(kill) = find("kill", "no refresh was killed") else { return };
    let user = User::expired();
    user.server.habits.hangs.store(true, Ordering::Relaxed);
    let waiting = user.command(&["token"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let at_work = || user.status()["turn"]["holder"].as_str().map(str::to_owned);
    until("the request has come", || user.server.habits.hung.load(Ordering::Relaxed));
    let holder = at_work().unwrap();
    let pid: String = holder.chars().filter(char::is_ascii_digit).collect();
    assert!(user.program(&kill).args(["-KILL", &pid]).status().unwrap().success());
    user.server.habits.hangs.store(false, Ordering::Relaxed);
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(user.server.is_good(String::from_utf8(output.stdout).unwrap().trim_end()));
    assert_eq!(user.server.rotations(), 1);
    user.server.auth.assert_unharmed();
}

#[test]
fn a_refresh_that_cannot_begin_says_why() {
    let user = User::logged_in(&[]);
    fs::create_dir(user.state().join("default.refresher")).unwrap();
    let output = user.run(&["token", "--refresh"]);
    assert!(output.status.code() == Some(1) && said(&output).contains("locking the refresh"), "{output:?}");
    // What is stored is served.
    assert!(user.server.is_good(&user.token()));
}

#[test]
fn a_program_of_the_user_shares_the_login() {
    let user = User::logged_in(&[]);
    let store = FileStore::in_dir(user.state());
    let grant = grant_fn(|_| async { Err(GrantError::config("it only reads")) });
    let session = Session::builder(grant).key(GrantKey::new("default")).store(store).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shared = |session: &Session| runtime.block_on(session.token()).unwrap().access().expose().to_owned();
    assert_eq!(shared(&session), user.token());
}

#[test]
fn in_the_foreground_the_command_refreshes_by_itself() {
    let user = User::expired();
    let token = user.print(&["token", "--foreground"]);
    assert!(user.server.is_good(token.trim_end()));
    assert_eq!(user.server.rotations(), 1);
}

#[test]
fn exit_codes_say_what_helps() {
    let user = User::new();
    let code = |words: &[&str]| {
        let output = user.run(words);
        (output.status.code().unwrap(), said(&output))
    };
    let (status, words) = code(&["token"]);
    assert!(status == 2 && words.contains("tokenflight login"), "{words}");
    assert_eq!(code(&["token", "--format", "nothing"]).0, 2);
    user.configure(&format!("[profile.default]\nissuer = \"{}\"\nclient_id = \"me\"\n", user.server.issuer()));
    let (status, words) = code(&["token"]);
    assert!(status == 4 && words.contains("run `tokenflight login`"), "{words}");
    user.configure("[profile.default]\nissuer = 5\n");
    assert_eq!(code(&["token"]).0, 2);
    user.configure("[profile.default]\nissuer = \"https://as.example\"\nsecret = \"no\"\n");
    let (status, words) = code(&["token"]);
    assert!(status == 2 && words.contains("line 3: unknown field `secret`"), "{words}");
    for wrong in ["hosts = \"hunter2\"", "client_secret = \"hunter2\"", "hunter2", "[hunter2"] {
        user.configure(&format!("[profile.default]\nissuer = \"https://as.example\"\n{wrong}\n"));
        let (status, words) = code(&["token"]);
        assert!(status == 2 && words.contains("line 3") && !words.contains("hunter2"), "{words}");
    }
    let (status, words) = code(&["login", "--client-secret=hunter2"]);
    assert!(status == 2 && !words.contains("hunter2"), "{words}");
}

#[test]
fn what_the_server_says_becomes_an_exit_code_and_is_not_asked_again_at_once() {
    let user = User::expired();
    let answers = |status: u16, body: Value| *user.server.habits.refuse.lock().unwrap() = Some((status, body));
    answers(429, json!({ "error": "slow_down" }));
    let output = user.run(&["token"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let again = user.run(&["token"]);
    assert!(again.status.code() == Some(3) && said(&again).contains("the last attempt failed"), "{again:?}");
    answers(401, json!({ "error": "invalid_client" }));
    let output = user.run(&["token", "--refresh"]);
    assert!(output.status.code() == Some(5) && said(&output).contains("invalid_client"), "{output:?}");
    answers(400, json!({ "error": "invalid_grant" }));
    let output = user.run(&["token", "--refresh"]);
    assert!(output.status.code() == Some(4) && said(&output).contains("tokenflight login"), "{output:?}");
    // And so it stays, without a question to the server.
    *user.server.habits.refuse.lock().unwrap() = None;
    assert_eq!(user.run(&["token"]).status.code(), Some(4));
    assert_eq!(user.server.rotations(), 0);
}

#[test]
fn a_login_of_another_server_is_not_served() {
    let user = User::logged_in(&[]);
    user.configure("[profile.default]\nissuer = \"https://other.example\"\nclient_id = \"me\"\n");
    let output = user.run(&["token"]);
    assert!(output.status.code() == Some(4) && said(&output).contains("https://other.example"), "{output:?}");
}
