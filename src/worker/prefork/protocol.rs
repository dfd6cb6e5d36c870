//! The messages between a client and the fork server; `server.py` describes them. Pure.

use std::path::PathBuf;

use serde::Deserialize;

/// Starts the child.
pub(super) const GO: u8 = b'G';

/// The client has all it needs.
pub(super) const LEAVE: u8 = b'B';

/// There is no child: the client starts Python itself.
pub(super) const REFUSE: u8 = b'N';

/// From the keeper: a connection follows.
pub(super) const CONNECTION: u8 = b'C';

/// From the keeper: no connection follows.
pub(super) const DRAIN: u8 = b'D';

/// From the keeper: the worker has ended.
pub(super) const KILL: u8 = b'K';

/// A request: the arguments of the executor and the signals that the client ignores, with their length.
pub(super) fn request(arguments: &[String], ignored: &[i32]) -> Vec<u8> {
    let text = serde_json::json!({ "arguments": arguments, "ignored": ignored }).to_string();
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [&length.to_ne_bytes(), text.as_bytes()].concat()
}

/// A signal for the process group of the child.
pub(super) const fn signal(number: u8) -> [u8; 2] {
    [b'S', number]
}

/// An answer of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerAnswer {
    /// The child waits to be started.
    Child(u32),
    /// How it ended, as the system says it.
    Ended(i32),
    Refused,
}

impl ServerAnswer {
    /// Takes the next answer off the bytes received so far. `None` if it is not complete; an error if it is none.
    pub(super) fn take(received: &mut Vec<u8>) -> Result<Option<Self>, ()> {
        let (length, answer) = match received.as_slice() {
            [] => return Ok(None),
            [REFUSE, ..] => (1, Self::Refused),
            [b'P', a, b, c, d, ..] => (5, Self::Child(u32::from_ne_bytes([*a, *b, *c, *d]))),
            [b'E', a, b, c, d, ..] => (5, Self::Ended(i32::from_ne_bytes([*a, *b, *c, *d]))),
            [b'P' | b'E', ..] => return Ok(None),
            [..] => return Err(()),
        };
        received.drain(..length);
        Ok(Some(answer))
    }
}

/// What a server says when it has imported everything: it serves if there are no problems.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Loaded {
    pub problems: Vec<String>,
    pub warnings: Vec<String>,
    /// The files of the imported modules.
    pub files: Vec<PathBuf>,
    /// How long a fork takes, if that was asked for.
    #[serde(default)]
    pub fork_milliseconds: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_in_any_pieces() {
        let all = [b"P".as_slice(), &7_u32.to_ne_bytes(), b"E", &(-1_i32).to_ne_bytes(), b"N"].concat();
        let expected = [ServerAnswer::Child(7), ServerAnswer::Ended(-1), ServerAnswer::Refused];
        for size in 1..=all.len() {
            let (mut received, mut answers) = (Vec::new(), Vec::new());
            for piece in all.chunks(size) {
                received.extend(piece);
                while let Some(answer) = ServerAnswer::take(&mut received).expect("answers") {
                    answers.push(answer);
                }
            }
            assert_eq!(answers, expected, "pieces of {size} bytes");
        }
        assert_eq!(ServerAnswer::take(&mut b"HTTP/1.1".to_vec()), Err(()));
    }

    #[test]
    fn a_request_is_its_length_and_json() {
        let request = request(&["--payload-json".to_owned(), "\u{e9}\"\n".to_owned()], &[1]);
        let (length, text) = request.split_at(4);
        assert_eq!(u32::from_ne_bytes(length.try_into().expect("four bytes")) as usize, text.len());
        let request: serde_json::Value = serde_json::from_slice(text).expect("JSON");
        assert_eq!(request, serde_json::json!({ "arguments": ["--payload-json", "\u{e9}\"\n"], "ignored": [1] }));
    }
}
