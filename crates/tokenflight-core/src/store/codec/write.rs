use std::time::Duration;

use zeroize::Zeroizing;

use super::{
    format::{KNOWN, VERSION},
    text,
};
use crate::store::{Blob, Claim, Doubt, Entry, EntryState, OpId, Reading, StoredTokens};

/// Writes an entry.
#[must_use]
pub fn encode(entry: &Entry) -> Blob {
    let mut object = Object::new(room(entry));
    object.number("v", u128::from(VERSION));
    object.optional_id("op", written(entry.op));
    object.optional_id("home", entry.home.map(|home| home.get()));
    object.number("epoch", u128::from(entry.epoch.get()));
    object.optional_id("login", written(entry.login));
    object.number("rotation", u128::from(entry.rotation));
    object.optional_id("set", written(entry.set));
    match &entry.state {
        EntryState::Empty => object.text("state", "empty"),
        EntryState::LoggedOut => object.text("state", "logged_out"),
        EntryState::Active(tokens) => {
            object.text("state", "active");
            write_tokens(&mut object, tokens);
        }
        EntryState::Ended { tokens, reason, at } => {
            object.text("state", "ended");
            write_tokens(&mut object, tokens);
            object.text("ended_code", reason.code());
            object.optional_text("ended_description", reason.details());
            object.time("ended_at", *at);
        }
    }
    if let Some(claim) = &entry.claim {
        object.object("claim", |object| write_claim(object, claim));
    }
    if let Some(Doubt { since, .. }) = &entry.doubt {
        object.object("doubt", |object| write_reading(object, *since));
    }
    for (name, value) in entry.extra.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())) {
        object.raw(name, value.expose());
    }
    object.finish()
}

/// The writer of something; nothing for what was never written.
fn written(op: OpId) -> Option<u128> {
    (op != OpId::NONE).then_some(op.get())
}

fn write_tokens(object: &mut Object, tokens: &StoredTokens) {
    object.optional_text("access_token", tokens.access.as_ref().map(|token| token.expose()));
    object.optional_text("refresh_token", tokens.refresh.as_ref().map(|token| token.expose()));
    if let Some(lifetime) = tokens.lifetime {
        object.time("lifetime", lifetime);
    }
    object.time("received", tokens.received);
    object.optional_text("scope", tokens.scope.as_deref());
    object.optional_text("issuer", tokens.issuer.as_deref());
    object.optional_text("client_id", tokens.client_id.as_deref());
}

fn write_claim(object: &mut Object, claim: &Claim) {
    object.id("owner", claim.owner.get());
    object.id("op", claim.op.get());
    write_reading(object, claim.since);
    object.time("until", claim.until);
    object.time("length", claim.length);
    object.optional_id("lock", claim.lock.map(|lock| lock.get()));
    if claim.dying {
        object.raw("dying", "true");
    }
    object.text("holder", &claim.holder);
}

fn write_reading(object: &mut Object, reading: Option<Reading>) {
    if let Some(reading) = reading {
        object.id("clock", reading.clock.get());
        object.time("since", reading.at);
    }
}

/// Room for all of it, so that the buffer never grows and leaves tokens behind in freed memory. An
/// escaped byte takes six.
fn room(entry: &Entry) -> usize {
    let longest = |text: Option<&str>| text.map_or(0, |text| text.len() * 6);
    let tokens = entry.tokens().map_or(0, |tokens| {
        longest(tokens.access.as_ref().map(|token| token.expose()))
            + longest(tokens.refresh.as_ref().map(|token| token.expose()))
            + longest(tokens.scope.as_deref())
            + longest(tokens.issuer.as_deref())
            + longest(tokens.client_id.as_deref())
    });
    let ended = match &entry.state {
        EntryState::Ended { reason, .. } => longest(Some(reason.code())) + longest(reason.details()),
        _ => 0,
    };
    let holder = longest(entry.claim.as_ref().map(|claim| &*claim.holder));
    let extra: usize = entry.extra.iter().map(|(name, value)| name.len() * 6 + value.expose().len() + 8).sum();
    2048 + tokens + ended + holder + extra
}

/// A JSON object that is being written.
struct Object {
    bytes: Zeroizing<Vec<u8>>,
    room: usize,
}

impl Object {
    fn new(room: usize) -> Self {
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        let room = bytes.capacity();
        bytes.push(b'{');
        Self { bytes, room }
    }

    fn raw(&mut self, name: &str, value: &str) {
        if self.bytes.last() != Some(&b'{') {
            self.bytes.push(b',');
        }
        text::quote(&mut self.bytes, name);
        self.bytes.push(b':');
        self.bytes.extend_from_slice(value.as_bytes());
    }

    fn text(&mut self, name: &str, value: &str) {
        self.raw(name, "");
        text::quote(&mut self.bytes, value);
    }

    fn optional_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn number(&mut self, name: &str, value: u128) {
        self.raw(name, &value.to_string());
    }

    fn time(&mut self, name: &str, value: Duration) {
        // No more than can be read back: nothing lasts longer than that.
        self.number(name, value.as_millis().min(u64::MAX.into()));
    }

    fn id(&mut self, name: &str, value: u128) {
        self.raw(name, &format!("\"{value:032x}\""));
    }

    fn optional_id(&mut self, name: &str, value: Option<u128>) {
        if let Some(value) = value {
            self.id(name, value);
        }
    }

    fn object(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.raw(name, "{");
        write(self);
        self.bytes.push(b'}');
    }

    fn finish(mut self) -> Blob {
        self.bytes.push(b'}');
        debug_assert_eq!(self.bytes.capacity(), self.room, "the buffer grew");
        Blob::from(self.bytes)
    }
}
