use std::process::ExitCode;
use crate::{args::Exec, config::Profile, problem::Problem};
pub(super) fn run(_: &Profile, _: Exec) -> Result<ExitCode, Problem> { Err(Problem::unexpected("not yet")) }
