//! What a working child reports: one line of JSON each, on standard output. Times are those of the
//! wall clock, which all processes of a machine share on every platform.

use std::io::Write;

use super::prelude::*;

/// One report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Message {
    /// It wants a token, since then.
    Wants(Duration),
    /// It had a token then, and the API took it.
    Served(Duration),
    /// It must have a login. The attempt that found this out began then.
    Login(Duration),
    /// It could not get a token, or not call the API, and tries again.
    Failed(String),
}

impl Message {
    /// Prints it. A parent that has gone away cannot be told, and ends its children anyway.
    pub(super) fn say(&self) {
        if let Ok(text) = serde_json::to_string(self) {
            let _ = writeln!(io::stdout().lock(), "{text}");
        }
    }

    /// Reads a line. A test harness may have printed something before it on the same line; other
    /// lines are none of ours.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text.get(text.find('{')?..)?).ok()
    }
}
