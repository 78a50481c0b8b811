//! The rows. Each says where it was read and when.

mod all;
mod common;
mod identity;
mod saas;
mod servers;
mod tools;
mod words;

pub use self::{
    all::{ALL, find},
    common::UNKNOWN,
    identity::*,
    saas::*,
    servers::*,
    tools::*,
};
