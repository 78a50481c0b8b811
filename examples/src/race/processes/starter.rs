//! How this program is started again as a child.

use std::{env, process::Stdio};

use tokio::process::Command;

use super::{child::CHILD, prelude::*};

/// How this program is started as a child.
#[derive(Clone, Debug)]
pub(super) struct Starter {
    program: PathBuf,
    arguments: Vec<String>,
}

impl Starter {
    /// This very program, with these arguments.
    pub(super) fn this(arguments: Vec<String>) -> Result<Self, BoxError> {
        Ok(Self { program: env::current_exe()?, arguments })
    }

    /// Starts it and tells it what to do. It ends when the pipe to it is dropped, and is killed
    /// when `Child` is.
    pub(super) async fn start(&self, spec: &Spec) -> Result<(Child, ChildStdin), BoxError> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env(CHILD, "1").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        // A group of its own: the terminal's signals are the parent's to handle. And a group that
        // loses its parent while one of its processes is stopped is ended by the kernel.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().ok_or("a child without standard input")?;
        stdin.write_all((serde_json::to_string(spec)? + "\n").as_bytes()).await?;
        Ok((child, stdin))
    }
}
