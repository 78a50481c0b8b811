//! `docs/providers.md` is made of the rows: `TOKENFLIGHT_WRITE_PAGES=1` writes it.

use std::{env, fmt::Write, fs, path::PathBuf};

use tokenflight::ReusePolicy;
use tokenflight_oauth2::provider::{
    ALL, AssertionAudience, AuthMethod, Body, Meaning, OldAccess, Provider, Rotation, Second, Sign, Test, UNKNOWN,
};

fn root(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)
}

#[test]
fn the_page_shows_the_rows() {
    let (file, expected) = (root("docs/providers.md"), page());
    if env::var_os("TOKENFLIGHT_WRITE_PAGES").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == expected,
        "the page differs from the rows: TOKENFLIGHT_WRITE_PAGES=1 cargo test -p tokenflight-oauth2 --test providers"
    );
}

#[test]
fn the_readme_counts_the_servers() {
    let readme = fs::read_to_string(root("README.md")).unwrap();
    let link = format!("[The table of {} servers](docs/providers.md)", ALL.len());
    assert!(readme.contains(&link), "README.md does not say {link}");
}

fn page() -> String {
    let mut page = String::from(
        "# Authorization servers\n\n\
         Made of the rows of `tokenflight_oauth2::provider` by a test, which fails if this page differs. Vendors change their \
         rules without notice: a row is a case to survive, not a contract. *Not known* is strict.\n\n\
         In the addresses `{}` stands for the tenant (for Exact Online and Zoho the end of the domain), and `{base}` for the \
         address of a server of one's own. Either is what `TokenEndpoint::preset` is given as the place: for Okta a tenant, \
         `preset(provider::OKTA, \"example\", client)`; for Keycloak the address of a realm, \
         `preset(provider::KEYCLOAK, \"https://sso.example/realms/main\", client)`.\n\n\
         | server | `find(…)` | rotates | a used refresh token | as set up there |\n|---|---|---|---|---|\n",
    );
    let mut rows: Vec<_> = ALL.to_vec();
    rows.sort_by_key(|row| row.title.to_lowercase());
    for row in &rows {
        let setup = if row.configurable { "yes" } else { "" };
        let (rotation, reuse) = (rotation(row), reuse(row.reuse));
        let _ = writeln!(
            page,
            "| [{}](#{}) | `{}` | {rotation} | {reuse} | {setup} |",
            row.title,
            anchor(row.title),
            row.name
        );
    }
    page += "\nEvery server's words come before the standard's: `invalid_grant` is the end of a refresh token, `slow_down` is \
             throttling, `temporarily_unavailable` and `server_error` leave the outcome unknown, `interaction_required`, \
             `login_required` and `consent_required` want the user, and every other code is a matter of configuration.\n";
    for row in rows {
        section(&mut page, row);
    }
    page
}

fn anchor(title: &str) -> String {
    let kept = title
        .to_lowercase()
        .chars()
        .filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-'))
        .collect::<String>();
    kept.replace(' ', "-")
}

fn section(page: &mut String, row: &Provider) {
    let _ = writeln!(page, "\n## {}\n", row.title);
    let mut line = |name: &str, text: String| {
        if !text.is_empty() {
            let _ = writeln!(page, "- **{name}**: {text}");
        }
    };
    line("rotates", rotation(row).to_owned());
    line("a used refresh token", format!("{}; {}", reuse(row.reuse), second(row.second)));
    if row.configurable {
        line("set up there", "rotation and reuse depend on it; this is what may be assumed without knowing".to_owned());
    }
    if row.old_access == OldAccess::Dies {
        line("the former access token", "dies at the refresh".to_owned());
    }
    line("lifetimes", lifetimes(row));
    for (name, meaning) in [
        ("dead", Meaning::Ended),
        ("busy", Meaning::SlowDown),
        ("outcome unknown", Meaning::Unknown),
        ("misconfigured", Meaning::Setup),
        ("wants the user", Meaning::Interaction),
    ] {
        let signs = row.signs.iter().filter(|sign| sign.means == meaning).map(words);
        line(name, signs.collect::<Vec<_>>().join("; "));
    }
    if row.clustered {
        line("an end", "counts when it is announced twice, half a minute apart".to_owned());
    }
    line("clients", row.auth.iter().map(|method| auth(*method)).collect::<Vec<_>>().join(", "));
    if row.audience == AssertionAudience::TokenEndpoint {
        line("assertions", "for the token endpoint".to_owned());
    }
    line("endpoints", endpoints(row));
    if row.body == Body::Json {
        line("requests", "in JSON".to_owned());
    }
    let sends = row.sends.iter().map(|(name, value)| format!("`{name}={value}`")).collect::<Vec<_>>();
    line("always sends", sends.join(", "));
    line("note", row.note.to_owned());
    line("source", format!("<{}>, {}", row.source, row.checked));
}

const fn rotation(row: &Provider) -> &'static str {
    match row.rotation {
        Rotation::Always => "always",
        Rotation::Optional => "sometimes",
        Rotation::Never => "never",
        Rotation::Unknown => "not known",
    }
}

fn reuse(policy: ReusePolicy) -> String {
    match policy {
        ReusePolicy::Strict => "strict".to_owned(),
        ReusePolicy::Grace { window } => format!("grace of {}", period(window.as_secs())),
        ReusePolicy::UntilUsed => "good until its successor is used".to_owned(),
        ReusePolicy::NonRotating => "stays good".to_owned(),
    }
}

const fn second(second: Second) -> &'static str {
    match second {
        Second::Unknown => "what a second presentation brings is not known",
        Second::Refused => "a second presentation is refused and no more",
        Second::SessionEnds => "a second presentation ends the session",
        Second::SamePair => "a second presentation brings the same tokens",
        Second::Sibling => "a second presentation brings another pair, and both stay good",
        Second::SuccessorDies => "a second presentation brings another pair, and the first successor dies",
        Second::Nothing => "a second presentation is like the first",
    }
}

fn lifetimes(row: &Provider) -> String {
    let lifetimes = row.lifetimes;
    let parts = [
        (lifetimes.unannounced, "access token without an announcement"),
        (lifetimes.idle, "unused refresh token"),
        (lifetimes.absolute, "refresh token at most"),
        (lifetimes.earliest, "refreshed before its end at the earliest"),
    ];
    let known = parts.iter().filter_map(|(seconds, what)| Some(format!("{what} {}", period(u64::from((*seconds)?)))));
    known.collect::<Vec<_>>().join(", ")
}

fn period(seconds: u64) -> String {
    match seconds {
        days if days % 86_400 == 0 => format!("{} d", days / 86_400),
        hours if hours % 3_600 == 0 => format!("{} h", hours / 3_600),
        minutes if minutes % 60 == 0 => format!("{} min", minutes / 60),
        seconds => format!("{seconds} s"),
    }
}

fn words(sign: &Sign) -> String {
    let tests = sign.when.iter().map(|test| match test {
        Test::Status(status) => format!("status {status}"),
        Test::Is(path, value) => format!("`{path}` is `{value}`"),
        Test::Contains(path, text) => format!("`{path}` contains \"{text}\""),
        Test::Has(path) => format!("there is `{path}`"),
    });
    tests.collect::<Vec<_>>().join(" and ")
}

const fn auth(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::Basic => "`client_secret_basic`",
        AuthMethod::Post => "`client_secret_post`",
        AuthMethod::PrivateKeyJwt => "`private_key_jwt`",
        AuthMethod::SecretJwt => "`client_secret_jwt`",
        AuthMethod::Mtls => "certificates",
        AuthMethod::Public => "public",
    }
}

fn endpoints(row: &Provider) -> String {
    let base = if row.endpoints.base.is_empty() { "{base}" } else { row.endpoints.base };
    let listed = [
        ("tokens", row.endpoints.token),
        ("refreshes", row.endpoints.refresh),
        ("logins", row.endpoints.authorization),
        ("devices", row.endpoints.device),
        ("revocation", row.endpoints.revocation),
    ];
    let filled = listed.iter().filter_map(|(what, url)| Some(format!("{what} `{}`", (*url)?.replace("{base}", base))));
    filled.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_row_of_unknown_servers_is_on_no_page() {
    assert!(!page().contains(UNKNOWN.title));
}
