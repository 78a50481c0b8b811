//! The seven contestants. Each file begins with what there is to learn from it.
//!
//! The first six are written the way programs that keep a login in a file usually are: they replace
//! the file as a whole, keep the rotated refresh token, renew a little ahead of time and once after
//! a 401, and ask for a login when the server says `invalid_grant`. What they differ in is only
//! *who may refresh when*.

mod flock_all;
mod flock_gives_up;
mod lock_stolen;
mod lock_write;
mod no_lock;
mod reread;
mod shared;
mod tools;

use tokenflight::{BoxError, BoxFuture, TokenSet};

use self::{
    flock_all::FlockAll, flock_gives_up::FlockGivesUp, lock_stolen::LockStolen, lock_write::LockWrite, no_lock::NoLock,
    reread::Reread, shared::Shared, tools::Tools,
};
use super::{kind::Kind, spec::Spec};
use crate::race::{Clock, trace::Recorder, wire::Wire};

/// What a process needs of a contestant.
pub(super) trait Program: Send + Sync {
    /// A usable access token other than the refused one, with whatever refreshing that takes.
    ///
    /// [`NoToken`] says what would help.
    fn token<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<String, NoToken>>;

    /// Stores the tokens of a login.
    fn login(&self, tokens: TokenSet) -> BoxFuture<'_, Result<(), BoxError>>;

    /// Ends what is in progress, before the process ends.
    fn end(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Why there is no token.
#[derive(Debug)]
pub(super) enum NoToken {
    /// Only a login helps.
    Login,
    /// Another try may help.
    Failed(BoxError),
}

/// A contestant, ready to run: what the process calls, and what renews ahead of time, if any does.
pub(super) struct Opened {
    /// What the process calls.
    pub(super) program: Box<dyn Program>,
    /// To be spawned by processes that stay.
    pub(super) timer: Option<BoxFuture<'static, ()>>,
}

/// The connections of a child to both servers; the token endpoint is told which process presents.
pub(super) fn wire(spec: &Spec) -> Result<Wire, BoxError> {
    let recorder = Recorder::new(Clock::start());
    Ok(Wire::new(spec.api.parse()?, spec.token.parse()?, recorder).presented_by(std::process::id()))
}

/// Builds the contestant that this process belongs to.
pub(super) fn open(spec: &Spec) -> Result<Opened, BoxError> {
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
