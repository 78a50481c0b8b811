//! What a token request asks for.

mod assertion;
mod kind;
mod oauth;
mod start;
mod streaks;

pub use self::oauth::OAuthGrant;
