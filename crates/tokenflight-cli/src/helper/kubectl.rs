//! kubectl's credential plugins: `ExecCredential` (client-authentication.v1).

use std::{env, process::ExitCode};

use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    asked::{expose, token},
    host,
};
use crate::{clock, config::File, problem::Problem, token::print};

/// Where kubectl asks.
const QUESTION: &str = "KUBERNETES_EXEC_INFO";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    api_version: String,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
struct Spec {
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
struct Cluster {
    server: String,
}

pub(super) fn run(file: &File) -> Result<ExitCode, Problem> {
    let unreadable = || Problem::usage(format!("this is for kubectl, which asks in the variable {QUESTION}"));
    let text = env::var(QUESTION).map_err(|_| unreadable())?;
    let question: Question = serde_json::from_str(&text).map_err(|_| unreadable())?;
    // Versions differ in their names only, and each kubectl takes the one that it asked for.
    if !question.api_version.starts_with("client.authentication.k8s.io/") {
        return Err(unreadable());
    }
    let Some(cluster) = question.spec.cluster else {
        return Err(Problem::refused("kubectl does not say for which cluster it asks")
            .help("set `provideClusterInfo: true` beside the plugin's command"));
    };
    let Some(profile) = host::of(&cluster.server).and_then(|host| file.for_host(&host)) else {
        return Err(Problem::refused(format!("no profile lists the host of {}", cluster.server.escape_debug()))
            .help(format!("add it to the `hosts` of a profile in {}", file.home.config.display())));
    };
    let stored = token(&profile)?;
    let mut status = json!({ "token": expose(&stored) });
    if let Some(expires) = stored.expires() {
        status["expirationTimestamp"] = clock::rfc3339(expires).into();
    }
    let answer = json!({ "apiVersion": question.api_version, "kind": "ExecCredential", "status": status });
    print(&Zeroizing::new(format!("{answer}\n")))?;
    Ok(ExitCode::SUCCESS)
}
