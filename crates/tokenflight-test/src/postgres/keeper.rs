//! A shell that has the server as its child, and ends it when this process does.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
};

/// Reads words: `start`, or the name of the signal to stop it by. When there are no more, it ends
/// the server and removes the folder: its input ends with this process, also if it was killed.
const SCRIPT: &str = r#"
folder=$1; shift; child=
while read -r word; do
    case $word in
        start) "$@" >>"$folder/log" 2>&1 </dev/null & child=$! ;;
        *) kill -"$word" "$child" 2>/dev/null; wait "$child"; child= ;;
    esac
    echo done
done
if [ -n "$child" ]; then kill -QUIT "$child" 2>/dev/null; wait "$child"; fi
rm -rf "$folder"
"#;

pub(super) struct Keeper {
    shell: Child,
    pipes: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
}

impl Keeper {
    pub(super) fn new(folder: &Path, server: &Command) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh"]).arg(folder).arg(server.get_program()).args(server.get_args());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = command.spawn().unwrap_or_else(|error| panic!("sh: {error}"));
        let pipes = shell.stdin.take().zip(shell.stdout.take().map(BufReader::new));
        Self { shell, pipes: Mutex::new(pipes) }
    }

    /// Starts the server, or stops it and waits for its end.
    pub(super) fn tell(&self, word: &str) {
        let mut pipes = self.pipes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some((to, from)) = pipes.as_mut() else { return };
        let mut answer = String::new();
        let told = writeln!(to, "{word}").and_then(|()| from.read_line(&mut answer));
        assert_eq!((told.ok(), answer.as_str()), (Some(5), "done\n"), "the shell that keeps the server has ended");
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.pipes.get_mut().map(Option::take));
        let _ = self.shell.wait();
    }
}

/// How programs of Postgres are started by this user on files in this folder: they refuse root.
#[derive(Clone, Copy, Debug)]
pub(super) enum User {
    /// As it is.
    Own,
    /// Root, under another number in a namespace.
    Mapped,
    /// Root, as another user.
    Unprivileged,
}

impl User {
    /// Whose folder this is, and what this system allows. The folder is given away if need be.
    pub(super) fn of(folder: &Path) -> Self {
        let owner = std::fs::metadata(folder).map(|metadata| metadata.uid());
        if owner.is_ok_and(|owner| owner != 0) {
            return Self::Own;
        }
        let works = |words: &[&str]| {
            let mut command = Command::new(words[0]);
            let status = command.args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        if works(&["unshare", "-U", "--map-user=1000", "true"]) {
            return Self::Mapped;
        }
        let given = works(&["chown", "65534:65534", &folder.display().to_string()]);
        assert!(given, "Postgres does not run as root: neither user namespaces nor chown work here");
        Self::Unprivileged
    }

    /// A call of one of the programs.
    pub(super) fn command(self, program: &Path) -> Command {
        let (by, options): (Option<&str>, &[&str]) = match self {
            Self::Own => (None, &[]),
            Self::Mapped => (Some("unshare"), &["-U", "--map-user=1000", "--"]),
            Self::Unprivileged => (Some("setpriv"), &["--reuid=65534", "--regid=65534", "--clear-groups", "--"]),
        };
        match by {
            None => Command::new(program),
            Some(by) => {
                let mut command = Command::new(by);
                command.args(options).arg(program);
                command
            }
        }
    }
}

/// A folder that no other call has, below the temporary one: paths of sockets must be short.
pub(super) fn folder() -> PathBuf {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("tokenflight-pg-{}-{number}", std::process::id()));
    std::fs::create_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    folder
}
