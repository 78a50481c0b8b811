//! Commands that print an identity: external accounts of Google Cloud with an `executable`.

use std::process::Command;

use serde_json::json;

use crate::{
    external::{Cloud, IAM, JWT, POOL, account, ask, config, generated},
    prelude::*,
    sessions,
};

const ALLOWED: &str = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES";

/// A process of its own, because the environment must allow it.
#[test]
fn a_command_is_run_where_program_and_environment_allow_it() {
    let test = "commands::with_an_environment_that_allows_commands";
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args(["--exact", test, "--ignored"]).env(ALLOWED, "1").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[test]
#[ignore = "run by the test above, in an environment of its own"]
fn with_an_environment_that_allows_commands() {
    let (time, file, cloud) = (ManualTime::new(1), Scratch::new(), Cloud::default());
    let now = time.now().wall.as_secs();
    let identity = jwt("command", time.now().wall + HOUR);
    let response = |end: u64| {
        json!({"version": 1, "success": true, "token_type": JWT, "id_token": identity, "expiration_time": end})
            .to_string()
    };
    let source =
        json!({"executable": {"command": "/bin/id --json", "timeout_millis": 20_000, "output_file": file.path()}});
    let json = config(&source, &json!({"service_account_impersonation_url": IAM}));
    let grant = |prints: Result<String, &'static str>, ran: &Arc<AtomicUsize>| {
        let ran = Arc::clone(ran);
        let run = move |command: CommandLine| {
            ran.fetch_add(1, Ordering::SeqCst);
            assert_eq!((command.line(), command.timeout()), ("/bin/id --json", Duration::from_secs(20)));
            let told: Vec<_> = command.variables().map(|(name, value)| format!("{name}={value}")).collect();
            assert!(told.contains(&format!("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE={POOL}")), "{told:?}");
            assert!(told.iter().any(|pair| pair.ends_with("IMPERSONATED_EMAIL=sa@p.iam.gserviceaccount.com")));
            let prints = prints.clone();
            async move { prints.map(String::into_bytes).map_err(Into::into) }
        };
        let account = account(&json).allow_executables(run);
        account.grant(cloud.client("", generated()), time.shared()).unwrap()
    };
    let ran = Arc::default();
    assert!(ask(&time, &grant(Ok(response(now + 60)), &ran)).is_ok());
    assert_eq!(cloud.seen()[0].field("subject_token"), Some(identity.clone()));
    // What an earlier run has left behind is taken while it lasts.
    file.write(&response(now + 60));
    assert!(ask(&time, &grant(Err("must not run"), &ran)).is_ok());
    file.write(&response(now));
    assert!(ask(&time, &grant(Ok(response(now + 60)), &ran)).is_ok());
    assert_eq!(ran.load(Ordering::SeqCst), 2);
    let sent = cloud.seen().len();
    let refused = json!({"version": 1, "success": false, "code": "401", "message": "log in first"}).to_string();
    for (prints, class, told) in [
        (Ok(refused), FailureClass::NotSent, "401 log in first"),
        (Ok(response(now - 60)), FailureClass::NotSent, "expired"),
        (Err("no such program"), FailureClass::NotSent, "no such program"),
        (Ok("{}".to_owned()), FailureClass::Config, "AIP-4117"),
        (Ok(json!({"version": 2, "success": true}).to_string()), FailureClass::Config, "version"),
        (
            Ok(json!({"version": 1, "success": true, "token_type": JWT, "id_token": identity}).to_string()),
            FailureClass::Config,
            "expiration_time",
        ),
    ] {
        let error = ask(&time, &grant(prints, &ran)).unwrap_err();
        let chain = sessions::told(&error);
        assert!(error.class() == class && chain.contains(told), "{told}: {chain}");
    }
    assert_eq!(cloud.seen().len(), sent, "nothing was sent");
}
