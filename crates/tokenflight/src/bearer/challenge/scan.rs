//! One header line as schemes and parameters, in one pass.

use std::borrow::Cow;

/// A part of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A scheme, and whether a parameter follows it at once.
    Scheme { name: &'a [u8], params: bool },
    /// A parameter, its value without quotes and escapes.
    Param { name: &'a [u8], value: Cow<'a, [u8]> },
}

/// The items of a line. What is neither scheme nor parameter (the `token68` of another scheme, text
/// without its quotes) is passed over.
pub(super) struct Scan<'a> {
    rest: &'a [u8],
    /// Whether a challenge may begin here: at the start, after a comma or after a quoted value.
    /// After an unquoted value a blank may belong to it.
    begins: bool,
    /// Whether the rest may still hold the end of a value between apostrophes: it is looked for in
    /// vain only once.
    apostrophes: bool,
}

impl<'a> Scan<'a> {
    pub(super) const fn new(line: &'a [u8]) -> Self {
        Self { rest: line, begins: true, apostrophes: true }
    }

    /// A word: the scheme or the parameter that begins with it, if it is either.
    fn word(&mut self) -> Option<Item<'a>> {
        let (name, after) = token(self.rest);
        let begins = std::mem::take(&mut self.begins);
        let bearer = name.eq_ignore_ascii_case(b"bearer");
        let blank = after.first().is_some_and(is_blank);
        if let [b'=', value @ ..] = skip(after, is_blank)
            && !(begins && bearer && blank)
        {
            self.rest = skip(value, is_blank);
            return self.value().map(|value| Item::Param { name, value });
        }
        // Whatever stands between a scheme and its first parameter: a colon, a no-break space.
        let behind = skip(after, |byte| !is_token(byte) && !is_separator(byte) && *byte != b'"');
        let joined = behind.len() < after.len() && starts_with_param(behind);
        // A list may begin with empty members.
        let params = joined || blank && starts_with_param(skip(after, is_separator));
        let scheme = match begins {
            true => bearer || joined || is_scheme(name, after),
            false => bearer && params,
        };
        self.rest = if scheme { behind } else { after };
        if !scheme || !params {
            self.text();
        }
        scheme.then_some(Item::Scheme { name, params })
    }

    /// The value that begins here; `None` if it cannot be read.
    fn value(&mut self) -> Option<Cow<'a, [u8]>> {
        match self.rest {
            [b'"', inside @ ..] => {
                let Some((value, after)) = quoted(inside) else {
                    self.text();
                    return None;
                };
                (self.rest, self.begins) = (after, true);
                Some(value)
            }
            [b'\'', inside @ ..] if self.apostrophes => {
                let closes = |at: &usize| inside[*at] == b'\'' && inside.get(at + 1).is_none_or(is_separator);
                let Some(end) = (0..inside.len()).find(closes) else {
                    self.apostrophes = false;
                    return self.value();
                };
                (self.rest, self.begins) = (&inside[end + 1..], true);
                Some(Cow::Borrowed(&inside[..end]))
            }
            _ => Some(Cow::Borrowed(self.text())),
        }
    }

    /// Takes what comes before the next separator.
    fn text(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(is_separator).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            match self.rest {
                [] => return None,
                [separator, rest @ ..] if is_separator(separator) => {
                    self.begins |= *separator == b',';
                    self.rest = rest;
                }
                // A string without a name.
                [b'"', inside @ ..] => {
                    self.begins = false;
                    match quoted(inside) {
                        Some((_, after)) => self.rest = after,
                        None => drop(self.text()),
                    }
                }
                [first, ..] if is_token(first) => {
                    if let Some(item) = self.word() {
                        return Some(item);
                    }
                }
                _ => {
                    self.begins = false;
                    self.text();
                }
            }
        }
    }
}

/// The value of a quoted string, and what follows its closing quote. `None` if it has none, or one
/// that is followed by more text: then a quote is missing somewhere.
fn quoted(inside: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let mut escaped = false;
    let end = inside.iter().position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => *byte == b'"',
    })?;
    let (value, after) = (&inside[..end], &inside[end + 1..]);
    let ends = after.first().is_none_or(is_separator) || starts_with_param(after);
    ends.then(|| (unescaped(value), after))
}

fn unescaped(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'\\') {
        return Cow::Borrowed(value);
    }
    let mut text = Vec::with_capacity(value.len());
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        text.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
    }
    Cow::Owned(text)
}

/// Splits off the token that a text begins with.
fn token(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !is_token(byte)).unwrap_or(text.len()))
}

fn starts_with_param(text: &[u8]) -> bool {
    let (name, after) = token(text);
    !name.is_empty() && skip(after, is_blank).first() == Some(&b'=')
}

/// Whether a word at the start of a challenge is a scheme, given what follows it: nothing, a
/// separator, or a colon out of place; then parameters, strings, one `token68`, or nothing.
///
/// Servers also write what is no challenge at all: a sentence, or an error code alone. Neither says
/// what they want, and what says nothing means that a refresh is tried. If that is a mistake, it
/// costs one refresh in vain; taking a sentence for a foreign scheme would fail every request from
/// the moment the token expires.
fn is_scheme(name: &[u8], after: &[u8]) -> bool {
    let after = after.strip_prefix(b":").unwrap_or(after);
    let rest = skip(after, is_blank);
    match rest {
        _ if !after.first().is_none_or(is_separator) => false,
        // `invalid_token` is no scheme: none that is registered has this character.
        [] | [b',' | b';', ..] => !name.contains(&b'_'),
        [b'"', ..] => true,
        _ if starts_with_param(rest) => true,
        _ => {
            let (first, rest) = rest.split_at(rest.iter().position(is_separator).unwrap_or(rest.len()));
            let (value, padding) =
                first.split_at(first.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1));
            let rest = skip(rest, is_blank);
            // The comma after it may be missing. Two words may be a sentence or a challenge, and
            // are taken for the latter.
            let ends = matches!(rest, [] | [b',' | b';', ..]) || !padding.is_empty() || starts_with_param(rest);
            value.iter().all(is_token68) && (ends || token(rest).0.eq_ignore_ascii_case(b"bearer"))
        }
    }
}

/// The text without these bytes at its beginning.
fn skip(text: &[u8], these: impl Fn(&u8) -> bool) -> &[u8] {
    &text[text.iter().position(|byte| !these(byte)).unwrap_or(text.len())..]
}

const fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

const fn is_separator(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b',' | b';')
}

/// A character of a `token68` before its padding (RFC 9110 §11.2).
fn is_token68(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte)
}

/// A token character (RFC 9110 §5.6.2).
fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}
