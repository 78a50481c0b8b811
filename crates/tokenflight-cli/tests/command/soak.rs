//! `tokenflight soak`: what it says of the server, and that the login is not lost.

use crate::support::*;

/// The command with what every soak here has.
fn words<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["soak", "--url", url, "--workers", "20", "--pause", "50ms"], more].concat()
}

fn url(user: &User) -> String {
    format!("{}/me", user.server.issuer())
}

fn soak(user: &User, more: &[&str]) -> Output {
    user.run(&words(&url(user), more))
}

fn start(user: &User, more: &[&str]) -> Child {
    let mut command = user.command(&words(&url(user), more));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), said(output))
}

#[test]
fn a_soak_keeps_the_login_and_says_what_the_server_does() {
    let user = User::living(4);
    let output = soak(&user, &["--duration", "3s"]);
    let text = shown(&output);
    assert!(output.status.success(), "{text}");
    for words in [
        "alive",
        "rotate: each of",
        "lives on after a refresh",
        "4 s; not followed, it is longer than --duration 3 s",
        "unknown: its answers have no date",
        "not presented (--probe-grace)",
        "Recommended: ReusePolicy::Strict",
    ] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
    user.server.auth.assert_unharmed();
    let total = user.server.auth.report().total;
    assert!(total.rotations >= 3 && total.token_requests == total.rotations, "{total:?}");
    // The login goes on: what is stored is what is good.
    assert!(user.server.is_good(user.print(&["token", "--refresh"]).trim_end()));
    for token in user.server.habits.issued.lock().unwrap().iter() {
        assert!(!text.contains(token), "{text}");
    }
}

#[test]
fn a_program_and_a_soak_use_one_login_side_by_side() {
    let user = User::living(3);
    let soak = start(&user, &["--duration", "4s"]);
    until("the load has begun", || user.server.rotations() >= 2);
    for _ in 0..5 {
        assert!(user.server.is_good(user.print(&["token", "--refresh"]).trim_end()));
    }
    let output = soak.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    user.server.auth.assert_unharmed();
}

#[test]
fn a_session_that_a_lost_answer_ended_is_no_success_and_ends_the_run() {
    let user = User::living(2);
    // The two refreshes before the load are answered; the first one of the load is processed, and
    // the answer is lost.
    user.server.habits.lost.store(3, Ordering::Relaxed);
    let output = soak(&user, &["--duration", "10m"]);
    let text = shown(&output);
    assert_eq!(output.status.code(), Some(4), "{text}");
    for words in ["The run ended early: the session ended", "1 ambiguous", "1 terminal", "invalid_grant"] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_workers_and_no_refresh() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let user = User::living(300);
        user.server.habits.slow.lock().unwrap().1 = Duration::from_secs(1);
        let soak = start(&user, &["--duration", "10m"]);
        // Processed, and not answered yet.
        until("the server has rotated", || user.server.rotations() == 1);
        assert!(user.program("kill").args([signal, &soak.id().to_string()]).status().unwrap().success());
        let output = soak.wait_with_output().unwrap();
        let text = shown(&output);
        assert!(output.status.success() && text.contains("The run ended early: "), "{text}");
        assert!(user.server.is_good(&user.stored()));
        user.server.habits.slow.lock().unwrap().1 = Duration::ZERO;
        assert!(user.server.is_good(user.print(&["token", "--refresh"]).trim_end()));
        user.server.auth.assert_unharmed();
    }
}

#[test]
fn tokens_that_cannot_be_stored_are_saved_elsewhere_and_can_be_taken_over() {
    let user = User::living(300);
    user.server.habits.slow.lock().unwrap().1 = Duration::from_secs(1);
    let soak = start(&user, &["--duration", "10m"]);
    until("the server has rotated", || user.server.rotations() == 1);
    fs::remove_dir_all(user.state()).unwrap();
    let output = soak.wait_with_output().unwrap();
    let text = shown(&output);
    assert_eq!(output.status.code(), Some(5), "{text}");
    let (_, rest) = text.split_once("--import ").unwrap_or_else(|| panic!("{text}"));
    let file = rest.split('`').next().unwrap();
    user.server.habits.slow.lock().unwrap().1 = Duration::ZERO;
    let imported = user.run(&["login", "--import", file]);
    assert!(imported.status.success(), "{imported:?}");
    assert!(user.server.is_good(&user.token()));
    user.server.auth.assert_unharmed();
    fs::remove_file(file).unwrap();
}

#[test]
fn a_used_refresh_token_is_presented_with_consent_only() {
    let user = User::living(300);
    let refused = soak(&user, &["--duration", "1s", "--probe-grace", "0"]);
    assert!(refused.status.code() == Some(2) && said(&refused).contains("--yes-end-my-session"), "{refused:?}");
    assert_eq!(user.server.rotations(), 0);
    let output = soak(&user, &["--duration", "1s", "--probe-grace", "0", "--yes-end-my-session"]);
    let text = shown(&output);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("refused 0 s after they were used; the session is over"), "{text}");
    assert_eq!(user.run(&["token", "--refresh"]).status.code(), Some(4));
    assert!(!user.server.auth.report().is_alive("alice"));
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    let user = User::living(300);
    let before = fs::read_to_string(user.record()).unwrap();
    let url = url(&user);
    for (words, why) in [
        (&["soak", "--url", "http://api.example/me"][..], "https"),
        (&["soak", "--url", "https://me:secret@api.example/"], "user name"),
        (&["soak", "--url", "/me"], "absolute"),
        (&["soak", "--url", &url, "--workers", "0"], "1..=512"),
        (&["soak", "--url", &url, "--cancel", "1"], "below 1"),
        (&["soak", "--url", &url, "--cancel", "NaN"], "below 1"),
        (&["soak", "--url", &url, "--skew", "9999d"], "skew"),
        (&["soak"], "--url"),
    ] {
        let refused = user.run(words);
        assert!(refused.status.code() == Some(2) && said(&refused).contains(why), "{words:?}: {refused:?}");
        assert!(!said(&refused).contains("secret@"), "{refused:?}");
    }
    assert_eq!(fs::read_to_string(user.record()).unwrap(), before);
    assert_eq!(user.server.auth.report().total.token_requests, 0);
    let stranger = User::new();
    stranger.configure(&format!("[profile.default]\nissuer = \"{}\"\nclient_id = \"me\"\n", stranger.server.issuer()));
    assert_eq!(soak(&stranger, &[]).status.code(), Some(4));
}

#[test]
fn a_server_that_is_not_there_costs_nothing() {
    let user = User::living(300);
    // Nothing listens on port 9 of a machine of today; if something does, it is no token endpoint.
    let issuer = user.server.issuer();
    let text = format!(
        "[profile.default]\nissuer = \"{issuer}\"\ntoken_endpoint = \"http://127.0.0.1:9/\"\nclient_id = \"me\"\n"
    );
    user.configure(&text);
    let before = user.stored();
    let output = soak(&user, &[]);
    assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
    assert_eq!(user.stored(), before);
}
