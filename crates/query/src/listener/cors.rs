//! Which web pages may ask: CORS, by tenant.
//!
//! A preflight carries no client key, so it is allowed if any tenant allows the page's origin. What the browser
//! then sends has the key, and the page may read the answer only if the tenant of that key allows its origin.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL,
    ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;

use crate::{Tenants, credentials};

const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST");
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "IM-CLIENT-KEY, IM-Authorization, Authorization, Content-Type, If-None-Match, Last-Event-ID",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static("Badge-Seq, ETag, Retry-After");
/// For how long a browser need not ask again, in seconds. Chromium remembers no longer than that.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The origins of web pages that may ask, by tenant. All clones are one.
#[derive(Debug, Clone, Default)]
pub struct Cors(Arc<ArcSwapOption<Origins>>);

#[derive(Debug)]
struct Origins {
    by_client_key: HashMap<Vec<u8>, Arc<Allowed>>,
    any: Allowed,
}

#[derive(Debug, Default)]
struct Allowed {
    all: bool,
    origins: HashSet<Vec<u8>>,
}

impl Allowed {
    fn new<'a>(origins: impl Iterator<Item = &'a String>) -> Self {
        let origins: HashSet<_> = origins.map(|origin| origin.as_bytes().to_vec()).collect();
        Self { all: origins.contains(&b"*"[..]), origins }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.all || self.origins.contains(origin.as_bytes())
    }
}

/// What the answer to a request from a web page says about that page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The page's origin, if it may read the answer.
    readable_by: Option<HeaderValue>,
}

impl Cors {
    /// As these tenants have it.
    pub fn new(tenants: &Tenants) -> Self {
        let cors = Self::default();
        cors.replace(tenants);
        cors
    }

    /// As these tenants have it, for all requests from now on.
    pub fn replace(&self, tenants: &Tenants) {
        let any = Allowed::new(tenants.iter().flat_map(|tenant| &tenant.allowed_origins));
        if any.origins.is_empty() {
            self.0.store(None);
            return;
        }
        let mut by_client_key = HashMap::new();
        for tenant in tenants.iter() {
            let allowed = Arc::new(Allowed::new(tenant.allowed_origins.iter()));
            for client_key in &tenant.client_keys {
                by_client_key.insert(client_key.clone().into_bytes(), Arc::clone(&allowed));
            }
        }
        self.0.store(Some(Arc::new(Origins { by_client_key, any })));
    }

    /// What to tell the web page that asks; `None` if none does, or no page may ask at all.
    pub(super) fn asked(&self, headers: &HeaderMap) -> Option<Asked> {
        let origins = self.0.load();
        let origins = origins.as_ref()?;
        let origin = headers.get(ORIGIN)?;
        // Without a known client key the answer says nothing but that, and may be read by any page that some tenant knows.
        let of_tenant = credentials::client_key(headers).and_then(|key| origins.by_client_key.get(key));
        let allowed = of_tenant.map_or(&origins.any, |allowed| allowed);
        Some(Asked { readable_by: allowed.allows(origin).then(|| origin.clone()) })
    }
}

impl Asked {
    /// The answer, if this is a browser's question before the request itself, and the page may ask.
    pub(super) fn preflight<B>(&self, request: &Request<B>) -> Option<Response> {
        let is_preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !is_preflight || self.readable_by.is_none() {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Some(response)
    }

    /// Adds what the browser wants to know to the answer.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.readable_by {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
    }
}

#[cfg(test)]
mod tests;
