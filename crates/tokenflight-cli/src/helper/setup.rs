//! What is to be configured for each program.

use std::process::ExitCode;

use crate::{
    args::Program,
    config::File,
    problem::{Problem, option},
    token::print,
};

pub(super) fn run(file: &File, program: Program) -> Result<ExitCode, Problem> {
    let option = option(file.name());
    let option = option.trim_start();
    let own = if option.is_empty() { String::new() } else { format!("{option} ") };
    let list = |words: &str| -> String {
        let words: Vec<_> = words.split_whitespace().map(|word| format!("\"{word}\"")).collect();
        words.join(", ")
    };
    let hosts = file.written().map(|profile| profile.settings.hosts).unwrap_or_default();
    let host = hosts.first().map_or("HOST", String::as_str);
    let text = match program {
        Program::Git => {
            format!("git config --global credential.https://{host}.helper '!tokenflight {own}helper git'\n")
        }
        Program::Cargo => format!(
            "# In ~/.cargo/config.toml:\n[registries.NAME]\nindex = \"sparse+https://{host}/index/\"\n\
             credential-provider = [{}]\n",
            list(&format!("tokenflight {own}"))
        ),
        Program::Kubectl => format!(
            "# In the kubeconfig, for the cluster at https://{host}:\nusers:\n- name: tokenflight\n  user:\n    exec:\n      \
             apiVersion: client.authentication.k8s.io/v1\n      command: tokenflight\n      args: [{}]\n      \
             interactiveMode: Never\n      provideClusterInfo: true\n",
            list(&format!("{own}helper kubectl"))
        ),
        Program::Terraform => format!(
            "ln -s \"$(command -v tokenflight)\" ~/.terraform.d/plugins/terraform-credentials-tokenflight\n\
             # In ~/.terraformrc:\ncredentials_helper \"tokenflight\" {{\n  args = [{}]\n}}\n",
            list(option)
        ),
        Program::Docker => format!(
            "ln -s \"$(command -v tokenflight)\" ~/.local/bin/docker-credential-tokenflight\n\
             # In ~/.docker/config.json:\n{{ \"credHelpers\": {{ \"{host}\": \"tokenflight\" }} }}\n"
        ),
    };
    print(&text)?;
    if hosts.is_empty() {
        crate::terminal::say("The profile lists no hosts yet: helpers answer only those in its `hosts`.");
    }
    Ok(ExitCode::SUCCESS)
}
