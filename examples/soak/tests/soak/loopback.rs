//! Against the servers of our own tests, which are always there.

use std::{fs, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use tokenflight::{TokenSet, time::TokioTime};
use tokenflight_example_soak::HARMED;
use tokenflight_test::{
    AuthServer, ResourceServer,
    auth::{Fault, Reuse},
};

use crate::bed::{Ran, assert_no_token, folder, member, soak};

fn login(set: &TokenSet) -> String {
    let refresh = set.refresh().unwrap().expose();
    serde_json::json!({"access_token": set.access().expose(), "refresh_token": refresh}).to_string()
}

fn server(seconds: u64) -> AuthServer {
    let lifetime = Duration::from_secs(seconds);
    AuthServer::builder(Arc::new(TokioTime::new())).access_lifetime(lifetime).reuse(Reuse::KillFamilyAndAccess).build()
}

fn against(auth: &AuthServer, name: &str, duration: &str) -> (Ran, PathBuf) {
    // The soak has a runtime of its own; this one is the servers'.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (token, api) = {
        let _entered = runtime.enter();
        (auth.serve().unwrap(), ResourceServer::new(auth.clone()).serve().unwrap())
    };
    let file = folder(name).join("tokens.json");
    fs::write(&file, login(&auth.login())).unwrap();
    let (token, api) = (token.url("/token"), api.url("/me"));
    let mut flags = vec!["--client-id", "c", "--token-file", file.to_str().unwrap(), "--duration", duration];
    flags.extend(["--token-endpoint", &token, "--resource", &api, "--workers", "20", "--pause", "0.05"]);
    let ran = soak(&flags);
    assert_no_token(&format!("{}{}", ran.out, ran.err));
    (ran, file)
}

#[test]
fn the_file_has_the_newest_refresh_token_of_a_session_that_was_kept() {
    let auth = server(4);
    let (ran, file) = against(&auth, "loopback", "3");
    assert_eq!(ran.code, ExitCode::SUCCESS, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("longer than --duration 3 s"), "{}", ran.out);
    auth.assert_unharmed();
    assert!(auth.answer(&member(&file, "refresh_token")).result().is_ok());
}

#[test]
fn a_session_that_a_lost_answer_ended_is_no_success_and_ends_the_run() {
    let auth = server(2);
    // The two refreshes before the load are answered; the first one of the load is processed, and the answer is lost.
    auth.faults().extend([Fault::None, Fault::None, Fault::CutAfter]);
    let (ran, _) = against(&auth, "lost-answer", "600");
    assert_eq!(ran.code, ExitCode::from(HARMED), "{}{}", ran.out, ran.err);
    for words in ["The run ended early: the session ended", "1 ambiguous", "1 terminal", "invalid_grant"] {
        assert!(ran.out.contains(words), "{words} is missing in\n{}", ran.out);
    }
}
