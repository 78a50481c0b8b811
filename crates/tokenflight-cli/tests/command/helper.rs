//! Each helper with the program that asks it.

mod cargo;
mod docker;
mod git;
mod kubectl;
mod terraform;

use crate::support::*;

/// Left-out consumers say so in one line each; these need nothing that the machine may lack.
#[test]
fn a_host_that_no_profile_lists_is_not_found_in_the_words_of_each_protocol() {
    let user = User::logged_in(&["listed.example"]);
    let git = user.feed(&["helper", "git", "get"], "protocol=https\nhost=other.example\n\n");
    assert!(git.status.success() && git.stdout.is_empty() && git.stderr.is_empty(), "{git:?}");
    let plain = user.feed(&["helper", "git", "get"], "protocol=http\nhost=listed.example\n\n");
    assert!(plain.status.success() && plain.stdout.is_empty(), "{plain:?}");
    let needless = user.feed(&["helper", "git", "get"], "protocol=https\nhost=LISTED.example:443\n\n");
    assert!(!needless.stdout.is_empty(), "{needless:?}");
    let listed = user.feed(&["helper", "git", "get"], "protocol=https\nhost=listed.example\n\n");
    assert!(String::from_utf8_lossy(&listed.stdout).contains(&format!("password={}\n", user.token())), "{listed:?}");

    let request = r#"{"v":1,"kind":"get","operation":"read","registry":{"index-url":"sparse+https://other.example/"}}"#;
    let cargo = user.feed(&["helper", "cargo", "--cargo-plugin"], &format!("{request}\n"));
    assert!(String::from_utf8_lossy(&cargo.stdout).contains(r#"{"Err":{"kind":"url-not-supported"}}"#), "{cargo:?}");

    let docker = user.feed(&["helper", "docker", "get"], "other.example");
    assert_eq!(docker.status.code(), Some(1));
    assert_eq!(docker.stdout, b"credentials not found in native keychain\n");
    // Docker shows its user what comes on standard output.
    assert!(user.run(&["logout"]).status.success());
    let over = user.feed(&["helper", "docker", "get"], "listed.example");
    assert!(over.status.code() == Some(4) && String::from_utf8_lossy(&over.stdout).contains("login"), "{over:?}");

    assert_eq!(user.print(&["helper", "terraform", "get", "other.example"]), "{}\n");
    assert_eq!(user.run(&["helper", "terraform", "forget", "listed.example"]).status.code(), Some(2));

    let mut kubectl = user.command(&["helper", "kubectl"]);
    kubectl.env(
        "KUBERNETES_EXEC_INFO",
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false,"cluster":{"server":"https://other.example"}}}"#,
    );
    let kubectl = kubectl.output().unwrap();
    assert!(kubectl.status.code() == Some(5) && kubectl.stdout.is_empty(), "{kubectl:?}");
    assert!(said(&kubectl).contains("no profile lists"));
}

#[test]
fn a_named_profile_answers_for_its_own_hosts_only() {
    let user = User::logged_in(&["listed.example"]);
    let mut command = user.command(&["helper", "git", "get", "--profile", "other"]);
    command.env("TOKENFLIGHT_PROFILE", "default");
    let output = feed(command, "protocol=https\nhost=listed.example\n\n");
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
}

#[test]
fn what_is_to_be_configured_is_printed() {
    let user = User::logged_in(&["listed.example"]);
    for (program, words) in [
        ("git", "credential.https://listed.example.helper"),
        ("cargo", "credential-provider = [\"tokenflight\"]"),
        ("kubectl", "provideClusterInfo: true"),
        ("terraform", "credentials_helper \"tokenflight\""),
        ("docker", "\"credHelpers\": { \"listed.example\": \"tokenflight\" }"),
    ] {
        let text = user.print(&["helper", "setup", program]);
        assert!(text.contains(words), "{text}");
    }
}
