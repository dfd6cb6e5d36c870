//! A Render on loopback: services, groups and their environment variables, with faults.
//!
//! It follows the description of Render's API from which Render generates its own clients. Changes by a client persist; requests
//! are logged; faults and concurrent changes are scripted by [`Matcher`]. Everything stops when [`FakeRender`] is dropped.
//!
//! A request that replaces all variables of a service at once makes the test fail: dropping the fake panics.
//!
//! ```
//! use fake_render::{FakeRender, Fault, Matcher};
//!
//! let render = FakeRender::start();
//! let shop = render.add_service("shop", "web_service");
//! render.set(&shop, "DATABASE_URL", "postgres://…");
//! render.fault(Matcher::any().path("/env-vars"), Fault::status(502));
//! assert!(render.api_url().starts_with("http://127.0.0.1:"));
//! ```

mod deliver;
mod fault;
mod render;
mod rest;
mod server;
mod world;

pub use fake_http::lifecycle::Hold;
pub use fault::Fault;
pub use fault::Matcher;
pub use render::Render;
pub use render::Request;
pub use server::FakeRender;
