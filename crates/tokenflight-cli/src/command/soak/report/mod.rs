//! What the user reads.

mod behaviour;
mod policy;
mod render;
mod table;

pub(super) use self::render::render;
