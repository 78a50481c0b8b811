//! Profiles: where they are written down, what they say, and where their state lives.

mod append;
mod file;
mod home;
mod profile;

pub(crate) use self::{
    append::append,
    file::File,
    home::Home,
    profile::{ClientAuthStyle, DEFAULT, GitScheme, Profile, Settings},
};
