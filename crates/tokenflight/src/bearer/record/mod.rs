//! Keeping bodies that cannot be cloned: what the first send reads is recorded, and played back for a replay.
//!
//! The recording shares the body's bytes and copies none, is bounded, and goes away as soon as the response is no refusal.
//! Only a recording that is complete is ever played back: a request that is refused while its body is still being read is
//! not sent again, and half a body never is.
//!
//! | body | kept |
//! |---|---|
//! | empty, or whole in memory (`Full`, and whatever framework body holds one) | always up to the limit, without an allocation |
//! | of a known length up to the limit | recorded while it is sent |
//! | of an unknown length | only a gRPC message, which never states one, or if [opted in](super::BearerLayer::replay_unknown_length) |
//! | longer than the limit, or of a request that upgrades its connection | no |

mod ahead;
mod body;
mod recorded;
mod tape;

pub use self::{
    body::ReplayBody,
    recorded::{Kept, Recorded},
};
