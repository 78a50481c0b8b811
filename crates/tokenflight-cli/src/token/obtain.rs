use super::{Stored, Wish, refused, renew::renew, serviceable};
use crate::{config::Profile, problem::Problem, terminal::say};

/// A token that is valid now, and a warning about it for standard error.
///
/// A stored one that is good enough costs one look at the file: no thread, no socket, no runtime.
pub(crate) fn obtain(profile: &Profile, wish: &Wish) -> Result<(Stored, Option<String>), Problem> {
    let stored = serviceable(profile)?;
    let refused = refused::is_marked(profile, &stored);
    let good = !refused && stored.lives_for(wish.freshness.min_lifetime);
    if good && !wish.newer {
        return Ok((stored, None));
    }
    if wish.cached || !stored.renewable {
        return spent(profile, stored, refused || wish.newer);
    }
    match renew(profile, &stored, wish) {
        Ok(()) => {
            let fresh = serviceable(profile)?;
            let short = !fresh.lives_for(wish.freshness.min_lifetime);
            let warning = short.then(|| "the token that the server issued lives shorter than that".to_owned());
            match fresh.is_alive() {
                true => Ok((fresh, warning)),
                false => Err(Problem::later("the token that the server issued has expired already")),
            }
        }
        // What still lives is served while a refresh fails.
        Err(problem) if stored.is_alive() && !wish.newer && !refused => {
            let warning = format!("this token lives for {}; no newer one: {}", stored.left_words(), problem.why());
            Ok((stored, Some(warning)))
        }
        Err(problem) => Err(problem),
    }
}

/// The same; the warning goes to standard error.
pub(crate) fn fresh(profile: &Profile, wish: &Wish) -> Result<Stored, Problem> {
    let (stored, warning) = obtain(profile, wish)?;
    if let Some(warning) = warning {
        say(&format!("tokenflight: {warning}"));
    }
    Ok(stored)
}

/// No refresh is possible, or none is wanted.
fn spent(profile: &Profile, stored: Stored, is_bad: bool) -> Result<(Stored, Option<String>), Problem> {
    if stored.is_alive() && !is_bad {
        let warning = format!("this token lives for {} only", stored.left_words());
        return Ok((stored, Some(warning)));
    }
    if stored.renewable {
        return Err(Problem::later("the stored token has expired or was refused, and none is to be fetched")
            .cure("ask without `--cached`"));
    }
    Err(Problem::login(&profile.name, stored.why_not_renewable()))
}
