use std::process::ExitCode;

use super::{cargo, docker, git, kubectl, setup, terraform};
use crate::{args::Helper, config::File, problem::Problem};

pub(crate) fn run(file: &File, helper: &Helper) -> Result<ExitCode, Problem> {
    match helper {
        Helper::Git { operation } => git::run(file, operation),
        Helper::Cargo => cargo::run(file),
        Helper::Kubectl => kubectl::run(file),
        Helper::Docker { operation } => docker::run(file, operation),
        Helper::Terraform { operation, host } => terraform::run(file, operation, host),
        Helper::Setup { program } => setup::run(file, *program),
    }
}
