use std::{fmt, time::Duration};

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{KNOWN, VERSION, text::unquote};
use crate::{
    AccessToken, EndReason, Epoch, RefreshToken, Secret,
    store::{Claim, ClockId, Doubt, Entry, EntryState, Incarnation, LockId, OpId, Owner, Reading, StoredTokens},
};

/// Why bytes are no entry. It repeats nothing of what it read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end before the record does: it was cut off.
    Truncated,
    /// The bytes are not a JSON object.
    NotJson,
    /// The record is of a later version of the format: use a later version of the program.
    Version(u64),
    /// This member is not what it should be.
    Member(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the stored record is cut off"),
            Self::NotJson => f.write_str("the stored record is not a JSON object"),
            Self::Version(version) => {
                write!(f, "the stored record has version {version} of its format, and this program knows {VERSION}")
            }
            Self::Member(name) => write!(f, "the member `{name}` of the stored record cannot be read"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Reads an entry.
///
/// # Errors
///
/// [`DecodeError`] says what is wrong. The bytes should stay as they are: a person may repair them.
pub fn decode(bytes: &[u8]) -> Result<Entry, DecodeError> {
    let mut members = Members::read(bytes)?;
    match members.number("v")? {
        None | Some(VERSION) => {}
        Some(version) => return Err(DecodeError::Version(version)),
    }
    let entry = Entry {
        op: members.id("op")?.map_or(OpId::NONE, OpId::new),
        home: members.id("home")?.map(Incarnation::new),
        epoch: Epoch::new(members.number("epoch")?.unwrap_or_default()),
        login: members.id("login")?.map_or(OpId::NONE, OpId::new),
        rotation: members.number("rotation")?.unwrap_or_default(),
        set: members.id("set")?.map_or(OpId::NONE, OpId::new),
        state: state(&mut members)?,
        claim: members.object("claim")?.map(claim).transpose()?,
        doubt: members.object("doubt")?.map(|mut doubt| Ok(Doubt::since(doubt.reading()?))).transpose()?,
        extra: members.rest(),
    };
    Ok(entry)
}

fn state(members: &mut Members<'_>) -> Result<EntryState, DecodeError> {
    let state = members.text("state")?.ok_or(DecodeError::Member("state"))?;
    Ok(match state.as_str() {
        "empty" => EntryState::Empty,
        "logged_out" => EntryState::LoggedOut,
        "active" => EntryState::Active(tokens(members)?),
        "ended" => {
            let tokens = tokens(members)?;
            let code = members.text("ended_code")?;
            let mut reason = EndReason::new(code.as_ref().map_or("terminal", |code| code.as_str()));
            if let Some(description) = members.text("ended_description")? {
                reason = reason.description(&description);
            }
            EntryState::Ended { tokens, reason, at: members.time("ended_at")?.unwrap_or_default() }
        }
        _ => return Err(DecodeError::Member("state")),
    })
}

fn tokens(members: &mut Members<'_>) -> Result<StoredTokens, DecodeError> {
    Ok(StoredTokens {
        access: members.text("access_token")?.map(|text| AccessToken::new(text.as_str())),
        refresh: members.text("refresh_token")?.map(|text| RefreshToken::new(text.as_str())),
        lifetime: members.time("lifetime")?,
        received: members.time("received")?.unwrap_or_default(),
        scope: members.text("scope")?.map(|text| text.as_str().to_owned()),
        issuer: members.text("issuer")?.map(|text| text.as_str().to_owned()),
        client_id: members.text("client_id")?.map(|text| text.as_str().to_owned()),
    })
}

fn claim(mut members: Members<'_>) -> Result<Claim, DecodeError> {
    Ok(Claim {
        owner: Owner::new(members.id("owner")?.ok_or(DecodeError::Member("claim.owner"))?),
        op: OpId::new(members.id("op")?.ok_or(DecodeError::Member("claim.op"))?),
        since: members.reading()?,
        until: members.time("until")?.unwrap_or_default(),
        length: members.time("length")?.ok_or(DecodeError::Member("claim.length"))?,
        lock: members.id("lock")?.map(LockId::new),
        dying: members.raw("dying") == Some("true"),
        holder: members.text("holder")?.map_or_else(Box::default, |holder| holder.as_str().into()),
    })
}

/// The members of a JSON object that have not been read yet, as they stand in the text.
struct Members<'a>(Vec<(Zeroizing<String>, &'a str)>);

impl<'a> Members<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        serde_json::from_slice(bytes).map_err(|error| {
            // Cut off within a number, the text counts as wrong, not as too short.
            let begun = bytes.trim_ascii_start().starts_with(b"{") && !bytes.trim_ascii_end().ends_with(b"}");
            if error.is_eof() || begun { DecodeError::Truncated } else { DecodeError::NotJson }
        })
    }

    /// A member as written; `None` if it is missing or null. Of two with one name the last counts.
    fn raw(&mut self, name: &str) -> Option<&'a str> {
        let mut found = None;
        self.0.retain(|(known, value)| {
            let wanted = known.as_str() == name;
            if wanted {
                found = Some(*value);
            }
            !wanted
        });
        found.filter(|value| *value != "null")
    }

    fn text(&mut self, name: &'static str) -> Result<Option<Zeroizing<String>>, DecodeError> {
        self.raw(name).map(|raw| unquote(raw).ok_or(DecodeError::Member(name))).transpose()
    }

    fn number(&mut self, name: &'static str) -> Result<Option<u64>, DecodeError> {
        self.raw(name).map(|raw| raw.parse().map_err(|_| DecodeError::Member(name))).transpose()
    }

    fn time(&mut self, name: &'static str) -> Result<Option<Duration>, DecodeError> {
        Ok(self.number(name)?.map(Duration::from_millis))
    }

    fn id(&mut self, name: &'static str) -> Result<Option<u128>, DecodeError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        u128::from_str_radix(&text, 16).map(Some).map_err(|_| DecodeError::Member(name))
    }

    fn object(&mut self, name: &'static str) -> Result<Option<Self>, DecodeError> {
        self.raw(name).map(|raw| Self::read(raw.as_bytes()).map_err(|_| DecodeError::Member(name))).transpose()
    }

    fn reading(&mut self) -> Result<Option<Reading>, DecodeError> {
        let (clock, at) = (self.id("clock")?, self.time("since")?);
        Ok(clock.zip(at).map(|(clock, at)| Reading { clock: ClockId::new(clock), at }))
    }

    fn rest(self) -> Vec<(String, Secret)> {
        let unknown = self.0.into_iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()));
        unknown.map(|(name, value)| (name.as_str().to_owned(), Secret::new(value))).collect()
    }
}

impl<'de> serde_core::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde_core::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde_core::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde_core::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key::<&RawValue>()? {
                    let name =
                        unquote(name.get()).ok_or_else(|| serde_core::de::Error::custom("an unreadable name"))?;
                    members.push((name, map.next_value::<&RawValue>()?.get()));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}
