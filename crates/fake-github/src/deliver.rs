//! Delivers a response with a fault: first as a list of steps, then by executing them.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use fake_http::server::Afterwards;

use crate::fault::Cut;
use crate::fault::Fault;
use crate::fault::Framing;
use crate::http::Reply;
use crate::http::reason;
use crate::lifecycle::Hold;
use crate::lifecycle::Lifecycle;
use crate::stream::Stream;

/// A head and a small body are sent in one write.
const SMALL: usize = 64 * 1024;
const CHUNK: usize = 64 * 1024;
const ENDLESS: &[u8] = b"400\r\n";

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Send(Bytes),
    Hold(Hold),
    /// Sends the same bytes until the client or the fake stops.
    SendForEver(Bytes),
    Finish,
    FinishCleanly,
    Reset,
}

/// What the request specifies about the delivery of its response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) head_only: bool,
    pub(crate) keep_alive: bool,
}

/// The steps that deliver a response, modified by a fault.
pub(crate) fn steps(mut reply: Reply, fault: Option<&Fault>, manner: Manner) -> Vec<Step> {
    if let Some(Fault::ResetBeforeHeaders | Fault::TruncateAfterProcessing) = fault {
        return vec![Step::Reset];
    }
    if let Some(fault) = fault {
        bend(&mut reply, fault);
    }
    let has_body = !manner.head_only && !matches!(reply.status, 204 | 304);
    let closes = !manner.keep_alive;
    match fault {
        Some(fault) => faulty(&reply, fault, has_body, closes),
        None => plain(&reply, has_body, closes),
    }
}

/// Applies a fault to the response itself.
fn bend(reply: &mut Reply, fault: &Fault) {
    if let Fault::WrongLength { length } = fault {
        reply.body = resized(&reply.body, *length);
    } else if let Fault::GzipAnyway = fault {
        reply.body = gzipped(&reply.body);
        reply.replace("Content-Encoding", "gzip");
    } else if let Fault::HalfJson = fault {
        reply.body = reply.body.slice(..reply.body.len() / 2);
    } else if let Fault::WrongShapeJson = fault {
        reply.body = Bytes::from_static(br#"{"surprise":[{"id":"seven"}]}"#);
    } else if let Fault::HugeHeaders { bytes } = fault {
        for number in 0..bytes / 4000 + 1 {
            reply.headers.push((format!("X-Filler-{number}"), "f".repeat(4000)));
        }
    } else if let Fault::WrongContentRange { shift } = fault
        && let Some(range) = reply.header("Content-Range").and_then(|range| shifted(range, *shift))
    {
        reply.replace("Content-Range", range);
    }
}

fn faulty(reply: &Reply, fault: &Fault, has_body: bool, closes: bool) -> Vec<Step> {
    let length = reply.body.len();
    let sized_head = head(reply, Some(Length::Bytes(length)), closes);
    let part = |end: usize| if has_body { reply.body.slice(..end.min(length)) } else { Bytes::new() };
    let rest = |start: usize| if has_body { reply.body.slice(start.min(length)..) } else { Bytes::new() };
    if let Fault::StallAfterProcessing { hold } = fault {
        let mut all = vec![Step::Hold(*hold)];
        all.extend(plain(reply, has_body, closes));
        all
    } else if let Fault::ResetInHeaders = fault {
        vec![Step::Send(sized_head.slice(..sized_head.len() / 2)), Step::Reset]
    } else if let Fault::CutBody { after, with } = fault {
        let end = match with {
            Cut::Fin => Step::Finish,
            Cut::Rst => Step::Reset,
        };
        vec![Step::Send(sized_head), Step::Send(part(*after)), end]
    } else if let Fault::StallBody { after, hold } = fault {
        ended(
            vec![Step::Send(sized_head), Step::Send(part(*after)), Step::Hold(*hold), Step::Send(rest(*after))],
            closes,
        )
    } else if let Fault::Trickle { bytes, every } = fault {
        let mut all = vec![Step::Send(sized_head)];
        if has_body {
            all.extend(trickled(&reply.body, *bytes, *every));
        }
        ended(all, closes)
    } else if let Fault::ShortBody { missing } = fault {
        vec![Step::Send(sized_head), Step::Send(part(length.saturating_sub(*missing))), Step::FinishCleanly]
    } else if let Fault::LongBody { extra, framing } = fault {
        let longer = resized(&reply.body, length + extra);
        framed(reply, longer, *framing, length, has_body)
    } else if let Fault::NoLength = fault {
        framed(reply, reply.body.clone(), Framing::UntilClose, length, has_body)
    } else if let Fault::Chunked = fault {
        framed(reply, reply.body.clone(), Framing::Chunked, length, has_body)
    } else if let Fault::EndlessJson = fault {
        endless(reply)
    } else if let Fault::CloseConnectionAfter { announced } = fault {
        let mut all = plain(reply, has_body, *announced);
        all.retain(|step| *step != Step::FinishCleanly);
        ended(all, true)
    } else {
        plain(reply, has_body, closes)
    }
}

fn plain(reply: &Reply, has_body: bool, closes: bool) -> Vec<Step> {
    let length = if matches!(reply.status, 204 | 304) { None } else { Some(Length::Bytes(reply.body.len())) };
    let head = head(reply, length, closes);
    let mut all = if has_body && reply.body.len() <= SMALL {
        vec![Step::Send([&head[..], &reply.body[..]].concat().into())]
    } else if has_body {
        vec![Step::Send(head), Step::Send(reply.body.clone())]
    } else {
        vec![Step::Send(head)]
    };
    if closes {
        all.push(Step::FinishCleanly);
    }
    all
}

fn framed(reply: &Reply, body: Bytes, framing: Framing, stated: usize, has_body: bool) -> Vec<Step> {
    let (length, closes) = match framing {
        Framing::Length => (Some(Length::Bytes(stated)), true),
        Framing::Chunked => (Some(Length::Chunked), false),
        Framing::UntilClose => (None, true),
    };
    let mut all = vec![Step::Send(head(reply, length, closes))];
    if has_body && framing == Framing::Chunked {
        all.push(Step::Send(chunked(&body)));
    } else if has_body {
        all.push(Step::Send(body));
    }
    ended(all, closes)
}

fn endless(reply: &Reply) -> Vec<Step> {
    let item = br#"{"id":1,"name":"and so on ..."},"#.iter().copied().cycle().take(1024).collect::<Vec<u8>>();
    let piece = [ENDLESS, &item, b"\r\n"].concat();
    let opening = [&head(reply, Some(Length::Chunked), false)[..], b"1\r\n[\r\n"].concat();
    vec![Step::Send(opening.into()), Step::SendForEver(piece.into()), Step::Finish]
}

fn trickled(body: &Bytes, bytes: usize, every: Duration) -> Vec<Step> {
    let size = bytes.max(1);
    (0..body.len())
        .step_by(size)
        .flat_map(|at| [Step::Send(body.slice(at..(at + size).min(body.len()))), Step::Hold(Hold::For(every))])
        .collect()
}

fn ended(mut steps: Vec<Step>, closes: bool) -> Vec<Step> {
    if closes {
        steps.push(Step::FinishCleanly);
    }
    steps
}

#[derive(Debug, Clone, Copy)]
enum Length {
    Bytes(usize),
    Chunked,
}

fn head(reply: &Reply, length: Option<Length>, closes: bool) -> Bytes {
    let mut text = format!("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    for (name, value) in &reply.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    match length {
        Some(Length::Bytes(count)) => text.push_str(&format!("Content-Length: {count}\r\n")),
        Some(Length::Chunked) => text.push_str("Transfer-Encoding: chunked\r\n"),
        None => {}
    }
    if closes {
        text.push_str("Connection: close\r\n");
    }
    text.push_str("\r\n");
    text.into()
}

fn chunked(body: &[u8]) -> Bytes {
    let mut all = Vec::with_capacity(body.len() + body.len() / CHUNK * 16 + 16);
    for chunk in body.chunks(CHUNK) {
        all.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        all.extend_from_slice(chunk);
        all.extend_from_slice(b"\r\n");
    }
    all.extend_from_slice(b"0\r\n\r\n");
    all.into()
}

fn resized(body: &Bytes, length: usize) -> Bytes {
    if length <= body.len() {
        return body.slice(..length);
    }
    let mut longer = body.to_vec();
    longer.resize(length, b'x');
    longer.into()
}

fn shifted(range: &str, shift: u64) -> Option<String> {
    let (span, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    Some(format!("bytes {}-{}/{total}", first + shift, last + shift))
}

/// A gzip member of stored blocks: a client must decode or refuse it even without compression.
fn gzipped(body: &[u8]) -> Bytes {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = body.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).expect("blocks are cut at 65535 bytes");
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&crc32(body).to_le_bytes());
    let length = u32::try_from(body.len() % (1 << 32)).expect("the remainder fits");
    out.extend_from_slice(&length.to_le_bytes());
    out.into()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// Executes the steps.
///
/// # Errors
/// The stream's own: the client went away.
pub(crate) fn carry_out(steps: Vec<Step>, stream: &mut Stream, lifecycle: &Lifecycle) -> io::Result<Afterwards> {
    for step in steps {
        match step {
            Step::Send(bytes) => stream.send(&bytes)?,
            Step::Hold(hold) => {
                if !lifecycle.hold(hold) {
                    return Ok(Afterwards::Ended);
                }
            }
            Step::SendForEver(bytes) => {
                while !lifecycle.is_stopping() {
                    stream.send(&bytes)?;
                }
            }
            Step::Finish => {
                stream.finish_abruptly();
                return Ok(Afterwards::Ended);
            }
            Step::FinishCleanly => {
                stream.finish_cleanly();
                return Ok(Afterwards::Ended);
            }
            Step::Reset => return Ok(Afterwards::Reset),
        }
    }
    Ok(Afterwards::KeepAlive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_small_answer_is_one_write() {
        let reply = Reply::new(200).with("X-A", "b").body("hello");
        let manner = Manner { head_only: false, keep_alive: true };
        let expected = Bytes::from_static(b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(steps(reply, None, manner), [Step::Send(expected)]);
    }

    #[test]
    fn a_head_request_learns_the_length_and_gets_no_body() {
        let manner = Manner { head_only: true, keep_alive: true };
        let sent = steps(Reply::new(200).body("hello"), None, manner);
        assert_eq!(sent, [Step::Send(Bytes::from_static(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"))]);
    }

    #[test]
    fn gzip_has_the_checksum_of_its_content() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let zipped = gzipped(b"ab");
        assert_eq!(&zipped[10..17], &[1, 2, 0, 0xfd, 0xff, b'a', b'b']);
    }

    #[test]
    fn a_content_range_is_shifted_without_its_total() {
        assert_eq!(shifted("bytes 5-9/10", 2).as_deref(), Some("bytes 7-11/10"));
        assert_eq!(shifted("bytes */10", 2), None);
    }
}
