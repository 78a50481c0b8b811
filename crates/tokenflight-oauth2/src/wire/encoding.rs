//! Bodies that are compressed although `identity` was asked for.

use std::{fmt, io::Read};

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};

use super::limits::{MAX_BODY, TooLarge};
use crate::BoxError;

/// A content coding that cannot be undone here.
#[derive(Debug)]
struct Undecodable(String);

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer has the content-encoding {}, although identity was asked for", self.0)
    }
}

impl std::error::Error for Undecodable {}

/// A body with its codings undone (RFC 9110 §8.4), and which ones those were. What comes out is
/// bounded like what comes in.
pub(super) fn decode(headers: &HeaderMap, body: Bytes) -> Result<(Bytes, Option<String>), BoxError> {
    let named: Vec<String> = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .flat_map(|value| {
            String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase().split(',').map(clean).collect::<Vec<_>>()
        })
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    if body.is_empty() {
        return Ok((body, None));
    }
    // A middlebox may have taken the header away. No JSON and no form begins like this.
    let unnamed = named.is_empty() && body.starts_with(&[0x1f, 0x8b]);
    let codings = if unnamed { vec!["gzip".to_owned()] } else { named };
    /// Nothing sane is compressed more often.
    const MOST: usize = 2;
    if codings.len() > MOST {
        return Err(Undecodable(codings.join(", ")).into());
    }
    let mut decoded = body;
    // They were applied in the order in which they are listed.
    for coding in codings.iter().rev() {
        decoded = undo(coding, &decoded)?;
    }
    Ok((decoded, Some(codings.join(", ")).filter(|names| !names.is_empty())))
}

/// A coding is told in errors, and a header may hold anything.
fn clean(coding: &str) -> String {
    coding.trim().chars().filter(char::is_ascii_graphic).take(32).collect()
}

fn undo(coding: &str, body: &[u8]) -> Result<Bytes, BoxError> {
    match coding {
        // Some label a body that they do not compress.
        "gzip" | "x-gzip" if !body.starts_with(&[0x1f, 0x8b]) => Ok(Bytes::copy_from_slice(body)),
        "gzip" | "x-gzip" => bounded(MultiGzDecoder::new(body)),
        // With the header of zlib, as the standard says, or without it, as some do.
        "deflate" => bounded(ZlibDecoder::new(body)).or_else(|_| bounded(DeflateDecoder::new(body))),
        other => Err(Undecodable(other.to_owned()).into()),
    }
}

fn bounded(decoder: impl Read) -> Result<Bytes, BoxError> {
    let mut out = Vec::new();
    decoder.take(MAX_BODY as u64 + 1).read_to_end(&mut out)?;
    if out.len() > MAX_BODY { Err(TooLarge("body, decoded,").into()) } else { Ok(out.into()) }
}
