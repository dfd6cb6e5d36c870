//! Reads bodies within limits of size and of patience.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;

use crate::io::net::Exchange;
use crate::io::net::Patience;

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) enum BodyProblem<E> {
    /// The connection was lost, or worse.
    Lost(E),
    /// It is longer than the limit.
    TooLong,
    /// It arrives too slowly.
    Stalled,
}

/// Reads a body of at most `limit` bytes, whatever its `Content-Length`.
pub(crate) async fn collect<B>(
    mut body: B,
    limit: u64,
    idle: Duration,
    exchange: &Exchange,
) -> Result<Bytes, BodyProblem<B::Error>>
where
    B: BodyExt<Data = Bytes> + Unpin,
    B::Error: StdError,
{
    let mut read = Vec::new();
    let mut patience = Patience::new(idle);
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(BodyProblem::Lost)?.into_data() else { continue };
        if (read.len() + piece.len()) as u64 > limit {
            return Err(BodyProblem::TooLong);
        }
        read.extend_from_slice(&piece);
        exchange.received(piece.len());
        if !patience.is_progressing_after(piece.len() as u64) {
            return Err(BodyProblem::Stalled);
        }
    }
    Ok(read.into())
}
