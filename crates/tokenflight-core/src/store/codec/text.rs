//! JSON text, written and read without a buffer that is not wiped.

use zeroize::Zeroizing;

/// Appends `text` in quotes (RFC 8259 §7).
pub(super) fn quote(bytes: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    bytes.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => bytes.extend_from_slice(&[b'\\', byte]),
            0x00..0x20 => {
                bytes.extend_from_slice(b"\\u00");
                bytes.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
            _ => bytes.push(byte),
        }
    }
    bytes.push(b'"');
}

/// Reads valid JSON text in quotes. `None`: it is not text, or stands for no character.
pub(super) fn unquote(raw: &str) -> Option<Zeroizing<String>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    // Escapes are never shorter than what they stand for.
    let mut text = Zeroizing::new(String::with_capacity(inner.len()));
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (char, after) = escape(&rest[at + 1..])?;
        text.push(char);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

/// The character of one escape, without its backslash, and what follows.
fn escape(rest: &str) -> Option<(char, &str)> {
    let mut chars = rest.chars();
    let char = match chars.next()? {
        'u' => {
            let (unit, after) = unit(chars.as_str())?;
            return match unit {
                0xd800..0xdc00 => {
                    let (low, after) = unit_of_pair(after)?;
                    let code =
                        0x1_0000 + ((unit - 0xd800) << 10) + low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                    Some((char::from_u32(code)?, after))
                }
                _ => Some((char::from_u32(unit)?, after)),
            };
        }
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        char @ ('"' | '\\' | '/') => char,
        _ => return None,
    };
    Some((char, chars.as_str()))
}

fn unit_of_pair(rest: &str) -> Option<(u32, &str)> {
    unit(rest.strip_prefix("\\u")?)
}

fn unit(rest: &str) -> Option<(u32, &str)> {
    let (digits, after) = rest.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, after))
}
