use zeroize::Zeroizing;

/// The assertion in what a source said: all of it or a member of a JSON object. `None` without one.
pub(super) fn find(said: &[u8], member: Option<&str>) -> Option<Zeroizing<String>> {
    let found = match member {
        None => std::str::from_utf8(said).ok()?.trim().to_owned(),
        Some(member) => {
            let object: serde_json::Value = serde_json::from_slice(said).ok()?;
            object.get(member)?.as_str()?.trim().to_owned()
        }
    };
    (!found.is_empty()).then(|| Zeroizing::new(found))
}
