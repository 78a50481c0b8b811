//! Where tokens must not be: command lines, environments, what people are told, files left behind.

use crate::support::*;

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
        let output = feed(command, input);
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
    for format in ["json", "header", "env"] {
        assert_eq!(run(&["token", "--format", format], ""), 0);
    }
    assert_eq!(run(&["token", "--foreground", "--refresh"], ""), 0);
    assert_eq!(run(&["token", "--cached"], ""), 0);
    for words in [&["status"][..], &["status", "--json"], &["adopt"], &["release"], &["completions", "bash"]] {
        assert_eq!(run(words, ""), 0, "{words:?}");
    }
    assert_eq!(run(&["exec", "--file", "--", "true"], ""), 0);
    assert_eq!(run(&["exec", "--fd", "9", "--", "true"], ""), 0);
    for program in ["git", "cargo", "kubectl", "docker", "terraform"] {
        assert_eq!(run(&["helper", "setup", program], ""), 0);
    }
    let question = r#"{"v":1,"kind":"get","operation":"read","registry":{"index-url":"sparse+https://a.example/"}}"#;
    assert_eq!(run(&["helper", "cargo"], question), 0);
    assert_eq!(run(&["helper", "terraform", "get", "a.example"], ""), 0);
    assert_eq!(run(&["helper", "kubectl"], ""), 2);
    let url = format!("{issuer}/me");
    let soak = ["soak", "--url", &url, "--duration", "1s", "--probe-grace", "0", "--yes-end-my-session"];
    assert_eq!(run(&soak, ""), 4);
    assert_eq!(run(&["login", "--device"], ""), 0);
    assert_eq!(run(&["helper", "git", "get"], "protocol=https\nhost=a.example\n\n"), 0);
    let token = user.token();
    let erase = format!("protocol=https\nhost=a.example\npassword={token}\n\n");
    user.age(60);
    assert_eq!(run(&["helper", "git", "erase"], &erase), 0);
    assert_eq!(run(&["helper", "docker", "get"], "a.example"), 0);
    // A server that repeats what it was sent.
    let issued = || user.server.habits.issued.lock().unwrap().clone();
    let sent = issued().split_off(issued().len() - 2).join(" ");
    let echo = json!({ "error": "invalid_request", "error_description": format!("{sent} canary-secret") });
    *user.server.habits.refuse.lock().unwrap() = Some((400, echo));
    assert_eq!(run(&["token", "--refresh"], ""), 5);
    *user.server.habits.refuse.lock().unwrap() = None;
    user.server.habits.says_no.store(true, Ordering::Relaxed);
    assert_eq!(run(&["login", "--device"], ""), 5);
    assert_eq!(run(&["logout"], ""), 0);
    assert_eq!(run(&["status"], ""), 0);
    let set = user.server.auth.login();
    let (access, refresh) = (set.access().expose().to_owned(), set.refresh().unwrap().expose().to_owned());
    user.server.habits.issued.lock().unwrap().extend([access.clone(), refresh.clone()]);
    let file = user.work().join("tokens.json");
    fs::write(&file, json!({ "access_token": access, "refresh_token": refresh }).to_string()).unwrap();
    assert_eq!(run(&["login", "--import", "tokens.json"], ""), 0);
    assert_eq!(run(&["token"], ""), 0);
    fs::remove_file(file).unwrap();
    assert_eq!(run(&["logout", "--local"], ""), 0);

    let calls = fs::read_to_string(&log).unwrap_or_default();
    assert!(strace.is_none() || calls.contains("\"refresh\""), "no refresher was seen");
    let issued = issued();
    assert!(issued.len() >= 20);
    for token in issued.iter().map(String::as_str).chain(["canary-secret"]) {
        let shown: Vec<_> = said.lines().filter(|line| line.contains(token)).collect();
        assert!(shown.is_empty(), "{shown:?}");
        assert!(!calls.contains(token), "a token in a command line or an environment");
        let mut left = holds(&user.work().join(".."), token);
        // Where a client's secret is kept.
        left.retain(|file| token != "canary-secret" || !file.ends_with("default.secret"));
        assert!(left.is_empty(), "{left:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_that_crashes_leaves_no_dump_of_its_memory() {
    use std::{
        io::{BufRead, BufReader},
        os::unix::process::ExitStatusExt,
    };
    let user = User::logged_in(&[]);
    // What says a word and waits is ended in the way that leaves its memory in a file.
    let dumps = |script: &str| {
        let mut command = user.program("sh");
        command.args(["-c", &format!("ulimit -c unlimited; {script}"), env!("CARGO_BIN_EXE_tokenflight")]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        assert!(user.program("kill").args(["-ABRT", &child.id().to_string()]).status().unwrap().success());
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(6), "{status}");
        status.core_dumped()
    };
    if !dumps("echo ready; exec cat") {
        eprintln!("skipped: this machine dumps no memory; what a crash leaves was not looked at");
        return;
    }
    assert!(!dumps("exec \"$0\" helper cargo"));
}
