//! What the benches and the counts have in common: the same work, done by the layer and by others,
//! in forms that can be timed, counted and compared.
//!
//! * [`parts`]: sessions, tokens and requests.
//! * [`nothing`]: the client at the bottom of every stack.
//! * [`stacks`]: one request through a stack of services.
//! * [`cells`]: one look at the current token.
//! * [`storm`]: many who wait for one refresh.
//! * [`loopback`]: a request to a server, there and back.

// The benches and the counts are all that uses it.
#![allow(clippy::exhaustive_enums, missing_debug_implementations)]

pub mod cells;
pub mod loopback;
pub mod nothing;
pub mod parts;
mod prelude;
pub mod stacks;
pub mod storm;
