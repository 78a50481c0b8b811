//! Rust source cut into tokens: enough to find items and paths without a parser.

/// Identifiers, `::`, and single signs. No comments, no contents of strings, and nothing that only
/// tests are built with.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    without_tests(&cut(text))
}

fn cut(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = |char: char| char.is_alphanumeric() || char == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = string(rest) {
            tokens.push("\"".to_owned());
            length
        } else if first == '\'' {
            character(rest)
        } else {
            let length = match rest.find(|char| !word(char)).unwrap_or(rest.len()) {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                length => length,
            };
            if !first.is_whitespace() {
                tokens.push(rest[..length].to_owned());
            }
            length
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of a string, plain or raw, if one begins here.
fn string(text: &str) -> Option<usize> {
    let unprefixed = text.strip_prefix('b').unwrap_or(text);
    let begin = text.len() - unprefixed.len();
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.find(|char| char != '#')?;
        let body = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(body.find(&end).map_or(text.len(), |at| begin + 2 + hashes + at + end.len()));
    }
    let mut escaped = false;
    let body = unprefixed.strip_prefix('"')?;
    let end = body.find(|char| {
        let ends = char == '"' && !escaped;
        escaped = char == '\\' && !escaped;
        ends
    });
    Some(end.map_or(text.len(), |at| begin + 1 + at + 1))
}

/// The length of a character; of a lifetime, its mark.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, _))) => text[at + 1..].find('\'').map_or(text.len(), |end| at + 1 + end + 1),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// Without the items behind `#[cfg(test)]` and `#[cfg(all(test, …))]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let attribute = tokens[at] == "#" && tokens.get(at + 1).is_some_and(|next| next == "[");
        let ahead = |offset: usize| tokens.get(at + offset).map(String::as_str);
        let tests = attribute
            && ahead(2) == Some("cfg")
            && (ahead(4) == Some("test") || (ahead(4) == Some("all") && ahead(6) == Some("test")));
        if tests {
            while tokens.get(at).is_some_and(|token| token == "#") {
                at = closing(tokens, at + 1);
            }
            at = end_of_item(tokens, at);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Behind the bracket that closes the one here.
pub(crate) fn closing(tokens: &[String], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Behind the item that begins here: its `;`, or its braces.
pub(crate) fn end_of_item(tokens: &[String], from: usize) -> usize {
    let mut at = from;
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            ";" => return at + 1,
            "{" => return closing(tokens, at),
            "(" | "[" => at = closing(tokens, at),
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn strings_comments_and_tests_are_left_out() {
        let text = "use a::b; // c\n/* d */ let x = \"e { \\\" f\"; r#\"g\"h\"#; 'i'; '\\''; fn j<'k>() {}\n\
                    #[cfg(test)]\n#[allow(x)]\nmod tests { use l::m; }\nconst N: u8 = 1;";
        let found = tokens(text).concat();
        assert_eq!(found, "usea::b;letx=\";\";;;fnj<k>(){}constN:u8=1;");
    }
}
