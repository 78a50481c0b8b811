use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use tokenflight_example_soak::run;

use crate::bed::{Ran, parse};

/// How long anything may take. Two processors with other work are slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What is shown, line by line.
pub(crate) struct Lines(pub(crate) Receiver<String>);

impl Lines {
    /// The next one with this in it.
    pub(crate) fn with(&self, part: &str) -> String {
        let mut others = Vec::new();
        loop {
            match self.0.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => others.push(line),
                Err(_) => panic!("{part} is missing in {others:?}"),
            }
        }
    }
}

/// A soak that runs, and what it shows meanwhile.
pub(crate) struct Running {
    lines: Lines,
    ran: Receiver<Ran>,
}

impl Running {
    pub(crate) fn start<S: AsRef<str>>(flags: &[S]) -> Self {
        let options = parse(flags).unwrap();
        let ((shown, lines), (ended, ran)) = (channel(), channel());
        // Not a thread that is waited for: a test that has failed does not wait for the login either.
        #[allow(clippy::disallowed_methods)]
        std::thread::spawn(move || {
            let (mut out, mut err) = (Vec::new(), Screen { all: Vec::new(), seen: 0, shown });
            let code = run(options, &mut out, &mut err);
            let text = |bytes| String::from_utf8(bytes).unwrap();
            let _ = ended.send(Ran { code, out: text(out), err: text(err.all) });
        });
        Self { lines: Lines(lines), ran }
    }

    /// The next line with this in it.
    pub(crate) fn line(&self, part: &str) -> String {
        self.lines.with(part)
    }

    pub(crate) fn end(self) -> Ran {
        self.ran.recv_timeout(PATIENCE).unwrap()
    }
}

/// What is written is shown line by line, when it is complete.
struct Screen {
    all: Vec<u8>,
    seen: usize,
    shown: Sender<String>,
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.all.extend_from_slice(bytes);
        while let Some(length) = self.all[self.seen..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.all[self.seen..self.seen + length]).into_owned();
            self.seen += length + 1;
            // The test may have seen enough.
            let _ = self.shown.send(line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
