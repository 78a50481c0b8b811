//! The command line of the examples, raced against itself.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod support;

use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use tokenflight::{Time, time::TokioTime};
use tokenflight_test::{AuthServer, Verdict};

use self::support::{Folder, child::skipped};

/// How many ask at once.
const AT_ONCE: usize = 12;

/// The examples, which `cargo test` builds beside the tests.
fn example(name: &str) -> Option<PathBuf> {
    let folder = env::current_exe().unwrap().parent().and_then(Path::parent)?.join("examples");
    let file = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    if !file.is_file() {
        skipped(&format!("{name} is not built; `cargo test` without `--test` builds it"));
        return None;
    }
    Some(file)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_runs_of_a_command_line_refresh_once() {
    let (Some(login), Some(token)) = (example("cli_login"), example("cli_token")) else { return };
    let folder = Folder::new();
    let latency = Duration::from_millis(20)..=Duration::from_millis(20);
    let auth = AuthServer::builder(Arc::new(TokioTime::new())).access_lifetime(Duration::from_secs(3)).latency(latency);
    let auth = auth.build();
    let served = auth.serve().unwrap();
    let command = |file: &Path| {
        let mut command = Command::new(file);
        command.env("CLI_TOKEN_ENDPOINT", served.url("/token")).env("CLI_STATE", folder.join("state"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    };
    let mut child = command(&login).spawn().unwrap();
    let tokens = auth.login();
    child.stdin.take().unwrap().write_all(tokens.refresh().unwrap().expose().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());

    for round in 1..=2 {
        let running: Vec<_> = (0..AT_ONCE).map(|_| command(&token).spawn().unwrap()).collect();
        let printed = tokio::task::spawn_blocking(|| {
            running.into_iter().map(|child| child.wait_with_output().unwrap()).collect::<Vec<_>>()
        });
        for output in printed.await.unwrap() {
            assert!(output.status.success());
            let printed = String::from_utf8(output.stdout).unwrap();
            assert_ne!(auth.check(printed.trim()), Verdict::Unknown);
        }
        let total = auth.report().total;
        assert_eq!((total.token_requests, total.presented_twice), (total.rotations, 0));
        // On a slow machine the last one may find the first one's token spent.
        assert!(total.rotations <= 2 * round, "{total:?}");
        auth.expire_all_access();
        TokioTime::new().sleep(Duration::from_millis(3100)).await;
    }
    auth.assert_unharmed();
}
