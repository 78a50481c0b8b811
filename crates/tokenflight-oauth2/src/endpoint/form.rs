use std::{borrow::Cow, fmt};

use form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::provider::Body;

/// The parameters of a token request, each once (RFC 6749 §3.2).
#[derive(Clone, Default)]
pub(crate) struct Form(Vec<(Cow<'static, str>, Zeroizing<String>)>);

impl Form {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sets a parameter; what was there under this name is gone.
    pub(crate) fn set(&mut self, name: impl Into<Cow<'static, str>>, value: &str) {
        let (name, value) = (name.into(), Zeroizing::new(value.to_owned()));
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    pub(crate) fn with(mut self, name: impl Into<Cow<'static, str>>, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// The content type and the bytes, which are wiped when the last copy is gone.
    pub(crate) fn encode(&self, body: Body) -> (&'static str, Zeroizing<Vec<u8>>) {
        match body {
            Body::Form => {
                let pairs = self.0.iter().map(|(name, value)| (name, value.as_str()));
                let text = Serializer::new(String::new()).extend_pairs(pairs).finish();
                ("application/x-www-form-urlencoded", Zeroizing::new(text.into_bytes()))
            }
            Body::Json => {
                let pairs = self.0.iter().map(|(name, value)| (name.as_ref(), value.as_str()));
                let map: std::collections::BTreeMap<&str, &str> = pairs.collect();
                // A map of strings has a JSON form.
                ("application/json", Zeroizing::new(serde_json::to_vec(&map).unwrap_or_default()))
            }
        }
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
