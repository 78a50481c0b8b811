//! Where platforms leave the assertions of their workloads.

mod env;
mod file;
mod text;
mod url;

pub use self::{env::EnvVar, file::TokenFile, url::UrlSource};
