//! `tokenflight soak`: many workers ask the user's API with one login, and a report says what the
//! authorization server does with refreshes.
//!
//! The way through it: `probe` asks what a refresh does to the old token, `load` lets the workers
//! run, `tail` follows one token to its end, `grace` presents a used refresh token, if that was
//! asked for; `report` says what was seen. `books` has what the token endpoint was asked, and what
//! it answered; `api` is the way to the resource.
//!
//! Nothing must cost the user the login: it is the profile's, in the profile's store, which has
//! every new refresh token before it is used. An interrupt ends the workers, and no refresh.

mod alive;
mod api;
mod books;
mod grace;
mod interrupt;
mod load;
mod probe;
mod report;
mod run;
mod stage;
mod tail;

pub(super) use self::run::run;
