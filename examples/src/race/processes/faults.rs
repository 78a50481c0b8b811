use clap::ValueEnum;
use serde::Serialize;

/// What the server does to the process that presents, after it has rotated and before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Faults {
    /// Nothing.
    None,
    /// Stops it (SIGSTOP) for three seconds.
    Stop,
    /// Kills it (SIGKILL): the answer is lost.
    Kill,
    /// A person logs out and in again while the answer takes its time.
    Login,
    /// Closes the connection: the answer is lost, the process lives.
    Lost,
}

impl Faults {
    /// What is done, in a few words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::None => "no faults",
            Self::Stop => "stopped for 3 s",
            Self::Kill => "killed",
            Self::Login => "overtaken by a logout and a login",
            Self::Lost => "cut off from its answer",
        }
    }
}
