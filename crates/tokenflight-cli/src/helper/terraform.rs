//! terraform's credentials helpers: an operation and a host as words (Terraform Internals,
//! "Credentials Helpers").

use std::process::ExitCode;

use serde_json::json;
use zeroize::Zeroizing;

use super::{
    asked::{expose, token},
    host,
};
use crate::{config::File, problem::Problem, token::print};

pub(super) fn run(file: &File, operation: &str, asked: &str) -> Result<ExitCode, Problem> {
    if operation != "get" {
        return Err(Problem::usage("tokens are not stored through terraform; log in with `tokenflight login`"));
    }
    let answer = match host::with_scheme("https", asked).and_then(|host| file.for_host(&host)) {
        Some(profile) => json!({ "token": expose(&token(&profile)?) }),
        None => json!({}),
    };
    print(&Zeroizing::new(format!("{answer}\n")))?;
    Ok(ExitCode::SUCCESS)
}
