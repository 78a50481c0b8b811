//! From header lines to the one challenge that counts.

use http::{HeaderMap, header::WWW_AUTHENTICATE};

use super::{
    Challenge, Meaning,
    scan::{Item, Scan},
};

/// How much of all challenges is read, in bytes.
const LIMIT: usize = 8 * 1024;

/// Judges the head of a refusal.
#[must_use]
pub fn judge(headers: &HeaderMap) -> Meaning {
    read(headers).meaning()
}

/// Reads what the head of a refusal says about a bearer token.
///
/// Of several Bearer challenges the first that forbids a refresh is the one that counts: it is the
/// more specific statement.
#[must_use]
pub fn read(headers: &HeaderMap) -> Challenge {
    let mut found = Found::default();
    let mut room = LIMIT;
    for line in headers.get_all(WWW_AUTHENTICATE) {
        found.line(within(line.as_bytes(), room));
        // A line takes at least one byte, so that their number is bounded, too.
        room = room.saturating_sub(line.len() + 1);
        if room == 0 {
            break;
        }
    }
    found.counted()
}

/// What of this line is read: what is cut off ends with a comma, so that no value is read by half.
fn within(line: &[u8], room: usize) -> &[u8] {
    match line.get(..room) {
        Some(head) if line.len() > room => {
            let end = head.iter().rposition(|byte| *byte == b',').unwrap_or(0);
            &head[..end]
        }
        _ => line,
    }
}

/// What has been found so far.
#[derive(Default)]
struct Found {
    /// The Bearer challenge that counts.
    bearer: Option<Challenge>,
    /// A challenge of another scheme: the first that says something.
    other: Option<Challenge>,
    /// The challenge that is being read, and whether it is a Bearer challenge.
    open: Option<(Challenge, bool)>,
}

impl Found {
    fn line(&mut self, line: &[u8]) {
        for item in Scan::new(line) {
            match item {
                Item::Scheme { name, .. } if name.eq_ignore_ascii_case(b"bearer") => {
                    self.close();
                    self.open = Some((Challenge::new(Meaning::Refresh), true));
                }
                // A word between two parameters may be a scheme, or a text that lacks its quotes.
                // What follows it then still belongs to the challenge before.
                Item::Scheme { params: false, .. } if matches!(self.open, Some((_, true))) => {
                    self.other.get_or_insert(Challenge::new(Meaning::OtherScheme));
                }
                Item::Scheme { .. } => {
                    self.close();
                    self.open = Some((Challenge::new(Meaning::OtherScheme), false));
                }
                Item::Param { name, value } => {
                    if let Some((challenge, _)) = &mut self.open {
                        challenge.take(name, &value);
                    }
                }
            }
        }
        self.close();
    }

    /// The challenge that was being read is complete.
    fn close(&mut self) {
        let Some((mut read, bearer)) = self.open.take() else { return };
        if bearer {
            read = read.judged();
        }
        let counted = if bearer { &mut self.bearer } else { &mut self.other };
        let replaces = |counted: &Challenge| match bearer {
            true => counted.meaning() == Meaning::Refresh && read.meaning() != Meaning::Refresh,
            false => !counted.says_something(),
        };
        match counted {
            Some(counted) if !replaces(counted) => counted.take_metadata(&read),
            _ => {
                let before = counted.replace(read);
                if let (Some(before), Some(counted)) = (before, counted) {
                    counted.take_metadata(&before);
                }
            }
        }
    }

    fn counted(self) -> Challenge {
        match (self.bearer, self.other) {
            (Some(mut bearer), other) => {
                if let Some(other) = other {
                    bearer.take_metadata(&other);
                }
                bearer
            }
            (None, Some(other)) => other,
            (None, None) => Challenge::new(Meaning::Refresh),
        }
    }
}
