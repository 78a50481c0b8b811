//! Programs that ask for credentials. Each is answered for the hosts that a profile lists, and told "not found" for others.

use std::process::ExitCode;

use crate::{args::Helper, config::File, problem::Problem};

pub(crate) fn run(_: &File, _: &Helper) -> Result<ExitCode, Problem> {
    Err(Problem::unexpected("not yet"))
}
