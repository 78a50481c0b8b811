//! How a token is printed.

use std::io::{self, Write};

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::Stored;
use crate::{
    args::{Format, VARIABLE},
    clock,
    problem::Problem,
};

/// The token in this form, with the end of the line.
pub(crate) fn text(stored: &Stored, format: Format) -> Zeroizing<String> {
    let token = stored.access.as_ref().map_or("", |access| access.expose());
    Zeroizing::new(match format {
        Format::Bare => format!("{token}\n"),
        Format::Header => format!("Authorization: Bearer {token}\n"),
        Format::Env => format!("export {VARIABLE}='{}'\n", token.replace('\'', r"'\''")),
        Format::Json => format!("{}\n", json(stored, token)),
    })
}

/// What is not known is absent.
fn json(stored: &Stored, token: &str) -> Value {
    let mut members = Map::new();
    members.insert("access_token".to_owned(), token.into());
    members.insert("token_type".to_owned(), "Bearer".into());
    if let (Some(expires), Some(left)) = (stored.expires(), stored.left()) {
        members.insert("expires_at".to_owned(), clock::rfc3339(expires).into());
        members.insert("expires_in".to_owned(), left.as_secs().into());
    }
    let texts = [("scope", &stored.scope), ("issuer", &stored.issuer)];
    for (name, value) in texts {
        if let Some(value) = value {
            members.insert(name.to_owned(), value.as_str().into());
        }
    }
    Value::Object(members)
}

/// Prints this, and nothing else, on standard output.
pub(crate) fn print(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    printed.map_err(|error| Problem::io("printing", &error))
}
