//! The picture: one lane a contestant, one row a process, time from left to right.

mod draw;
mod header;
mod lane;
mod legend;
mod rows;

pub(in crate::race) use self::draw::draw;
