//! Signals to child processes.

use std::io;

/// What a process is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signal {
    /// Stop where you are; it cannot be refused.
    Stop,
    /// Go on.
    Resume,
    /// End; it cannot be refused.
    Kill,
}

/// Tells it.
///
/// Fails when there is no such process, or the platform has no signals.
#[cfg(unix)]
pub(super) fn send(pid: u32, signal: Signal) -> io::Result<()> {
    use rustix::process::{Pid, Signal as Number, kill_process};

    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    let number = match signal {
        Signal::Stop => Number::STOP,
        Signal::Resume => Number::CONT,
        Signal::Kill => Number::KILL,
    };
    Ok(kill_process(pid, number)?)
}

#[cfg(not(unix))]
pub(super) fn send(_pid: u32, _signal: Signal) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Has the kernel kill this process when the thread that started it is gone: also a stopped one,
/// which cannot see the end of its standard input. A race's threads last as long as it does.
#[cfg(target_os = "linux")]
pub(super) fn end_with_parent() -> io::Result<()> {
    use rustix::process::{Signal as Number, set_parent_process_death_signal};

    Ok(set_parent_process_death_signal(Some(Number::KILL))?)
}

/// The kernel ends a stopped process here that is left alone in its group.
#[cfg(not(target_os = "linux"))]
pub(super) const fn end_with_parent() -> io::Result<()> {
    Ok(())
}

/// Whether there are signals here.
pub(super) const AVAILABLE: bool = cfg!(unix);
