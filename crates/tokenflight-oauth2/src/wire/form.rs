use std::{borrow::Cow, fmt};

use form_urlencoded::Serializer;
use serde_json::{Map, Value};
use tokenflight_core::Secret;
use zeroize::Zeroizing;

use crate::provider::Body;

/// The parameters of a token request (RFC 6749 §3.2).
#[derive(Clone, Default)]
pub(crate) struct Form(Vec<(Cow<'static, str>, Zeroizing<String>)>);

impl Form {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sets a parameter; what was there under this name is gone.
    pub(crate) fn set(&mut self, name: impl Into<Cow<'static, str>>, value: &str) {
        let name = name.into();
        let place = self.0.iter().position(|(known, _)| *known == name);
        self.0.retain(|(known, _)| *known != name);
        let place = place.unwrap_or(self.0.len());
        self.0.insert(place, (name, Zeroizing::new(value.to_owned())));
    }

    pub(crate) fn with(mut self, name: impl Into<Cow<'static, str>>, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a parameter as a user asked for it: each name once, the last value counts; but several
    /// resources may be named (RFC 8707 §2).
    pub(crate) fn ask_for(&mut self, name: &str, value: &str) {
        let known = |(known, there): &(Cow<'_, str>, Zeroizing<String>)| known == name && there.as_str() == value;
        if name != "resource" {
            self.set(name.to_owned(), value);
        } else if !self.0.iter().any(known) {
            self.0.push((name.to_owned().into(), Zeroizing::new(value.to_owned())));
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// The values that must not be seen, whatever the answer repeats.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = Secret> {
        self.0.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| Secret::new(value.as_str()))
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
                let mut map = Map::new();
                for (name, value) in &self.0 {
                    let value = Value::from(value.as_str());
                    match map.get_mut(&**name) {
                        None => drop(map.insert(name.clone().into_owned(), value)),
                        Some(Value::Array(several)) => several.push(value),
                        Some(one) => *one = Value::Array(vec![one.take(), value]),
                    }
                }
                // A map of texts has a JSON form.
                ("application/json", Zeroizing::new(serde_json::to_vec(&map).unwrap_or_default()))
            }
        }
    }
}

/// By its name, so that parameters of a user's own are covered as well.
fn is_secret(name: &str) -> bool {
    let about = name.ends_with("_type") || name.ends_with("_hint") || name.ends_with("_method");
    !about && ["token", "secret", "password", "assertion", "code", "key"].iter().any(|word| name.contains(word))
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
