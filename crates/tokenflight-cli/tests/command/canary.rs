//! Where tokens must not be: command lines, environments, what is said to people, files that are left.

use std::{fs, process::Stdio, sync::atomic::Ordering};

use serde_json::json;

use crate::support::{User, find, holds};

#[test]
fn no_token_shows_in_command_lines_environments_messages_or_drafts() {
    let strace = find("strace", "command lines and environments were not looked at");
    let user = User::new();
    let log = user.work().join("../calls");
    let issuer = user.server.issuer();
    let mut said = String::new();
    let mut run = |words: &[&str], input: &str| {
        let mut command = match &strace {
            Some(strace) => {
                let mut command = user.program(strace);
                command.args(["-f", "-qq", "-v", "-s", "65535", "-e", "trace=execve", "-A", "-o"]).arg(&log);
                command.arg(env!("CARGO_BIN_EXE_tokenflight"));
                command
            }
            None => user.command(&[]),
        };
        command.args(words).stdin(Stdio::piped());
        let output = crate::support::feed(command, input);
        said += &String::from_utf8_lossy(&output.stderr);
        // What the command prints is the token's only where that was asked for.
        let is_asked = matches!(words.first(), Some(&("token" | "helper" | "exec")));
        if !is_asked {
            said += &String::from_utf8_lossy(&output.stdout);
        }
        output.status.code().unwrap()
    };
    let login =
        ["login", "--issuer", &issuer, "--client-id", "me", "--client-secret-stdin", "--host", "a.example", "--device"];
    assert_eq!(run(&login, "canary-secret\n"), 0);
    assert_eq!(run(&["token"], ""), 0);
    assert_eq!(run(&["token", "--refresh"], ""), 0);
    assert_eq!(run(&["status"], ""), 0);
    assert_eq!(run(&["status", "--json"], ""), 0);
    assert_eq!(run(&["exec", "--file", "--", "true"], ""), 0);
    assert_eq!(run(&["helper", "git", "get"], "protocol=https\nhost=a.example\n\n"), 0);
    let token = user.token();
    let erase = format!("protocol=https\nhost=a.example\npassword={token}\n\n");
    user.age(60);
    assert_eq!(run(&["helper", "git", "erase"], &erase), 0);
    assert_eq!(run(&["helper", "docker", "get"], "a.example"), 0);
    // A server that repeats what it was sent.
    let issued = || user.server.habits.issued.lock().unwrap().clone();
    let echo =
        json!({ "error": "invalid_request", "error_description": format!("{} canary-secret", issued().join(" ")) });
    *user.server.habits.refuse.lock().unwrap() = Some((400, echo));
    assert_eq!(run(&["token", "--refresh"], ""), 5);
    *user.server.habits.refuse.lock().unwrap() = None;
    user.server.habits.says_no.store(true, Ordering::Relaxed);
    assert_eq!(run(&["login", "--device"], ""), 5);
    assert_eq!(run(&["logout"], ""), 0);
    assert_eq!(run(&["status"], ""), 0);

    let calls = fs::read_to_string(&log).unwrap_or_default();
    assert!(strace.is_none() || calls.contains("\"refresh\""), "no refresher was seen");
    let issued = issued();
    assert!(issued.len() >= 6);
    for token in issued.iter().map(String::as_str).chain(["canary-secret"]) {
        assert!(!said.contains(token), "{said}");
        assert!(!calls.contains(token), "a token in a command line or an environment");
        let mut left = holds(&user.work().join(".."), token);
        // Where a client's secret is kept.
        left.retain(|file| token != "canary-secret" || !file.ends_with("default.secret"));
        assert!(left.is_empty(), "{left:?}");
    }
}
