//! What asks this process to end, and does not end it by itself.

use std::io;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The terminal, which asks the other processes of the group as well.
    Terminal,
    /// A signal that means this process.
    Alone,
}

#[cfg(unix)]
mod unix {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::{Asked, io};

    /// Signals that are noted from now on. They stay so, also when this value is gone.
    pub(crate) struct Signals {
        terminate: Signal,
        hang_up: Signal,
        interrupt: Signal,
        quit: Signal,
    }

    impl Signals {
        pub(crate) fn listen() -> io::Result<Self> {
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                hang_up: signal(SignalKind::hangup())?,
                interrupt: signal(SignalKind::interrupt())?,
                quit: signal(SignalKind::quit())?,
            })
        }

        pub(crate) async fn next(&mut self) -> Asked {
            tokio::select! {
                _ = self.terminate.recv() => Asked::Alone,
                _ = self.hang_up.recv() => Asked::Alone,
                _ = self.interrupt.recv() => Asked::Terminal,
                _ = self.quit.recv() => Asked::Terminal,
            }
        }
    }
}
#[cfg(unix)]
pub(crate) use self::unix::Signals;

#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn next(&mut self) -> Asked {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Asked::Terminal,
            Err(_) => std::future::pending().await,
        }
    }
}
