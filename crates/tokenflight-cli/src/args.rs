//! The command line.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args as Group, Parser, Subcommand, ValueEnum};

use crate::{clock, late::Late};

/// Fresh access tokens for shells, scripts and credential helpers, from one login.
///
/// Exit codes: 0 done, 1 unexpected, 2 usage, 3 try again later, 4 login needed, 5 refused
/// (configuration, or an unsafe store).
#[derive(Debug, Parser)]
#[command(name = "tokenflight", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which profile, and where it is written down. Behind what a command has of its own.
#[derive(Clone, Debug, Group)]
pub(crate) struct Place {
    /// The profile [default: $TOKENFLIGHT_PROFILE, or `default`]
    #[arg(long, short, global = true, value_name = "NAME", display_order = 100)]
    pub(crate) profile: Option<String>,
    /// The file of profiles [default: $TOKENFLIGHT_CONFIG, or tokenflight/config.toml in the folder
    /// for configuration]
    #[arg(long, global = true, value_name = "FILE", display_order = 101)]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Log in with a browser or a code, and write the profile down if it is new
    Login(Late<Login>),
    /// Print an access token that is valid now
    Token(Token),
    /// Run a command with a token in its environment, or in a file that is kept fresh
    Exec(Late<Exec>),
    /// Say what is stored, who may refresh, and what is in the way
    Status(Late<Status>),
    /// End the login, here and at the server
    Logout(Late<Logout>),
    /// Put the login, the server and an API under stress, and say how the server behaves
    Soak(Late<Soak>),
    /// Answer a program that asks for credentials
    #[command(subcommand)]
    Helper(Helper),
    /// Make a copied or restored login the one that refreshes from now on
    Adopt,
    /// Take the turn away from a process that hangs for ever with it
    Release,
    /// What a login in a database needs
    #[command(subcommand)]
    Postgres(Postgres),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What is for the command itself and for packagers, and shows in no help and no completion.
#[derive(Debug, Parser)]
#[command(name = "tokenflight", disable_help_subcommand = true)]
pub(crate) struct Hidden {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: HiddenCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HiddenCommand {
    /// Refresh in a session of its own
    Refresh {
        /// Which token set is to be replaced
        #[arg(long)]
        seen: String,
    },
    /// Write the pages of manual
    Man {
        /// The folder for them
        folder: PathBuf,
    },
}

/// The profile, unless it is in the file, and the way to log in.
#[derive(Debug, Default, Group)]
pub(crate) struct Login {
    /// A provider of the table: its endpoints and its habits
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// The tenant of the provider, or the address its server has
    #[arg(long, value_name = "NAME", requires = "provider")]
    pub(crate) tenant: Option<String>,
    /// The issuer, which tells its endpoints
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The token endpoint, where nothing tells it
    #[arg(long, value_name = "URL")]
    pub(crate) token_endpoint: Option<String>,
    /// Where users say yes, where nothing tells it
    #[arg(long, value_name = "URL")]
    pub(crate) authorization_endpoint: Option<String>,
    /// Where devices ask, where nothing tells it
    #[arg(long, value_name = "URL")]
    pub(crate) device_endpoint: Option<String>,
    /// Where refresh tokens are revoked, where nothing tells it
    #[arg(long, value_name = "URL")]
    pub(crate) revocation_endpoint: Option<String>,
    /// The client
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// A file that holds the client's secret
    #[arg(long, value_name = "FILE", conflicts_with = "client_secret_stdin")]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// Read the client's secret from standard input, and keep it beside the login
    #[arg(long)]
    pub(crate) client_secret_stdin: bool,
    /// A file that the platform renews, with an assertion instead of a secret
    #[arg(long, value_name = "FILE", conflicts_with_all = ["client_secret_file", "client_secret_stdin"])]
    pub(crate) client_assertion_file: Option<PathBuf>,
    /// A scope to ask for; may be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// An API that tokens are for (RFC 8707); may be given several times
    #[arg(long = "resource", value_name = "URL")]
    pub(crate) resources: Vec<String>,
    /// The API that tokens are for, as Auth0 names it
    #[arg(long, value_name = "NAME")]
    pub(crate) audience: Option<String>,
    /// A host that helpers answer; may be given several times
    #[arg(long = "host", value_name = "HOST[:PORT]")]
    pub(crate) hosts: Vec<String>,
    /// Take a login that was made elsewhere: a file with a token endpoint's answer, in JSON;
    /// its refresh_token is enough. Nothing else may refresh it from then on
    #[arg(long, value_name = "FILE", conflicts_with_all = ["device", "browser", "no_browser"])]
    pub(crate) import: Option<PathBuf>,
    /// Log in with a code, on any device
    #[arg(long, conflicts_with = "browser")]
    pub(crate) device: bool,
    /// Log in with a browser on this machine
    #[arg(long)]
    pub(crate) browser: bool,
    /// Print the address only, and open no browser
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// The port that the browser comes back to, if the server wants a certain one
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
}

/// How fresh a token has to be, and how long that may take.
#[derive(Clone, Debug, Group)]
pub(crate) struct Freshness {
    /// How long the token must live at least [default: a minute, or a quarter of its lifetime]
    #[arg(long, value_name = "TIME", value_parser = clock::parse)]
    pub(crate) min_lifetime: Option<Duration>,
    /// How long a refresh is waited for; it goes on after that
    #[arg(long, value_name = "TIME", value_parser = clock::parse, default_value = "90s")]
    pub(crate) wait: Duration,
    /// Refresh in this process, where children that outlive their parent are not wanted
    #[arg(long)]
    pub(crate) foreground: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Token {
    #[command(flatten)]
    pub(crate) freshness: Freshness,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Bare)]
    pub(crate) format: Format,
    /// Refresh, however good the token is; callers at the same time share one refresh
    #[arg(long, conflicts_with = "cached")]
    pub(crate) refresh: bool,
    /// Never refresh
    #[arg(long)]
    pub(crate) cached: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The token
    Bare,
    /// The token, its lifetime and its scope
    Json,
    /// `Authorization: Bearer …`, for `curl -H @-`
    Header,
    /// `export TOKENFLIGHT_TOKEN='…'`, for `eval` in a shell
    Env,
}

/// Where programs find a token.
pub(crate) const VARIABLE: &str = "TOKENFLIGHT_TOKEN";

#[derive(Debug, Group)]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) freshness: Freshness,
    /// The variable: of the token, or with `--file` of the path
    #[arg(long, value_name = "NAME", default_value = VARIABLE)]
    pub(crate) env: String,
    /// Hand the token over on the descriptor with this number instead, where it can be read once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(3..=255), conflicts_with_all = ["env", "file"])]
    pub(crate) fd: Option<i32>,
    /// Keep the token in a file instead, and the file fresh for as long as the command runs
    #[arg(long)]
    pub(crate) file: bool,
    /// The command
    #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Group)]
pub(crate) struct Status {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// End with the code that `token` would end with
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Logout {
    /// Forget the tokens without telling the server
    #[arg(long)]
    pub(crate) local: bool,
}

/// Many workers ask an API with one login, some give up half-way, and tokens are renewed meanwhile.
/// See docs/soak.md.
#[derive(Debug, Group)]
pub(crate) struct Soak {
    /// What the workers GET: a success if the token is good. It should be cheap and change nothing
    #[arg(long, value_name = "URL")]
    pub(crate) url: String,
    /// Workers, sending one request after another
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) workers: u16,
    /// How long the load lasts
    #[arg(long, value_name = "TIME", value_parser = clock::parse, default_value = "60s")]
    pub(crate) duration: Duration,
    /// About which share of the requests is given up by its caller, from 0 to below 1; fewer, where
    /// answers take a few milliseconds only
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0.05")]
    pub(crate) cancel: f64,
    /// How long a worker pauses between two requests, on average
    #[arg(long, value_name = "TIME", value_parser = clock::parse, default_value = "200ms")]
    pub(crate) pause: Duration,
    /// Taken off every token's lifetime, for servers that end tokens early
    #[arg(long, value_name = "TIME", value_parser = clock::parse, default_value = "0")]
    pub(crate) skew: Duration,
    /// At the very end, present a used refresh token again so long after its use. May end the login
    #[arg(long, value_name = "TIME", value_parser = clock::parse, requires = "yes_end_my_session")]
    pub(crate) probe_grace: Option<Duration>,
    /// Consent to `--probe-grace`
    #[arg(long)]
    pub(crate) yes_end_my_session: bool,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| "a number from 0 to below 1".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Postgres {
    /// Print the SQL that creates the table, for the owner of the database
    Schema,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Helper {
    /// For git: `credential.helper`
    Git {
        /// What git asks: `get`, `store` or `erase`
        operation: String,
    },
    /// For cargo: `credential-provider`
    Cargo,
    /// For kubectl: a credential plugin
    Kubectl,
    /// For docker: `credHelpers`
    Docker {
        /// What docker asks: `get`, `store`, `erase` or `list`
        operation: String,
    },
    /// For terraform: `credentials_helper`
    Terraform {
        /// What terraform asks: `get`, `store` or `forget`
        operation: String,
        /// For which host
        host: String,
    },
    /// Print what is to be configured
    Setup {
        /// For which program
        #[arg(value_enum)]
        program: Program,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Program {
    Git,
    Cargo,
    Kubectl,
    Docker,
    Terraform,
}

/// The only word that cargo says: the others of its configuration come with its question.
const CARGO: &str = "--cargo-plugin";

/// Programs look for helpers under names of their own; under such a name the command is that
/// helper. And cargo says nothing but that it is cargo.
pub(crate) fn expand(given: Vec<OsString>) -> Vec<OsString> {
    let name = given.first().and_then(|first| PathBuf::from(first).file_stem().map(ToOwned::to_owned));
    let kind = match name.as_deref().and_then(|name| name.to_str()) {
        Some("docker-credential-tokenflight") => "docker",
        Some("git-credential-tokenflight") => "git",
        Some("terraform-credentials-tokenflight") => "terraform",
        _ if given.iter().any(|word| word == CARGO) => "cargo",
        _ => return given,
    };
    let is_said = |word: &OsString| kind == "cargo" && [CARGO, "helper", kind].iter().any(|said| word == said);
    let rest = given.into_iter().skip(1).filter(|word| !is_said(word));
    ["tokenflight", "helper", kind].into_iter().map(OsString::from).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
        Hidden::command().debug_assert();
    }

    #[test]
    fn under_the_name_of_a_helper_the_command_is_that_helper() {
        let line = |words: &[&str]| expand(words.iter().map(OsString::from).collect());
        assert_eq!(
            line(&["/usr/bin/docker-credential-tokenflight", "get"]),
            ["tokenflight", "helper", "docker", "get"]
        );
        assert_eq!(line(&["tokenflight", "token"]), ["tokenflight", "token"]);
        assert_eq!(line(&["tokenflight", "--cargo-plugin"]), ["tokenflight", "helper", "cargo"]);
        assert_eq!(line(&["tokenflight", "helper", "cargo", "--cargo-plugin"]), ["tokenflight", "helper", "cargo"]);
    }
}
