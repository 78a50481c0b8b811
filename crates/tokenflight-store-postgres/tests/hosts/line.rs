//! What hosts say, a line each: of which grant, of which of its refresh tokens, and when, by the
//! clock that all processes of this machine have in common.

use std::str::FromStr;

use crate::prelude::*;

/// A refresh token, as the authorization server counts: the login it descends from, and the
/// rotations since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Step {
    /// Logins of all grants, counted from one.
    pub(crate) login: usize,
    pub(crate) rotation: usize,
}

impl Step {
    /// The server writes it into its tokens: `rt-login-rotation-…`.
    pub(crate) fn of(token: &str) -> Option<Self> {
        let mut parts = token.strip_prefix("rt-")?.split('-');
        Some(Self { login: parts.next()?.parse().ok()?, rotation: parts.next()?.parse().ok()? })
    }

    pub(crate) const fn next(self) -> Self {
        Self { rotation: self.rotation + 1, ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The storage has given the right to present this token, which was asked for at that time.
    Claimed { asked: Duration },
    /// It is presented: the first byte comes now.
    Presents,
    /// This token came as an answer.
    Answered,
    /// The storage has acknowledged this token.
    Stored,
    /// It has acknowledged it once more: it had been lost.
    WroteBack,
    /// The claim is over, with neither a successor nor a death.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) what: What,
    pub(crate) grant: usize,
    pub(crate) step: Step,
    pub(crate) at: Duration,
}

const WORDS: [(&str, What); 5] = [
    ("presents", What::Presents),
    ("answered", What::Answered),
    ("stored", What::Stored),
    ("wrote-back", What::WroteBack),
    ("over", What::Over),
];

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { grant, step: Step { login, rotation }, .. } = self;
        let word = WORDS.iter().find(|(_, what)| *what == self.what).map_or("claimed", |(word, _)| word);
        write!(f, "{word} {grant} {login} {rotation} {}", self.at.as_micros())?;
        match self.what {
            What::Claimed { asked } => write!(f, " {}", asked.as_micros()),
            _ => Ok(()),
        }
    }
}

impl FromStr for Line {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (word, numbers) = text.split_once(' ').ok_or(())?;
        let numbers: Vec<u64> = numbers.split(' ').map_while(|number| number.parse().ok()).collect();
        let (first, rest) = numbers.split_first_chunk::<4>().ok_or(())?;
        let what = match (WORDS.iter().find(|(known, _)| *known == word), rest) {
            (Some((_, what)), []) => *what,
            (None, [asked]) if word == "claimed" => What::Claimed { asked: Duration::from_micros(*asked) },
            _ => return Err(()),
        };
        let [grant, login, rotation, at] = *first;
        let step = Step { login: login as usize, rotation: rotation as usize };
        Ok(Self { what, grant: grant as usize, step, at: Duration::from_micros(at) })
    }
}

#[test]
fn what_a_host_says_is_read_as_it_was_said() {
    let step = Step::of("rt-12-3-00ff").unwrap();
    assert_eq!(step.next(), Step { login: 12, rotation: 4 });
    let asked = Duration::from_micros(5);
    for what in WORDS.iter().map(|(_, what)| *what).chain([What::Claimed { asked }]) {
        let line = Line { what, grant: 7, step, at: Duration::from_micros(1_234_567) };
        assert_eq!(line.to_string().parse(), Ok(line));
    }
    for broken in ["", "stored", "stored 1 2 3", "stored 1 2 3 4 5", "claimed 1 2 3 4", "lost 1 2 3 4"] {
        assert_eq!(broken.parse::<Line>(), Err(()), "{broken}");
    }
}
