//! cargo's credential protocol: a line of JSON for each message (the Cargo Book, "Credential
//! Provider Protocol").

use std::{
    io::{self, BufRead, Read},
    process::ExitCode,
};

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    asked::{MOST, expose, token},
    host,
};
use crate::{config::File, problem::Problem, token::print};

/// The version of the protocol.
const VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Request {
    v: u32,
    kind: String,
    registry: Registry,
    /// The words that the configuration names behind the program.
    #[serde(default)]
    args: Vec<String>,
}

impl Request {
    /// The profile, if the configuration names one.
    fn profile(&self) -> Option<&str> {
        let at = self.args.iter().position(|word| matches!(word.as_str(), "-p" | "--profile"))?;
        self.args.get(at + 1).map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Registry {
    index_url: String,
}

pub(super) fn run(file: &File) -> Result<ExitCode, Problem> {
    print(&format!("{}\n", json!({ "v": [VERSION] })))?;
    let mut input = io::stdin().lock();
    loop {
        let mut line = Zeroizing::new(String::new());
        let read = input.by_ref().take(MOST as u64).read_line(&mut line);
        if read.map_err(|error| Problem::io("reading the question", &error))? == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        let answer = Zeroizing::new(format!("{}\n", answer(file, &line)));
        print(&answer)?;
    }
}

fn answer(file: &File, line: &str) -> Value {
    let failed = |kind: &str| json!({ "Err": { "kind": kind } });
    let other = |why: &str| json!({ "Err": { "kind": "other", "message": why, "caused-by": [] } });
    let request = match serde_json::from_str::<Request>(line) {
        Ok(request) if request.v == VERSION => request,
        Ok(request) => return other(&format!("version {} of the protocol is not known", request.v)),
        Err(_) => return other("the question cannot be read"),
    };
    let address = request.registry.index_url.trim_start_matches("sparse+");
    let Some(host) = host::of(address) else { return failed("url-not-supported") };
    let profile = match request.profile() {
        Some(name) => file.for_host_by(&host, name),
        None => file.for_host(&host),
    };
    let Some(profile) = profile else { return failed("url-not-supported") };
    if request.kind != "get" {
        return failed("operation-not-supported");
    }
    match token(&profile) {
        Ok(stored) => {
            let mut answer = json!({
                "kind": "get",
                // The whole value of the header.
                "token": format!("Bearer {}", expose(&stored)),
                "operation_independent": true,
                "cache": "session",
            });
            if let Some(expires) = stored.expires() {
                answer["cache"] = "expires".into();
                answer["expiration"] = expires.as_secs().into();
            }
            json!({ "Ok": answer })
        }
        Err(problem) => other(&problem.to_string()),
    }
}
