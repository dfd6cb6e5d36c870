//! Reads a list page by page to its end, within limits.

use std::fmt::Debug;

use serde::de::DeserializeOwned;

use crate::io::net::api::ApiRequest;
use crate::io::net::api::JsonApi;
use crate::io::net::api::JsonApiError;
use crate::io::net::api::Page;
use crate::io::net::api::next_link;
use crate::model::progress::Progress;

/// The limits of a whole list.
#[derive(Debug, Clone, Copy)]
pub struct PageLimits {
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

/// A list whose entries carry the cursor for what follows them.
#[derive(Debug, Clone, Copy)]
pub struct Cursors<'a, T> {
    /// The route without cursor and page size; it may have a query.
    pub route: &'a str,
    /// The parameter for the cursor.
    pub parameter: &'a str,
    /// The parameter for the page size, and the size.
    pub size: (&'a str, usize),
    /// The cursor of an entry.
    pub cursor_of: fn(&T) -> &str,
}

impl<T> Cursors<'_, T> {
    fn route(&self, cursor: Option<&str>) -> String {
        let separator = if self.route.contains('?') { '&' } else { '?' };
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair(self.size.0, &self.size.1.to_string());
        query.extend_pairs(cursor.map(|cursor| (self.parameter, cursor)));
        format!("{}{separator}{}", self.route, query.finish())
    }

    /// The last page is empty or shorter than requested.
    fn next(&self, entries: &[T]) -> Option<Option<String>> {
        let is_full = entries.len() >= self.size.1;
        entries.last().filter(|_| is_full).map(|last| Some((self.cursor_of)(last).to_owned()))
    }
}

impl JsonApi {
    /// All entries of a list whose pages are linked by a `Link` header. `MOST` is the most entries of one page.
    pub async fn linked<T: DeserializeOwned, const MOST: usize>(
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

    /// All entries of a list that is read by cursors. `MOST` is the most entries of one page.
    pub async fn by_cursor<T: DeserializeOwned + Debug, const MOST: usize>(
        &self,
        cursors: Cursors<'_, T>,
        what: &str,
        progress: &dyn Progress,
    ) -> Result<Vec<T>, JsonApiError> {
        let page = async |cursor: Option<String>| {
            let route = cursors.route(cursor.as_deref());
            let answer = self.patient(&ApiRequest::get(&route, what), progress).await?;
            let Page(entries): Page<T, MOST> = self.parse(&answer, what)?;
            let next = cursors.next(&entries);
            Ok::<_, JsonApiError>(ApiPage { entries, bytes: answer.body.len(), next })
        };
        self.ended(all_pages(self.limits().list, None, page).await?, what)
    }

    fn ended<T>(&self, list: Option<Vec<T>>, what: &str) -> Result<Vec<T>, JsonApiError> {
        list.ok_or_else(|| self.malformed(what, "the list does not end"))
    }
}
