//! Reads a list page by page to its end, within limits.

use serde::de::DeserializeOwned;

use crate::io::net::api::ApiRequest;
use crate::io::net::api::JsonApi;
use crate::io::net::api::JsonApiError;
use crate::io::net::api::Page;
use crate::io::net::api::next_link;
use crate::model::progress::Progress;

/// The limits of a whole list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageLimits {
    /// The most pages; stops a server whose pages never end.
    pub pages: usize,
    /// The most bytes of all pages together.
    pub bytes: usize,
}

/// One page, and how the next one is requested. `None` ends the list.
#[derive(Debug)]
pub(crate) struct ApiPage<T, C> {
    pub(crate) entries: Vec<T>,
    pub(crate) bytes: usize,
    pub(crate) next: Option<C>,
}

/// Reads all pages, or returns `None` if the list does not end: too many pages or bytes, an empty page before the end, or
/// a page that was read before.
pub(crate) async fn all_pages<T, C: PartialEq + Clone, E>(
    limits: PageLimits,
    first: C,
    mut fetch: impl AsyncFnMut(C) -> Result<ApiPage<T, C>, E>,
) -> Result<Option<Vec<T>>, E> {
    let mut all = Vec::new();
    let mut bytes = 0;
    let mut at = first;
    for _ in 0..limits.pages {
        let page = fetch(at.clone()).await?;
        bytes += page.bytes;
        let is_empty = page.entries.is_empty();
        all.extend(page.entries);
        match page.next {
            None => return Ok(Some(all)),
            Some(next) if is_empty || next == at || bytes > limits.bytes => break,
            Some(next) => at = next,
        }
    }
    Ok(None)
}

impl JsonApi {
    /// All entries of a list whose pages are linked by a `Link` header. `MOST` is the most entries of one page.
    pub(crate) async fn linked<T: DeserializeOwned, const MOST: usize>(
        &self,
        route: &str,
        what: &str,
        progress: &dyn Progress,
    ) -> Result<Vec<T>, JsonApiError> {
        let page = async |route: String| {
            let answer = self.patient(&ApiRequest::get(&route, what), progress).await?;
            let Page(entries): Page<T, MOST> = self.parse(&answer, what)?;
            let next =
                answer.header("link").and_then(next_link).map(|next| self.route_below(next, what)).transpose()?;
            Ok::<_, JsonApiError>(ApiPage { entries, bytes: answer.body.len(), next })
        };
        self.ended(all_pages(self.limits().list, route.to_owned(), page).await?, what)
    }

    fn ended<T>(&self, list: Option<Vec<T>>, what: &str) -> Result<Vec<T>, JsonApiError> {
        list.ok_or_else(|| self.malformed(what, "the list does not end"))
    }
}
