//! What can go wrong, and the exit code that says so.

use std::{error::Error as StdError, ffi::OsStr, fmt, io, process::ExitCode};

use tokenflight::{Error, ErrorKind, FailureClass};
use tokenflight_store_file::FileError;

/// What the command ends with. Scripts may rely on these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Something that should not happen.
    Unexpected = 1,
    /// The command line or the configuration cannot be understood.
    Usage = 2,
    /// The same command may succeed later.
    Later = 3,
    /// Only a login helps.
    Login = 4,
    /// The server or the store refuses until something is set up in another way.
    Refused = 5,
}

impl Code {
    /// The code with this number, as a report keeps it.
    pub(crate) const fn of(number: u8) -> Self {
        match number {
            2 => Self::Usage,
            3 => Self::Later,
            4 => Self::Login,
            5 => Self::Refused,
            _ => Self::Unexpected,
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Why a command failed, in words that say what to do. It holds no secret.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    code: Code,
    why: String,
    /// The command or the change that helps.
    help: Option<String>,
    /// The class of the failed token request, if it was one.
    class: Option<FailureClass>,
    /// In how many seconds it makes sense to try again.
    after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(code: Code, why: impl Into<String>) -> Self {
        Self { code, why: why.into(), help: None, class: None, after: None }
    }

    pub(crate) fn usage(why: impl Into<String>) -> Self {
        Self::new(Code::Usage, why)
    }

    pub(crate) fn later(why: impl Into<String>) -> Self {
        Self::new(Code::Later, why)
    }

    pub(crate) fn refused(why: impl Into<String>) -> Self {
        Self::new(Code::Refused, why)
    }

    pub(crate) fn unexpected(why: impl Into<String>) -> Self {
        Self::new(Code::Unexpected, why)
    }

    /// Only a login of this profile helps.
    pub(crate) fn login(profile: &str, why: impl Into<String>) -> Self {
        Self::new(Code::Login, why).help(format!("run `tokenflight login{}`", option(profile)))
    }

    /// A file of ours that cannot be used.
    pub(crate) fn io(doing: &str, error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Code::Refused,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::Later,
            _ => Code::Unexpected,
        };
        Self::new(code, format!("{doing}: {error}"))
    }

    /// A command that cannot be run.
    pub(crate) fn not_run(program: &OsStr, error: &io::Error) -> Self {
        Self::usage(format!("`{}` cannot be run: {error}", program.display()))
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn after(mut self, seconds: Option<u64>) -> Self {
        self.after = seconds;
        self
    }

    pub(crate) const fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn why(&self) -> &str {
        &self.why
    }

    pub(crate) fn what_helps(&self) -> Option<&str> {
        self.help.as_deref()
    }

    pub(crate) const fn class(&self) -> Option<FailureClass> {
        self.class
    }

    pub(crate) const fn seconds(&self) -> Option<u64> {
        self.after
    }

    /// What a store in files says, for this profile.
    pub(crate) fn file(profile: &str, error: &FileError) -> Self {
        let code = if error.is_permanent() { Code::Refused } else { Code::Later };
        let problem = Self::new(code, chain(error));
        match error {
            FileError::Copied { .. } => Self::copied(profile),
            FileError::Damaged { .. } => problem.help(format!("run `tokenflight login{}`", option(profile))),
            FileError::Shared { path, .. } => problem.help(format!("run `chmod 700 {}`", path.display())),
            _ => problem,
        }
    }

    /// The record is of another place, where it may be presented as well.
    pub(crate) fn copied(profile: &str) -> Self {
        let option = option(profile);
        Self::refused("the record is a copy: its refresh token is not presented from here")
            .help(format!("run `tokenflight adopt{option}` if the original is gone, else `tokenflight login{option}`"))
    }

    /// What a session says, for this profile.
    pub(crate) fn session(profile: &str, error: &Error) -> Self {
        if let Some(file) = FileError::find(error) {
            return Self::file(profile, file);
        }
        let why = match error.kind() {
            // What the error itself says is for programs.
            ErrorKind::NotLoggedIn => "there was no login".to_owned(),
            _ => chain(error),
        };
        let mut problem = match error.kind() {
            _ if error.needs_login() => Self::login(profile, why),
            ErrorKind::Refresh(FailureClass::Interaction) => Self::login(profile, why),
            ErrorKind::Refresh(FailureClass::Config) => {
                Self::refused(why).help("check the client and the endpoints of the profile")
            }
            ErrorKind::Store => {
                Self::later(why).help(format!("`tokenflight status{}` says who holds the turn", option(profile)))
            }
            _ if error.is_transient() => Self::later(why),
            ErrorKind::SessionChanged | ErrorKind::TimedOut | ErrorKind::FreshRefused | ErrorKind::Futile => {
                Self::later(why)
            }
            _ => Self::unexpected(why),
        };
        problem.class = error.class();
        problem.after(error.retry_after().map(|after| after.as_secs().max(1)))
    }
}

/// How a profile is named on a command line.
pub(crate) fn option(profile: &str) -> String {
    match profile {
        crate::config::DEFAULT => String::new(),
        named => format!(" --profile {named}"),
    }
}

/// An error and its sources. None of ours shows a token or a body.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        // Some repeat what they wrap.
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        next = source.source();
    }
    text
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        match (&self.help, self.after) {
            (Some(help), _) => write!(f, "\n  {help}"),
            (None, Some(seconds)) => write!(f, "\n  try again in {seconds} s"),
            (None, None) => Ok(()),
        }
    }
}
