//! The picture: one lane a client, time from left to right, and what happened to whom.

mod density;
mod draw;
pub(super) mod frame;
pub(super) mod lane;
pub(super) mod legend;
pub(super) mod marks;
pub(super) mod paint;
pub(super) mod scale;

pub(super) use self::draw::draw;
