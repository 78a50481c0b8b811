//! How a contestant is started in its process.

use tokenflight::BoxError;

use super::{
    Opened, Program, flock_all::FlockAll, flock_gives_up::FlockGivesUp, lock_stolen::LockStolen, lock_write::LockWrite,
    no_lock::NoLock, reread::Reread, shared::Shared, tools::Tools,
};
use crate::race::{
    Clock,
    processes::{kind::Kind, spec::Spec},
    trace::Recorder,
    wire::Wire,
};

/// The connections of a child to both servers; the token endpoint is told which process presents.
pub(in crate::race::processes) fn wire(spec: &Spec) -> Result<Wire, BoxError> {
    let recorder = Recorder::new(Clock::start());
    Ok(Wire::new(spec.api.parse()?, spec.token.parse()?, recorder).presented_by(std::process::id()))
}

/// Builds the contestant that this process belongs to.
pub(in crate::race::processes) fn open(spec: &Spec) -> Result<Opened, BoxError> {
    let alone = |program: Box<dyn Program>| Opened { program, timer: None };
    let tools = Tools::new(&spec.folder, wire(spec)?);
    Ok(match spec.kind {
        Kind::NoLock => alone(Box::new(NoLock(tools))),
        Kind::LockWrite => alone(Box::new(LockWrite(tools))),
        Kind::Reread => alone(Box::new(Reread(tools))),
        Kind::LockStolen => alone(Box::new(LockStolen(tools))),
        Kind::FlockGivesUp => alone(Box::new(FlockGivesUp(tools))),
        Kind::FlockAll => alone(Box::new(FlockAll(tools))),
        Kind::Tokenflight => Shared::open(spec)?,
    })
}
