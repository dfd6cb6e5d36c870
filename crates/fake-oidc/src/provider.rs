//! The provider's state and what it responds.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fake_http::http::Call;
use fake_http::http::Reply;
use fake_http::http::decoded;
use fake_http::lifecycle::Hold;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use crate::SigningKey;

/// What happens instead of a response.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status.
    Status(u16),
    /// A redirect to this URL.
    Redirect(String),
    /// Nothing for a while.
    Stall(Hold),
    /// A document of this many bytes.
    Large(usize),
    /// This body.
    Body(String),
}

/// What a browser brings back: the parameters that the client sent, and the code that was issued for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The redirect URI with code and state.
    pub location: String,
    /// The code.
    pub code: String,
    /// What the client sent.
    pub request: BTreeMap<String, String>,
}

/// The provider.
#[derive(Debug)]
pub struct World {
    /// Its URL.
    pub issuer: String,
    /// Changes to the discovery document; `null` removes an entry.
    pub discovery: Value,
    /// The keys that are published.
    pub published: Vec<Value>,
    /// The key that signs.
    pub key: SigningKey,
    /// Changes to the header of a token.
    pub header: Value,
    /// Changes to the claims of a token; `null` removes one.
    pub claims: Value,
    /// Replaces the token: gets its claims.
    pub token: Option<fn(&World, &Value) -> String>,
    /// The secret of the client; `None` for a public client.
    pub secret: Option<String>,
    /// The only URI that a browser is sent to.
    pub redirect_uri: String,
    /// The person who signs in.
    pub email: String,
    /// Whether a person has to click on a page of the provider.
    pub asks: bool,
    /// Faults by path. They stay until they are removed.
    pub faults: BTreeMap<&'static str, Fault>,
    /// Paths of all requests.
    pub requests: Vec<String>,
    /// What the client did wrong.
    pub problems: Vec<String>,
    pub(crate) codes: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) now: fn() -> i64,
}

impl World {
    /// The discovery document.
    #[must_use]
    pub fn document(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let method = if self.secret.is_some() { "client_secret_basic" } else { "none" };
        changed(
            json!({
                "issuer": self.issuer,
                "authorization_endpoint": at("/authorize"),
                "token_endpoint": at("/token"),
                "jwks_uri": at("/keys"),
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA", "none", "HS256"],
                "token_endpoint_auth_methods_supported": [method],
            }),
            &self.discovery,
        )
    }

    /// A person signs in: issues a code for what the client sent in the query of the authorization endpoint.
    ///
    /// # Errors
    /// The client sent something wrong.
    pub fn authorize(&mut self, query: &str) -> Result<Issued, String> {
        let request: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let field = |name: &str| request.get(name).map(String::as_str).unwrap_or_default();
        let expected = [
            ("response_type", "code"),
            ("client_id", crate::CLIENT_ID),
            ("redirect_uri", &self.redirect_uri),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in expected {
            if field(name) != value {
                return Err(format!("{name} is {:?}, expected {value:?}", field(name)));
            }
        }
        for name in ["state", "nonce", "code_challenge"] {
            if field(name).len() < 22 {
                return Err(format!("{name} is too short"));
            }
        }
        if !field("scope").split(' ').any(|scope| scope == "openid") {
            return Err("the scope has no openid".to_owned());
        }
        let code = format!("code-{}-{}", self.codes.len(), field("state"));
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("state", field("state"))
            .finish();
        let location = format!("{}?{query}", self.redirect_uri);
        self.codes.insert(code.clone(), request.clone());
        Ok(Issued { location, code, request })
    }

    pub(crate) fn respond(&mut self, call: &Call) -> Reply {
        match (call.method.as_str(), call.path()) {
            ("GET", "/.well-known/openid-configuration") => Reply::json(200, &self.document()),
            ("GET", "/keys") => Reply::json(200, &json!({ "keys": self.published })),
            ("GET", "/authorize") if self.asks => {
                let target = call.target.replacen("/authorize", "/consent", 1).replace('&', "&amp;");
                Reply::html(200, &format!("<a href=\"{target}\">Continue</a>"))
            }
            ("GET", "/authorize" | "/consent") => {
                match self.authorize(call.target.split_once('?').map_or("", |(_, query)| query)) {
                    Ok(issued) => Reply::redirect(302, &issued.location),
                    Err(problem) => self.problem("invalid_request", problem),
                }
            }
            ("POST", "/token") => match self.exchange(call) {
                Ok(document) => Reply::json(200, &document),
                Err((error, problem)) => self.problem(error, problem),
            },
            // A browser requests it with every page.
            ("GET", "/favicon.ico") => Reply::new(204),
            _ => Reply::new(404),
        }
    }

    fn problem(&mut self, error: &str, problem: String) -> Reply {
        self.problems.push(problem);
        Reply::json(400, &json!({ "error": error, "error_description": "<script>alert(1)</script>" }))
    }

    fn exchange(&mut self, call: &Call) -> Result<Value, (&'static str, String)> {
        let form: BTreeMap<String, String> = form_urlencoded::parse(&call.body).into_owned().collect();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        self.check_client(call, &form).map_err(|problem| ("invalid_client", problem))?;
        let wrong = |problem: &str| Err(("invalid_grant", problem.to_owned()));
        if field("grant_type") != "authorization_code" {
            return Err(("unsupported_grant_type", field("grant_type").to_owned()));
        }
        let Some(request) = self.codes.get_mut(field("code")).map(std::mem::take).filter(|it| !it.is_empty()) else {
            return wrong("the code is unknown or was used");
        };
        if field("redirect_uri") != request["redirect_uri"] {
            return wrong("the redirect URI is another one");
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
        if challenge != request["code_challenge"] || field("code_verifier").len() < 43 {
            return wrong("the verifier is wrong");
        }
        let claims = self.claims_for(&request["nonce"]);
        let token = match self.token {
            Some(make) => make(self, &claims),
            None => self.key.token(&self.header, &claims),
        };
        Ok(json!({ "access_token": "unused", "token_type": "Bearer", "expires_in": 300, "id_token": token }))
    }

    fn claims_for(&self, nonce: &str) -> Value {
        let now = (self.now)();
        let claims = json!({
            "iss": self.issuer, "sub": "248289761001", "aud": crate::CLIENT_ID, "exp": now + 300, "iat": now,
            "nonce": nonce, "email": self.email, "email_verified": true,
        });
        changed(claims, &self.claims)
    }

    /// The secret is sent in `Authorization`, or in the form if only that is announced; a public client sends its name.
    fn check_client(&self, call: &Call, form: &BTreeMap<String, String>) -> Result<(), String> {
        let authorization = call.header("Authorization");
        let id = form.get("client_id").map(String::as_str);
        let Some(secret) = &self.secret else {
            let is_public =
                authorization.is_none() && !form.contains_key("client_secret") && id == Some(crate::CLIENT_ID);
            return if is_public { Ok(()) } else { Err("a public client sends its name and no secret".to_owned()) };
        };
        if self.document()["token_endpoint_auth_methods_supported"] == json!(["client_secret_post"]) {
            let is_right =
                authorization.is_none() && id == Some(crate::CLIENT_ID) && form.get("client_secret") == Some(secret);
            return if is_right { Ok(()) } else { Err("the secret in the form is wrong".to_owned()) };
        }
        let pair =
            authorization.and_then(|value| value.strip_prefix("Basic ")).and_then(|text| STANDARD.decode(text).ok());
        let pair = pair.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let (user, password) = pair.split_once(':').unwrap_or_default();
        let of_form = |text: &str| decoded(&text.replace('+', " "));
        let is_right = of_form(user) == crate::CLIENT_ID && of_form(password) == *secret;
        if is_right && !form.contains_key("client_secret") { Ok(()) } else { Err("the secret is wrong".to_owned()) }
    }
}

/// A document with changes; `null` removes an entry.
fn changed(mut document: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().into_iter().flatten() {
        document[name] = value.clone();
    }
    if let Some(entries) = document.as_object_mut() {
        entries.retain(|_, value| !value.is_null());
    }
    document
}
