//! `tokenflight exec`, completions and pages of manual.

use crate::support::*;

#[cfg(unix)]
#[test]
fn a_command_finds_the_token_in_its_environment_and_its_code_is_returned() {
    let user = User::logged_in(&[]);
    let output = user.run(&["exec", "--env", "MY_TOKEN", "--", "sh", "-c", "echo $MY_TOKEN; exit 7"]);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), user.token());
    let missing = user.run(&["exec", "--", "no-such-command"]);
    assert!(missing.status.code() == Some(2) && said(&missing).contains("no-such-command"), "{missing:?}");
    assert_eq!(user.run(&["exec", "--env", "A=B", "--", "true"]).status.code(), Some(2));
    assert_eq!(User::new().run(&["exec", "--", "true"]).status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn a_command_reads_the_token_once_on_a_descriptor_and_has_it_nowhere_else() {
    let user = User::logged_in(&[]);
    // The first two are those that a process opens first.
    for number in ["3", "4", "7"] {
        let script = format!("cat <&{number}; echo; cat <&{number}; env");
        let output = user.run(&["exec", "--fd", number, "--", "sh", "-c", &script]);
        assert!(output.status.success(), "{output:?}");
        let shown = String::from_utf8(output.stdout).unwrap();
        assert_eq!(shown.matches(&user.token()).count(), 1, "{shown}");
        assert_eq!(shown.lines().next(), Some(user.token().as_str()));
    }
    let mut taken = user.program("sh");
    taken.args(["-c", "exec 7</dev/null; exec \"$0\" exec --fd 7 -- true"]);
    let taken = taken.arg(env!("CARGO_BIN_EXE_tokenflight")).output().unwrap();
    assert!(taken.status.code() == Some(2) && said(&taken).contains("in use"), "{taken:?}");
    for both in [["--fd", "1"], ["--fd", "x"]] {
        assert_eq!(user.run(&["exec", both[0], both[1], "--", "true"]).status.code(), Some(2), "{both:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_shell_evaluates_the_token() {
    let user = User::logged_in(&[]);
    let mut command = user.program("sh");
    command.args(["-c", "eval \"$(\"$0\" token --format env)\"; sh -c 'echo $TOKENFLIGHT_TOKEN'"]);
    let output = command.arg(env!("CARGO_BIN_EXE_tokenflight")).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), user.token());
}

#[cfg(unix)]
#[test]
fn a_command_reads_a_token_that_is_kept_fresh_from_a_file() {
    let user = User::logged_in(&[]);
    let first = user.token();
    let copy = user.work().join("copy");
    let script = format!("while :; do cp \"$FILE\" {0}.new && mv {0}.new {0}; sleep 0.1; done", copy.display());
    let words = ["exec", "--file", "--env", "FILE", "--", "sh", "-c", &script];
    let mut child = user.command(&words).stderr(Stdio::null()).spawn().unwrap();
    let read = || fs::read_to_string(&copy).unwrap_or_default();
    until("the command reads the token", || read() == first);
    let second = user.print(&["token", "--refresh"]);
    until("the command reads the newer token", || read() == second.trim_end());
    // What asks this process to end is for the command.
    let pid = child.id().to_string();
    assert!(user.program("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(128 + 15));
    let left = fs::read_dir(user.work().join("../run/tokenflight")).unwrap().count();
    assert_eq!(left, 0);
}

#[cfg(unix)]
#[test]
fn the_file_is_renewed_before_the_token_expires() {
    let user = User::logged_in(&[]);
    let first = user.token();
    let script = format!("while [ \"$(cat \"$FILE\")\" = {first} ]; do sleep 0.1; done; cat \"$FILE\"; exit 3");
    // The tokens of this server live 300 s; this one counts as spent at once.
    user.age(250);
    let output = user.run(&["exec", "--file", "--env", "FILE", "--min-lifetime", "40s", "--", "sh", "-c", "sleep 0.2"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(user.server.rotations(), 0);
    let child = user.command(&["exec", "--file", "--env", "FILE", "--min-lifetime", "40s", "--", "sh", "-c", &script]);
    let mut child = child;
    let child = child.stdout(Stdio::piped()).spawn().unwrap();
    pause(Duration::from_millis(300));
    user.age(270);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!((user.server.rotations(), String::from_utf8(output.stdout).unwrap()), (1, user.token()));
}

#[test]
fn completions_and_pages_of_manual_are_made_of_the_command_line() {
    let user = User::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = user.print(&["completions", shell]);
        assert!(text.contains("min-lifetime") && !text.contains("--seen"), "{shell}");
    }
    let pages = user.work().join("man");
    user.print(&["man", pages.to_str().unwrap()]);
    let page = fs::read_to_string(pages.join("tokenflight-token.1")).unwrap();
    assert!(page.contains("min\\-lifetime"), "{page}");
    assert!(fs::read_to_string(pages.join("tokenflight.1")).unwrap().contains("login needed"));
    assert!(!pages.join("tokenflight-refresh.1").exists());
}

#[test]
fn the_schema_of_the_store_in_postgres_is_printed_also_where_the_configuration_is_damaged() {
    let user = User::new();
    user.configure("not a configuration");
    let text = user.print(&["postgres", "schema"]);
    assert!(text.contains("CREATE TABLE tokenflight_grants ("), "{text}");
}
