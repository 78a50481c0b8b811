//! What has been read of a body so far.

use bytes::Bytes;
use http::HeaderMap;

use crate::sync::{Arc, Mutex, lock};

/// What a piece takes of the limit at least: a body may consist of very many very small ones.
const PIECE_BYTES: usize = 16;

/// A recording in progress or at its end.
#[derive(Debug)]
struct Tape {
    pieces: Vec<Bytes>,
    trailers: Option<HeaderMap>,
    room: usize,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The body is still being read.
    Open,
    /// All of it is here.
    Complete,
    /// It was longer than the limit, it failed, or nobody wants it any more.
    Lost,
}

/// A whole body, as it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Recording {
    pub(super) pieces: Vec<Bytes>,
    pub(super) trailers: Option<HeaderMap>,
}

/// Blank tape for this many bytes, with its writing and its reading end.
pub(super) fn blank(room: usize) -> (Recorder, Player) {
    let tape = Arc::new(Mutex::new(Tape { pieces: Vec::new(), trailers: None, room, end: End::Open }));
    (Recorder { tape: Arc::clone(&tape), all_data: false }, Player(tape))
}

/// The writing end, with the body that is being sent.
#[derive(Debug)]
pub(super) struct Recorder {
    tape: Arc<Mutex<Tape>>,
    all_data: bool,
}

/// The reading end, with the call that may need a replay. Dropping it ends the recording.
#[derive(Debug)]
pub(super) struct Player(Arc<Mutex<Tape>>);

impl Recorder {
    /// Records a piece of data. `false` if there is no use in going on.
    pub(super) fn data(&mut self, piece: &Bytes) -> bool {
        self.write(|tape| match tape.room.checked_sub(piece.len().max(PIECE_BYTES)) {
            Some(room) => {
                tape.room = room;
                tape.pieces.push(piece.clone());
            }
            None => tape.lose(),
        })
    }

    /// Records the trailers, which are the last of a body.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) -> bool {
        self.write(|tape| {
            // What a header takes beside its text is about what a small piece takes.
            let size = trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + PIECE_BYTES).sum();
            match tape.room.checked_sub(size) {
                Some(room) => {
                    tape.room = room;
                    tape.trailers = Some(trailers.clone());
                }
                None => tape.lose(),
            }
        })
    }

    /// The body has come to its end.
    pub(super) fn complete(mut self) {
        self.write(|tape| tape.end = End::Complete);
    }

    /// The body has failed.
    pub(super) fn lose(mut self) {
        self.write(Tape::lose);
    }

    /// All data of a body of known length has been read, but perhaps not all of the body: trailers may follow. If it is
    /// let go of now, whoever sent it wanted no more.
    pub(super) const fn all_data(&mut self) {
        self.all_data = true;
    }

    fn write(&mut self, act: impl FnOnce(&mut Tape)) -> bool {
        let mut tape = lock(&self.tape);
        if tape.end == End::Open {
            act(&mut tape);
        }
        tape.end == End::Open
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let complete = self.all_data;
        self.write(|tape| if complete { tape.end = End::Complete } else { tape.lose() });
    }
}

impl Player {
    /// The recording, if it is complete.
    pub(super) fn recording(&self) -> Option<Recording> {
        let tape = lock(&self.0);
        (tape.end == End::Complete).then(|| Recording { pieces: tape.pieces.clone(), trailers: tape.trailers.clone() })
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        lock(&self.0).lose();
    }
}

impl Tape {
    fn lose(&mut self) {
        self.end = End::Lost;
        self.pieces = Vec::new();
        self.trailers = None;
    }
}
