//! What a replay is made of: the head, kept flat, and the body, cloned or recorded.
//!
//! A layer has one of two ways to keep bodies. [`BearerLayer::new`](crate::BearerLayer::new) clones
//! them, and takes only bodies whose clones are known to be [independent](IndependentClone).
//! [`BearerLayer::replay_with`](crate::BearerLayer::replay_with) takes all others and records what
//! is read of them.

mod ahead;
mod body;
mod cloned;
mod head;
mod keep;
mod pieces;
mod recorded;
mod recording;

pub(super) use self::head::Head;
pub use self::{
    body::ReplayBody,
    cloned::{CloneBody, IndependentClone},
    keep::Replay,
    recorded::Recorded,
};
