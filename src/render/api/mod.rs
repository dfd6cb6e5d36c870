//! Render's API: services, groups, variables one by one, deploys. There is no method that replaces all variables of a
//! service, and there must never be one.

mod change;
mod documents;
mod error;

use std::collections::BTreeMap;

use http::StatusCode;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::io::net::api::ApiPage;
use crate::io::net::api::ApiRequest;
use crate::io::net::api::JsonApi;
use crate::io::net::api::Page;
use crate::io::net::api::PageLimits;
use crate::io::net::api::all_pages;
use crate::io::net::api::route_of;
use crate::model::progress::Progress;
use crate::render::EnvOwner;
use crate::render::LiveVariables;
use crate::render::OwnerKind;
use crate::render::ValueDigest;
use crate::render::api::documents::DeployDocument;
use crate::render::api::documents::GroupDocument;
use crate::render::api::documents::GroupEntry;
use crate::render::api::documents::ServiceEntry;
use crate::render::api::documents::VariableDocument;
use crate::render::api::documents::VariableEntry;

pub(crate) use change::ChangeError;
pub(crate) use documents::GroupRecord;
pub(crate) use documents::ServiceRecord;
pub(crate) use error::RenderApiError;

/// The most entries of a page, which Render documents and every list requests.
const PAGE: usize = 100;

/// The most pages of a list.
const MAX_PAGES: usize = 200;

/// The API with one token.
pub(crate) struct RenderApi<'a> {
    api: JsonApi,
    progress: &'a dyn Progress,
}

impl<'a> RenderApi<'a> {
    /// Uses a client for Render's API.
    pub(crate) const fn new(api: JsonApi, progress: &'a dyn Progress) -> Self {
        Self { api, progress }
    }

    /// The services with a name, without previews of pull requests.
    pub(crate) async fn services(
        &self,
        name: &str,
        workspace: Option<&str>,
    ) -> Result<Vec<ServiceRecord>, RenderApiError> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("name", name).append_pair("includePreviews", "false");
        query.extend_pairs(workspace.map(|workspace| ("ownerId", workspace)));
        let route = format!("/services?{}", query.finish());
        let entries: Vec<ServiceEntry> =
            self.list(&route, "the services", |entry: &ServiceEntry| &entry.cursor).await?;
        let services = entries.into_iter().map(|entry| entry.service.record());
        // The filter is Render's; it might also match a part of a name.
        Ok(services.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|service| service.name == name).collect())
    }

    /// All groups. Their list has no cursors, so one that fills a page may be incomplete.
    pub(crate) async fn groups(&self, workspace: Option<&str>) -> Result<Vec<GroupRecord>, RenderApiError> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &PAGE.to_string());
        query.extend_pairs(workspace.map(|workspace| ("ownerId", workspace)));
        let what = "the groups";
        let Page(entries): Page<GroupEntry, PAGE> = self.get(&format!("/env-groups?{}", query.finish()), what).await?;
        if entries.len() >= PAGE {
            return Err(RenderApiError::TooMany { what: what.to_owned(), limit: PAGE });
        }
        entries.into_iter().map(GroupEntry::record).collect()
    }

    /// All variables of a service or a group.
    pub(crate) async fn variables(&self, owner: &EnvOwner) -> Result<LiveVariables, RenderApiError> {
        let what = format!("the variables of {owner}");
        let variables = match owner.kind {
            OwnerKind::Service => {
                let route = route_of(["services", &owner.id, "env-vars"]);
                let entries: Vec<VariableEntry> =
                    self.list(&route, &what, |entry: &VariableEntry| &entry.cursor).await?;
                entries.into_iter().map(|entry| entry.variable).collect()
            }
            OwnerKind::Group => {
                let group: GroupDocument = self.get(&route_of(["env-groups", &owner.id]), &what).await?;
                group.variables
            }
        };
        unique(variables, &what)
    }

    /// Starts a deploy and returns its ID, or `None` if Render has queued it, which it reports without a document. It is
    /// sent once, because each request starts one.
    pub(crate) async fn deploy(&self, service: &EnvOwner) -> Result<Option<String>, RenderApiError> {
        let route = route_of(["services", &service.id, "deploys"]);
        let what = format!("a deploy of {service}");
        let request = ApiRequest::new(http::Method::POST, &route, &what).json(&serde_json::json!({}));
        let answer = self.api.once(&request).await?;
        if answer.status == StatusCode::ACCEPTED {
            return Ok(None);
        }
        let deploy: DeployDocument = self.api.parse(&answer, &what)?;
        Ok(Some(deploy.id))
    }

    async fn get<T: DeserializeOwned>(&self, route: &str, what: &str) -> Result<T, RenderApiError> {
        Ok(self.api.call(&ApiRequest::get(route, what), self.progress).await?)
    }

    /// A whole list. A page may be shorter than requested for reasons of the server's own, so only an empty page ends it.
    async fn list<T: DeserializeOwned>(
        &self,
        route: &str,
        what: &str,
        cursor_of: fn(&T) -> &str,
    ) -> Result<Vec<T>, RenderApiError> {
        let limits = PageLimits { pages: MAX_PAGES, bytes: usize::MAX };
        let separator = if route.contains('?') { '&' } else { '?' };
        let page = async |cursor: Option<String>| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("limit", &PAGE.to_string());
            query.extend_pairs(cursor.as_ref().map(|cursor| ("cursor", cursor)));
            let route = format!("{route}{separator}{}", query.finish());
            let Page(entries): Page<T, PAGE> = self.get(&route, what).await?;
            let next = entries.last().map(|entry| Some(cursor_of(entry).to_owned()));
            Ok::<_, RenderApiError>(ApiPage { entries, bytes: 0, next })
        };
        let all = all_pages(limits, None, page).await?;
        all.ok_or_else(|| RenderApiError::Endless { what: what.to_owned() })
    }
}

/// Variables by key. A key that is listed twice shows that the list changed while it was read, so another may be missing.
fn unique(variables: Vec<VariableDocument>, what: &str) -> Result<LiveVariables, RenderApiError> {
    let mut all: BTreeMap<String, ValueDigest> = BTreeMap::new();
    for variable in variables {
        if all.insert(variable.key, variable.value.0).is_some() {
            return Err(RenderApiError::Twice { what: what.to_owned() });
        }
    }
    Ok(LiveVariables(all))
}
