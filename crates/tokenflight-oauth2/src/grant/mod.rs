//! What a token request asks for.

mod assertion;
mod issued;
mod kind;
mod oauth;
mod start;
mod streaks;

pub use self::{issued::IssuedAssertions, oauth::OAuthGrant};
