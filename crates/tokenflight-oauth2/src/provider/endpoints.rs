/// Where a server is asked. In the addresses `{base}` stands for their common beginning.
#[allow(clippy::exhaustive_structs)] // Data for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The common beginning, with `{}` where the tenant stands. Empty: each user has a server of
    /// their own and gives its address.
    pub base: &'static str,
    /// The issuer identifier, if the server has one.
    pub issuer: Option<&'static str>,
    /// Where users say yes.
    pub authorization: Option<&'static str>,
    /// Where tokens are.
    pub token: Option<&'static str>,
    /// Where refresh tokens are presented, if that is elsewhere.
    pub refresh: Option<&'static str>,
    /// Where refresh tokens are revoked (RFC 7009).
    pub revocation: Option<&'static str>,
    /// Where devices ask (RFC 8628).
    pub device: Option<&'static str>,
}

impl Endpoints {
    /// No addresses are known.
    pub const NONE: Self = Self {
        base: "",
        issuer: None,
        authorization: None,
        token: None,
        refresh: None,
        revocation: None,
        device: None,
    };

    /// An address, filled in: `place` is the beginning itself if it is an address, else the tenant.
    /// `None` if a place is needed and this is none.
    pub(crate) fn fill(&self, template: &str, place: &str) -> Option<String> {
        let tenant = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
        let base = match place {
            address if address.contains("://") => address.trim_end_matches('/').to_owned(),
            _ if self.base.is_empty() && template.contains("{base}") => return None,
            tenant_name if self.base.contains("{}") => {
                if tenant_name.is_empty() || !tenant_name.chars().all(tenant) {
                    return None;
                }
                self.base.replace("{}", tenant_name)
            }
            _ => self.base.to_owned(),
        };
        Some(template.replace("{base}", &base))
    }
}
