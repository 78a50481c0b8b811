use std::{borrow::Cow, fmt};

use super::{Denial, LoginError};

/// What the browser brought back: the query of the redirect (RFC 6749 §4.1.2).
pub struct Callback(Vec<(String, String)>);

impl Callback {
    /// Reads a query, a whole URL, or what a user copied of it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let begin = text.find(['?', '#', '=']).unwrap_or(text.len());
        let query = match text[begin..].chars().next() {
            // A question mark is legal inside a query: only one before all names begins it.
            Some('=') => text,
            // Of a URL, or of a path. Some servers put the answer into the fragment.
            Some(mark) => &text[begin + mark.len_utf8()..],
            None => "",
        };
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        let own = |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), value.into_owned());
        Self(form_urlencoded::parse(query.as_bytes()).map(own).collect())
    }

    /// A parameter, such as the `realmId` of QuickBooks. The first one, if there are several.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The refusal, if it is one.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        Some(Denial::new(self.get("error")?, self.get("error_description").or_else(|| self.get("error_uri"))))
    }

    /// What must not be there twice: an answer that says two things says nothing (RFC 6749 §3.1).
    pub(super) fn unambiguous(&self) -> Result<(), LoginError> {
        for name in ["code", "state", "iss", "error"] {
            if self.0.iter().filter(|(known, _)| known == name).count() > 1 {
                return Err(LoginError::malformed(format!("the answer has `{name}` more than once")));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Callback {
    /// Without the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
