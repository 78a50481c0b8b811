//! The members of a token endpoint's body, read as tolerantly as is safe.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use http::{HeaderMap, header};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::provider::Provider;

/// The top-level members of a JSON object, or the pairs of a form. Values are read only when asked
/// for, so that no member that is not needed can spoil the answer, however deep or odd it is.
pub(crate) struct Members(Vec<(String, Value)>);

enum Value {
    Json(Box<RawValue>),
    Text(String),
}

impl Members {
    /// `None` unless the body is a JSON object, or a form where the server is known to send those.
    pub(crate) fn read(body: &Bytes, headers: &HeaderMap, provider: &Provider) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if provider.form_answers
            && kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
        {
            let own =
                |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), Value::Text(value.into_owned()));
            return Self(form_urlencoded::parse(body).map(own).collect()).unambiguous();
        }
        Self::json(body)?.unambiguous()
    }

    /// The members of a JSON object, with or without a byte order mark before it (RFC 8259 §8.1
    /// lets readers ignore it).
    fn json(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok()
    }

    /// The members of an object that is a member here.
    pub(super) fn inside(&self, name: &str) -> Option<Self> {
        match self.find(name)? {
            Value::Json(raw) => serde_json::from_str(raw.get()).ok(),
            Value::Text(_) => None,
        }
    }

    /// Two access tokens or two refresh tokens: which of them counts is unknown.
    fn unambiguous(self) -> Option<Self> {
        let once = |name| self.0.iter().filter(|(known, _)| known == name).count() <= 1;
        (once("access_token") && once("refresh_token")).then_some(self)
    }

    fn find(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// What stands at a path such as `error`, `error.message`, `errors[0].code` or `codes[*]`:
    /// texts that are not empty, and numbers and truth values as they are written.
    pub(super) fn at(&self, path: &str) -> Vec<String> {
        let end = path.find(['.', '[']).unwrap_or(path.len());
        let (name, rest) = path.split_at(end);
        let texts = self.0.iter().filter(|(known, _)| known == name).flat_map(|(_, value)| match value {
            Value::Text(text) if rest.is_empty() => vec![text.clone()],
            Value::Text(_) => Vec::new(),
            // What is nested too deep says nothing.
            Value::Json(raw) => {
                serde_json::from_str(raw.get()).map_or_else(|_| Vec::new(), |value| below(&value, rest))
            }
        });
        texts.filter(|text| !text.is_empty()).collect()
    }

    /// Whether something stands at a path: neither null nor an empty text.
    pub(super) fn has(&self, path: &str) -> bool {
        !self.at(path).is_empty() || (!path.contains(['.', '[']) && self.inside(path).is_some())
    }

    /// A non-empty text, wherever among members of the same name it stands.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.iter().filter(|(known, _)| known == name).find_map(|(_, value)| value.text())
    }

    /// A number, or a text that spells one, as written.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        let spelled = match self.find(name)? {
            Value::Text(text) => Cow::Borrowed(text.as_str()),
            Value::Json(raw) if raw.get().starts_with('"') => serde_json::from_str::<String>(raw.get()).ok()?.into(),
            Value::Json(raw) => Cow::Borrowed(raw.get()),
        };
        spelled.trim().parse().ok().filter(|number: &f64| !number.is_nan())
    }

    /// A text of words, or an array of them (Twitch).
    pub(super) fn words(&self, name: &str) -> Option<String> {
        match self.find(name)? {
            Value::Json(raw) if raw.get().starts_with('[') => {
                serde_json::from_str::<Vec<String>>(raw.get()).ok().map(|words| words.join(" "))
            }
            value => value.text().map(Cow::into_owned),
        }
    }

    pub(super) fn is_false(&self, name: &str) -> bool {
        matches!(self.find(name), Some(Value::Json(raw)) if raw.get() == "false")
    }

    /// Every member but these, as one JSON object.
    pub(super) fn others(&self, known: &[&str]) -> Option<String> {
        let mut object = serde_json::Map::new();
        for (name, value) in self.0.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            let value = match value {
                // What is nested too deep or too large for a number is left out.
                Value::Json(raw) => serde_json::from_str(raw.get()).ok(),
                Value::Text(text) => Some(text.as_str().into()),
            };
            object.extend(value.map(|value| (name.clone(), value)));
        }
        (!object.is_empty()).then(|| serde_json::Value::Object(object).to_string())
    }
}

/// The texts below a value, along the rest of a path.
fn below(value: &serde_json::Value, rest: &str) -> Vec<String> {
    use serde_json::Value as Json;
    if rest.is_empty() {
        return match value {
            Json::String(text) => vec![text.clone()],
            Json::Number(_) | Json::Bool(_) => vec![value.to_string()],
            _ => Vec::new(),
        };
    }
    if let Some(rest) = rest.strip_prefix('.') {
        let (name, rest) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
        return value.get(name).map_or_else(Vec::new, |value| below(value, rest));
    }
    let Some((index, rest)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else { return Vec::new() };
    match (index, value) {
        ("*", Json::Array(all)) => all.iter().flat_map(|value| below(value, rest)).collect(),
        (index, Json::Array(all)) => {
            let one = index.parse().ok().and_then(|index: usize| all.get(index));
            one.map_or_else(Vec::new, |value| below(value, rest))
        }
        _ => Vec::new(),
    }
}

impl Value {
    fn text(&self) -> Option<Cow<'_, str>> {
        let text = match self {
            Self::Text(text) => Cow::Borrowed(text.as_str()),
            Self::Json(raw) => Cow::Owned(serde_json::from_str::<String>(raw.get()).ok()?),
        };
        (!text.is_empty()).then_some(text)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        /// No token response has more; a hostile one could have a hundred thousand.
        const MOST: usize = 1_000;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.push((name, Value::Json(value)));
                    if members.len() > MOST {
                        return Err(A::Error::custom("too many members"));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
