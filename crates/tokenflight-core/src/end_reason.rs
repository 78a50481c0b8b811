//! Why a session ended.

use std::fmt;

/// Why a session ended, in the authorization server's words, cut to 256 characters and cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndReason {
    code: Box<str>,
    description: Option<Box<str>>,
}

impl EndReason {
    /// A reason with an error code such as `invalid_grant`.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self { code: clean(code), description: None }
    }

    /// Adds the server's description.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.description = Some(clean(text));
        self
    }

    /// The server's description, if there is one.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The error code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        match &self.description {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

/// Text from a server: no control characters, at most 256 characters.
pub(crate) fn clean(text: &str) -> Box<str> {
    const CAP: usize = 256;
    text.chars().filter(|char| !char.is_control()).take(CAP).collect::<String>().into()
}
