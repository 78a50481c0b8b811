//! Profiles: where they are written down, what they say, and where their state lives.

mod append;
mod default;
mod file;
mod home;
mod profile;

pub(crate) use self::{
    append::append,
    default::DEFAULT,
    file::File,
    home::Home,
    profile::{ClientAuthStyle, GitScheme, Profile, Settings},
};
