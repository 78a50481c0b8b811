//! What a login that failed is told as.

use tokenflight_oauth2::login::LoginError;

use crate::{
    problem::{Problem, chain},
    terminal::plain,
};

pub(super) fn failed(error: &LoginError) -> Problem {
    match error {
        LoginError::Denied(denial) => {
            let words = match denial.description() {
                Some(description) => format!("{} ({})", plain(denial.code()), plain(description)),
                None => plain(denial.code()),
            };
            Problem::refused(format!("the login was refused: {words}"))
        }
        LoginError::Expired => Problem::later("the login was not confirmed in time"),
        LoginError::Request(error) => {
            use tokenflight::FailureClass::{Ambiguous, NotSent, Throttled};
            let words = error.error_description().map_or_else(String::new, |text| format!(" ({})", plain(text)));
            let why = format!("the login failed: {}{words}", chain(error));
            match error.class() {
                NotSent | Throttled | Ambiguous => Problem::later(why),
                _ => Problem::refused(why),
            }
        }
        LoginError::Address(error) => Problem::usage(format!("an endpoint of the profile: {error}")),
        other => Problem::unexpected(format!("the login failed: {}", plain(&chain(other)))),
    }
}
