//! The asset host: signed URLs that expire, ranges of files, and no second credential accepted.

use std::time::SystemTime;

use bytes::Bytes;

use crate::attestations;
use crate::dates::http_date_of;
use crate::dates::rfc3339;
use crate::http::Call;
use crate::http::Reply;
use crate::http::decoded;
use crate::rest::json::encoded;
use crate::world::Asset;
use crate::world::Signed;
use crate::world::SignedFor;
use crate::world::World;
use crate::world::hex_sha256;
use crate::world::made_up_oid;

/// Content with which a fault replaces an asset's own.
#[derive(Debug, Clone)]
pub(crate) enum Replacement {
    Etag,
    Bytes(Bytes),
}

/// The first path segments of the host's files.
const ASSETS: &str = "/github-production-release-asset/";
const BUNDLES: &str = "/attestations/";

/// Whether a path is one of this host's.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with(ASSETS) || path.starts_with(BUNDLES)
}

/// A new signed URL for an asset.
pub(crate) fn sign(world: &mut World, repo: usize, asset: &Asset) -> String {
    let repo = world.repos[repo].id;
    let path = format!("{ASSETS}{repo}/{}", made_up_oid(&format!("blob {}", asset.id)));
    let signed = signed(world, repo, &path, SignedFor::Asset(asset.id));
    let name = encoded(&asset.name);
    format!("{signed}&rscd=attachment%3B+filename%3D{name}&rsct=application%2Foctet-stream")
}

/// A new signed URL for the bundle of an attestation.
pub(crate) fn sign_bundle(world: &mut World, repo: usize, attestation: u64) -> String {
    let repo = world.repos[repo].id;
    let path = format!("{BUNDLES}{repo}/{attestation}.json.sn");
    signed(world, repo, &path, SignedFor::Attestation(attestation))
}

fn signed(world: &mut World, repo: u64, path: &str, what: SignedFor) -> String {
    let number = world.signed.len();
    let expires = SystemTime::now() + world.switches.signed_lifetime;
    let signature = made_up_oid(&format!("signature {number} {path}"));
    let signed = Signed { repo, what, uses_left: world.switches.signed_uses, expires };
    world.signed.insert(signature.clone(), signed);
    let time = encoded(&rfc3339(expires));
    format!("{}{path}?sp=r&sv=2018-11-09&se={time}&sig={signature}", world.urls.objects)
}

/// Handles a request to the asset host.
pub(crate) fn answer(world: &mut World, call: &Call, replacement: Option<&Replacement>) -> Reply {
    if call.header("Authorization").is_some() {
        let message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query \
            string parameter or the Authorization header should be specified";
        return xml(400, "InvalidArgument", message);
    }
    if !matches!(call.method.as_str(), "GET" | "HEAD") {
        return xml(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
    }
    let now = SystemTime::now();
    let signature = call.query("sig").unwrap_or_default();
    let Some(signed) = world.signed.get_mut(&signature).filter(|signed| signed.uses_left > 0 && signed.expires > now)
    else {
        return expired();
    };
    signed.uses_left -= 1;
    let (repo, what) = (signed.repo, signed.what);
    let found = world.repo_by_id(repo).and_then(|index| match what {
        SignedFor::Asset(id) => world.repos[index].asset(id).cloned(),
        SignedFor::Attestation(id) => attestations::as_file(&world.repos[index], id, world.switches.bundle_delivery),
    });
    let Some(asset) = found else { return xml(404, "BlobNotFound", "The specified blob does not exist.") };
    if call.method == "GET"
        && let Some(counted) = counted_asset(world, repo, asset.id)
    {
        counted.downloads += 1;
    }
    content(&asset, call, replacement)
}

fn counted_asset(world: &mut World, repo: u64, asset: u64) -> Option<&mut Asset> {
    let index = world.repo_by_id(repo)?;
    world.repos[index].releases.iter_mut().flat_map(|release| &mut release.assets).find(|one| one.id == asset)
}

/// The host's message for a signed URL that is expired or used up.
pub(crate) fn expired() -> Reply {
    let message = "Server failed to authenticate the request. Make sure the value of Authorization header is formed \
        correctly including the signature.";
    xml(403, "AuthenticationFailed", message)
}

fn xml(status: u16, code: &str, message: &str) -> Reply {
    let text = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    Reply::new(status).with("Content-Type", "application/xml").body(text)
}

/// An asset's bytes, all or the requested range.
pub(crate) fn content(asset: &Asset, call: &Call, replacement: Option<&Replacement>) -> Reply {
    let (bytes, etag) = match replacement {
        None => (asset.blob.bytes.clone(), etag_of(asset)),
        Some(Replacement::Etag) => (asset.blob.bytes.clone(), format!("\"0x{}\"", made_up_oid(&etag_of(asset)))),
        Some(Replacement::Bytes(bytes)) => (bytes.clone(), format!("\"0x{}\"", &hex_sha256(bytes)[..16])),
    };
    let modified = http_date_of(&asset.updated_at);
    let name = call.query("rscd").map_or_else(|| asset.name.clone(), |disposition| decoded(&disposition));
    let reply = Reply::new(200)
        .with("Content-Type", asset.content_type.as_str())
        .with("Content-Disposition", disposition(&name, &asset.name))
        .with("ETag", etag.as_str())
        .with("Last-Modified", modified.as_str())
        .with("Accept-Ranges", "bytes");
    let condition = call.header("If-Range");
    let condition_holds = condition.is_none_or(|known| known == etag || known == modified);
    match call.header("Range").filter(|_| condition_holds).map(|range| part(range, bytes.len())) {
        None | Some(Part::Unreadable) => reply.body(bytes),
        Some(Part::Bytes { first, end }) => {
            let range = format!("bytes {first}-{}/{}", end - 1, bytes.len());
            Reply { status: 206, ..reply }.with("Content-Range", range).body(bytes.slice(first..end))
        }
        Some(Part::Outside) => {
            xml(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
                .with("Content-Range", format!("bytes */{}", bytes.len()))
        }
    }
}

fn disposition(asked: &str, name: &str) -> String {
    if asked.starts_with("attachment") { asked.to_owned() } else { format!("attachment; filename={name}") }
}

/// A strong ETag, cheap even for large files: derived from the upload, not its bytes.
fn etag_of(asset: &Asset) -> String {
    let words = format!("{} {} {}", asset.id, asset.blob.bytes.len(), asset.updated_at);
    format!("\"0x{}\"", &made_up_oid(&words)[..16])
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Bytes {
        first: usize,
        end: usize,
    },
    Outside,
    /// Not a single byte range: a server may send everything.
    Unreadable,
}

fn part(range: &str, length: usize) -> Part {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|span| span.split_once('-')) else {
        return Part::Unreadable;
    };
    let (first, end) = match (first.trim().parse::<usize>(), last.trim().parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(length)),
        (Ok(first), Err(_)) if last.trim().is_empty() => (first, length),
        (Err(_), Ok(suffix)) if first.trim().is_empty() => (length.saturating_sub(suffix), length),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => return Part::Unreadable,
    };
    if first < end { Part::Bytes { first, end } } else { Part::Outside }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("bytes=0-3", Part::Bytes { first: 0, end: 4 }),
            ("bytes=4-", Part::Bytes { first: 4, end: 10 }),
            ("bytes=-3", Part::Bytes { first: 7, end: 10 }),
            ("bytes=8-99", Part::Bytes { first: 8, end: 10 }),
            ("bytes=10-", Part::Outside),
            ("bytes=5-4", Part::Unreadable),
            ("bytes=0-1,3-4", Part::Unreadable),
            ("lines=1-2", Part::Unreadable),
        ] {
            assert_eq!(part(range, 10), expected, "{range}");
        }
    }
}
