//! Sends a response, whole or broken.

use std::io;

use bytes::Bytes;
use fake_http::http::Reply;
use fake_http::http::reason;
use fake_http::lifecycle::Lifecycle;
use fake_http::server::Afterwards;
use fake_http::stream::Stream;
use serde_json::Value;
use serde_json::json;

use crate::Fault;

/// Sends the response to a request.
///
/// # Errors
/// The stream's own: the client went away.
pub(crate) fn deliver(
    mut reply: Reply,
    fault: Option<&Fault>,
    keep_alive: bool,
    stream: &mut Stream,
    lifecycle: &Lifecycle,
) -> io::Result<Afterwards> {
    match fault {
        Some(Fault::ResetBefore | Fault::ResetAfter) => return Ok(Afterwards::Reset),
        Some(Fault::CutBody) => {
            stream.send(&head(&reply, Some(reply.body.len())))?;
            stream.send(&reply.body.slice(..reply.body.len() / 2))?;
            stream.finish_abruptly();
            return Ok(Afterwards::Ended);
        }
        Some(Fault::Endless) => {
            stream.send(&head(&reply, None))?;
            let piece = format!("400\r\n{}\r\n", " ".repeat(1024));
            while !lifecycle.is_stopping() {
                stream.send(piece.as_bytes())?;
            }
            return Ok(Afterwards::Ended);
        }
        Some(Fault::HalfJson) => reply.body = reply.body.slice(..reply.body.len() / 2),
        Some(Fault::WrongShape) => reply.body = bent(&reply.body),
        Some(
            Fault::Status(_)
            | Fault::Limited { .. }
            | Fault::Echo
            | Fault::Stall(_)
            | Fault::StallAfter(_)
            | Fault::WebPage
            | Fault::Redirect(_)
            | Fault::BadGatewayAfter,
        )
        | None => {}
    }
    stream.send(&[head(&reply, Some(reply.body.len())), reply.body].concat())?;
    if keep_alive {
        return Ok(Afterwards::KeepAlive);
    }
    stream.finish_cleanly();
    Ok(Afterwards::Ended)
}

fn head(reply: &Reply, length: Option<usize>) -> Bytes {
    let mut text = format!("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    for (name, value) in &reply.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    match length {
        Some(_) if reply.status == 204 => {}
        Some(length) => text.push_str(&format!("Content-Length: {length}\r\n")),
        None => text.push_str("Transfer-Encoding: chunked\r\n"),
    }
    text.push_str("\r\n");
    text.into()
}

/// The same document with each string in a list, so that a parser finds it where it expects another type.
fn bent(body: &[u8]) -> Bytes {
    fn bend(value: Value) -> Value {
        match value {
            Value::String(text) => json!([[text]]),
            Value::Array(items) => items.into_iter().map(bend).collect(),
            Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, bend(value))).collect(),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
        }
    }
    // The first string of an entry becomes the entry itself, which is what a parser would repeat in its message.
    match serde_json::from_slice(body) {
        Ok(Value::Array(items)) => {
            let texts = items.into_iter().map(|item| item.pointer("/envVar/value").cloned().unwrap_or(item));
            Value::Array(texts.collect()).to_string().into()
        }
        Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_))) => {
            bend(value).to_string().into()
        }
        Err(_) => Bytes::from_static(b"[[]]"),
    }
}
