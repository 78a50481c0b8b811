//! What is shown while a person waits: a line that moves on a terminal, and a plain one elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use crate::clock;

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// A line on standard error. Dropping it wipes it away.
#[derive(Debug)]
pub(crate) struct Line {
    what: String,
    terminal: bool,
    frame: usize,
}

impl Line {
    /// Nothing is shown yet.
    pub(crate) fn waiting(what: impl Into<String>) -> Self {
        Self { what: what.into(), terminal: io::stderr().is_terminal(), frame: 0 }
    }

    /// Says something else from now on.
    pub(crate) fn change(&mut self, what: impl Into<String>) {
        self.what = what.into();
    }

    /// Shows it, with the time that is left. Without a terminal there is nothing to show twice.
    pub(crate) fn show(&mut self, left: Option<Duration>) {
        if !self.terminal {
            return;
        }
        let left = left.map_or_else(String::new, |left| format!(", {} left", clock::words(left)));
        let frame = FRAMES[self.frame % FRAMES.len()];
        self.frame += 1;
        // What cannot be shown is no reason to stop.
        let _ = write!(io::stderr(), "\r\x1b[2K{frame} {}{left}", self.what);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.frame > 0 {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Says something to the person, not to the program that reads standard output.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Text of a server, which must not steer the terminal.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::new();
    for char in text.chars() {
        match char {
            ' '..='~' => shown.push(char),
            other => shown.extend(other.escape_unicode()),
        }
    }
    shown
}

/// An address of a server, which is still the same address then.
pub(crate) fn address(text: &str) -> String {
    let mut shown = String::new();
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' => shown.push(char::from(byte)),
            other => shown.push_str(&format!("%{other:02X}")),
        }
    }
    shown
}

/// Shows the line while something is waited for.
pub(crate) async fn beside<F: Future>(mut line: Line, limit: Duration, work: F) -> F::Output {
    let end = clock::boot().saturating_add(limit);
    let mut work = std::pin::pin!(work);
    let mut frames = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            biased;
            output = &mut work => return output,
            _ = frames.tick() => line.show(Some(end.saturating_sub(clock::boot()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_sends_does_not_steer_the_terminal() {
        // An escape, a one-character CSI, and right-to-left.
        let steering = "AB\u{1b}[2J\u{9b}2J\u{202e}CD";
        // What is odd is seen, and an address still leads to the same place.
        assert_eq!(plain(steering), r"AB\u{1b}[2J\u{9b}2J\u{202e}CD");
        let shown = address(&format!("https://as.example/{steering}?c"));
        assert_eq!(shown, "https://as.example/AB%1B[2J%C2%9B2J%E2%80%AECD?c");
    }
}
