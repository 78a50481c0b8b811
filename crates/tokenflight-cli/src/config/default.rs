/// The profile of a command that names none.
pub(crate) const DEFAULT: &str = "default";
