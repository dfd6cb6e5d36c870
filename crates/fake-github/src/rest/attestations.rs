//! The attestations about a digest.

use serde_json::json;

use crate::attestations::Attestation;
use crate::attestations::Content;
use crate::http::Reply;
use crate::objects;
use crate::rest::Asked;
use crate::rest::problems;
use crate::spec::BundleDelivery;
use crate::spec::NoAttestations;
use crate::world::World;

/// Newest first. Pages use cursors (`after`, `before`), which are the numbers of attestations.
pub(super) fn list(world: &mut World, asked: &Asked, digest: &str) -> Result<Reply, Reply> {
    let kind = asked.call.query("predicate_type");
    let fits = |attestation: &&Attestation| {
        attestation.digest.eq_ignore_ascii_case(digest) && kind.as_deref().is_none_or(|kind| attestation.is_of(kind))
    };
    let all: Vec<Attestation> = world.repos[asked.repo].attestations.iter().rev().filter(fits).cloned().collect();
    if all.is_empty() && world.switches.no_attestations == NoAttestations::NotFound {
        return Err(problems::not_found());
    }
    let (page, next) = page(asked, &all);
    let repository = world.repos[asked.repo].id;
    let entries: Vec<String> =
        page.iter().map(|attestation| entry(world, asked.repo, repository, attestation)).collect();
    // Concatenated as text, so that a bundle keeps its exact bytes.
    let body = format!("{{\"attestations\":[{}]}}", entries.join(","));
    let reply = Reply::new(200).with("Content-Type", "application/json; charset=utf-8").body(body);
    Ok(match next {
        Some((size, after)) => {
            let base = format!("{}/repositories/{repository}/attestations/{digest}", world.urls.api);
            reply.with("Link", format!("<{base}?per_page={size}&after={after}>; rel=\"next\""))
        }
        None => reply,
    })
}

/// One page, and the size and cursor of the next.
fn page<'a>(asked: &Asked, all: &'a [Attestation]) -> (&'a [Attestation], Option<(usize, u64)>) {
    let size = asked.call.query("per_page").and_then(|text| text.parse().ok()).unwrap_or(30).clamp(1, 100);
    let at = |name: &str| {
        let cursor: Option<u64> = asked.call.query(name).and_then(|text| text.parse().ok());
        cursor.and_then(|cursor| all.iter().position(|attestation| attestation.id == cursor))
    };
    let (start, end) = match (at("after"), at("before")) {
        (Some(after), _) => (after + 1, (after + 1 + size).min(all.len())),
        (None, Some(before)) => (before.saturating_sub(size), before),
        (None, None) => (0, size.min(all.len())),
    };
    let next = (end < all.len() && start < end).then(|| (size, all[end - 1].id));
    (&all[start..end], next)
}

fn entry(world: &mut World, repo: usize, repository: u64, attestation: &Attestation) -> String {
    let (bundle, url) = match &attestation.content {
        Content::Bundle(text) => {
            let inline = world.switches.bundle_delivery == BundleDelivery::Inline;
            (inline.then(|| format!("\"bundle\":{text},")), objects::sign_bundle(world, repo, attestation.id))
        }
        Content::Elsewhere(url) => (None, url.clone()),
    };
    let bundle = bundle.unwrap_or_default();
    format!("{{{bundle}\"repository_id\":{repository},\"bundle_url\":{},\"initiator\":\"user\"}}", json!(url))
}
