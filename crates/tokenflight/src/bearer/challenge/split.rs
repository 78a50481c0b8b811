//! One header line, several challenges (RFC 9110 §11.6.1).

/// Splits a header line into its challenges (RFC 9110 §11.6.1): a comma starts a new one if a scheme follows, that is a
/// token that is not the name of a parameter. The parser in use reads a whole line or nothing, and a foreign scheme's
/// `token68` would take our own challenge down with it.
pub(super) fn split(line: &str) -> Vec<&str> {
    let mut challenges = Vec::new();
    let mut start = 0;
    for at in commas(line) {
        if at < start {
            // An empty member, passed over with the comma before it.
            continue;
        }
        let rest = line[at + 1..].trim_start_matches([' ', '\t', ',']);
        if starts_challenge(rest) {
            challenges.push(&line[start..at]);
            start = line.len() - rest.len();
        }
    }
    challenges.push(&line[start..]);
    let trimmed = challenges.into_iter().map(|part| part.trim_matches([' ', '\t', ',']));
    trimmed.filter(|part| !part.is_empty()).collect()
}

/// The places of commas outside quoted strings.
fn commas(line: &str) -> impl Iterator<Item = usize> + '_ {
    let (mut quoted, mut escaped) = (false, false);
    line.bytes().enumerate().filter_map(move |(at, byte)| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return Some(at),
            _ => {}
        }
        None
    })
}

/// Whether a list element begins with a scheme: `Scheme`, `Scheme token68` or `Scheme name=value`, not `name=value`.
fn starts_challenge(element: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let name = element.bytes().take_while(|byte| token(*byte)).count();
    if name == 0 {
        return false;
    }
    let rest = element[name..].trim_start_matches([' ', '\t']);
    let spaced = rest.len() < element.len() - name;
    match rest.bytes().next() {
        None | Some(b',') => true,
        // `name = value` with spaces around the sign is legal, if ugly.
        Some(b'=') => false,
        Some(_) => spaced,
    }
}
