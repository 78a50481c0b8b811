//! Calls of cargo.

use std::{ffi::OsString, fs::File, process::ExitStatus};

use crate::prelude::*;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Where builds that need other compiler flags go, so that they do not throw the usual build away.
pub(crate) fn target_dir(name: &str) -> PathBuf {
    let base = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    base.join(name)
}

/// A call of cargo.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cargo {
    env: Vec<(String, String)>,
    args: Vec<String>,
    /// Another workspace than ours.
    folder: Option<PathBuf>,
    /// A plugin instead of cargo itself, which finds only those in its path.
    plugin: Option<PathBuf>,
}

impl Cargo {
    /// `cargo` with these arguments, split at spaces.
    pub(crate) fn new(args: &str) -> Self {
        Self::default().args(args)
    }

    /// A plugin, called as cargo would.
    pub(crate) fn plugin(program: &Path, args: &str) -> Self {
        Self { plugin: Some(program.to_owned()), ..Self::new(args) }
    }

    pub(crate) fn args(mut self, args: &str) -> Self {
        self.args.extend(args.split_whitespace().map(str::to_owned));
        self
    }

    /// One argument that may hold spaces.
    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sets a variable that is not set yet.
    pub(crate) fn env_default(self, name: &str, value: &str) -> Self {
        if env::var_os(name).is_some() { self } else { self.env(name, value) }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds to a variable that holds flags, keeping what is there.
    pub(crate) fn flags(self, name: &str, flags: &str) -> Self {
        let all = match env::var(name) {
            Ok(before) if !before.is_empty() => format!("{before} {flags}"),
            _ => flags.to_owned(),
        };
        self.env(name, &all)
    }

    /// In another workspace.
    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// For so many seconds: what hangs is ended with all that it has started, and has failed.
    pub(crate) fn at_most(mut self, seconds: u32) -> Self {
        let limited = ["--signal=KILL".to_owned(), seconds.to_string(), cargo().to_string_lossy().into_owned()];
        self.args.splice(..0, limited);
        Self { plugin: Some("timeout".into()), ..self }
    }

    /// The variables that it sets.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.env
    }

    /// As it would be typed.
    pub(crate) fn line(&self) -> String {
        let quoted =
            |word: &str| if word.is_empty() || word.contains(' ') { format!("\"{word}\"") } else { word.to_owned() };
        let env = self.env.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        let args = self.args.iter().map(|arg| quoted(arg));
        let program = self.plugin.as_ref().map_or_else(|| "cargo".to_owned(), |plugin| plugin.display().to_string());
        env.chain([program]).chain(args).collect::<Vec<_>>().join(" ")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.plugin.as_ref().map_or_else(cargo, |plugin| plugin.clone().into()));
        let folder = self.folder.as_deref().unwrap_or_else(|| root());
        command.current_dir(folder).args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        forget_xtask(&mut command);
        command
    }

    /// Runs it, output straight through.
    pub(crate) fn run(&self) -> Result<(), String> {
        println!("\n+ {}", self.line());
        succeeded(self.command().status())
    }

    /// Runs it with its output in a file.
    pub(crate) fn run_into(&self, file: &Path) -> Result<(), String> {
        let named = |error| format!("{}: {error}", file.display());
        let both = File::create(file).and_then(|out| Ok((out.try_clone()?, out)));
        let (out, err) = both.map_err(named)?;
        succeeded(self.command().stdin(Stdio::null()).stdout(out).stderr(err).status())
    }

    /// Runs it and hands back what it printed.
    pub(crate) fn output(&self) -> Result<String, String> {
        println!("\n+ {}", self.line());
        printed(&mut self.command())
    }

    /// Runs what must fail, and hands back what it wrote to its standard error.
    pub(crate) fn failure(&self) -> Result<String, String> {
        println!("\n+ {}", self.line());
        let output = self.command().stdout(Stdio::null()).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Err("it did not fail".to_owned());
        }
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The cargo that runs this.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Takes cargo's variables about xtask itself away: ring's build script looks at them, and would
/// build ring again, with all that stands on it, after each call that does not come from here.
pub(crate) fn forget_xtask(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

/// Runs a program and hands back what it printed.
pub(crate) fn printed(program: &mut Command) -> Result<String, String> {
    let output = program.stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(output.status.to_string());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

fn succeeded(status: io::Result<ExitStatus>) -> Result<(), String> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(error.to_string()),
    }
}
