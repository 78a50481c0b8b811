//! What this process is to the system.

#[cfg(not(unix))]
pub(crate) use self::other::*;
#[cfg(unix)]
pub(crate) use self::unix::*;

#[cfg(unix)]
mod unix {
    use std::{
        io::{self, Write},
        os::{
            fd::{AsRawFd, IntoRawFd, OwnedFd},
            unix::process::CommandExt,
        },
        process::Command,
    };

    /// Begins a session of its own: no terminal, no group, no parent ends this process from now on.
    pub(crate) fn leave_session() {
        // It fails only for the leader of a group, which is out of reach already.
        let _ = rustix::process::setsid();
    }

    /// No dump of this process's memory, and no other process of the user looks into it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn keep_memory_private() {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }

    /// No dump of this process's memory.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn keep_memory_private() {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let limit = rustix::process::Rlimit { current: Some(0), ..getrlimit(Resource::Core) };
        let _ = setrlimit(Resource::Core, limit);
    }

    /// A child becomes independent by itself: [`leave_session`].
    pub(crate) fn detach(_: &mut Command) {}

    /// Becomes the command. Returns only if that fails.
    pub(crate) fn become_command(mut command: Command) -> io::Error {
        command.exec()
    }

    /// Leaves something to be read once, on this descriptor, by what this process becomes.
    pub(crate) fn hand_over(bytes: &[u8], number: i32) -> io::Result<()> {
        use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd, ioctl_fionbio};
        let (reader, mut writer) = io::pipe()?;
        // It is written before it is read: what a pipe does not hold would never end.
        ioctl_fionbio(&writer, true)?;
        writer.write_all(bytes)?;
        // Its number may be the one that is wanted.
        drop(writer);
        let reader: OwnedFd = match reader.as_raw_fd() == number {
            true => reader.into(),
            false => fcntl_dupfd_cloexec(&reader, number)?,
        };
        if reader.as_raw_fd() != number {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "this descriptor is in use"));
        }
        fcntl_setfd(&reader, FdFlags::empty())?;
        let _ = reader.into_raw_fd();
        Ok(())
    }

    /// Asks a child of ours to end.
    pub(crate) fn terminate(child: u32) {
        let pid = i32::try_from(child).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

#[cfg(not(unix))]
mod other {
    use std::{io, process::Command};

    pub(crate) fn leave_session() {}

    /// The child will have neither the console of this process nor its group.
    pub(crate) fn detach(command: &mut Command) {
        #[cfg(windows)]
        {
            use std::os::windows::process::CommandExt;
            const DETACHED_PROCESS: u32 = 0x0000_0008;
            const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
            command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
        }
        #[cfg(not(windows))]
        let _ = command;
    }

    pub(crate) fn keep_memory_private() {}

    /// Runs the command and ends with its code. Returns only if it cannot be run.
    pub(crate) fn become_command(mut command: Command) -> io::Error {
        match command.status() {
            Ok(status) => std::process::exit(status.code().unwrap_or(1)),
            Err(error) => error,
        }
    }

    pub(crate) fn hand_over(_: &[u8], _: i32) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this system hands no descriptors over"))
    }

    /// There is no request to end that a child could heed.
    pub(crate) fn terminate(_: u32) {}
}
