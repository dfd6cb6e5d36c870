//! The responses of faults that replace GitHub's.

use crate::dates::http_date;
use crate::dates::unix_seconds;
use crate::fault::Fault;
use crate::fault::RetryAfter;
use crate::http::Call;
use crate::http::Reply;
use crate::log::Origin;
use crate::objects;
use crate::rest::problems;
use crate::world::World;

/// The path of a redirect loop, on every origin.
pub(crate) const LOOP: &str = "/__loop/";

/// The response of a fault that replaces GitHub's; `None` if the request is to be executed.
pub(crate) fn reply(fault: &Fault, world: &World, origin: Origin, call: &Call) -> Option<Reply> {
    let own = own_url(world, origin);
    let reply = if let Fault::Status { code, headers, body } = fault {
        let mut reply = Reply::new(*code).body(body.clone());
        reply.headers.extend(headers.iter().cloned());
        reply
    } else if let Fault::RateLimitPrimary { reset_in } = fault {
        let reset = unix_seconds(world.clock() + *reset_in);
        limited(problems::problem(403, problems::budget_text(true)), world, 0, reset)
    } else if let Fault::RateLimitSecondary { status, retry_after } = fault {
        let reset = unix_seconds(world.core.reset);
        let reply = limited(problems::secondary_limit(*status), world, world.core.remaining, reset);
        match retry_after {
            RetryAfter::Seconds(seconds) => reply.with("Retry-After", seconds.to_string()),
            RetryAfter::Date(time) => reply.with("Retry-After", http_date(world.clock() + *time)),
            RetryAfter::None => reply,
        }
    } else if let Fault::ResetBeforeHeaders = fault {
        Reply::new(0)
    } else if let Fault::ExpiredSignature = fault {
        objects::expired()
    } else if let Fault::Html200 = fault {
        Reply::html(200, "Welcome to the hotel's network. Please sign in.")
    } else if let Fault::RedirectTo(location) = fault {
        Reply::redirect(302, location)
    } else if let Fault::RedirectLoop = fault {
        Reply::redirect(302, &format!("{own}{LOOP}1"))
    } else if let Fault::RedirectToSelf = fault {
        Reply::redirect(302, &format!("{own}{}", call.target))
    } else if let Fault::RedirectToHttp = fault {
        Reply::redirect(302, &format!("{}{}", world.urls.plain, call.target))
    } else if let Fault::RedirectToScheme(scheme) = fault {
        let host = own.split_once("://").map_or(own, |(_, host)| host);
        Reply::redirect(302, &format!("{scheme}://{host}{}", call.target))
    } else {
        return None;
    };
    Some(reply)
}

/// The next step of a redirect loop, when the request is one of its steps.
pub(crate) fn loop_step(world: &World, origin: Origin, call: &Call) -> Option<Reply> {
    let step: u64 = call.path().strip_prefix(LOOP)?.parse().ok()?;
    Some(Reply::redirect(302, &format!("{}{LOOP}{}", own_url(world, origin), step + 1)))
}

fn own_url(world: &World, origin: Origin) -> &str {
    match origin {
        Origin::Api => &world.urls.api,
        Origin::Web => &world.urls.web,
        Origin::Objects => &world.urls.objects,
    }
}

fn limited(reply: Reply, world: &World, remaining: u64, reset: u64) -> Reply {
    reply
        .with("X-RateLimit-Limit", world.core.limit.to_string())
        .with("X-RateLimit-Remaining", remaining.to_string())
        .with("X-RateLimit-Used", world.core.limit.saturating_sub(remaining).to_string())
        .with("X-RateLimit-Reset", reset.to_string())
        .with("X-RateLimit-Resource", "core")
        .with("X-GitHub-Request-Id", format!("FAKE:{:04X}", world.answered))
}
